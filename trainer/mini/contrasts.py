"""Two cases that differ in the finding that decides, and cases made harder to read.

Role: draws minimal pairs (the same shared findings, one condition's decisive finding or its
mimic's) and strews what misleads: a mimic's finding, another illness in the past.
"""

from __future__ import annotations

import random
from dataclasses import replace

from diffdx_tui.domain.knowledge import Condition, ConditionFinding, Domain, RiskFactor
from trainer.mini.cases import REGISTERS, Case, Casebook, Patient, Sex
from trainer.mini.reasoning import Reasoner

_SEXES: tuple[Sex, ...] = ("female", "male")


class Contrasts:
    """Pairs of conditions that are taken for one another, and cases from them."""

    def __init__(self, book: Casebook, reasoner: Reasoner) -> None:
        self.book, self.reasoner = book, reasoner
        self.pairs = tuple(
            (condition, other)
            for condition in book.conditions
            for other in self._rivals(condition)
            if _shared_ids(condition, other) and _overlap(condition, other)
        )
        self._chronic = [c for c in book.conditions if c.tempo in ("months", "weeks")]

    def _rivals(self, condition: Condition) -> list[Condition]:
        found = []
        for alternative in (*condition.mimics, *condition.dangerous):
            entry = self.reasoner.entry_of(alternative.name)
            same_speaker = entry is not None and (
                (entry.domain is Domain.PAEDIATRIC) == (condition.domain is Domain.PAEDIATRIC)
            )
            if entry is not None and entry.id != condition.id and same_speaker:
                found.append(entry)
        return found

    def draw_pair(self, rng: random.Random) -> tuple[Case, Case]:
        """Two cases alike in all but what decides between their conditions."""
        first, second = rng.choice(self.pairs)
        shared = [f for f in first.findings if f.id in _shared_ids(first, second)]
        shared = rng.sample(shared, min(len(shared), rng.randint(1, 4)))
        low, high = _overlap(first, second) or (30, 60)
        sexes = [sex for sex in _SEXES if _may_be(first, sex) and _may_be(second, sex)]
        age = rng.uniform(low, high)
        patient = Patient(age if age < 3 else float(int(age)), rng.choice(sexes))
        register = rng.choice(REGISTERS)
        place = rng.randint(0, len(shared))
        pick = rng.random()
        cases = []
        for condition, other in ((first, second), (second, first)):
            present = [*shared]
            present.insert(place, _decisive(condition, other, pick))
            cases.append(
                Case(
                    condition=condition,
                    patient=patient,
                    register=register,
                    present=tuple(present),
                    denied=(),
                    background=(),
                    extra=None,
                )
            )
        return cases[0], cases[1]

    def mislead(self, case: Case, rng: random.Random) -> Case:
        """*case*, now and then with a mimic's finding or another illness in the past."""
        if rng.random() < 0.15:
            rivals = self._rivals(case.condition)
            free = [f for c in rivals for f in c.findings if self._says_nothing(case, f)]
            if free:
                case = replace(case, extra=rng.choice(free))
        if rng.random() < 0.12 and case.condition.domain is not Domain.PAEDIATRIC:
            past = rng.choice(self._chronic)
            if past.id != case.condition.id and past.domain is not Domain.PAEDIATRIC:
                known = RiskFactor(clinical=(past.name,), lay=(f"I have {past.name}",))
                case = replace(case, background=(*case.background, known))
        return case

    def _says_nothing(self, case: Case, finding: ConditionFinding) -> bool:
        known = {f.id for f in case.condition.findings}
        known |= {negative.id for negative in case.condition.negatives}
        return not finding.decisive and finding.kind != "test" and finding.id not in known


def _shared_ids(first: Condition, second: Condition) -> set[str]:
    one = {f.id for f in first.findings if not f.decisive}
    return one & {f.id for f in second.findings if not f.decisive}


def _overlap(first: Condition, second: Condition) -> tuple[float, float] | None:
    """Ages both conditions can have; ``None`` where there are none, or no common sex."""
    low = max(first.ages.min, second.ages.min)
    high = min(first.ages.max, second.ages.max)
    if not any(_may_be(first, sex) and _may_be(second, sex) for sex in _SEXES):
        return None
    usual = max(low, first.ages.typical[0], second.ages.typical[0])
    usual_high = min(high, first.ages.typical[1], second.ages.typical[1])
    if usual < usual_high:
        return usual, usual_high
    return (low, high) if low < high else None


def _may_be(condition: Condition, sex: str) -> bool:
    return condition.sex not in ("female", "male") or condition.sex == sex


def _decisive(condition: Condition, other: Condition, pick: float) -> ConditionFinding:
    """A decisive finding *other* has not, rather no test result."""
    known = {f.id for f in other.findings}
    decisive = [f for f in condition.findings if f.decisive]
    own = [f for f in decisive if f.id not in known] or decisive
    own = [f for f in own if f.kind != "test"] or own
    return own[int(pick * len(own))]
