"""Does a case told otherwise get the same answer?

Role: sets each arm that was asked perturbed cases beside the arm that was asked the plain ones.
What counts is the leading diagnosis as a disease, so another name for it is no change; whether it
is right is told beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from diffdx_tui.domain.evaluation import PERTURBATIONS, Arm
from diffdx_tui.domain.metrics import CaseScore, Figure, Metric, compare, values_of

ANY = "any"
"""Stands for all perturbations together: a case counts if none of its own changed the answer."""


def measure_invariance(
    arms: Sequence[Arm], scores: Mapping[str, Sequence[CaseScore]]
) -> list[dict[str, Any]]:
    """A row for each perturbed arm and one, :data:`ANY`, for each plain arm that has several.

    Args:
        scores: of every arm by its name, one answer a case.
    """
    kept: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    rows = []
    for arm in arms:
        plain = _plain(arm, arms)
        if plain is None or arm.perturbation is None:
            continue
        same = _same(scores[plain.name], scores[arm.name])
        for case, one in same.items():
            kept[plain.name][case].append(one)
        rows.append(
            {
                "arm": plain.name,
                "perturbed": arm.name,
                "perturbation": arm.perturbation,
                "about": PERTURBATIONS[arm.perturbation],
                "same": _share(list(same.values())),
                **_accuracy(scores[plain.name], scores[arm.name]),
            }
        )
    for name, cases in kept.items():
        if sum(row["arm"] == name for row in rows) > 1:
            rows.append(
                {
                    "arm": name,
                    "perturbed": "",
                    "perturbation": ANY,
                    "about": "each of these that changes the text at all",
                    "same": _share([all(some) for some in cases.values()]),
                }
            )
    return rows


def _plain(arm: Arm, arms: Sequence[Arm]) -> Arm | None:
    """The arm that differs from *arm* only in not being perturbed."""
    wanted = arm.model_copy(update={"perturbation": None})
    return next((one for one in arms if one.model_copy(update={"name": arm.name}) == wanted), None)


def _same(plain: Sequence[CaseScore], perturbed: Sequence[CaseScore]) -> dict[str, bool]:
    """By case: the same leading diagnosis?  Cases without one to begin with are left out."""
    first = {score.case: score.first for score in plain if score.first}
    return {
        score.case: score.first == first[score.case] for score in perturbed if score.case in first
    }


def _accuracy(plain: Sequence[CaseScore], perturbed: Sequence[CaseScore]) -> dict[str, Any]:
    """ACC1 before and after on the cases of both, and the paired test."""
    before, after = values_of(plain, Metric.ACC1), values_of(perturbed, Metric.ACC1)
    shared = [case for case in after if case in before]
    test = compare(plain, perturbed, Metric.ACC1)
    return {
        "right_plain": _share([bool(before[case]) for case in shared]),
        "right_perturbed": _share([bool(after[case]) for case in shared]),
        "only_plain": test.only_first,
        "only_perturbed": test.only_second,
        "p": round(test.p, 6),
    }


def _share(outcomes: Sequence[bool]) -> dict[str, Any]:
    return Figure.of_share(sum(outcomes), len(outcomes)).as_dict()
