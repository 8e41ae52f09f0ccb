"""The learning rate of every step: a pure function, so nothing of it needs saving.

Role: linear warm-up, then constant, linear or cosine decay to zero.
"""

from __future__ import annotations

import math

from diffdx_tui.domain.recipe import Recipe


def rate_at(step: int, steps: int, recipe: Recipe) -> float:
    """The rate of *step*, counted from 0, of *steps*."""
    warmup = round(recipe.warmup * steps)
    if step < warmup:
        return recipe.rate * (step + 1) / warmup
    if recipe.schedule == "constant":
        return recipe.rate
    share = (step - warmup) / max(1, steps - warmup)
    if recipe.schedule == "linear":
        return recipe.rate * (1 - share)
    return recipe.rate * 0.5 * (1 + math.cos(math.pi * share))
