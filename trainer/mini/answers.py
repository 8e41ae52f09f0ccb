"""The gold answer to a generated vignette: four concise tiers that argue from its findings.

Role: turns a :class:`~trainer.mini.cases.Case` into the slots' texts.  The leading diagnosis is
argued only with findings the vignette states and negatives it states; alternatives are described
in general terms (what they share, what sets them apart), never as facts about this patient.
"""

from __future__ import annotations

import random

from diffdx_tui.domain.differential import ECHO, Slot
from diffdx_tui.domain.knowledge import Alternative, Condition
from trainer.mini.cases import Case

_SUPPORT = (
    "{present}{denied}",
    "supported by {present}{denied}",
    "suggested by {present}{denied}",
    "fits {present}{denied}",
    "best explains {present}{denied}",
)
_ALTERNATIVE = (
    "shared: {fits}; set apart by: {differs}",
    "can look alike ({fits}); told apart by: {differs}",
    "in common: {fits}; difference: {differs}",
)
_DANGER = (
    "must not be missed ({fits}); told apart by: {differs}",
    "to be excluded: {fits}; set apart by: {differs}",
    "dangerous if overlooked: {fits}; difference: {differs}",
)


def gold_answer(case: Case, vignette: str, rng: random.Random) -> dict[Slot, str]:
    """The texts of every slot of variant A for *case* written as *vignette*."""
    condition = case.condition
    first, second = _pick_mimics(condition, rng)
    danger = rng.choices(condition.dangerous, [3, 1][: len(condition.dangerous)])[0]
    return {
        ECHO: vignette,
        Slot("most_likely"): f"{display_name(condition.name)} - {_support(case, rng)}",
        Slot("possible", 0): _alternative(first, rng, _ALTERNATIVE),
        Slot("possible", 1): _alternative(second, rng, _ALTERNATIVE),
        Slot("unlikely_but_serious"): _alternative(danger, rng, _DANGER),
        Slot("recommended_workup"): _workup(condition, rng),
    }


def display_name(name: str) -> str:
    """*name* as it opens a tier: first letter large."""
    return name[:1].upper() + name[1:]


def arguments(case: Case, limit: int = 3) -> list[str]:
    """Rationales of stated findings, the telling ones first."""
    ranked = sorted(case.present, key=lambda f: (not f.decisive, -f.likelihood, f.id))
    return [finding.rationale for finding in ranked[:limit]]


def _support(case: Case, rng: random.Random) -> str:
    reasons = arguments(case, limit=rng.choice((2, 3, 3)))
    denied = f"; {case.denied[0].rationale}" if case.denied and rng.random() < 0.7 else ""
    return rng.choice(_SUPPORT).format(present=_list(reasons), denied=denied)


def _pick_mimics(condition: Condition, rng: random.Random) -> tuple[Alternative, Alternative]:
    """Two different mimics, the entry's first ones more often."""
    pool = list(condition.mimics)
    weights = [6, 4, 2, 1][: len(pool)] + [1] * max(0, len(pool) - 4)
    first = rng.choices(range(len(pool)), weights)[0]
    weights[first] = 0
    second = rng.choices(range(len(pool)), weights)[0]
    # In the entry's order, so that having written one says which can still follow.
    first, second = sorted((first, second))
    return pool[first], pool[second]


def _alternative(alternative: Alternative, rng: random.Random, frames: tuple[str, ...]) -> str:
    text = rng.choice(frames).format(fits=alternative.fits, differs=alternative.differs)
    return f"{display_name(alternative.name)} - {text}"


def _workup(condition: Condition, rng: random.Random) -> str:
    tests = [test.name for test in condition.first_tests[: rng.choice((2, 2, 3))]]
    if len(tests) == 3 and sum(map(len, tests)) > 130:
        tests.pop()
    frame = rng.choice(("{tests}.", "First {tests}.", "Start with {tests}."))
    text = frame.format(tests=_list(tests, last=", then "))
    return display_name(text)


def _list(parts: list[str], last: str = " and ") -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + last + parts[-1]
