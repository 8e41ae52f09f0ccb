"""What the files of a run say, as typed values.

Role: the vocabulary that the trainer writes and everybody else reads: states, phases, requests,
metrics, events, heartbeat.  Parsing takes nothing on trust, as a file may be damaged or foreign.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from diffdx_tui.domain.recipe import Recipe, read_recipe
from diffdx_tui.store.errors import StoreError

SCHEMA = 1
RUN_FILE = "run.json"
METRICS_FILE = "metrics.jsonl"
EVENTS_FILE = "events.jsonl"
HEARTBEAT_FILE = "heartbeat.json"
LAUNCH_FILE = "launched.json"
CONSOLE_FILE = "console.log"
LOCK_FILE = "writer.lock"
CONTROL_FOLDER = "control"
CHECKPOINTS_FOLDER = "checkpoints"
ADAPTER_FOLDER = "adapter"

Task = TypeVar("Task")


class RunState(StrEnum):
    """What a run is doing, as far as anybody can tell from outside.

    ``dead``: its process ended without saying so.  ``silent``: its process may live, but has said
    nothing for a while.
    """

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    SILENT = "silent"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    DEAD = "dead"

    @property
    def is_live(self) -> bool:
        """Whether a process works on it, or may."""
        return self in _LIVE


_LIVE = frozenset({RunState.STARTING, RunState.RUNNING, RunState.PAUSED, RunState.SILENT})
WRITTEN_STATES = frozenset(
    {RunState.RUNNING, RunState.PAUSED, RunState.FINISHED, RunState.STOPPED, RunState.FAILED}
)
"""What a run says of itself; the others are judged from outside."""
ENDED_STATES = frozenset({RunState.FINISHED, RunState.STOPPED, RunState.FAILED})


class Phase(StrEnum):
    """What a living run is busy with."""

    IMPORTING = "importing"
    LOADING = "loading"
    QUANTISING = "quantising"
    GATES = "gates"
    STEP = "step"
    EVALUATING = "evaluating"
    PROBING = "probing"
    SAVING = "saving"
    PAUSED = "paused"
    ENDED = "ended"


class Control(StrEnum):
    """What a run can be asked."""

    PAUSE = "pause"
    RESUME = "resume"
    SAVE = "save"
    STOP = "stop"


class EventKind(StrEnum):
    """Kinds of lines in ``events.jsonl``, with what else each has."""

    STARTED = "started"  # pid
    PHASE = "phase"  # phase, step
    OBEYED = "obeyed"  # control, step: the effect of a request, after the fact
    CHECKPOINT = "checkpoint"  # step, best
    PROBE = "probe"  # step, answers: [{id, raw, strict, stopped}]
    EXAMPLES = "examples"  # epoch, losses: [{id, loss, tokens}]
    NOTICE = "notice"  # message
    REWOUND = "rewound"  # to, dropped: lines after the checkpoint were taken out
    ENDED = "ended"  # state, message


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """A training line; ``None`` is what could not be measured or was not finite.

    Attributes:
        step: optimiser steps done, from 1.
        epoch: passes over the rows done, with its fraction.
        loss: mean negative log-likelihood a scored token, in nats.
        rate: learning rate of this step.
        grad_norm: before clipping.
        tokens: tokens of this step, prompt included.
        tokens_per_s: the same a second.
        seconds: since the start of the run, pauses and resumptions left out.
        rss_mb: memory of the process in MiB.
        gpu: ``utilisation`` (0 to 1), ``memory_mb``, ``temperature_c``, ``power_w``; ``None`` on
            the CPU.
        nonfinite: whether the loss or the norm was NaN or infinite.
    """

    step: int
    epoch: float | None = None
    loss: float | None = None
    rate: float | None = None
    grad_norm: float | None = None
    tokens: int | None = None
    tokens_per_s: float | None = None
    seconds: float | None = None
    rss_mb: float | None = None
    gpu: Mapping[str, float | None] | None = None
    nonfinite: bool = False


@dataclass(frozen=True, slots=True)
class Validation:
    """A validation line; *loss* as in :class:`StepMetrics`."""

    step: int
    loss: float | None


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe line: of *n* answers, how many were strictly valid and how many stopped."""

    step: int
    strict: int
    n: int
    stopped: int


MetricsLine = StepMetrics | Validation | Probe


@dataclass(frozen=True, slots=True)
class RunEvent:
    """A line of ``events.jsonl``; *t* in seconds since 1970."""

    t: float
    kind: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """``heartbeat.json``: what the run last said of itself, and the figures a list shows.

    Attributes:
        t: when, in seconds since 1970.
        owner: the writing process, as :mod:`~diffdx_tui.store.owner` marks it.
        state: one of :data:`WRITTEN_STATES`.
        steps: how many there will be; ``None`` while unknown.
        eta_s: seconds to the end; ``None`` while unknown.
        message: why it failed or stopped; empty otherwise.
        loss: of the last step.
        val_loss: of the last validation.
        best_loss: lowest validation loss, at *best_step*.
        strict: strictly valid answers of the last probe, of *n*.
    """

    t: float
    owner: str
    state: RunState
    phase: Phase
    step: int = 0
    steps: int | None = None
    eta_s: float | None = None
    message: str = ""
    loss: float | None = None
    val_loss: float | None = None
    best_loss: float | None = None
    best_step: int | None = None
    strict: int | None = None
    n: int | None = None
    tokens_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """``run.json``.

    Attributes:
        id: the run's.
        created: when, UTC.
        recipe: what it was told.
        command: the process's arguments.
        facts: what a pre-flight ``predicted`` and what the trainer found out: ``sha256``,
            ``versions``, ``hardware``, ``seeds`` ...
        resumes: ``t``, ``from_step`` and ``changes`` of each resumption.
    """

    id: str
    created: datetime
    recipe: Recipe
    command: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    resumes: tuple[Mapping[str, Any], ...] = ()


