"""Intervals and tests for small samples: Wilson, exact McNemar, Holm, bootstrap over groups.

Role: the statistics behind every figure, on the lowest floor, so that the screen and the paper
print the same number.  Standard library only; the tests compare each with scipy and statsmodels.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

Z95 = 1.959963984540054  # two-sided 95 %
RESAMPLES = 2_000
SEED = 20_260


class Interval(NamedTuple):
    """A 95 % confidence interval."""

    low: float
    high: float


class PairedTest(NamedTuple):
    """Exact McNemar test of two arms on the same cases.

    Attributes:
        only_first: cases that only the first arm has right.
        only_second: cases that only the second arm has right.
        p: two-sided.
    """

    only_first: int
    only_second: int
    p: float


def wilson(k: int, n: int) -> Interval:
    """The Wilson score interval of *k* out of *n*; (0, 1) of nothing.

    Raises:
        ValueError: *k* is not between 0 and *n*.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no share")
    if n == 0:
        return Interval(0.0, 1.0)
    share = k / n
    scale = 1 + Z95 * Z95 / n
    centre = (share + Z95 * Z95 / (2 * n)) / scale
    half = Z95 * math.sqrt(share * (1 - share) / n + Z95 * Z95 / (4 * n * n)) / scale
    return Interval(
        0.0 if k == 0 else max(0.0, centre - half), 1.0 if k == n else min(1.0, centre + half)
    )


def mcnemar_exact(first: Sequence[bool], second: Sequence[bool]) -> PairedTest:
    """Do two arms differ on the same cases?  The two-sided binomial test of the discordant ones.

    Args:
        first: right or wrong by case.
        second: the same cases in the same order.

    Raises:
        ValueError: the lengths differ.
    """
    only_first = sum(a and not b for a, b in zip(first, second, strict=True))
    only_second = sum(b and not a for a, b in zip(first, second, strict=True))
    n, least = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(n, k) for k in range(least + 1))
    return PairedTest(only_first, only_second, min(1.0, 2 * tail / 2**n))


def holm(p_values: Sequence[float]) -> list[float]:
    """*p_values* adjusted for their number (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def bootstrap_mean(
    values: Sequence[float],
    groups: Sequence[str],
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """The percentile interval of the mean, whole groups drawn with replacement.

    Rows of one group (the two of a minimal pair) are alike, so they are drawn together.

    Args:
        values: one per row.
        groups: the group of each row.
        resamples: draws.
        seed: the same seed gives the same interval.

    Raises:
        ValueError: the lengths differ or there is no row.
    """
    if not values:
        raise ValueError("no mean of no values")
    sums: dict[str, tuple[float, int]] = {}
    for value, group in zip(values, groups, strict=True):
        total, rows = sums.get(group, (0.0, 0))
        sums[group] = total + value, rows + 1
    drawn, rng = list(sums.values()), random.Random(seed)
    means = []
    for _ in range(resamples):
        sample = rng.choices(drawn, k=len(drawn))
        means.append(math.fsum(one[0] for one in sample) / sum(one[1] for one in sample))
    means.sort()
    return Interval(_quantile(means, 0.025), _quantile(means, 0.975))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Linear between the two nearest order statistics (numpy's default)."""
    at = share * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])
