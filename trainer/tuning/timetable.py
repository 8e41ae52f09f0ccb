"""How many steps a run has, and after which of them it validates and probes.

Role: the one definition of both, for the loop that keeps to it and the pre-flight that predicts how
long that takes.
"""

from __future__ import annotations

from dataclasses import dataclass

from diffdx_tui.domain.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Timetable:
    """Of *recipe* on so many *rows*.  Steps count from 1."""

    recipe: Recipe
    rows: int

    @property
    def epoch_steps(self) -> int:
        """Steps of one pass over the rows."""
        return -(-self.rows // self.recipe.batch)

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        whole = self.recipe.epochs * self.epoch_steps
        return min(whole, self.recipe.max_steps or whole)

    def ends_epoch(self, step: int) -> bool:
        """Whether *step* is the last of an epoch."""
        return step % self.epoch_steps == 0

    def validates(self, step: int) -> bool:
        """Whether the validation rows are due after *step*."""
        return self.ends_epoch(step) or step == self.steps or _is_due(step, self.recipe.eval_every)

    def probes(self, step: int) -> bool:
        """Whether the probe is due after *step*."""
        every = self.recipe.probe_every
        due = _is_due(step, every) if every else self.ends_epoch(step)
        return due or step == self.steps


def _is_due(step: int, every: int | None) -> bool:
    return every is not None and step % every == 0