_OF_RECORD = frozenset({"schema", "id", "created", "recipe", "command", "resumes"})


def record_values(record: RunRecord) -> dict[str, Any]:
    """*record* as ``run.json`` has it."""
    return {
        "schema": SCHEMA,
        "id": record.id,
        "created": record.created.isoformat(),
        "command": list(record.command),
        "recipe": record.recipe.as_dict(),
        "resumes": [dict(one) for one in record.resumes],
        **record.facts,
    }


def parse_record(values: Mapping[str, Any], place: str) -> RunRecord:
    """The inverse of :func:`record_values`.

    Raises:
        StoreError: it is no run's, or a newer program's.
    """
    created, recipe = parse_header(values, place, "run", "recipe", read_recipe)
    resumes = values.get("resumes")
    command = values.get("command")
    return RunRecord(
        id=str(values.get("id", "")),
        created=created,
        recipe=recipe,
        command=tuple(map(str, command)) if isinstance(command, list) else (),
        facts={name: value for name, value in values.items() if name not in _OF_RECORD},
        resumes=tuple(one for one in resumes if isinstance(one, dict))
        if isinstance(resumes, list)
        else (),
    )


def parse_header(
    values: Mapping[str, Any], place: str, kind: str, task: str, read: Callable[[Any], Task]
) -> tuple[datetime, Task]:
    """What records of runs and of evaluations begin with: the schema, when, and what to do.

    Args:
        kind: whose file it is, in a word.
        task: the entry that says what to do.
        read: reads that entry; raises ``ValueError`` for one it cannot use.

    Raises:
        StoreError: it is no such file, or a newer program's.
    """
    schema = values.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise StoreError(f"{place} is no {kind}'s file")
    if schema > SCHEMA:
        raise StoreError(f"{place} was written by a newer version of the program")
    try:
        created = datetime.fromisoformat(values["created"]).astimezone(UTC)
        wanted = values[task]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise StoreError(f"{place} is incomplete: {error!r}") from error
    try:
        return created, read(wanted)
    except (TypeError, ValueError) as error:
        raise StoreError(f"{place}: the {task} cannot be read: {error}") from error


def parse_metrics(values: Mapping[str, Any]) -> MetricsLine | None:
    """A line of ``metrics.jsonl``; ``None`` for one that is of no known kind."""
    step = _whole(values.get("step"))
    if step is None:
        return None
    if "loss" in values:
        return StepMetrics(
            step=step,
            epoch=number(values.get("epoch")),
            loss=number(values["loss"]),
            rate=number(values.get("rate")),
            grad_norm=number(values.get("grad_norm")),
            tokens=_whole(values.get("tokens")),
            tokens_per_s=number(values.get("tokens_per_s")),
            seconds=number(values.get("seconds")),
            rss_mb=number(values.get("rss_mb")),
            gpu=_gpu(values.get("gpu")),
            nonfinite=values.get("nonfinite") is True,
        )
    if "val_loss" in values:
        return Validation(step, number(values["val_loss"]))
    probe = values.get("probe")
    if isinstance(probe, dict):
        counts = [_whole(probe.get(name)) for name in ("strict", "n", "stopped")]
        if None not in counts:
            return Probe(step, *(count or 0 for count in counts))
    return None


def parse_event(values: Mapping[str, Any]) -> RunEvent | None:
    """A line of ``events.jsonl``; ``None`` for one without time or kind."""
    t, kind = number(values.get("t")), values.get("kind")
    if t is None or not isinstance(kind, str):
        return None
    details = {name: value for name, value in values.items() if name not in ("t", "kind")}
    return RunEvent(t, kind, details)


def parse_heartbeat(values: Mapping[str, Any]) -> Heartbeat | None:
    """``heartbeat.json``; ``None`` if it is damaged."""
    t = number(values.get("t"))
    try:
        state, phase = RunState(values.get("state", "")), Phase(values.get("phase", ""))
    except ValueError:
        return None
    if t is None or state not in WRITTEN_STATES:
        return None
    return Heartbeat(
        t=t,
        owner=str(values.get("owner", "")),
        state=state,
        phase=phase,
        step=_whole(values.get("step")) or 0,
        steps=_whole(values.get("steps")),
        eta_s=number(values.get("eta_s")),
        message=str(values.get("message", "")),
        loss=number(values.get("loss")),
        val_loss=number(values.get("val_loss")),
        best_loss=number(values.get("best_loss")),
        best_step=_whole(values.get("best_step")),
        strict=_whole(values.get("strict")),
        n=_whole(values.get("n")),
        tokens_per_s=number(values.get("tokens_per_s")),
    )


def number(value: Any) -> float | None:
    """*value* if it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _whole(value: Any) -> int | None:
    found = number(value)
    return int(found) if found is not None and found >= 0 and found == int(found) else None


def _gpu(value: Any) -> Mapping[str, float | None] | None:
    if not isinstance(value, dict):
        return None
    return {str(name): number(one) for name, one in value.items()}
