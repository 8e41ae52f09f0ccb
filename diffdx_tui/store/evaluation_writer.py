"""Writes an evaluation's directory: the evaluator's side, one process at a time.

Role: appends outputs, keeps the heartbeat going in a thread of its own and looks for the request
to stop.  An output is whole in the file or not there, so that a kill loses one answer at most.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from diffdx_tui.store.directory_writer import DirectoryWriter, merge_facts
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
from diffdx_tui.store.run_files import LineFile, finite, write_json, write_whole
from diffdx_tui.store.run_reader import pending_requests
from diffdx_tui.store.run_records import (
    CONTROL_FOLDER,
    Control,
    Phase,
    RunState,
)

_BEAT_SECONDS = 1.0
_SYNC_SECONDS = 2.0


class EvaluationWriter(DirectoryWriter):
    """The one writer of an evaluation; use it in a ``with`` statement.

    A block that is left by an exception ends it as ``failed``, unless :meth:`end` was called.

    Attributes:
        done: outputs that are there, by key.
    """

    KIND = "an evaluation"
    WRITER = "the evaluator"

    def _open(self) -> None:
        self._record = read_record(self.directory)
        self._outputs = LineFile(self.directory / OUTPUTS_FILE)
        self.done: dict[OutputKey, Output] = {
            output.key: output for output in read_outputs(self.directory)
        }
        self._synced = time.monotonic()
        control = self.directory / CONTROL_FOLDER
        control.mkdir(mode=0o700, exist_ok=True)
        (control / Control.STOP).unlink(missing_ok=True)  # meant for a process that is gone
        self._heartbeat = replace(self._heartbeat, step=len(self.done))

    def _settle(self, state: RunState, message: str) -> None:
        self._outputs.sync()
        (self.directory / CONTROL_FOLDER / Control.STOP).unlink(missing_ok=True)

    def _release(self) -> None:
        self._outputs.close()

    @property
    def record(self) -> EvaluationRecord:
        """``evaluation.json`` as it is now."""
        return self._record

    def add_facts(self, **facts: Any) -> None:
        """Add to ``evaluation.json``; a mapping is merged with the one of that name."""
        with self._guard:
            facts = merge_facts(self._record.facts, facts)
            self._record = replace(self._record, facts=facts)
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


def write_scores(directory: Path, scores: Iterable[Score]) -> None:
    """Replace ``scores.jsonl``.

    Raises:
        StoreError: it cannot be written.
    """
    lines = [json.dumps(score_values(score), ensure_ascii=False) + "\n" for score in scores]
    write_whole(directory / SCORES_FILE, "".join(lines).encode())
