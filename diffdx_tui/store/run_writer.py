"""Writes a run's directory: the trainer's side, one process at a time.

Role: appends metrics and events, keeps the heartbeat going in a thread of its own, looks for
requests and confirms them.  Everything on the disk is whole at any moment, so that a kill loses
nothing but what was not yet measured.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from diffdx_tui.domain.recipe import Recipe
from diffdx_tui.store.directory_writer import DirectoryWriter, merge_facts
from diffdx_tui.store.run_checkpoints import forget_checkpoints_after, write_checkpoint
from diffdx_tui.store.run_files import (
    LineFile,
    finite,
    write_json,
    write_whole,
)
from diffdx_tui.store.run_reader import pending_requests, read_lines, read_record
from diffdx_tui.store.run_records import (
    CONTROL_FOLDER,
    EVENTS_FILE,
    METRICS_FILE,
    RUN_FILE,
    Control,
    EventKind,
    Heartbeat,
    MetricsLine,
    Phase,
    Probe,
    RunRecord,
    RunState,
    StepMetrics,
    Validation,
    parse_metrics,
    record_values,
)


class RunWriter(DirectoryWriter):
    """The one writer of a run; use it in a ``with`` statement.

    A block that is left by an exception ends the run as ``failed``, unless :meth:`end` was called.
    """

    KIND = "a run"
    WRITER = "the trainer"

    def _open(self) -> None:
        self._record = read_record(self.directory)
        self._metrics = LineFile(self.directory / METRICS_FILE)
        self._events = LineFile(self.directory / EVENTS_FILE)
        for values in read_lines(self.directory / METRICS_FILE):
            self._take_in(parse_metrics(values))
        (self.directory / CONTROL_FOLDER).mkdir(mode=0o700, exist_ok=True)
        self.record_event(EventKind.STARTED, pid=os.getpid())

    def _settle(self, state: RunState, message: str) -> None:
        self.record_event(EventKind.ENDED, state=state, message=message)
        self._metrics.sync()
        self._events.sync()

    def _release(self) -> None:
        self._metrics.close()
        self._events.close()

    # What the run is

    @property
    def recipe(self) -> Recipe:
        """What to train."""
        return self._record.recipe

    @property
    def record(self) -> RunRecord:
        """``run.json`` as it is now."""
        return self._record

    def add_facts(self, **facts: Any) -> None:
        """Add to ``run.json``: ``sha256={...}``, ``versions={...}``, ``hardware={...}`` ...

        A mapping is merged with the one of that name; anything else replaces it.
        """
        with self._guard:
            facts = merge_facts(self._record.facts, facts)
            self._record = replace(self._record, facts=facts)
            write_json(self.directory / RUN_FILE, record_values(self._record))

    # What it does

    def enter_phase(self, phase: Phase, **details: Any) -> None:
        """Say what comes next; told at once and kept as an event when it changes."""
        with self._guard:
            if phase is self._heartbeat.phase and not details:
                return
            state = RunState.PAUSED if phase is Phase.PAUSED else RunState.RUNNING
            self._heartbeat = replace(self._heartbeat, phase=phase, state=state)
            self.record_event(EventKind.PHASE, phase=phase, step=self._heartbeat.step, **details)
            self._beat()

    @contextlib.contextmanager
    def phase(self, phase: Phase, **details: Any) -> Iterator[None]:
        """Inside the block the run is in *phase*; afterwards in the one before."""
        before = self._heartbeat.phase
        self.enter_phase(phase, **details)
        yield
        self.enter_phase(before)

    def expect(self, *, steps: int | None = None, eta_s: float | None = None) -> None:
        """Say how many steps there will be and how many seconds are left; the next beat tells."""
        with self._guard:
            self._heartbeat = replace(
                self._heartbeat,
                steps=self._heartbeat.steps if steps is None else steps,
                eta_s=finite(eta_s),
            )

    # What it measures

    def record_step(self, metrics: StepMetrics) -> None:
        """Append a training line; a value that is not finite becomes null and ``nonfinite``."""
        raw = asdict(metrics)
        raw["gpu"] = dict(metrics.gpu) if metrics.gpu is not None else None
        values = finite(raw)
        lost = any(values[name] is None and raw[name] is not None for name in ("loss", "grad_norm"))
        if not (lost or metrics.nonfinite):
            del values["nonfinite"]
        else:
            values["nonfinite"] = True
        self._append(values)

    def record_validation(self, step: int, loss: float) -> None:
        """Append a validation line."""
        self._append({"step": step, "val_loss": finite(loss)})

    def record_probe(
        self, step: int, *, strict: int, n: int, stopped: int, answers: list[dict[str, Any]]
    ) -> None:
        """Append a probe line, and its *answers* (id, raw, strict, stopped) as an event."""
        self._append({"step": step, "probe": {"strict": strict, "n": n, "stopped": stopped}})
        self.record_event(EventKind.PROBE, step=step, answers=answers)

    def record_event(self, kind: EventKind, **details: Any) -> None:
        """Append an event."""
        with self._guard:
            self._events.append({"t": time.time(), "kind": str(kind), **finite(details)})

    def notice(self, message: str) -> None:
        """Something the person should know, in a sentence."""
        self.record_event(EventKind.NOTICE, message=message)

    @contextlib.contextmanager
    def checkpoint(self, step: int, *, best: bool = False) -> Iterator[Path]:
        """A folder to write the checkpoint of *step* into; see :func:`write_checkpoint`.

        The phase is ``saving`` meanwhile; afterwards metrics and events are on the disk too.
        """
        with self.phase(Phase.SAVING):
            with write_checkpoint(self.directory, step, best=best) as folder:
                yield folder
            self.record_event(EventKind.CHECKPOINT, step=step, best=best)
            self._metrics.sync()
            self._events.sync()

    def rewind(self, step: int, *, evaluated: int | None = None, probed: int | None = None) -> None:
        """Go back to *step*, of the checkpoint that the run goes on from.

        Lines and checkpoints of later steps are taken out, so that the resumed run's metrics are
        those of an uninterrupted one.

        Args:
            evaluated: last step whose validation the checkpoint knows of; later ones will be
                repeated, so their lines go too.  Left out, it is *step*.
            probed: the same of probes; -1 if it knows of none.
        """
        last = {
            StepMetrics: step,
            Validation: step if evaluated is None else evaluated,
            Probe: step if probed is None else probed,
        }
        path = self.directory / METRICS_FILE
        with self._guard:
            kept, dropped = [], 0
            for line in path.read_bytes().splitlines(keepends=True):
                parsed = next(iter(read_lines([line])), None)
                measured = parse_metrics(parsed) if parsed is not None else None
                if measured is None or measured.step > last[type(measured)]:
                    dropped += 1
                else:
                    kept.append(line)
            if dropped:
                self._metrics.close()
                write_whole(path, b"".join(kept))
                self._metrics = LineFile(path)
            forget_checkpoints_after(self.directory, step)
            self._heartbeat = Heartbeat(
                t=time.time(),
                owner=self._heartbeat.owner,
                state=self._heartbeat.state,
                phase=self._heartbeat.phase,
                step=step,
            )
            for line in kept:
                for values in read_lines([line]):
                    self._take_in(parse_metrics(values))
            if step or dropped:
                self.record_event(EventKind.REWOUND, to=step, dropped=dropped)
            self._beat()

    # What it is asked

    def requests(self) -> frozenset[Control]:
        """What is asked and not yet obeyed; costs a look into one folder."""
        return pending_requests(self.directory)

    def confirm(self, control: Control) -> None:
        """Say that *control* has been obeyed, and take the request away."""
        with self._guard:
            self.record_event(EventKind.OBEYED, control=control, step=self._heartbeat.step)
            (self.directory / CONTROL_FOLDER / control).unlink(missing_ok=True)
            self._beat()

    def _append(self, values: Mapping[str, Any]) -> None:
        with self._guard:
            self._metrics.append(values)
            self._take_in(parse_metrics(values))

    def _take_in(self, line: MetricsLine | None) -> None:
        """Keep the heartbeat's figures up with *line*."""
        beat = self._heartbeat
        match line:
            case StepMetrics():
                beat = replace(beat, step=line.step, loss=line.loss, tokens_per_s=line.tokens_per_s)
            case Validation():
                beat = replace(beat, val_loss=line.loss)
                if line.loss is not None and (beat.best_loss is None or line.loss < beat.best_loss):
                    beat = replace(beat, best_loss=line.loss, best_step=line.step)
            case Probe():
                beat = replace(beat, strict=line.strict, n=line.n)
        self._heartbeat = beat
