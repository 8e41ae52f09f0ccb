"""Checkpoints of a run: complete or not there.

Role: a checkpoint is written into a temporary folder, fsynced and renamed; ``latest`` and ``best``
name one each.  What a checkpoint holds is the trainer's matter.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from diffdx_tui.store.run_files import explain_os, sync_directory, write_whole
from diffdx_tui.store.run_records import CHECKPOINTS_FOLDER

LATEST = "latest"
BEST = "best"
_DRAFT = ".tmp-"


@contextlib.contextmanager
def write_checkpoint(run: Path, step: int, *, best: bool = False) -> Iterator[Path]:
    """A folder to write the checkpoint of *step* into; it counts once the block is left.

    Older checkpoints go, except the best one.

    Args:
        best: it has the lowest validation loss so far.

    Raises:
        StoreError: the disk is full, say; the earlier checkpoints are still there.
    """
    folder = run / CHECKPOINTS_FOLDER
    draft = folder / f"{_DRAFT}{step}-{secrets.token_hex(4)}"
    try:
        draft.mkdir(mode=0o700, parents=True)
        yield draft
        _sync_tree(draft)
        _put_in_place(draft, folder / str(step))
        write_whole(folder / LATEST, f"{step}\n".encode())
        if best:
            write_whole(folder / BEST, f"{step}\n".encode())
    except OSError as error:
        raise explain_os(error, folder / str(step)) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _prune(folder)


def find_checkpoint(run: Path, which: str = LATEST) -> Path | None:
    """The complete checkpoint called :data:`LATEST` or :data:`BEST`; ``None`` without one."""
    folder = run / CHECKPOINTS_FOLDER
    named = _named(folder, which)
    if named is not None:
        return named
    if which == BEST:
        return None
    # The name is written after the folder: a kill between the two leaves the newest unnamed.
    complete = _complete(folder)
    return complete[-1] if complete else None


def forget_checkpoints_after(run: Path, step: int) -> None:
    """Delete the checkpoints of later steps: the run goes on from *step* on another path."""
    for later in _complete(run / CHECKPOINTS_FOLDER):
        if int(later.name) > step:
            shutil.rmtree(later, ignore_errors=True)


def _named(folder: Path, which: str) -> Path | None:
    try:
        name = (folder / which).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    found = folder / name
    return found if name.isdecimal() and found.is_dir() else None


def _complete(folder: Path) -> list[Path]:
    """All complete ones, by step."""
    if not folder.is_dir():
        return []
    found = [one for one in folder.iterdir() if one.name.isdecimal() and one.is_dir()]
    return sorted(found, key=lambda one: int(one.name))


def _put_in_place(draft: Path, target: Path) -> None:
    if target.exists():  # a full folder cannot be replaced, only moved away
        old = target.with_name(f"{_DRAFT}old-{secrets.token_hex(4)}")
        target.rename(old)
        draft.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        draft.rename(target)
    sync_directory(target.parent)


def _prune(folder: Path) -> None:
    """Keep what :data:`LATEST` and :data:`BEST` name; drafts of killed processes go too."""
    kept = {_named(folder, LATEST), _named(folder, BEST)}
    for one in folder.iterdir():
        if one.is_dir() and one not in kept:
            shutil.rmtree(one, ignore_errors=True)


def _sync_tree(folder: Path) -> None:
    for directory, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(Path(directory) / name, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_directory(Path(directory))
