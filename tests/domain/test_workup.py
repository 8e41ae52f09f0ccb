"""Tests named in a workup, and mentions that are no order."""

from __future__ import annotations

from pathlib import Path

import pytest

from diffdx_tui.domain.workup import WorkupError, names_test, read_tests


@pytest.mark.parametrize(
    ("workup", "test", "named"),
    [
        ("12-lead ECG now, then troponin", "ECG", True),
        ("An electrocardiogram within ten minutes.", "ECG", True),
        ("Send blood cultures before antibiotics", "blood cultures", True),
        ("CT of the head", "CT head", True),
        ("CT of the chest", "CT head", False),
        ("No D-dimer; go straight to CTPA", "D-dimer", False),
        ("No D-dimer; go straight to CTPA", "CT pulmonary angiogram", True),
        ("Avoid lumbar puncture", "lumbar puncture", False),
        ("Stop lamotrigine and take a skin biopsy", "skin biopsy", True),
        ("Stop aspirin", "aspirin", False),
        ("", "ECG", False),
        ("vague advice", "frobnication", False),
        ("frobnication today", "frobnication", True),
    ],
)
def test_named(workup: str, test: str, named: bool) -> None:
    assert names_test(workup, test) is named


def test_a_broken_list_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tests.yaml"
    for text in ("just: text", "- [a]\n- b", ": :"):
        path.write_text(text)
        with pytest.raises(WorkupError, match=r"tests\.yaml"):
            read_tests(path)
    with pytest.raises(WorkupError):
        read_tests(tmp_path / "none.yaml")
