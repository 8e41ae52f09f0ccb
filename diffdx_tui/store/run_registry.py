"""All runs of a home folder: make, list, find, ask, delete and restore them.

Role: the door to runs for command line and screens.  A run's folder is only ever reached by an id
of the right form, so nothing that a person types becomes a path.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from diffdx_tui.domain.identity import new_id
from diffdx_tui.domain.recipe import Recipe, RecipeError, read_recipe
from diffdx_tui.store.run_files import explain_os, write_json, write_whole
from diffdx_tui.store.run_reader import RunReader, RunStatus, judge, read_record
from diffdx_tui.store.run_records import (
    ADAPTER_FOLDER,
    CHECKPOINTS_FOLDER,
    CONTROL_FOLDER,
    RUN_FILE,
    Control,
    RunRecord,
    RunState,
    record_values,
)
from diffdx_tui.store.shelf import RunStateError, Shelf

CHANGEABLE = frozenset(
    {"rate", "precision", "micro_batch", "checkpoint_seconds", "eval_every", "probe_every"}
)
"""Settings that may differ when a run is resumed; others would make it another run."""
_OPPOSITE = {Control.PAUSE: Control.RESUME, Control.RESUME: Control.PAUSE}


@dataclass(frozen=True, slots=True)
class Run:
    """One run as a list shows it.

    Attributes:
        record: ``run.json``.
        status: how it is now.
        has_adapter: whether it left a finished adapter.
    """

    record: RunRecord
    status: RunStatus
    has_adapter: bool

    @property
    def id(self) -> str:
        """Its id, which names its folder."""
        return self.record.id


@dataclass(frozen=True, slots=True)
class RunList:
    """Runs, newest first, and what else lies in the folder, a sentence each."""

    runs: tuple[Run, ...]
    notes: tuple[str, ...] = ()


class RunRegistry:
    """The runs under one home folder; holds nothing open, so any thread may use it.

    Ids may be given by their first characters, and ``last`` is the newest run.  Methods raise
    ``UnknownId`` and ``AmbiguousId`` for an id that fits no run or several, and ``StoreError`` when
    a file cannot be read or written.
    """

    def __init__(self, home: Path) -> None:
        self.folder = home / "runs"
        self._shelf = Shelf(self.folder, "run", RUN_FILE, "diffdx-tui runs list")

    def create(
        self,
        recipe: Recipe,
        command: Sequence[str] = (),
        predicted: Mapping[str, Any] | None = None,
    ) -> RunRecord:
        """Make the folder of a new run of *recipe*; nothing runs yet.

        Args:
            predicted: what a pre-flight of the recipe said, to be kept beside what comes of it.
        """
        facts = {"predicted": dict(predicted)} if predicted else {}
        record = RunRecord(new_id(), datetime.now(UTC), recipe, tuple(command), facts)
        directory = self.folder / record.id
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.mkdir(mode=0o700)
            (directory / CONTROL_FOLDER).mkdir(mode=0o700)
            (directory / CHECKPOINTS_FOLDER).mkdir(mode=0o700)
        except OSError as error:
            raise explain_os(error, directory) from error
        write_json(directory / RUN_FILE, record_values(record))
        return record

    def list(self) -> RunList:
        """All runs, newest first; reads three small files each."""
        return RunList(*self._shelf.list(_read))

    def list_deleted(self) -> RunList:
        """Those that can be restored."""
        return RunList(*self._shelf.list(_read, deleted=True))

    def read(self, run_id: str) -> Run:
        """One run."""
        return _read(self.directory(run_id))

    def directory(self, run_id: str) -> Path:
        """The folder of the run that *run_id* names."""
        return self._shelf.find(run_id)

    def reader(self, run_id: str) -> RunReader:
        """To follow a run."""
        return RunReader(self.directory(run_id))

    def request(self, run_id: str, control: Control) -> None:
        """Ask a living run for something; asking twice is asking once.

        The effect is confirmed by an ``obeyed`` event, not by this.

        Raises:
            RunStateError: no process is there to obey.
        """
        directory = self.directory(run_id)
        state = judge(directory).state
        if not state.is_live:
            raise RunStateError(f"run {directory.name} is {state}: there is nothing to {control}")
        folder = directory / CONTROL_FOLDER
        with contextlib.suppress(KeyError, FileNotFoundError):
            (folder / _OPPOSITE[control]).unlink()
        write_whole(folder / control, b"", durable=False)

    def change(self, run_id: str, changes: Mapping[str, Any], from_step: int) -> RunRecord:
        """Prepare a run that has ended for going on from *from_step* with *changes*.

        Raises:
            RunStateError: it still runs, or has finished.
            RecipeError: a change cannot be made.
        """
        directory = self.directory(run_id)
        state = judge(directory).state
        if state.is_live:
            raise RunStateError(f"run {directory.name} is {state}: it goes on already")
        if state is RunState.FINISHED:
            raise RunStateError(f"run {directory.name} has finished: start a new one")
        self._shelf.expect_unlocked(directory)
        for name in changes.keys() - CHANGEABLE:
            allowed = ", ".join(sorted(CHANGEABLE))
            raise RecipeError({name: f"cannot change while a run goes on; only {allowed} can"})
        record = read_record(directory)
        told = {"t": time.time(), "from_step": from_step, "changes": dict(changes)}
        changed = replace(
            record,
            recipe=read_recipe({**record.recipe.as_dict(), **changes}),
            resumes=(*record.resumes, told),
        )
        for control in Control:  # what a process that died did not obey is no longer meant
            (directory / CONTROL_FOLDER / control).unlink(missing_ok=True)
        write_json(directory / RUN_FILE, record_values(changed))
        return changed

    def delete(self, run_id: str) -> str:
        """Put a run aside for 30 days; returns its id.  Those put aside earlier go for good.

        Raises:
            RunStateError: a process works on it.
        """
        return self._shelf.delete(run_id)

    def restore(self, run_id: str) -> str:
        """Bring a deleted run back; returns its id."""
        return self._shelf.restore(run_id)


def _read(directory: Path) -> Run:
    record = replace(read_record(directory), id=directory.name)
    has_adapter = (directory / ADAPTER_FOLDER / "adapter_config.json").is_file()
    return Run(record, judge(directory), has_adapter)
