"""From a diagnosis as written to a disease: names, ICD-10 codes, and when two are the same.

Role: the matcher of all content scores.  A name is looked up, letter for letter once normalised,
in the knowledge base and in the curated answers; one that no list holds is **unmatched**: it
counts as no diagnosis of the case and is listed, never guessed.

Sources, the first that knows a name decides its codes: the knowledge base's names and synonyms;
the curated answers' names (gold and alternates); the names under which the knowledge base lists
mimics and dangers; the curated answers' accepted wordings.  A name with several codes there keeps
them all.

Two diagnoses are the same if one is an accepted name of the other or else if they share a
three-character category, unless the codes tell them apart: both subdivided, both specified, and
different (E11.0 hyperosmolar state is not E11.1 ketoacidosis; J93.9, unspecified, is J93.0).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from diffdx_tui.domain.curated import CuratedCase
from diffdx_tui.domain.diagnosis import normalise_name
from diffdx_tui.domain.knowledge import Condition


@dataclass(frozen=True, slots=True)
class Target:
    """A gold diagnosis: its name, its code where one is known, and what counts as the same."""

    name: str
    icd10: str = ""
    accept: tuple[str, ...] = ()


def same_disease(first: str, second: str) -> bool:
    """Whether two ICD-10 codes may stand for one disease at the level answers are matched at."""
    if first[:3] != second[:3]:
        return False
    subdivided = len(first) > 3 and len(second) > 3
    specified = not (first.endswith(".9") or second.endswith(".9"))
    return not subdivided or not specified or first == second


@dataclass(frozen=True)
class NameTable:
    """All known names of diseases.

    Attributes:
        conditions: the knowledge base by normalised name and synonym; a form that two entries
            claim stands for both.
        codes: ICD-10 codes by normalised name.
        dangers: normalised names that the knowledge base lists as dangerous alternatives.
    """

    conditions: dict[str, tuple[Condition, ...]] = field(default_factory=dict)
    codes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    dangers: frozenset[str] = frozenset()

    @classmethod
    def build(cls, knowledge: Iterable[Condition], cases: Iterable[CuratedCase]) -> NameTable:
        """The table of *knowledge* and of the gold answers of *cases*."""
        knowledge, gold = tuple(knowledge), [one for case in cases for one in _gold(case)]
        own = [
            (name, condition)
            for condition in knowledge
            for name in (condition.name, *condition.synonyms)
        ]
        conditions: dict[str, tuple[Condition, ...]] = {}
        for name, condition in own:
            form = normalise_name(name)
            if condition not in conditions.get(form, ()):
                conditions[form] = (*conditions.get(form, ()), condition)
        listed = [one for entry in knowledge for one in (*entry.mimics, *entry.dangerous)]
        codes: dict[str, tuple[str, ...]] = {}
        for source in (
            [(name, condition.icd10) for name, condition in own],
            [(one.name, one.icd10) for one in gold],
            [(one.name, one.icd10) for one in listed],
            [(name, one.icd10) for one in gold for name in one.accept],
        ):
            codes = _collect(source) | codes
        dangers = (danger.name for entry in knowledge for danger in entry.dangerous)
        return cls(conditions, codes, frozenset(map(normalise_name, dangers)))

    def codes_of(self, name: str) -> tuple[str, ...]:
        """The codes *name* may stand for; empty if no list holds it."""
        return self.codes.get(normalise_name(name), ())

    def conditions_of(self, name: str) -> tuple[Condition, ...]:
        """The knowledge base's entries of that name."""
        return self.conditions.get(normalise_name(name), ())

    def is_listed_danger(self, name: str) -> bool:
        """Whether some entry of the knowledge base lists *name* as its dangerous alternative."""
        return normalise_name(name) in self.dangers

    def accepted(self, target: Target) -> frozenset[str]:
        """The normalised names of *target*: its own, and its knowledge entry's."""
        names = [target.name, *target.accept]
        for condition in self.conditions_of(target.name):
            names += [condition.name, *condition.synonyms]
        return frozenset(map(normalise_name, names))

    def find(self, name: str, targets: Sequence[Target]) -> frozenset[int]:
        """Which of *targets* (all diagnoses of one case, by place) *name* stands for.

        Targets that accept the name are it; only where none does, the codes decide.
        """
        form = normalise_name(name)
        own = [{normalise_name(one) for one in (t.name, *t.accept)} for t in targets]
        for accepted in (own, [self.accepted(target) for target in targets]):
            named = frozenset(place for place, names in enumerate(accepted) if form in names)
            if named:
                return named
        codes = self.codes.get(form, ())
        return frozenset(
            place
            for place, target in enumerate(targets)
            if target.icd10 and any(same_disease(code, target.icd10) for code in codes)
        )

    def repeats(self, first: str, second: str) -> bool:
        """Whether two tiers name one diagnosis: same name, same entry, or the very same codes."""
        one, two = normalise_name(first), normalise_name(second)
        if one == two:
            return True
        if any(entry in self.conditions.get(two, ()) for entry in self.conditions.get(one, ())):
            return True
        codes = self.codes.get(one, ())
        return bool(codes) and len(codes) == 1 and codes == self.codes.get(two, ())


def _gold(case: CuratedCase) -> list[Target]:
    lists = (case.tiers.by_tier(), case.tiers.alternates.by_tier())
    return [
        Target(one.name, one.icd10, one.accept)
        for tiers in lists
        for named in tiers.values()
        for one in named
    ]


def _collect(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    table: dict[str, dict[str, None]] = {}
    for name, code in pairs:
        table.setdefault(normalise_name(name), {})[code] = None
    return {form: tuple(codes) for form, codes in table.items()}
