"""What is measured, in words and in numbers: metrics, their figures, and how figures are made.

Role: one figure per metric from the scores of an arm (the outputs of one model in one mode on one
set).  Shares are k out of n with Wilson's 95 % interval; means (MRR, ECHO-words) carry a bootstrap
interval over groups.  A metric that a case or variant cannot be asked is left out of n, never
counted wrong.  An output that cannot be parsed is wrong wherever an answer was due, and left out
of what is counted on its rationales and tiers.  Wilson takes rows as independent; the two rows of
a minimal pair are alike, so intervals on sets with pairs are slightly too narrow.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from diffdx_tui.domain.grounding import Claim
from diffdx_tui.domain.intervals import PairedTest, bootstrap_mean, mcnemar_exact, wilson


class Metric(StrEnum):
    """The metrics by their short names, in the order of a table."""

    SCH_STRICT = "SCH-strict"
    SCH_LENIENT = "SCH-lenient"
    ECHO = "ECHO"
    ECHO_WORDS = "ECHO-words"
    ACC1 = "ACC1"
    ACC3 = "ACC3"
    ANY4 = "ANY4"
    MRR = "MRR"
    MNM_RECALL = "MNM-recall"
    MNM_PLAUS = "MNM-plaus"
    BOIL = "BOIL"
    INV = "INV"
    DANGER_MISS = "DANGER-MISS"
    NEG = "NEG"
    UNG = "UNG"
    WORK = "WORK"
    PAIR = "PAIR"
    FLIP = "FLIP"
    POSS = "POSS"


DEFINITIONS: Mapping[Metric, str] = {
    Metric.SCH_STRICT: "the whole output is one JSON object of the variant's schema",
    Metric.SCH_LENIENT: "the first balanced object in the output is of the variant's schema",
    Metric.ECHO: "symptoms repeats the vignette character by character",
    Metric.ECHO_WORDS: "mean likeness of symptoms to the vignette: 1 - word edits / longer length",
    Metric.ACC1: "most_likely names the gold leading diagnosis",
    Metric.ACC3: "the gold leading diagnosis is in most_likely or possible",
    Metric.ANY4: "the gold leading diagnosis is in one of the four tiers",
    Metric.MRR: "mean of 1 / rank of the gold leading diagnosis over the tiers, 0 if absent",
    Metric.MNM_RECALL: "unlikely_but_serious names the gold must-not-miss or an accepted alternate",
    Metric.MNM_PLAUS: "unlikely_but_serious names a danger that is plausible in this case",
    Metric.BOIL: "unlikely_but_serious is wrong and is what the arm says most often in the domain",
    Metric.INV: "two tiers of one output name the same diagnosis",
    Metric.DANGER_MISS: "an emergency of the case is named in no tier",
    Metric.NEG: "a rationale asserts a finding that the case denies",
    Metric.UNG: "a rationale asserts a finding that the case does not state",
    Metric.WORK: "the workup names a required test and no avoided one",
    Metric.PAIR: "both rows of a minimal pair have the right leading diagnosis",
    Metric.FLIP: "the two rows of a minimal pair have different leading diagnoses, right or wrong",
    Metric.POSS: "one of possible names a gold possible diagnosis or an accepted alternate",
}
MEANS = frozenset({Metric.ECHO_WORDS, Metric.MRR})
LOWER_IS_BETTER = frozenset({Metric.BOIL, Metric.INV, Metric.DANGER_MISS, Metric.NEG, Metric.UNG})


@dataclass(frozen=True, slots=True)
class UnmatchedName:
    """A diagnosis that no list of names holds, and where it stood."""

    slot: str
    name: str


@dataclass(frozen=True, slots=True)
class CaseScore:
    """One output against one gold answer.

    Attributes:
        case: id of the row.
        group: rows that are alike and are drawn together.
        pair: the other row of a minimal pair.
        domain: of the row; empty where the set has none.
        values: by metric, true or false or a number from 0 to 1; a metric that does not apply is
            missing.  BOIL, PAIR and FLIP depend on the other rows and are never here.
        fourth: the must-not-miss diagnosis as one key per disease; empty without one.
        first: the leading diagnosis, the same way.
        unmatched: names that were not recognised.
        denied: claims behind NEG.
        ungrounded: claims behind UNG.
        claims: how many claims the rationales make.
    """

    case: str
    group: str
    pair: str | None
    domain: str
    values: Mapping[Metric, bool | float]
    fourth: str = ""
    unmatched: tuple[UnmatchedName, ...] = ()
    denied: tuple[Claim, ...] = ()
    ungrounded: tuple[Claim, ...] = ()
    claims: int = 0
    first: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Attributes:
        k: cases that count, or the sum of a mean's values.
        n: cases the metric applies to.
        value: k / n; ``None`` of nothing.
        low: lower end of the 95 % interval.
        high: its upper end.
        interval: ``wilson`` or ``group-bootstrap``.
    """

    k: float
    n: int
    value: float | None
    low: float
    high: float
    interval: str = field(default="wilson")

    def as_dict(self) -> dict[str, float | int | str | None]:
        """Plain values for a results file, to six places."""
        value = None if self.value is None else round(self.value, 6)
        return {
            "k": round(self.k, 6),
            "n": self.n,
            "value": value,
            "low": round(self.low, 6),
            "high": round(self.high, 6),
            "interval": self.interval,
        }

    @classmethod
    def of_share(cls, k: int, n: int) -> Figure:
        """*k* of *n* with Wilson's interval."""
        low, high = wilson(k, n)
        return cls(k, n, k / n if n else None, low, high)

    @classmethod
    def of_mean(cls, values: Sequence[float], groups: Sequence[str]) -> Figure:
        """The mean of *values*, each 0 to 1, with a bootstrap interval over *groups*.

        Where all are 0 or all are 1 resampling has nothing to vary and would claim certainty;
        then the interval is Wilson's, which is the wider for anything between.
        """
        if not values:
            return cls(0.0, 0, None, 0.0, 1.0, "group-bootstrap")
        total, n = math.fsum(values), len(values)
        if total in (0, n):
            return cls(total, n, total / n, *wilson(round(total), n))
        low, high = bootstrap_mean(values, groups)
        return cls(total, n, total / n, low, high, "group-bootstrap")


