"""What a run says of itself, and who says it.

Role: the loop's only door to the run directory.  Of several processes the first one speaks; for the
others every call is silent, so the loop need not ask who it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from diffdx_tui.store.run_records import (
    Control,
    EventKind,
    Phase,
    Probe,
    StepMetrics,
    Validation,
)
from diffdx_tui.store.run_writer import RunWriter
from trainer.event_files import EventFile
from trainer.tuning.learner import RowLoss
from trainer.tuning.probe import ProbeAnswer


class Journal:
    """A run's writer, or nobody."""

    def __init__(self, writer: RunWriter | None) -> None:
        self._writer = writer
        self._event_file: EventFile | None = None

    def keep_event_file(self) -> None:
        """From now on also write a TensorBoard event file."""
        if self._writer:
            self._event_file = EventFile(self._writer.directory)

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        """Inside the block the run is in *phase*."""
        with self._writer.phase(phase) if self._writer else nullcontext():
            yield

    def enter(self, phase: Phase) -> None:
        """From now on the run is in *phase*."""
        if self._writer:
            self._writer.enter_phase(phase)

    def facts(self, **facts: Any) -> None:
        """Add to ``run.json``."""
        if self._writer:
            self._writer.add_facts(**facts)

    def expect(self, steps: int, eta_s: float | None) -> None:
        """How many steps there will be, and seconds to the end."""
        if self._writer:
            self._writer.expect(steps=steps, eta_s=eta_s)

    def step(self, metrics: StepMetrics) -> None:
        """A training line."""
        if self._writer:
            self._writer.record_step(metrics)
        if self._event_file:
            self._event_file.append(metrics)

    def validation(self, step: int, loss: float) -> None:
        """A validation line."""
        if self._writer:
            self._writer.record_validation(step, loss)
        if self._event_file:
            self._event_file.append(Validation(step, loss))

    def probe(self, step: int, answers: list[ProbeAnswer]) -> None:
        """A probe line with its answers."""
        if self._writer:
            self._writer.record_probe(
                step,
                strict=sum(answer.strict for answer in answers),
                n=len(answers),
                stopped=sum(answer.stopped for answer in answers),
                answers=[answer.as_dict() for answer in answers],
            )
        if self._event_file:
            strict = sum(answer.strict for answer in answers)
            stopped = sum(answer.stopped for answer in answers)
            self._event_file.append(Probe(step, strict, len(answers), stopped))

    def examples(self, epoch: int, losses: list[RowLoss]) -> None:
        """Each row's loss in an epoch."""
        if self._writer:
            told = [{"id": one.id, "loss": one.loss, "tokens": one.tokens} for one in losses]
            self._writer.record_event(EventKind.EXAMPLES, epoch=epoch, losses=told)

    def notice(self, message: str) -> None:
        """A sentence for the person, also on the console."""
        print(message, flush=True)
        if self._writer:
            self._writer.notice(message)

    @contextmanager
    def checkpoint(self, step: int, *, best: bool) -> Iterator[Path | None]:
        """A folder to fill, or ``None`` for a process that does not write."""
        if self._writer is None:
            yield None
            return
        with self._writer.checkpoint(step, best=best) as folder:
            yield folder

    def rewind(self, step: int, evaluated: int, probed: int) -> None:
        """Go back to *step*, and to what was done by then; see ``RunWriter.rewind``."""
        if self._writer:
            self._writer.rewind(step, evaluated=evaluated, probed=probed)

    def requests(self) -> frozenset[Control]:
        """What is asked and not yet obeyed."""
        return self._writer.requests() if self._writer else frozenset()

    def confirm(self, control: Control) -> None:
        """*control* has been obeyed."""
        if self._writer:
            self._writer.confirm(control)
