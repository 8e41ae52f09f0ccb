"""The check of a finished answer: dangers named or not, claims with and without ground."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffdx_tui.config import data_directory
from diffdx_tui.domain.audit import Audit, audit
from diffdx_tui.domain.differential import UNFINISHED, Differential, DifferentialB
from diffdx_tui.domain.red_flags import find_red_flags

CARD = (
    "67-year-old woman with hypertension presents with sudden onset severe headache described as "
    "the worst of her life, with neck stiffness, photophobia and vomiting. She denies fever."
)
FLAGS = find_red_flags(CARD)
CALM = {
    "symptoms": CARD,
    "most_likely": "Migraine - photophobia and vomiting",
    "possible": ["Tension headache - headache", "Cervical strain - neck stiffness"],
    "unlikely_but_serious": "Meningitis - neck stiffness",
    "recommended_workup": "CT head.",
}


def check(**fields: object) -> Audit:
    return audit(CARD, Differential.model_validate({**CALM, **fields}), FLAGS)


@pytest.mark.parametrize(
    ("tier", "named"),
    [
        ("Subarachnoid haemorrhage - sudden onset", True),
        ("Aneurysmal subarachnoid hemorrhage - sudden onset", True),  # its name within another
        ("SAH - sudden onset", True),  # a name that the knowledge base has
        ("Brain bleed - sudden onset", False),
        (UNFINISHED, False),
    ],
)
def test_a_danger_named_in_a_tier_is_answered(tier: str, named: bool) -> None:
    unanswered = check(unlikely_but_serious=tier).red_flags_unanswered
    assert unanswered == (() if named else ("neuro-thunderclap-headache",))


def test_the_reference_card_s_mistake_is_found() -> None:
    """Its model argued for meningitis with the fever that the vignette denies."""
    tier = "Bacterial meningitis - fever, neck stiffness and photophobia"
    checked = check(most_likely=tier)
    (claim,) = checked.denied
    assert (claim.slot.name, claim.finding, claim.text) == ("most_likely", "fever", "fever")
    assert tier[claim.start : claim.end] == "fever"
    assert not checked.unsaid


def test_a_claim_the_vignette_does_not_make() -> None:
    (claim,) = check(possible=["Stroke - slurred speech", "Migraine - headache"]).unsaid
    assert (claim.slot.name, claim.finding) == ("possible[0]", "speech-disturbance")


def test_what_tells_a_disease_apart_is_no_claim() -> None:
    tier = "Meningitis - must not be missed (stiff neck); told apart by: fever over days"
    assert check(unlikely_but_serious=tier).denied == ()


def test_every_variant_and_plain_values() -> None:
    fields = {key: CALM[key] for key in CALM if key != "unlikely_but_serious"}
    plain = audit(CARD, DifferentialB.model_validate(fields), FLAGS).as_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["red_flags_unanswered"] == ["neuro-thunderclap-headache"]


def test_the_curated_answers_deny_hardly_anything() -> None:
    """What is charged is nearly always wrong: on answers reviewed by hand it stays silent."""
    lines = (data_directory() / "vignettes.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines[::5]]
    charged = [
        row["id"]
        for row in rows
        if audit(row["vignette"], Differential.model_validate(row["answer"]), ()).denied
    ]
    assert len(charged) <= len(rows) // 20, charged


@settings(deadline=None, max_examples=40)
@given(st.text(min_size=1).filter(str.strip), st.text(min_size=1).filter(str.strip))
def test_any_text_can_be_checked(vignette: str, tier: str) -> None:
    answer = Differential.model_validate({**CALM, "most_likely": tier, "possible": [tier, tier]})
    checked = audit(vignette, answer, find_red_flags(vignette))
    for claim in (*checked.denied, *checked.unsaid):
        if claim.slot.name == "most_likely":
            assert tier[claim.start : claim.end] == claim.text
