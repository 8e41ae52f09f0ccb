"""How often two reviewers of the curated rows agreed, from the rows' own record.

Role: the counts and Cohen's kappa behind the data card's tables of reviews.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from diffdx_tui.domain.curated import REVIEW_CHECKS, CuratedCase, Review
from trainer.data.record import ALTERNATE_CHECK, REVIEWERS, ROUND_TWO

FEWEST_FOR_KAPPA = 5
"""Failures by each reviewer, below which kappa says nothing."""
ALTERNATES_JUDGED = 1016
"""Alternates that round two judged; what it struck out stands in the rows no more."""
Cases = Sequence[CuratedCase]
Pair = tuple[str, str]


class Agreement(NamedTuple):
    """Two reviewers on one check, in rows (or in alternates).

    Attributes:
        first: rows that the first reviewer failed.
        second: rows that the second reviewer failed.
        both: rows that both failed.
        rows: rows that both judged.
    """

    first: int
    second: int
    both: int
    rows: int

    @property
    def disagreed(self) -> int:
        """Rows that only one of them failed."""
        return self.first + self.second - 2 * self.both

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa; ``None`` where failures are too few for it."""
        if min(self.first, self.second) < FEWEST_FOR_KAPPA:
            return None
        one, two = self.first / self.rows, self.second / self.rows
        chance = one * two + (1 - one) * (1 - two)
        return (1 - self.disagreed / self.rows - chance) / (1 - chance) if chance < 1 else None


def agreement(
    cases: Cases, failed: Callable[[tuple[int, ...]], bool], reviewers: Pair = REVIEWERS
) -> Agreement:
    """How often each of two *reviewers* failed, by *failed*, the rows both judged, and both did."""
    one, two = reviewers
    pairs = [
        (failed(verdicts[one]), failed(verdicts[two]))
        for verdicts in map(_verdicts, cases)
        if one in verdicts and two in verdicts
    ]
    return Agreement(
        sum(one for one, _ in pairs),
        sum(two for _, two in pairs),
        sum(one and two for one, two in pairs),
        len(pairs),
    )


def _verdicts(case: CuratedCase) -> dict[str, tuple[int, ...]]:
    return {review.reviewer: review.failed for review in case.reviews}


def review_rows(cases: Cases, reviewers: Pair = REVIEWERS) -> list[tuple[str, Agreement]]:
    """Each check, and at the end whether a row failed any."""
    rows = [
        (f"{number}. {words}", agreement(cases, partial(_has, number), reviewers))
        for number, words in enumerate(REVIEW_CHECKS, start=1)
    ]
    return [*rows, ("**any check**", agreement(cases, bool, reviewers))]


def _has(number: int, failed: tuple[int, ...]) -> bool:
    return number in failed


def on_alternates(cases: Cases) -> Agreement:
    """Round two on single alternates."""
    pairs = [
        tuple(set(reviews[name].alternates_failed) for name in ROUND_TWO)
        for reviews in map(_round_two_of, cases)
        if reviews
    ]
    return Agreement(
        sum(len(one) for one, _ in pairs),
        sum(len(two) for _, two in pairs),
        sum(len(one & two) for one, two in pairs),
        ALTERNATES_JUDGED,
    )


def on_whole_rows(cases: Cases) -> Agreement:
    """Round two on the rows that it judged by all checks; a faulty alternate does not count."""
    pairs = [
        tuple(bool(_beside_alternates(reviews[name])) for name in ROUND_TWO)
        for reviews in map(_round_two_of, cases)
        if reviews and not any(review.of_alternates for review in reviews.values())
    ]
    return Agreement(
        sum(one for one, _ in pairs),
        sum(two for _, two in pairs),
        sum(one and two for one, two in pairs),
        len(pairs),
    )


def _round_two_of(case: CuratedCase) -> dict[str, Review]:
    return {review.reviewer: review for review in case.reviews if review.reviewer in ROUND_TWO}


def _beside_alternates(review: Review) -> set[int]:
    return set(review.failed) - ({ALTERNATE_CHECK} if review.alternates_failed else set())
