"""One step on the longest rows, a validation, a probe: will it fit, how long will it take?

Role: ``python -m trainer preflight``; the run's own loading, packing and learner, nothing written.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from diffdx_tui.domain.recipe import Recipe
from trainer.tuning.distributed import Ranks
from trainer.tuning.hardware import peak_memory_mb
from trainer.tuning.journal import Journal
from trainer.tuning.learner import Learner
from trainer.tuning.loop import Material
from trainer.tuning.memory import choose_micro_batch
from trainer.tuning.probe import answer_freely
from trainer.tuning.rows import Row
from trainer.tuning.timetable import Timetable
from trainer.tuning.trouble import MicroBatchTooLarge, TrainingFailed, memory_errors_named
from trainer.tuning.tune import prepare

_QUICK_SECONDS = 5.0


def preflight(recipe: Recipe) -> dict[str, Any]:
    """Peak memory, speed and duration to expect.

    Raises:
        EngineError, RowsError, GateError: it could not be started at all.
        TrainingFailed: not even one row fits.
    """
    prepared = prepare(recipe, Journal(None))
    rows = sorted(prepared.material.train, key=len, reverse=True)[: recipe.batch]
    micro_batch = recipe.micro_batch or choose_micro_batch(
        prepared.base, recipe.batch, len(rows[0])
    )
    learner = Learner(prepared.base, recipe, prepared.prefix, micro_batch, Ranks())
    seconds = _measure(learner, rows)
    if seconds < _QUICK_SECONDS:  # the first step also compiles and warms up
        seconds = _measure(learner, rows)
    tokens_per_s = sum(map(len, rows)) / seconds
    train = prepared.material.train
    timetable = Timetable(recipe, len(train))
    work = timetable.steps / timetable.epoch_steps * sum(map(len, train)) / tokens_per_s
    beside = _beside(timetable, learner, prepared.material)
    placement = prepared.base.placement
    return {
        "device": str(placement.device),
        "precision": placement.precision,
        "reason": placement.reason,
        "rows": len(train),
        "steps": timetable.steps,
        "longest": len(rows[0]),
        "micro_batch": learner.micro_batch,
        "peak_mb": peak_memory_mb(placement.device),
        "step_s": seconds,
        "tokens_per_s": tokens_per_s,
        "beside_s": beside,
        "eta_s": work + beside,
    }


def _beside(timetable: Timetable, learner: Learner, material: Material) -> float:
    """Seconds of all validations and probes."""
    steps = range(1, timetable.steps + 1)
    seconds = 0.0
    if material.validation:
        seconds += sum(map(timetable.validates, steps)) * _validation(learner, material.validation)
    if material.probe:
        probes = sum(map(timetable.probes, steps)) + 1  # the base is asked too
        seconds += probes * _probe(learner, material)
    return seconds


def _validation(learner: Learner, rows: tuple[Row, ...]) -> float:
    """Seconds of one validation, from that of its longest rows."""
    longest = sorted(rows, key=len, reverse=True)[: learner.micro_batch]
    seconds = _fitted(learner, lambda: learner.evaluate(longest))
    return seconds * sum(map(len, rows)) / sum(map(len, longest))


def _probe(learner: Learner, material: Material) -> float:
    """Seconds of one probe whose answers are as long as the gold ones, from a few seconds of it.

    Nothing where there is no memory for one: then the run will leave it out.
    """
    tokens: list[float] = []

    def leave() -> bool:
        tokens.append(time.perf_counter())
        return tokens[-1] - tokens[0] > _QUICK_SECONDS

    lengths = [len(row.completion) for row in material.train]
    began = time.perf_counter()
    case, variant = material.probe[:1], learner.recipe.variant
    try:
        with memory_errors_named():
            answer_freely(learner.base, variant, case, max(lengths), leave)
    except MicroBatchTooLarge:
        return 0.0
    each = (tokens[-1] - tokens[0]) / max(1, len(tokens) - 1)
    mean = sum(lengths) / len(lengths)
    return tokens[0] - began + len(material.probe) * mean * each


def _measure(learner: Learner, rows: list[Any]) -> float:
    """Seconds of one step.

    The rate is zero, but the optimiser's state is made, so its memory counts.
    """
    return _fitted(learner, lambda: learner.learn(rows, 0.0, step=1, between=lambda: None))


def _fitted(learner: Learner, work: Callable[[], object]) -> float:
    """Seconds of *work*, with micro-batches halved until it fits."""
    while True:
        began = time.perf_counter()
        try:
            work()
            return time.perf_counter() - began
        except MicroBatchTooLarge:
            if learner.micro_batch == 1:
                raise TrainingFailed(
                    "a single row does not fit into memory: take a smaller base or --precision nf4"
                ) from None
            learner.micro_batch //= 2
