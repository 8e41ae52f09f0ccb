"""Checkpoints: complete ones only, whatever happens while one is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from diffdx_tui.store.run_checkpoints import (
    BEST,
    find_checkpoint,
    forget_checkpoints_after,
    write_checkpoint,
)


def save(run: Path, step: int, text: str = "weights", *, best: bool = False) -> None:
    with write_checkpoint(run, step, best=best) as folder:
        (folder / "state").mkdir()
        (folder / "state" / "file").write_text(text)


def names(run: Path) -> set[str]:
    return {path.name for path in (run / "checkpoints").iterdir()}


def test_the_latest_and_the_best_are_kept(tmp_path: Path) -> None:
    assert find_checkpoint(tmp_path) is None
    save(tmp_path, 5, best=True)
    save(tmp_path, 10)
    save(tmp_path, 15)
    assert names(tmp_path) == {"5", "15", "latest", "best"}
    latest, best = find_checkpoint(tmp_path), find_checkpoint(tmp_path, BEST)
    assert latest is not None and latest.name == "15"
    assert best is not None and (best / "state" / "file").read_text() == "weights"


def test_one_that_was_not_completed_never_counts(tmp_path: Path) -> None:
    save(tmp_path, 5)
    with pytest.raises(RuntimeError), write_checkpoint(tmp_path, 10) as folder:
        (folder / "half").write_text("x")
        raise RuntimeError
    assert names(tmp_path) == {"5", "latest"}
    (tmp_path / "checkpoints" / ".tmp-10-abc").mkdir()  # as a kill leaves it
    latest = find_checkpoint(tmp_path)
    assert latest is not None and latest.name == "5"
    save(tmp_path, 15)
    assert names(tmp_path) == {"15", "latest"}


def test_the_same_step_is_replaced(tmp_path: Path) -> None:
    save(tmp_path, 5, "old")
    save(tmp_path, 5, "new")
    latest = find_checkpoint(tmp_path)
    assert latest is not None and (latest / "state" / "file").read_text() == "new"


@pytest.mark.parametrize("text", ["99", "../..", "", "\x00", "5/../5"])
def test_a_name_that_names_none_falls_back_to_the_newest(tmp_path: Path, text: str) -> None:
    save(tmp_path, 5)
    (tmp_path / "checkpoints" / "latest").write_text(text)
    latest = find_checkpoint(tmp_path)
    assert latest is not None and latest == tmp_path / "checkpoints" / "5"


def test_later_ones_are_forgotten_when_the_run_goes_back(tmp_path: Path) -> None:
    save(tmp_path, 5, best=True)
    save(tmp_path, 10)
    forget_checkpoints_after(tmp_path, 5)
    assert names(tmp_path) == {"5", "latest", "best"}
    latest = find_checkpoint(tmp_path)
    assert latest is not None and latest.name == "5"