def values_of(scores: Sequence[CaseScore], metric: Metric) -> dict[str, bool | float]:
    """*metric* by case id (PAIR, FLIP: of the pair's first); cases it does not apply to are out."""
    if metric is Metric.BOIL:
        return _boilerplate(scores)
    if metric is Metric.PAIR:
        return {
            case: bool(one.values[Metric.ACC1] and other.values[Metric.ACC1])
            for case, (one, other) in _pairs(scores).items()
        }
    if metric is Metric.FLIP:
        return {
            case: bool(one.first and other.first) and one.first != other.first
            for case, (one, other) in _pairs(scores).items()
        }
    return {score.case: score.values[metric] for score in scores if metric in score.values}


def measure(scores: Sequence[CaseScore]) -> dict[Metric, Figure]:
    """Every metric of an arm, in table order."""
    group_of = {score.case: score.group for score in scores}
    figures: dict[Metric, Figure] = {}
    for metric in Metric:
        values = values_of(scores, metric)
        if metric in MEANS:
            groups = [group_of[case] for case in values]
            figures[metric] = Figure.of_mean([float(v) for v in values.values()], groups)
        else:
            figures[metric] = Figure.of_share(sum(map(bool, values.values())), len(values))
    return figures


def compare(first: Sequence[CaseScore], second: Sequence[CaseScore], metric: Metric) -> PairedTest:
    """Exact McNemar test of two arms over the cases that both answered.

    Raises:
        ValueError: *metric* is a mean.
    """
    if metric in MEANS:
        raise ValueError(f"{metric} is a mean: McNemar's test is for shares")
    one, two = values_of(first, metric), values_of(second, metric)
    shared = [case for case in one if case in two]
    return mcnemar_exact([bool(one[case]) for case in shared], [bool(two[case]) for case in shared])


def _boilerplate(scores: Sequence[CaseScore]) -> dict[str, bool | float]:
    """Per case: is its must-not-miss wrong, and the arm's commonest in that domain?

    Per domain, because a different stock answer for each domain is still a stock answer; twice at
    least, because something is always said most often.  What is right for the case is no
    boilerplate, so gold answers score 0.
    """
    answered = [score for score in scores if score.fourth]
    counts: dict[str, Counter[str]] = {}
    for score in answered:
        counts.setdefault(score.domain, Counter())[score.fourth] += 1
    return {
        score.case: not score.values.get(Metric.MNM_RECALL, True)
        and counts[score.domain][score.fourth] >= max(2, *counts[score.domain].values())
        for score in answered
        if Metric.MNM_RECALL in score.values
    }


def _pairs(scores: Sequence[CaseScore]) -> dict[str, tuple[CaseScore, CaseScore]]:
    """Pairs of which both rows were scored; a model that ignores the decisive finding gets none."""
    by_case = {score.case: score for score in scores if Metric.ACC1 in score.values}
    return {
        min(case, other.case): (score, other)
        for case, score in by_case.items()
        if (other := by_case.get(score.pair or "")) is not None
    }
