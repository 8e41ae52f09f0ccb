"""Why this diagnosis, and why not the others: reasons that cite only what the case says.

Role: the argument of every document the embedded model learns from.  A finding is cited either in
the case's own words or by the entry's short rationale, an absence only where the case states it,
and an alternative is weighed with the findings the two conditions share and those they do not.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from diffdx_tui.domain.knowledge import (
    Alternative,
    Condition,
    ConditionFinding,
    NegativeFinding,
)
from trainer.mini.telling import Told

_LEADING = (
    "{present}{denied}{contrast}",
    "{present}{denied}{contrast}",
    "supported by {present}{denied}{contrast}",
    "suggested by {present}{denied}{contrast}",
    "{present} fit it{denied}{contrast}",
    "{present} point to it{denied}{contrast}",
    "best explains {present}{denied}{contrast}",
    "explains {present}{denied}{contrast}",
    "because of {present}{denied}{contrast}",
)
_GROUNDED = (
    "{shared} would suit it, but {against}",
    "{shared} could be this, though {against}",
    "considered for {shared}; less likely because {against}",
    "{shared} overlap, yet {against}",
)
_AGAINST = ("{other} speaks against it", "{other} does not fit", "{other} points elsewhere")
_GENERAL = (
    "{fits}; {differs}",
    "{fits}, but: {differs}",
    "shared: {fits}; set apart: {differs}",
    "can look alike ({fits}); told apart: {differs}",
)
_DANGER = (
    "must not be missed: {reason}",
    "has to be excluded: {reason}",
    "dangerous if overlooked: {reason}",
    "{reason}",
    "{reason}",
)


@dataclass(frozen=True, slots=True)
class Weighed:
    """One diagnosis with its reason, e.g. ``Migraine`` and ``photophobia would suit it, ...``."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Argument:
    """Everything an answer to a case may say.

    Attributes:
        leading: the case's condition.
        others: the entry's mimics, those first that share most with the case.
        danger: what must not be missed.
        tests: first tests in order.
        present, denied: what the case states, in its order, by rationale.
    """

    leading: Weighed
    others: tuple[Weighed, ...]
    danger: Weighed
    tests: tuple[str, ...]
    present: tuple[str, ...]
    denied: tuple[str, ...]


class Reasoner:
    """Argues cases with the entries of *conditions*."""

    def __init__(self, conditions: Iterable[Condition]) -> None:
        self._entries: dict[str, Condition] = {}
        for condition in conditions:
            for name in (condition.name, *condition.synonyms):
                self._entries.setdefault(name.lower(), condition)

    def entry_of(self, name: str) -> Condition | None:
        """The entry that goes by *name*, if the knowledge base has one."""
        return self._entries.get(name.lower())

    def argue(self, told: Told, rng: random.Random) -> Argument:
        """The argument of one case; chance chooses words, never facts."""
        condition = told.case.condition
        mimics = list(condition.mimics)
        rng.shuffle(mimics)
        mimics.sort(key=lambda mimic: -len(self._shared(told, mimic)) - rng.random())
        danger = rng.choices(condition.dangerous, [3, 1][: len(condition.dangerous)])[0]
        serious = self._weigh(told, danger, rng)
        reason = rng.choice(_DANGER).format(reason=serious.reason)
        return Argument(
            leading=Weighed(display_name(condition.name), self._support(told, mimics, rng)),
            others=tuple(self._weigh(told, mimic, rng) for mimic in mimics),
            danger=Weighed(serious.name, reason),
            tests=tuple(test.name for test in condition.first_tests),
            present=tuple(_rationale(told, finding) for finding in told.case.present),
            denied=tuple(negative.rationale for negative in told.case.denied),
        )

    def _support(self, told: Told, mimics: list[Alternative], rng: random.Random) -> str:
        case = told.case
        ranked = sorted(case.present, key=lambda f: (not f.decisive, -f.likelihood, f.id))
        chosen = ranked[: rng.choice((2, 3, 3, 4, 5))]
        present = listed([cite(told, finding, rng) for finding in chosen])
        denied = contrast = ""
        if case.denied and rng.random() < 0.6:
            denied = rng.choice(("; {w}", ", {w}", ", with {w}")).format(
                w=cite(told, case.denied[0], rng)
            )
        if rng.random() < 0.45:
            contrast = f"; unlike {mimics[0].name} ({mimics[0].differs})"
        return rng.choice(_LEADING).format(present=present, denied=denied, contrast=contrast)

    def _shared(self, told: Told, alternative: Alternative) -> list[ConditionFinding]:
        """Findings the case states that the alternative has as well."""
        entry = self.entry_of(alternative.name)
        if entry is None:
            return []
        known = {finding.id for finding in entry.findings}
        return [finding for finding in told.case.present if finding.id in known]

    def _weigh(self, told: Told, alternative: Alternative, rng: random.Random) -> Weighed:
        name = display_name(alternative.name)
        entry, shared = self.entry_of(alternative.name), self._shared(told, alternative)
        if entry and shared and rng.random() < 0.6:
            against = self._against(told, entry, rng)
            if against:
                words = listed([cite(told, finding, rng) for finding in shared[:2]])
                frame = rng.choice(_GROUNDED)
                rest = f" (typical: {alternative.differs})" if rng.random() < 0.25 else ""
                return Weighed(name, frame.format(shared=words, against=against) + rest)
        frame = rng.choice(_GENERAL)
        return Weighed(name, frame.format(fits=alternative.fits, differs=alternative.differs))

    def _against(self, told: Told, entry: Condition, rng: random.Random) -> str:
        """What the case has that *entry* has not, or lacks that *entry* has."""
        known = {finding.id for finding in entry.findings}
        lacking = [negative for negative in told.case.denied if negative.id in known]
        if lacking and rng.random() < 0.7:
            return cite(told, lacking[0], rng)
        other = [f for f in told.case.present if f.decisive and f.id not in known]
        if not other:
            return ""
        return rng.choice(_AGAINST).format(other=cite(told, other[0], rng))


def cite(told: Told, item: ConditionFinding | NegativeFinding, rng: random.Random) -> str:
    """*item* in the case's own words or by its rationale."""
    quoted = told.quote_of(item.id)
    if quoted is None or rng.random() < 0.5:
        return _rationale(told, item)
    register, words = quoted
    if register == "clinical":
        return words[:1].lower() + words[1:] if words[1:2].islower() else words
    if register == "triage":
        return f"'{words}'" if rng.random() < 0.3 else words
    if register == "lay" and len(words.split()) <= 12:
        return f"'{words}'"
    return _rationale(told, item)


def display_name(name: str) -> str:
    """*name* as it opens a line: first letter large."""
    return name[:1].upper() + name[1:]


def listed(parts: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def _rationale(told: Told, item: ConditionFinding | NegativeFinding) -> str:
    """The condition's own words for a finding that another entry may have lent."""
    if isinstance(item, ConditionFinding):
        for finding in told.case.condition.findings:
            if finding.id == item.id:
                return finding.rationale
    return item.rationale
