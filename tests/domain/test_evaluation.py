"""Plans of evaluations, and the sets they name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from diffdx_tui.config import data_directory
from diffdx_tui.domain.curated import CuratedCase
from diffdx_tui.domain.decoding import Mode
from diffdx_tui.domain.differential import Slot, Variant, render
from diffdx_tui.domain.evaluation import (
    DECODINGS,
    Arm,
    Plan,
    PlanError,
    arms_of,
    decoding_for,
    perturbed_arms,
    read_plan,
)
from diffdx_tui.domain.evaluation_sets import read_set, spread
from diffdx_tui.domain.external import ExternalError
from diffdx_tui.domain.generated import GeneratedError, gold_of_generated, read_generated
from diffdx_tui.domain.knowledge import read_knowledge
from diffdx_tui.domain.metrics import Metric
from diffdx_tui.domain.scoring import score_output
from diffdx_tui.domain.splits import read_splits
from diffdx_tui.domain.vignette import Vignette

ARM = {"name": "mini free", "label": "mini"}


def test_a_plan_survives_json() -> None:
    decodings = [(way, decoding_for(way, mode)) for way in DECODINGS for mode in Mode]
    plan = Plan(set="test", arms=tuple(arms_of({"label": "mini"}, decodings)), limit=3)
    again = read_plan(json.loads(json.dumps(plan.as_dict())))
    assert again == plan and again.fingerprint == plan.fingerprint
    assert len({arm.name for arm in plan.arms}) == len(decodings)


def test_the_penalty_is_all_that_tells_the_two_reference_ways_apart() -> None:
    with_it, without = DECODINGS["reference"].as_dict(), DECODINGS["no-penalty"].as_dict()
    assert {name for name in with_it if with_it[name] != without[name]} == {"repetition_penalty"}
    assert with_it["repetition_penalty"] == 1.1 and with_it["penalise_prompt"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"set": "testt", "arms": [ARM]}, "set"),
        ({"set": "test", "arms": []}, "arms"),
        ({"set": "test", "arms": [ARM, ARM]}, "same name"),
        ({"set": "test", "arms": [{**ARM, "samples": 3}]}, "greedy"),
        ({"set": "test", "arms": [{**ARM, "folds": ["a"] * 5}]}, "cv"),
        ({"set": "cv", "arms": [{**ARM, "folds": ["a"] * 4}]}, "5 adapters"),
        ({"set": "test", "arms": [{**ARM, "name": "a\x1b[2J"}]}, "cannot be shown"),
        ({"set": "test", "arms": [{**ARM, "shell": "rm"}]}, "shell"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        read_plan(values)


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(PlanError, match="fast"):
        decoding_for("fast", Mode.FREE)
    assert decoding_for("greedy", Mode.FREE, {"seed": 3}).seed == 3
    assert Arm(**ARM).mode is Mode.GUIDED


def test_a_limit_is_spread_over_the_set() -> None:
    rows = tuple(range(10))
    assert spread(rows, None) == rows == spread(rows, 99)
    assert spread(rows, 2) == (0, 5)
    assert len(set(spread(rows, 7))) == 7


def test_cv_asks_every_row_once_and_knows_its_fold(cases: tuple[CuratedCase, ...]) -> None:
    splits = read_splits(data_directory() / "splits.json")
    found = read_set("cv", data_directory())
    assert sorted(row.id for row in found.rows) == sorted(case.id for case in cases)
    for at, fold in enumerate(splits.folds):
        assert all(found.fold_of[one] == at for one in fold)
    few = read_set("cv", data_directory(), limit=10)
    assert {found.fold_of[row.id] for row in few.rows} == set(range(5))
    assert few.sha256 == found.sha256


def test_test_rows_are_not_what_baselines_learn() -> None:
    found = read_set("test", data_directory())
    assert len(found.rows) == 25
    assert not {case.id for case in found.learnt} & {row.id for row in found.rows}
    assert any("not clinician-validated" in note for note in found.notes)


def test_external_rows_have_a_first_tier_and_nothing_else(tmp_path: Path) -> None:
    row = {
        "case_description": "A made-up man with pain.",
        "correct_diagnosis": "No such disease",
        "urgency_level": "em",
    }
    known = {**row, "correct_diagnosis": "Acute appendicitis", "urgency_level": "sc"}
    lines = "".join(json.dumps(one) + "\n" for one in (row, known))
    (tmp_path / "semigran_vignettes.jsonl").write_text(lines, encoding="utf-8")
    found = read_set("external:semigran", data_directory(), tmp_path)
    first, second = found.rows
    assert first.emergency and not second.emergency
    assert first.fourth is None and first.tests == () and first.possible == ()
    assert found.unknown == (first.id,)
    assert second.most_likely.icd10.startswith("K35")
    assert any("may have seen" in note for note in found.notes)
    assert any("not the published" in note for note in found.notes)


def test_a_missing_external_set_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ExternalError, match="external pull"):
        read_set("external:avey", data_directory(), tmp_path)


def test_beside_what_draws_a_greedy_arm_answers_once() -> None:
    decodings = [(way, decoding_for(way, Mode.FREE)) for way in ("greedy", "reference")]
    arms = arms_of({"label": "mini", "samples": 10}, decodings)
    assert [arm.samples for arm in arms] == [1, 10]
    with pytest.raises(PlanError, match="greedy"):
        arms_of({"label": "mini", "samples": 10}, decodings[:1])


def test_greedy_arms_are_asked_the_cases_told_otherwise() -> None:
    decodings = [(way, decoding_for(way, Mode.FREE)) for way in ("greedy", "reference")]
    arms = arms_of({"label": "mini"}, decodings)
    more = perturbed_arms(arms, ["order", "units"])
    assert [arm.name for arm in more] == ["mini free, order", "mini free, units"]
    plan = Plan(set="test", arms=(*arms, *more))
    assert read_plan(json.loads(json.dumps(plan.as_dict()))) == plan
    assert perturbed_arms(arms[1:], []) == []
    with pytest.raises(PlanError, match="greedy"):
        perturbed_arms(arms[1:], ["order"])


def test_generated_cases_are_asked_against_their_illness_scripts() -> None:
    found = read_set("generated", data_directory())
    assert len(found.rows) == 300 and any("wordings" in note for note in found.notes)
    for gold in found.rows:
        assert Vignette.parse(gold.vignette).text == gold.vignette
        assert len(gold.possible) >= 2 and gold.fourth is not None
        assert not set(gold.present) & set(gold.absent)
    gold = found.rows[0]
    (entry,) = (
        entry
        for entry in read_knowledge(data_directory() / "knowledge")
        if entry.name == gold.most_likely.name
    )
    answer = {
        Slot("symptoms"): gold.vignette,
        Slot("most_likely"): f"{entry.synonyms[0]} - as the case has it.",
        Slot("possible", 0): f"{entry.mimics[0].name} - close.",
        Slot("possible", 1): f"{entry.mimics[1].name} - close.",
        Slot("unlikely_but_serious"): f"{entry.dangerous[-1].name} - must not be missed.",
        Slot("recommended_workup"): f"{entry.first_tests[0].name}.",
    }
    score = score_output(render(Variant.A, answer), gold, Variant.A, found.names)
    for metric in (Metric.ACC1, Metric.POSS, Metric.MNM_RECALL, Metric.ECHO):
        assert score.values[metric], metric


def test_a_damaged_file_of_generated_cases_names_the_line(tmp_path: Path) -> None:
    lines = (data_directory() / "generated.jsonl").read_text(encoding="utf-8").splitlines()
    path = tmp_path / "generated.jsonl"
    path.write_text(f"{lines[0]}\n{lines[1][:-9]}\n", encoding="utf-8")
    with pytest.raises(GeneratedError, match="line 2"):
        read_generated(path)
    case = read_generated(data_directory() / "generated.jsonl")[0]
    with pytest.raises(GeneratedError, match="no condition 'nowhere'"):
        gold_of_generated(case.model_copy(update={"condition": "nowhere"}), {})
