"""The command of the curated data's checks, and the regression cases that they hold to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from diffdx_tui.config import data_directory
from diffdx_tui.domain.curated import CuratedCase
from diffdx_tui.domain.splits import SplitsError, read_splits
from tests.trainer.data_material import Row, echo_off_by_a_space, whole
from trainer.data import rationale
from trainer.data.command import main
from trainer.data.split_lists import refresh

# ------------------------------------------------------------------- regression


def test_the_cards_case_is_answered_rightly_and_in_no_split() -> None:
    sah, meningitis = whole().regression
    splits = whole().splits
    assert splits is not None
    listed = {*splits.train, *splits.val, *splits.test, *(one for f in splits.folds for one in f)}
    assert not {sah.id, meningitis.id} & listed
    assert sah.vignette.startswith("A 67-year-old woman with hypertension presents with sudden")
    assert sah.vignette.endswith("No fever.")
    assert sah.tiers.most_likely.icd10 == "I60"
    assert "no fever" in sah.answer.most_likely
    assert meningitis.tiers.most_likely.icd10 == "G00"
    assert "fever" in sah.absent
    assert "fever" in meningitis.present


def test_the_cards_own_answer_is_refused_as_a_rationale() -> None:
    row = next(case for case in whole().regression).model_dump(mode="json")
    row["answer"]["possible"][1] = (
        "Bacterial meningitis - fever, neck stiffness, and photophobia with acute headache in an "
        "older adult raises concern for meningeal infection."
    )
    case = CuratedCase.model_validate_json(json.dumps(row))
    found = rationale.check_asserted(replace(whole(), raw=(), regression=(case,)))
    assert [(fault.row, fault.rule) for fault in found] == [("regression-sah", "fact-denied")]


# ---------------------------------------------------------------------- command


def copy_data(directory: Path) -> Path:
    """The rows and the splits in a folder of their own, the knowledge base linked."""
    data = directory / "data"
    data.mkdir()
    for name in ("vignettes.jsonl", "splits.json"):
        (data / name).write_bytes((data_directory() / name).read_bytes())
    (data / "knowledge").symlink_to(data_directory() / "knowledge")
    return data


def change_first_row(data: Path, change: Callable[[Row], None]) -> None:
    path = data / "vignettes.jsonl"
    first, rest = path.read_text(encoding="utf-8").split("\n", 1)
    row = json.loads(first)
    change(row)
    path.write_text(f"{json.dumps(row, ensure_ascii=False)}\n{rest}", encoding="utf-8")


def test_check_names_row_and_rule_and_exits_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = copy_data(tmp_path)
    change_first_row(data, echo_off_by_a_space)
    assert main(["check", "--data", str(data), "--out", str(tmp_path / "out.json")]) == 1
    printed = capsys.readouterr().out
    assert "cardiac-c01: echo: differs from character" in printed
    assert "external-overlap: skipped" in printed
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written["faults"]["echo"] == 1
    assert written["external_sets_compared"] is False


def test_check_of_a_broken_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = copy_data(tmp_path)
    (data / "vignettes.jsonl").write_text("{\n", encoding="utf-8")
    assert main(["check", "--data", str(data)]) == 3
    assert "vignettes.jsonl: line 1" in capsys.readouterr().err


def test_split_renews_the_hash_and_moves_no_id(tmp_path: Path) -> None:
    data = copy_data(tmp_path)
    before = read_splits(data / "splits.json")
    change_first_row(data, lambda row: row["source"].update(title="Another guideline"))
    assert main(["split", "--data", str(data)]) == 0
    after = read_splits(data / "splits.json")
    assert after.sha256 != before.sha256
    assert after.model_copy(update={"sha256": before.sha256}) == before


def test_split_moves_ids_only_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = copy_data(tmp_path)
    path = data / "splits.json"
    before = path.read_bytes()
    assert main(["split", "--data", str(data), "--seed", "11"]) == 3
    assert "--redraw" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert main(["split", "--data", str(data), "--seed", "11", "--redraw"]) == 0
    assert read_splits(path).seed == 11


def test_split_refuses_rows_that_came_or_went(tmp_path: Path) -> None:
    path = copy_data(tmp_path) / "splits.json"
    renamed = whole().cases[0].model_copy(update={"id": "cardiac-c99"})
    with pytest.raises(SplitsError, match="--redraw"):
        refresh([renamed, *whole().cases[1:]], path, redraw=False, seed=None)
