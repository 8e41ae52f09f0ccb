"""From the first step to the last: when to learn, validate, probe, save, wait and end.

Role: keeps to the run's timetable, in which everything is a function of the step, so that a run
that goes on from a checkpoint does exactly what an uninterrupted one does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from diffdx_tui.domain.recipe import Recipe
from diffdx_tui.store.run_records import Control, Phase, RunState, StepMetrics
from trainer.tuning.batches import order_batches
from trainer.tuning.checkpoints import Progress, random_state, write_state
from trainer.tuning.hardware import Meter
from trainer.tuning.journal import Journal
from trainer.tuning.learner import Learner, RowLoss, Stepped
from trainer.tuning.probe import answer_freely
from trainer.tuning.rates import rate_at
from trainer.tuning.rows import Case, Row
from trainer.tuning.timetable import Timetable
from trainer.tuning.trouble import MicroBatchTooLarge, TrainingFailed, memory_errors_named

T = TypeVar("T")

_WAIT_SECONDS = 0.05
_PACE = 0.3  # weight of the last step in the estimate of the time left


@dataclass(frozen=True, slots=True)
class Material:
    """Rows to learn from, rows to validate on, and the cases a probe answers."""

    train: tuple[Row, ...]
    validation: tuple[Row, ...]
    probe: tuple[Case, ...]


class Stopped(Exception):
    """The run was asked to stop, and has been saved."""


class Loop:
    """One run in this process.

    Attributes:
        progress: where it stands.
        steps: how many there will be.
    """

    def __init__(
        self,
        recipe: Recipe,
        material: Material,
        learner: Learner,
        journal: Journal,
        progress: Progress,
    ) -> None:
        self.recipe, self.material, self.learner = recipe, material, learner
        self.journal, self.progress, self.ranks = journal, progress, learner.ranks
        self._device = learner.base.placement.device
        self._meter = Meter(self._device)
        self.timetable = Timetable(recipe, len(material.train))
        self.steps = self.timetable.steps
        self._batches = lru_cache(maxsize=2)(self._order)
        self._saved_at, self._saved_step = time.monotonic(), progress.step
        self._step_seconds: float | None = None
        self._draws: list[Any] = [random_state(self._device)]
        self._away = 0.0  # seconds of the work at hand that went to requests

    def run(self) -> RunState:
        """Go on to the end.

        Raises:
            TrainingFailed: loss or gradient is not finite, or one row does not fit into memory.
        """
        self.journal.expect(self.steps, None)
        try:
            self._attend_after_step()
            while self.progress.step < self.steps and not self._enough():
                self._learn()
                self._attend_after_step()
        except Stopped:
            return RunState.STOPPED
        self.save()  # also what was validated and probed since the last one
        return RunState.FINISHED

    def save(self, *, best: bool = False) -> None:
        """Write a checkpoint of the last complete step, also in the middle of the next one."""
        draws = self._draws
        if self.ranks.world > 1:  # then it is only called between steps
            draws = self.ranks.gather(random_state(self._device))
        with self.journal.checkpoint(self.progress.step, best=best) as folder:
            if folder is not None:
                write_state(folder, self.learner, self.progress, draws)
        self._saved_at, self._saved_step = time.monotonic(), self.progress.step

    # One step

    def _learn(self) -> None:
        rows = self._rows_of(self.progress.step)
        rate = rate_at(self.progress.step, self.steps, self.recipe)
        self.journal.enter(Phase.STEP)
        began, self._away = time.monotonic(), 0.0
        stepped = self._fitting(
            lambda: self.learner.learn(rows, rate, self.progress.step + 1, self._attend_within_step)
        )
        seconds = time.monotonic() - began - self._away
        self._draws = [random_state(self._device)]
        self.progress.step += 1
        self.progress.seconds += seconds
        self._record(stepped, rate, seconds)

    def _record(self, stepped: Stepped, rate: float, seconds: float) -> None:
        for row in stepped.rows:
            self.progress.row_losses[row.id] = (row.loss, row.tokens)
        paced = self._step_seconds or seconds
        self._step_seconds = (1 - _PACE) * paced + _PACE * seconds
        self.journal.expect(self.steps, (self.steps - self.progress.step) * self._step_seconds)
        self.journal.step(
            StepMetrics(
                step=self.progress.step,
                epoch=self.progress.step / self.timetable.epoch_steps,
                loss=stepped.loss,
                rate=rate,
                grad_norm=stepped.norm,
                tokens=stepped.tokens,
                tokens_per_s=stepped.tokens / seconds,
                seconds=self.progress.seconds,
                rss_mb=self._meter.rss_mb(),
                gpu=self._meter.gpu(),
            )
        )

    def _rows_of(self, step: int) -> list[Row]:
        epoch, place = divmod(step, self.timetable.epoch_steps)
        return [self.material.train[number] for number in self._batches(epoch)[place]]

    def _order(self, epoch: int) -> list[list[int]]:
        lengths = [len(row) for row in self.material.train]
        return order_batches(lengths, self.recipe.batch, self.recipe.seed, epoch)

    def _fitting(self, work: Callable[[], T]) -> T:
        """*work*, again with smaller micro-batches until it fits into memory."""
        while True:
            try:
                return work()
            except MicroBatchTooLarge:
                self._halve_micro_batch()

    def _halve_micro_batch(self) -> None:
        before = self.learner.micro_batch
        if before == 1:
            raise TrainingFailed(
                "a single row does not fit into memory: take a smaller base, --precision nf4, or "
                "leave long rows out with --max-tokens"
            )
        self.learner.micro_batch = self.progress.micro_batch = before // 2
        self.journal.notice(
            f"out of memory with {before} rows at once: going on with {before // 2} at once, still "
            f"{self.recipe.batch} rows a step"
        )

    # After a step

    def _attend_after_step(self) -> None:
        """What is due where the run stands; after a resumption, what was not yet done there."""
        step = self.progress.step
        if step == 0:
            self._obey(self.ranks.agree(self.journal.requests()))
            return
        if self.timetable.ends_epoch(step) and self.progress.row_losses:
            losses = [RowLoss(id, *one) for id, one in sorted(self.progress.row_losses.items())]
            self.journal.examples(step // self.timetable.epoch_steps, losses)
            self.progress.row_losses = {}
        if self.progress.evaluated < step and self.timetable.validates(step):
            self._validate()
        if self.progress.probed < step and self.timetable.probes(step):
            while not self.ranks.agree(self._probe()):
                self._obey(self.ranks.agree(self.journal.requests()))
        self._obey(self.ranks.agree(self.journal.requests()))
        if self.ranks.agree(self._is_save_due()):
            self.save()

    def _is_save_due(self) -> bool:
        return time.monotonic() - self._saved_at >= self.recipe.checkpoint_seconds

    def _validate(self) -> None:
        rows = self.material.validation
        if not rows:
            return
        with self.journal.phase(Phase.EVALUATING), self._timed_beside():
            losses = self._fitting(lambda: self.learner.evaluate(rows, self._attend_within_step))
        scored = sum(one.tokens for one in losses)
        loss = sum(one.loss * one.tokens for one in losses) / scored
        progress = self.progress
        self.journal.validation(progress.step, loss)
        progress.evaluated = progress.step
        if progress.best is None or loss < progress.best:
            progress.best, progress.best_step, progress.waited = loss, progress.step, 0
            self.save(best=True)
        else:
            progress.waited += 1

    def _probe(self) -> bool:
        """Before the first one the base alone is asked, which is what the run was at step 0.

        Then and not at step 0, because on a slow machine it would keep the first loss waiting.

        Returns:
            Whether it came to its end.
        """
        if self.material.probe and self.ranks.writes:
            with self.journal.phase(Phase.PROBING), self._timed_beside():
                if self.progress.probed < 0 and not self._probe_at(0, adapted=False):
                    return False
                if not self._probe_at(self.progress.step):
                    return False
        self.progress.probed = self.progress.step
        return True

    def _probe_at(self, step: int, *, adapted: bool = True) -> bool:
        cases = self.material.probe
        longest = max(len(row.completion) for row in self.material.train)
        base, variant = self.learner.base, self.recipe.variant
        try:
            with memory_errors_named():
                answers = answer_freely(
                    base, variant, cases, longest, self._has_to_leave, adapted=adapted
                )
        except MicroBatchTooLarge:
            self.journal.notice(f"not enough memory for the probe of step {step}: left out")
        else:
            if len(answers) < len(cases):
                return False
            self.journal.probe(step, answers)
        self.progress.probed = step
        return True

    @contextmanager
    def _timed_beside(self) -> Iterator[None]:
        """Count what is done in the block as work beside the steps, requests left out."""
        began, self._away = time.monotonic(), 0.0
        try:
            yield
        finally:
            self.progress.beside += time.monotonic() - began - self._away

    def _enough(self) -> bool:
        patience = self.recipe.early_stopping
        enough = patience is not None and self.progress.waited >= patience
        if enough:
            self.journal.notice(
                f"ended early: no better validation in {patience} tries since step "
                f"{self.progress.best_step}"
            )
        return enough

    # What a person asks

    def _attend_within_step(self) -> None:
        """Also in the middle of a step; several processes only agree between steps."""
        if self.ranks.world > 1:
            return
        began = time.monotonic()
        self._obey(self.journal.requests())
        if self._saved_step < self.progress.step and self._is_save_due():
            self.save()
        self._away += time.monotonic() - began

    def _has_to_leave(self) -> bool:
        """Whether the probe has to be left, and begun again, for a request to be obeyed."""
        self._attend_within_step()
        return self.ranks.world > 1 and bool(self.journal.requests())

    def _obey(self, requests: frozenset[Control]) -> None:
        """Every request is confirmed after its effect.

        Raises:
            Stopped: asked to.
        """
        if not requests:
            return
        if requests & {Control.SAVE, Control.PAUSE, Control.STOP}:
            self.save()
        if Control.SAVE in requests:
            self.journal.confirm(Control.SAVE)
        if Control.STOP in requests:
            self.journal.confirm(Control.STOP)
            raise Stopped
        if Control.PAUSE in requests:
            with self.journal.phase(Phase.PAUSED):
                self.journal.confirm(Control.PAUSE)
                self._wait()
        elif Control.RESUME in requests:
            self.journal.confirm(Control.RESUME)

    def _wait(self) -> None:
        """Until somebody asks to go on, or to stop."""
        while True:
            requests = self.ranks.agree(self.journal.requests())
            for control in (Control.SAVE, Control.PAUSE):
                if control in requests:  # the pause was saved, and nothing has changed since
                    self.journal.confirm(control)
            if Control.STOP in requests:
                self.journal.confirm(Control.STOP)
                raise Stopped
            if Control.RESUME in requests:
                self.journal.confirm(Control.RESUME)
                return
            time.sleep(_WAIT_SECONDS)
