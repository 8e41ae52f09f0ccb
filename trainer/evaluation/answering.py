"""Has every arm answer every row, once: the part of an evaluation that needs models.

Role: from a plan to ``outputs.jsonl``, through the engine and :func:`diffdx_tui.answer.answer`, as
``ask`` does it.  What is in the file is not asked again; models are loaded once for neighbouring
arms that share them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from diffdx_tui.answer import Request, answer
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.evaluation import Arm, Plan
from diffdx_tui.domain.evaluation_sets import EvaluationSet
from diffdx_tui.domain.events import (
    AnswerEvent,
    Cancelled,
    Failed,
    FailureKind,
    Finished,
    ModelInfo,
)
from diffdx_tui.domain.scoring import Gold
from diffdx_tui.domain.verdict import judge
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.engine.catalogue import ModelSpec, hash_weights, locate
from diffdx_tui.engine.failures import EngineError
from diffdx_tui.engine.local import LocalEngine
from diffdx_tui.engine.prompt import prompt_ids
from diffdx_tui.engine.tokenizer import Tokenizer
from diffdx_tui.store.evaluation_records import Output, OutputKey
from diffdx_tui.store.evaluation_writer import EvaluationWriter
from diffdx_tui.store.run_records import Phase
from trainer.evaluation.rows import Changed, expect_same_rows, hash_text, rows_asked


class Stopped(Exception):
    """Somebody asked for the end."""


class Job(NamedTuple):
    """One answer to be had, and the model that gives it."""

    arm: Arm
    spec: ModelSpec
    gold: Gold
    sample: int

    @property
    def key(self) -> OutputKey:
        """Where it goes."""
        return OutputKey(self.arm.name, self.gold.id, self.sample)


class _Unkept:
    """A recorder of nothing: an evaluation keeps its outputs itself."""

    def start_answer(self, **about: Any) -> None:
        """Nothing is kept."""

    def record(self, event: AnswerEvent) -> None:
        """Nothing is kept."""


def jobs_of(plan: Plan, rows: EvaluationSet) -> Iterator[Job]:
    """Every answer of *plan*, so ordered that a model is loaded as seldom as can be."""
    jobs = [
        Job(arm, _spec_of(arm, rows.fold_of.get(gold.id)), gold, sample)
        for arm in plan.arms
        for gold in rows_asked(arm, rows)
        for sample in range(arm.samples)
    ]
    first: dict[ModelSpec, int] = {}
    for job in jobs:
        first.setdefault(job.spec, len(first))
    return iter(sorted(jobs, key=lambda job: first[job.spec]))


def answer_rows(
    writer: EvaluationWriter,
    rows: EvaluationSet,
    tell: Callable[[str], None] = lambda text: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Answer what is not answered yet.

    Args:
        tell: told what is being done, a sentence now and then.
        cancelled: looked at after every token, like the request to stop.

    Raises:
        Stopped: asked to; what was answered is kept.
        Changed: model, adapter or a row is not what it was when the evaluation began.
        EngineError: a model cannot be loaded, or broke.
    """
    jobs = list(jobs_of(writer.record.plan, rows))
    expect_same_rows(writer.done.values(), writer.record.plan.arms, rows)
    open_jobs = [job for job in jobs if job.key not in writer.done]
    engine: LocalEngine | None = None
    loaded: ModelSpec | None = None
    began = time.monotonic()
    stop = _patiently(lambda: cancelled() or writer.stop_requested())
    for number, job in enumerate(open_jobs):
        spent = time.monotonic() - began
        eta = spent / number * (len(open_jobs) - number) if number else None
        writer.expect(steps=len(jobs), eta_s=eta)
        if stop():
            raise Stopped
        if engine is None or job.spec != loaded:
            engine = None  # before the next one's weights come
            writer.enter_phase(Phase.LOADING)
            tell(f"{job.arm.label}: loading")
            engine, loaded = LocalEngine.load(job.spec), job.spec
            _note_model(writer, job, engine.info)
            writer.enter_phase(Phase.EVALUATING)
        writer.append(answer_job(job, engine, stop))
        if (number + 1) % 25 == 0 or number + 1 == len(open_jobs):
            tell(f"{number + 1} of {len(open_jobs)} answered")
    writer.expect(steps=len(jobs), eta_s=0.0)


def answer_job(job: Job, engine: LocalEngine, stop: Callable[[], bool]) -> Output:
    """One answer.

    Raises:
        Stopped: in the middle of it.
        EngineError: the engine broke.
    """
    decoding = replace(job.arm.decoding, seed=job.arm.decoding.seed + job.sample)
    vignette = Vignette.parse(job.gold.vignette)
    request = Request(vignette, decoding)
    last: AnswerEvent | None = None
    for event in answer(request, engine, _Unkept(), stop, announce=False):
        last = event
    if isinstance(last, Cancelled):
        raise Stopped
    if isinstance(last, Finished):
        stats = last.stats
        cut = bool(stats.unfinished) or stats.tokens_sampled >= decoding.max_new_tokens
        return Output(job.key, hash_text(vignette.text), last.raw, last.verdict, stats, cut)
    if not isinstance(last, Failed):
        raise EngineError("the engine ended without a word")
    if last.kind is not FailureKind.INPUT_TOO_LONG:
        raise EngineError(f"{job.gold.id}: {last.message}")
    nothing = judge("", job.arm.variant, vignette.text).verdict
    return Output(job.key, hash_text(vignette.text), "", nothing, failure=last.message)


def _spec_of(arm: Arm, fold: int | None) -> ModelSpec:
    adapter = arm.adapter if fold is None or not arm.folds else arm.folds[fold]
    return ModelSpec(arm.model, adapter, arm.variant, arm.precision)


def _patiently(stop: Callable[[], bool], seconds: float = 0.1) -> Callable[[], bool]:
    """*stop*, asked ten times a second at most: it looks into a folder."""
    asked_at, answered = 0.0, False

    def ask() -> bool:
        nonlocal asked_at, answered
        now = time.monotonic()
        if not answered and now - asked_at >= seconds:
            asked_at, answered = now, stop()
        return answered

    return ask


def _note_model(writer: EvaluationWriter, job: Job, info: ModelInfo) -> None:
    """Keep what answered; it must be what answered before."""
    located = locate(job.spec)
    found = {
        "base": hash_weights(located.base_directory),
        "adapter": info.adapter_sha256,
        "prompt": _hash_prompt(located.base_directory, job.arm.variant),
        "precision": info.precision,
        "device": info.device,
    }
    name = job.arm.label if job.arm.seed is None else f"{job.arm.label}, seed {job.arm.seed}"
    if job.arm.folds:
        name += f", fold {job.arm.folds.index(job.spec.adapter or '')}"
    before = writer.record.facts.get("models", {}).get(name)
    checked = ("base", "adapter", "prompt", "precision")
    if before is not None and any(before.get(one) != found[one] for one in checked):
        changed = ", ".join(one for one in checked if before.get(one) != found[one])
        raise Changed(f"{job.arm.label}: {changed} changed since the evaluation began: start anew")
    writer.add_facts(models={name: found})


def _hash_prompt(base: Path, variant: Variant) -> str:
    """Of the chat frame around one letter, as tokens: template and tokeniser in one."""
    return hash_text(str(prompt_ids(Tokenizer.load(base), variant, ".")))
