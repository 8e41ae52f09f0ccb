"""Follows a run on standard output until it ends.

Role: polls the run's files; each line of metrics becomes a line, events and trouble go to standard
error.  Leaving off never touches the run.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from diffdx_tui.commands.console import PassingLine, emit_json, emit_line, report, tell
from diffdx_tui.commands.exits import Exit
from diffdx_tui.commands.run_text import metrics_line, seconds_text
from diffdx_tui.store.run_reader import RunNews, RunReader, RunStatus
from diffdx_tui.store.run_records import (
    EventKind,
    MetricsLine,
    Probe,
    RunEvent,
    RunState,
    StepMetrics,
    Validation,
)
from diffdx_tui.store.run_registry import RunRegistry

_POLL_SECONDS = 0.2


def follow_run(registry: RunRegistry, run_id: str, *, as_json: bool) -> int:
    """Print what the run measured so far and what comes, until it ends; the exit code.

    Ctrl+C ends the following, not the run.
    """
    reader = registry.reader(run_id)
    try:
        status = _Follower(reader, as_json=as_json).follow()
    except KeyboardInterrupt:
        tell(f"no longer following; the run goes on: `diffdx-tui runs stop {run_id}` ends it")
        return Exit.CANCELLED
    if as_json:
        emit_json({"state": status.state, "message": status.message}, indent=None)
    return tell_end(run_id, status)


def tell_end(run_id: str, status: RunStatus) -> int:
    """Say how the run ended; the exit code that means it."""
    ending = f"run {run_id} {'is ' if status.state is RunState.DEAD else ''}{status.state}"
    ending += f": {status.message}" if status.message else ""
    if status.state in (RunState.FINISHED, RunState.STOPPED):
        tell(ending)
        return Exit.ANSWERED
    report(f"{ending}; `diffdx-tui runs resume {run_id}` goes on from its last checkpoint")
    return Exit.FAILED


def metrics_values(line: MetricsLine) -> dict[str, Any]:
    """A line of metrics as the file has it."""
    match line:
        case StepMetrics():
            return {**asdict(line), "gpu": dict(line.gpu) if line.gpu is not None else None}
        case Validation():
            return {"step": line.step, "val_loss": line.loss}
        case Probe():
            counts = {"strict": line.strict, "n": line.n, "stopped": line.stopped}
            return {"step": line.step, "probe": counts}


class _Follower:
    """One following."""

    def __init__(self, reader: RunReader, *, as_json: bool) -> None:
        self._reader = reader
        self._as_json = as_json
        self._said: RunState | None = None

    def follow(self) -> RunStatus:
        """Until the run ends; how it then is."""
        with PassingLine() as line:
            while True:
                status = self._reader.status()
                # Read after the status: what an ended run wrote is then all there.
                while self._print(self._reader.poll(), status, line):
                    pass
                if not status.state.is_live:
                    return status
                self._tell_state(status, line)
                line.show(_progress(status))
                time.sleep(_POLL_SECONDS)

    def _print(self, news: RunNews, status: RunStatus, line: PassingLine) -> bool:
        if news.restarted:
            line.clear()
            tell("the run went back to a checkpoint: its metrics follow from the beginning")
        steps = status.heartbeat.steps if status.heartbeat else None
        measured: list[MetricsLine] = [*news.steps, *news.validations, *news.probes]
        # A validation or a probe of a step stands after that step, as in the file.
        for one in sorted(measured, key=lambda one: one.step):
            line.clear()
            if self._as_json:
                emit_json(metrics_values(one), indent=None)
            else:
                emit_line(metrics_line(one, steps))
        for event in news.events:
            if event.kind == EventKind.NOTICE:
                self._tell_notice(event, line)
        return news.more

    def _tell_notice(self, event: RunEvent, line: PassingLine) -> None:
        line.clear()
        report(str(event.details.get("message", "")))

    def _tell_state(self, status: RunStatus, line: PassingLine) -> None:
        """Say it once when it is not simply running."""
        if status.state is not self._said:
            self._said = status.state
            if status.state in (RunState.PAUSED, RunState.SILENT):
                line.clear()
                tell(f"the run is {status.state} {status.message}".rstrip())


def _progress(status: RunStatus) -> str:
    beat = status.heartbeat
    if beat is None:
        return "starting"
    words = [str(beat.phase), f"step {beat.step}" + (f"/{beat.steps}" if beat.steps else "")]
    if beat.eta_s is not None:
        words.append(f"{seconds_text(beat.eta_s)} left")
    return ", ".join(words)
