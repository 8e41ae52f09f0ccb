"""A case: one patient drawn from one condition's illness script, before it becomes text.

Role: decides *what* is true of a patient (findings, denials, background, age, sex, tempo); how it
is said is :mod:`trainer.mini.prose`'s business.  Deterministic: all chance comes from the
``random.Random`` passed in.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from diffdx_tui.domain.knowledge import (
    Condition,
    ConditionFinding,
    Domain,
    NegativeFinding,
    RiskFactor,
)

Sex = Literal["female", "male"]
Register = Literal["clinical", "triage", "lay", "narrative"]
REGISTERS: tuple[Register, ...] = ("clinical", "triage", "lay", "narrative")

FEMALE_SHARE = {"female": 1.0, "male": 0.0, "mostly-female": 0.75, "mostly-male": 0.25, "any": 0.5}

NON_SPECIFIC = frozenset(
    [
        "fatigue",
        "malaise",
        "anorexia",
        "insomnia",
        "anxiety",
        "nausea",
        "dizziness",
        "tachycardia",
        "muscle-pain",
    ]
)
"""Findings that half of all patients report: one is now and then added to a case it says nothing
about, so that the model learns not to lean on them."""

BRIEF_SHARE = 0.25
"""Share of cases with one to three findings: people also type a single sentence."""


@dataclass(frozen=True, slots=True)
class Patient:
    """Who it is; *age* in years, with fractions for infants."""

    age: float
    sex: Sex

    @property
    def is_child(self) -> bool:
        """Young enough that somebody else usually speaks."""
        return self.age < 10


@dataclass(frozen=True, slots=True)
class Case:
    """What is true of one patient.

    Attributes:
        present: findings the vignette states, in the order it states them.
        denied: pertinent negatives the vignette states.
        background: risk factors the vignette states.
        extra: a non-specific finding that belongs to no argument, or ``None``.
        register: the vignette's main voice; single findings may be put in another one.
    """

    condition: Condition
    patient: Patient
    register: Register
    present: tuple[ConditionFinding, ...]
    denied: tuple[NegativeFinding, ...]
    background: tuple[RiskFactor, ...]
    extra: ConditionFinding | None

    @property
    def brief(self) -> bool:
        """So little to say that nothing is said around it."""
        return len(self.present) <= 2


class Casebook:
    """Draws cases from a set of conditions, and knows how each finding is put by all of them."""

    def __init__(self, conditions: Iterable[Condition], others: Iterable[Condition] = ()) -> None:
        """Cases are drawn from *conditions*; *others* only lend their wordings."""
        self.conditions = tuple(conditions)
        self._shared: dict[tuple[str, bool], list[ConditionFinding]] = defaultdict(list)
        self._denials: dict[tuple[str, bool], list[NegativeFinding]] = defaultdict(list)
        for condition in (*self.conditions, *others):
            of_child = condition.domain is Domain.PAEDIATRIC
            for finding in condition.findings:
                if not finding.decisive:  # a decisive finding's wording is the condition's own
                    self._shared[finding.id, of_child].append(finding)
            for negative in condition.negatives:
                self._denials[negative.id, of_child].append(negative)
        self._extras = {
            of_child: [
                finding
                for (name, child), findings in sorted(self._shared.items())
                if child == of_child and name in NON_SPECIFIC
                for finding in findings
            ]
            for of_child in (False, True)
        }

    def phrasings(
        self,
        case: Case,
        item: ConditionFinding | NegativeFinding,
        register: Register,
        rng: random.Random,
    ) -> tuple[str, ...]:
        """The wordings of *item* in *register*: mostly the condition's own, now and then those
        of another condition that shares the finding's id."""
        of_child = case.condition.domain is Domain.PAEDIATRIC
        if isinstance(item, NegativeFinding):
            pool: list[ConditionFinding] | list[NegativeFinding] = self._denials[item.id, of_child]
            borrow = 0.5
        else:
            pool = [] if item.decisive else self._shared[item.id, of_child]
            borrow = 0.3
        source = rng.choice(pool) if pool and rng.random() < borrow else item
        wordings: tuple[str, ...] = getattr(source, register)
        return wordings

    def draw(self, rng: random.Random, condition: Condition | None = None) -> Case:
        """One case, of *condition* or of a condition chosen evenly."""
        condition = condition or rng.choice(self.conditions)
        patient = _draw_patient(condition, rng)
        present = _draw_findings(condition, rng)
        brief = len(present) <= 2
        denials = rng.choice((0, 0, 0, 1) if brief else (0, 1, 1, 2, 2, 3, 4))
        factors = rng.choice((0, 0, 0, 1) if brief else (0, 0, 1, 1, 2))
        denied = rng.sample(condition.negatives, min(len(condition.negatives), denials))
        background = rng.sample(condition.risk_factors, min(len(condition.risk_factors), factors))
        return Case(
            condition=condition,
            patient=patient,
            register=rng.choices(REGISTERS, (30, 15, 30, 25))[0],
            present=tuple(present),
            denied=tuple(denied),
            background=tuple(background),
            extra=self._draw_extra(condition, rng),
        )

    def _draw_extra(self, condition: Condition, rng: random.Random) -> ConditionFinding | None:
        taken = {finding.id for finding in condition.findings}
        taken |= {negative.id for negative in condition.negatives}
        pool = self._extras[condition.domain is Domain.PAEDIATRIC]
        free = [finding for finding in pool if finding.id not in taken]
        return rng.choice(free) if free and rng.random() < 0.2 else None


def _draw_patient(condition: Condition, rng: random.Random) -> Patient:
    female = rng.random() < FEMALE_SHARE[condition.sex]
    low, high = condition.ages.typical
    if rng.random() < 0.15:
        low, high = condition.ages.min, condition.ages.max
    age = rng.uniform(low, high)
    return Patient(age if age < 3 else float(int(age)), "female" if female else "male")


def _chance(finding: ConditionFinding) -> float:
    """How often a vignette states *finding*.

    Test results are held back: people ask before the scan, and a model that may wait for
    the scan does not learn to read the story.
    """
    chance = max(0.8, finding.likelihood) if finding.decisive else finding.likelihood
    return chance * (0.35 if finding.kind == "test" else 1.0)


def _draw_findings(condition: Condition, rng: random.Random) -> list[ConditionFinding]:
    """A subset by likelihood; decisive findings mostly stay, and never all of them go."""
    chosen = [finding for finding in condition.findings if rng.random() < _chance(finding)]
    if not any(finding.decisive for finding in chosen):
        decisive = [f for f in condition.findings if f.decisive]
        chosen.append(rng.choice([f for f in decisive if f.kind != "test"] or decisive))
    limit = rng.randint(1, 3) if rng.random() < BRIEF_SHARE else rng.randint(3, 11)
    while len(chosen) > limit:
        # Decisive ones are a third as likely to be the one left out, in a brief case the last.
        weights = [(0.01 if limit <= 3 else 1) if f.decisive else 3 for f in chosen]
        chosen.remove(rng.choices(chosen, weights)[0])
    while len(chosen) < min(3, limit):
        chosen.append(rng.choice([f for f in condition.findings if f not in chosen]))
    rng.shuffle(chosen)
    if rng.random() < 0.5:  # half of the texts give symptoms first and measurements last
        chosen.sort(key=lambda finding: finding.kind in ("sign", "vital", "test"))
    return chosen
