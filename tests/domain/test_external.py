"""Readers of the external sets, on made-up rows; on the real ones where they are at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from diffdx_tui.domain.external import (
    SETS,
    ExternalError,
    negatives,
    read_avey,
    read_external,
    read_semigran,
)

AVEY = {
    "demographics": "40 years old woman",
    "chief_complaints": "itchy elbow",
    "presentation": "The elbow itches since she sat on the lawn",
    "absent_findings": "No swelling, no pain, warmth, Normal movement.",
    "physical_history": "-",
    "family_history": "gout",
    "social_history": "",
    "correct_diagnosis": "Grass  itch",
}
SEMIGRAN = {
    "case_description": "A hiccup of two minutes.\n",
    "correct_diagnosis": "Hiccup",
    "urgency_level": "sc",
}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_absent_findings_become_negatives(tmp_path: Path) -> None:
    (case,) = read_avey(write(tmp_path / "avey_vignettes.jsonl", AVEY))
    assert case.absent == ("No swelling.", "No pain, warmth.", "Normal movement.")
    assert case.text == (
        "40 years old woman. Itchy elbow. The elbow itches since she sat on the lawn. "
        "No swelling. No pain, warmth. Normal movement. Family history: gout."
    )
    assert (case.id, case.diagnosis, case.urgency) == ("avey-001", "Grass itch", None)


def test_urgency_in_words(tmp_path: Path) -> None:
    rows = [{**SEMIGRAN, "urgency_level": level} for level in ("sc", "ne", "em")]
    cases = read_semigran(write(tmp_path / "semigran_vignettes.jsonl", *rows))
    assert [case.urgency for case in cases] == ["self-care", "non-emergency", "emergency"]
    assert cases[0].text == "A hiccup of two minutes."


@pytest.mark.parametrize(
    ("listed", "sentences"),
    [
        ("", ()),
        (" ,. , ", ()),
        ("fever, rash", ("No fever.", "No rash.")),
        ("No itch. he is not tired, no cough", ("No itch.", "He is not tired.", "No cough.")),
        ("no temperature of 39,5", ("No temperature of 39,5.",)),
        ("Not pale,not wet", ("Not pale.", "Not wet.")),
    ],
)
def test_negatives(listed: str, sentences: tuple[str, ...]) -> None:
    assert negatives(listed) == sentences


@pytest.mark.parametrize(
    "row",
    [
        {**SEMIGRAN, "urgency_level": "soon"},
        {**SEMIGRAN, "case_description": ""},
        {"urgency_level": "sc"},
        ["no", "object"],
    ],
)
def test_another_form_is_refused_by_row(tmp_path: Path, row: Any) -> None:
    path = write(tmp_path / "semigran_vignettes.jsonl", SEMIGRAN, row)
    with pytest.raises(ExternalError, match=r"semigran_vignettes\.jsonl: row 2"):
        read_semigran(path)


def test_what_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "avey_vignettes.jsonl"
    with pytest.raises(ExternalError, match="avey"):
        read_avey(path)
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(ExternalError, match="avey"):
        read_avey(path)


def test_only_what_is_there_is_read(tmp_path: Path) -> None:
    assert read_external(tmp_path) == {}
    write(tmp_path / "avey_vignettes.jsonl", AVEY)
    assert list(read_external(tmp_path)) == ["avey"]


def test_the_real_sets_can_be_read_whole() -> None:
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "external"
    directory = Path(os.environ.get("DIFFDX_EXTERNAL", beside))
    if not all((directory / one.file).is_file() for one in SETS):
        pytest.skip("the external sets are not at hand: set DIFFDX_EXTERNAL to their folder")
    found = read_external(directory)
    assert {name: len(cases) for name, cases in found.items()} == {"avey": 400, "semigran": 45}
    statements = [one for case in found["avey"] for one in case.absent]
    assert sum(one.startswith(("No ", "Not ", "Normal ")) for one in statements) > 5_000
    assert not [one for one in statements if one.lower().startswith("no no ")]
    assert {case.urgency for case in found["semigran"]} == {
        "emergency",
        "non-emergency",
        "self-care",
    }
