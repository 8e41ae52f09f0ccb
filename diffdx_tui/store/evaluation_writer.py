"""Writes an evaluation's directory: the evaluator's side, one process at a time.

Role: appends outputs, keeps the heartbeat going in a thread of its own and looks for the request
to stop.  An output is whole in the file or not there, so that a kill loses one answer at most.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.evaluation_records import (
    EVALUATION_FILE,
    OUTPUTS_FILE,
    SCORES_FILE,
    EvaluationRecord,
    Output,
    OutputKey,
    Score,
    output_values,
    record_values,
    score_values,
)
from diffdx_tui.store.evaluations import read_outputs, read_record
from diffdx_tui.store.owner import current_owner
from diffdx_tui.store.run_files import LineFile, finite, write_json, write_whole
from diffdx_tui.store.run_reader import pending_requests
from diffdx_tui.store.run_records import (
    CONTROL_FOLDER,
    ENDED_STATES,
    HEARTBEAT_FILE,
    LOCK_FILE,
    Control,
    Heartbeat,
    Phase,
    RunState,
)
from diffdx_tui.store.run_writer import take_lock

_BEAT_SECONDS = 1.0
_SYNC_SECONDS = 2.0


class EvaluationWriter:
    """The one writer of an evaluation; use it in a ``with`` statement.

    A block that is left by an exception ends it as ``failed``, unless :meth:`end` was called.
    Every method raises ``StoreError`` when the disk is full, say.

    Attributes:
        directory: the evaluation's.
        done: outputs that are there, by key.
    """

    def __init__(self, directory: Path) -> None:
        """Take the evaluation at *directory*.

        Raises:
            RunBusy: another process has it.
            StoreError: it is none, or cannot be written.
        """
        self.directory = directory
        self._guard = threading.RLock()
        self._closed = threading.Event()
        self._lock = take_lock(directory / LOCK_FILE)
        try:
            self._record = read_record(directory)
            self._outputs = LineFile(directory / OUTPUTS_FILE)
            self.done: dict[OutputKey, Output] = {
                output.key: output for output in read_outputs(directory)
            }
            self._synced = time.monotonic()
            control = directory / CONTROL_FOLDER
            control.mkdir(mode=0o700, exist_ok=True)
            (control / Control.STOP).unlink(missing_ok=True)  # meant for a process that is gone
            self._heartbeat = Heartbeat(
                t=time.time(),
                owner=current_owner(),
                state=RunState.RUNNING,
                phase=Phase.IMPORTING,
                step=len(self.done),
            )
            self._beat()
        except BaseException:
            os.close(self._lock)
            raise
        self._pulse = threading.Thread(target=self._keep_beating, name="heartbeat", daemon=True)
        self._pulse.start()

    @property
    def record(self) -> EvaluationRecord:
        """``evaluation.json`` as it is now."""
        return self._record

    def add_facts(self, **facts: Any) -> None:
        """Add to ``evaluation.json``; a mapping is merged with the one of that name."""
        with self._guard:
            merged = dict(self._record.facts)
            for name, value in facts.items():
                old = merged.get(name)
                if isinstance(old, Mapping) and isinstance(value, Mapping):
                    value = {**old, **value}
                merged[name] = finite(value)
            self._record = replace(self._record, facts=merged)
            write_json(self.directory / EVALUATION_FILE, record_values(self._record))

    def enter_phase(self, phase: Phase) -> None:
        """Say what comes next."""
        with self._guard:
            self._heartbeat = replace(self._heartbeat, phase=phase)
            self._beat()

    def expect(self, *, steps: int, eta_s: float | None) -> None:
        """Say how many outputs there will be in all, and how many seconds are left."""
        with self._guard:
            self._heartbeat = replace(self._heartbeat, steps=steps, eta_s=finite(eta_s))

    def append(self, output: Output) -> None:
        """Add an output."""
        with self._guard:
            self._outputs.append(output_values(output))
            self.done[output.key] = output
            self._heartbeat = replace(self._heartbeat, step=len(self.done))
            if time.monotonic() - self._synced > _SYNC_SECONDS:
                self._outputs.sync()
                self._synced = time.monotonic()

    def stop_requested(self) -> bool:
        """Whether somebody asked for the end; costs a look into one folder."""
        return Control.STOP in pending_requests(self.directory)

    def end(self, state: RunState, message: str = "") -> None:
        """The last word: ``finished``, ``stopped`` or ``failed``; *message* says why."""
        if state not in ENDED_STATES:
            raise ValueError(f"an evaluation does not end as {state}")
        with self._guard:
            if self._heartbeat.state in ENDED_STATES:
                return
            self._heartbeat = replace(
                self._heartbeat, state=state, phase=Phase.ENDED, message=message, eta_s=None
            )
            try:
                self._outputs.sync()
                (self.directory / CONTROL_FOLDER / Control.STOP).unlink(missing_ok=True)
            finally:  # last: whoever sees the end has seen everything; also on a full disk
                self._beat(durable=True)

    def close(self) -> None:
        """Let go.  An evaluation that has not ended counts as failed."""
        if self._closed.is_set():
            return
        self._closed.set()
        try:
            self.end(RunState.FAILED, "the evaluator ended without saying why: see console.log")
        finally:
            self._pulse.join()
            self._outputs.close()
            os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        # The disk may be what went wrong: the first trouble must not be hidden by a second one.
        with contextlib.suppress(StoreError):
            self.end(RunState.FAILED, f"{type(error).__name__}: {error}")
        with contextlib.suppress(StoreError):
            self.close()

    def _beat(self, *, durable: bool = False) -> None:
        with self._guard:
            self._heartbeat = replace(self._heartbeat, t=time.time())
            write_json(self.directory / HEARTBEAT_FILE, asdict(self._heartbeat), durable=durable)

    def _keep_beating(self) -> None:
        """A thread, so that a long answer does not look like a dead process."""
        while not self._closed.wait(_BEAT_SECONDS):
            with self._guard, contextlib.suppress(StoreError):
                if self._heartbeat.state not in ENDED_STATES:
                    self._beat()


def write_scores(directory: Path, scores: Iterable[Score]) -> None:
    """Replace ``scores.jsonl``.

    Raises:
        StoreError: it cannot be written.
    """
    lines = [json.dumps(score_values(score), ensure_ascii=False) + "\n" for score in scores]
    write_whole(directory / SCORES_FILE, "".join(lines).encode())
