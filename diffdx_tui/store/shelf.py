"""A folder of folders that ids name: listed, found by how an id begins, put aside and brought back.

Role: what the registries of runs and of evaluations have in common.  A folder is only ever reached
by an id of the right form, so nothing that a person types becomes a path.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from diffdx_tui.domain.identity import is_id
from diffdx_tui.store.directory_writer import is_locked
from diffdx_tui.store.errors import AmbiguousId, StoreError, UnknownId
from diffdx_tui.store.run_files import explain_os
from diffdx_tui.store.run_reader import judge

NEWEST = "last"
"""Names the newest one wherever an id is asked for; no id has this form."""
KEEP_DELETED = timedelta(days=30)
"""How long what was deleted can be restored."""
_TRASH = ".trash"
_ENDING_SECONDS = 3.0  # that a process has to let go of a folder after its last word

Kept = TypeVar("Kept")


class RunStateError(StoreError):
    """It is in a state in which this cannot be done; the message says what can."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder *folder*; holds nothing open.

    Attributes:
        kind: what lies here, in a word: ``run``.
        record: the file that every one of them begins with.
        listing: the command that lists them.
    """

    folder: Path
    kind: str
    record: str
    listing: str

    @property
    def trash(self) -> Path:
        """Where those lie that can be restored."""
        return self.folder / _TRASH

    def list(
        self, read: Callable[[Path], Kept], *, deleted: bool = False
    ) -> tuple[tuple[Kept, ...], tuple[str, ...]]:
        """All, newest first, as *read* reads them, and a sentence for whatever else is there.

        Raises:
            StoreError: the folder cannot be read.
        """
        folder = self.trash if deleted else self.folder
        try:
            names = sorted((path.name for path in folder.iterdir()), reverse=True)
        except FileNotFoundError:
            return (), ()
        except OSError as error:
            raise StoreError(f"{folder} cannot be read: {error.strerror}") from error
        found, notes = list[Kept](), list[str]()
        for name in names:
            if name.startswith("."):
                continue
            if not is_id(name) or not (folder / name).is_dir():
                notes.append(f"{name} in {folder.name} is no {self.kind} and is left alone")
                continue
            try:
                found.append(read(folder / name))
            except StoreError as error:
                notes.append(f"{self.kind} {name} cannot be listed: {error}")
        return tuple(found), tuple(notes)

    def find(self, name: str, *, deleted: bool = False) -> Path:
        """The folder that *name* names; the names come from the disk, never from it.

        Raises:
            UnknownId, AmbiguousId: *name* fits none or several.
        """
        folder = self.trash if deleted else self.folder
        try:
            names = sorted(path.name for path in folder.iterdir() if is_id(path.name))
        except FileNotFoundError:
            names = []
        if name == NEWEST and names:
            return folder / names[-1]
        found = [one for one in names if name and one.startswith(name)]
        if not found:
            raise UnknownId(f"there is no {self.kind} {name!r}: `{self.listing}` shows them")
        if len(found) > 1:
            raise AmbiguousId(f"{len(found)} {self.kind}s begin with {name!r}: give more of the id")
        return folder / found[0]

    def delete(self, name: str) -> str:
        """Put one aside for :data:`KEEP_DELETED`; its id.  What was put aside before goes for good.

        Raises:
            RunStateError: a process works on it.
        """
        directory = self.find(name)
        state = judge(directory, self.record).state
        if state.is_live:
            raise RunStateError(
                f"{self.kind} {directory.name} is {state}: stop it before deleting it"
            )
        self.expect_unlocked(directory)
        try:
            self.trash.mkdir(mode=0o700, exist_ok=True)
            directory.rename(self.trash / directory.name)
            os.utime(self.trash / directory.name)  # the time of deletion
        except OSError as error:
            raise explain_os(error, directory) from error
        self._purge()
        return directory.name

    def restore(self, name: str) -> str:
        """Bring a deleted one back; its id."""
        directory = self.find(name, deleted=True)
        target = self.folder / directory.name
        try:
            directory.rename(target)
        except OSError as error:
            raise explain_os(error, target) from error
        return directory.name

    def expect_unlocked(self, directory: Path) -> None:
        """Wait a moment for the process of *directory* to let go of it.

        Raises:
            RunStateError: it does not.
        """
        if is_locked(directory, _ENDING_SECONDS):
            raise RunStateError(
                f"the process of {self.kind} {directory.name} is still ending: try again"
            )

    def _purge(self) -> None:
        oldest = time.time() - KEEP_DELETED.total_seconds()
        for one in self.trash.iterdir():
            if is_id(one.name) and one.stat().st_mtime < oldest:
                shutil.rmtree(one, ignore_errors=True)
