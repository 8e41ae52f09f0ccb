"""Which arms differ: exact McNemar tests, corrected for their number within a table.

Role: decides what is compared with what.  A family is one metric in one table: *models* (arms of
one seed that are decoded alike), *decodings* (one model, decoded in two ways) or *baselines* (each
model arm of a table against each simple baseline).  Holm's correction is within a family, so
across metrics nothing is corrected: schema adherence is the metric that was named beforehand, the
others explore.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from diffdx_tui.domain.intervals import PairedTest, holm
from diffdx_tui.domain.metrics import MEANS, CaseScore, Metric, compare, values_of

# Given to the baselines and in guided mode, so nothing to compare.
_GIVEN = frozenset({Metric.SCH_STRICT, Metric.SCH_LENIENT, Metric.ECHO})
_SHARES = tuple(metric for metric in Metric if metric not in MEANS)


@dataclass(frozen=True)
class Scored:
    """An arm with one answer a case.

    Attributes:
        table: how it is decoded; arms of one table can be compared as models.
        guided: whether form and echo were given to it.
        own: scores on all fields of its variant.
        shared: scores on the fields that all variants have.
    """

    name: str
    label: str
    variant: str
    table: str
    guided: bool
    seed: int | None
    own: tuple[CaseScore, ...]
    shared: tuple[CaseScore, ...]


@dataclass(frozen=True)
class _Pair:
    kind: str
    table: str
    first: str
    second: str
    fields: str
    given: bool
    scores: tuple[Sequence[CaseScore], Sequence[CaseScore]]


def compare_arms(
    arms: Sequence[Scored], baselines: Mapping[str, Sequence[CaseScore]]
) -> list[dict[str, Any]]:
    """All tests, a dictionary each: family, arms, discordant cases, p and corrected p."""
    families: dict[tuple[str, str], list[_Pair]] = defaultdict(list)
    for pair in [*_model_pairs(arms), *_decoding_pairs(arms), *_baseline_pairs(arms, baselines)]:
        families[pair.kind, pair.table].append(pair)
    tests = []
    for pairs in families.values():
        for metric in _SHARES:
            asked = [pair for pair in pairs if not (pair.given and metric in _GIVEN)]
            tests += _family(asked, metric)
    return tests


def _family(pairs: Sequence[_Pair], metric: Metric) -> list[dict[str, Any]]:
    asked = [(pair, n) for pair in pairs if (n := _shared_cases(pair, metric))]
    results: list[PairedTest] = [compare(*pair.scores, metric) for pair, _ in asked]
    corrected = holm([result.p for result in results])
    return [
        {
            "kind": pair.kind,
            "table": pair.table,
            "metric": str(metric),
            "fields": pair.fields,
            "first": pair.first,
            "second": pair.second,
            "n": n,
            "only_first": result.only_first,
            "only_second": result.only_second,
            "p": round(result.p, 6),
            "p_holm": round(p_holm, 6),
            "tests": len(asked),
        }
        for (pair, n), result, p_holm in zip(asked, results, corrected, strict=True)
    ]


def _shared_cases(pair: _Pair, metric: Metric) -> int:
    one, two = (values_of(scores, metric) for scores in pair.scores)
    return len(one.keys() & two.keys())


def _model_pairs(arms: Sequence[Scored]) -> list[_Pair]:
    """Arms of one table; of several seeds, those of the same, and what has none with each."""
    pairs = []
    for first, second in combinations(arms, 2):
        seeds = {first.seed, second.seed} - {None}
        if first.table == second.table and first.label != second.label and len(seeds) < 2:
            seed = f", seed {seeds.pop()}" if seeds and _has_several_seeds(arms) else ""
            pairs.append(_paired("models", first.table + seed, first, second))
    return pairs


def _decoding_pairs(arms: Sequence[Scored]) -> list[_Pair]:
    def model(arm: Scored) -> tuple[str, int | None]:
        return arm.label, arm.seed

    return [
        _paired("decodings", f"{first.label}{_seed(first, arms)}", first, second)
        for first, second in combinations(arms, 2)
        if model(first) == model(second) and first.table != second.table
    ]


def _baseline_pairs(
    arms: Sequence[Scored], baselines: Mapping[str, Sequence[CaseScore]]
) -> list[_Pair]:
    return [
        _Pair(
            kind="baselines",
            table=f"{arm.table}{_seed(arm, arms)}",
            first=arm.name,
            second=name,
            fields="all",
            given=True,
            scores=(arm.own, scores),
        )
        for arm in arms
        for name, scores in baselines.items()
    ]


def _paired(kind: str, table: str, first: Scored, second: Scored) -> _Pair:
    """Two variants are compared on what both have."""
    alike = first.variant == second.variant
    fields = "all" if alike else "shared"
    scores = (first.own, second.own) if alike else (first.shared, second.shared)
    given = first.guided or second.guided
    return _Pair(kind, table, first.name, second.name, fields, given, scores)


def _seed(arm: Scored, arms: Sequence[Scored]) -> str:
    return f", seed {arm.seed}" if arm.seed is not None and _has_several_seeds(arms) else ""


def _has_several_seeds(arms: Sequence[Scored]) -> bool:
    return len({arm.seed for arm in arms} - {None}) > 1
