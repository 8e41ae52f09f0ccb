"""What is known of one run on the screen: its files in, series to draw out.

Role: keeps up with a run's directory, however it was started and by whom.  Reading happens off the
event loop; what was read is taken in on it, so that a drawing never sees half of a piece.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.store.run_reader import RunNews, RunReader, RunStatus
from diffdx_tui.store.run_records import (
    Control,
    EventKind,
    Phase,
    Probe,
    RunEvent,
    RunRecord,
    RunState,
    StepMetrics,
    number,
)

_KEPT_PROBES = 50
_KEPT_NOTICES = 20
_KEPT_PHASES = 12
MEASURES = ("loss", "rate", "grad_norm", "tokens_per_s")
"""What of a training line can be drawn."""


@dataclass(slots=True)
class Samples:
    """Values by step, growing at the end."""

    steps: list[int] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)

    def add(self, step: int, value: float | None) -> None:
        """Append; steps rise."""
        self.steps.append(step)
        self.values.append(value)


@dataclass(frozen=True, slots=True)
class ProbeAnswers:
    """The texts of one probe, as the run wrote them: ``id``, ``raw``, ``strict``, ``stopped``."""

    step: int
    answers: tuple[dict[str, Any], ...]


@dataclass(slots=True)
class Reading:
    """What one look at a run's files brought."""

    status: RunStatus
    news: RunNews
    record: RunRecord | None


class RunFeed:
    """Everything read of one run so far.

    Attributes:
        directory: the run's.
        record: ``run.json``; ``None`` before the first look.
        status: how it is; ``None`` before the first look.
        measured: the training lines' measures, by name.
        validation: validation losses.
        lines: the training lines themselves, by place in ``measured``.
        probe: the latest probe line.
        probes: texts of the latest probes.
        examples: loss of each row by its id, by epoch.
        notices: what the run had to say, the newest last.
        phases: what it has been busy with since its process started, and from when.
        asked: requests made here that the run has not confirmed yet.
        confirmed: the last request the run obeyed, and at which step.
        complete: whether everything that was there has been read.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._reader = RunReader(directory)
        self.record: RunRecord | None = None
        self.status: RunStatus | None = None
        self.asked: set[Control] = set()
        self.confirmed: tuple[str, int] | None = None
        self.notices: deque[str] = deque(maxlen=_KEPT_NOTICES)
        self.probes: deque[ProbeAnswers] = deque(maxlen=_KEPT_PROBES)
        self.phases: deque[tuple[str, float]] = deque(maxlen=_KEPT_PHASES)
        self.examples: dict[int, dict[str, float | None]] = {}
        self.complete = False
        self._record_is_final = False
        self._forget_metrics()

    def _forget_metrics(self) -> None:
        self.measured = {name: Samples() for name in MEASURES}
        self.validation = Samples()
        self.lines: list[StepMetrics] = []
        self.probe: Probe | None = None

    async def follow(self) -> bool:
        """Take in what came since the last look; whether anything did.

        Raises:
            StoreError: the files cannot be read.
        """
        reading = await asyncio.to_thread(self._look)
        return self._take_in(reading)

    def _look(self) -> Reading:
        # The status first: the lines a run wrote before it ended are then surely read after it.
        status = self._reader.status()
        # At its end a run adds what it measured.
        ended = not status.state.is_live and not self._record_is_final
        record = self._reader.record() if self.record is None or ended else None
        return Reading(status, self._reader.poll(), record)

    def _take_in(self, reading: Reading) -> bool:
        news = reading.news
        if news.restarted:
            self._forget_metrics()
        for line in news.steps:
            self.lines.append(line)
            for name, samples in self.measured.items():
                samples.add(line.step, getattr(line, name))
        for validation in news.validations:
            self.validation.add(validation.step, validation.loss)
        if news.probes:
            self.probe = news.probes[-1]
        for event in news.events:
            self._take_event(event)
        changed = bool(news.steps or news.validations or news.probes or news.events)
        changed = changed or news.restarted or self._differs(reading.status)
        changed = changed or reading.record is not None
        self.record = reading.record or self.record
        self.status = reading.status
        self.complete = not news.more
        self._record_is_final = not reading.status.state.is_live
        if self._record_is_final:
            self.asked.clear()
        return changed

    def _differs(self, status: RunStatus) -> bool:
        before = self.status
        if before is None or (before.state, before.pending) != (status.state, status.pending):
            return True
        return before.heartbeat != status.heartbeat

    def _take_event(self, event: RunEvent) -> None:
        details = event.details
        match event.kind:
            case EventKind.OBEYED:
                name, step = str(details.get("control", "")), details.get("step")
                self.confirmed = (name, step if isinstance(step, int) else 0)
                self.asked = {control for control in self.asked if control != name}
            case EventKind.PROBE:
                self._take_probe(details.get("step"), details.get("answers"))
            case EventKind.STARTED:
                self.phases.clear()
                self.phases.append((Phase.IMPORTING, event.t))
            case EventKind.PHASE:
                self.phases.append((str(details.get("phase", "")), event.t))
            case EventKind.EXAMPLES:
                self._take_examples(details.get("epoch"), details.get("losses"))
            case EventKind.NOTICE:
                self.notices.append(make_visible_line(str(details.get("message", ""))))

    def _take_probe(self, step: Any, answers: Any) -> None:
        if isinstance(step, int) and isinstance(answers, list):
            texts = tuple(one for one in answers if isinstance(one, dict))
            self.probes.append(ProbeAnswers(step, texts))

    def _take_examples(self, epoch: Any, losses: Any) -> None:
        if isinstance(epoch, int) and isinstance(losses, list):
            rows = [one for one in losses if isinstance(one, dict)]
            self.examples[epoch] = {str(o.get("id", "")): number(o.get("loss")) for o in rows}

    @property
    def is_live(self) -> bool:
        """Whether more may come; unknown counts as yes."""
        return self.status is None or self.status.state.is_live

    @property
    def finished(self) -> bool:
        """Whether it ran to its end."""
        return self.status is not None and self.status.state is RunState.FINISHED

    @property
    def planned(self) -> int | None:
        """How many steps there will be, once the run knows."""
        beat = self.status.heartbeat if self.status else None
        return beat.steps if beat else None
