"""What changed from one answer to another, field by field.

Role: the facts behind the compare view: which diagnosis moved to which tier, which are new or gone,
and which words of each field changed.  Pure functions over the slots' texts, so unfinished answers
and answers of different variants can be compared too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from diffdx_tui.domain.diagnosis import SynonymTable, normalise_name, split_tier
from diffdx_tui.domain.differential import ECHO, UNFINISHED, Slot, Variant, slots_of

_NOT_DIAGNOSES = frozenset({ECHO.field, "recommended_workup"})
_WORD = re.compile(r"\s*\S+(?:\s+\Z)?|\s+\Z")
_ORDER = {slot: place for place, slot in enumerate(slots_of(Variant.A))}


class Operation(StrEnum):
    """What happened to a stretch of words."""

    EQUAL = "equal"
    REPLACE = "replace"
    DELETE = "delete"
    INSERT = "insert"


@dataclass(frozen=True, slots=True)
class WordChange:
    """A stretch of words before and after; joined, they give the two texts back."""

    operation: Operation
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One slot in both answers; ``None`` where an answer does not have it."""

    slot: Slot
    before: str | None
    after: str | None
    words: tuple[WordChange, ...]

    @property
    def changed(self) -> bool:
        """Whether the texts differ at all."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class DiagnosisChange:
    """Where a diagnosis stood and where it stands.

    Attributes:
        name: as the later answer writes it; the earlier one's words when it is gone.
        before: its tier (the field's name) in the earlier answer, or ``None``: it is new.
        after: its tier in the later answer, or ``None``: it is gone.
    """

    name: str
    before: str | None
    after: str | None

    @property
    def moved(self) -> bool:
        """In both answers, in different tiers."""
        return None not in (self.before, self.after) and self.before != self.after


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that differs, and what stayed, in the document's order."""

    diagnoses: tuple[DiagnosisChange, ...]
    fields: tuple[FieldChange, ...]

    @property
    def moved(self) -> tuple[DiagnosisChange, ...]:
        """Diagnoses in another tier than before."""
        return tuple(change for change in self.diagnoses if change.moved)

    @property
    def new(self) -> tuple[DiagnosisChange, ...]:
        """Diagnoses only the later answer has."""
        return tuple(change for change in self.diagnoses if change.before is None)

    @property
    def gone(self) -> tuple[DiagnosisChange, ...]:
        """Diagnoses only the earlier answer has."""
        return tuple(change for change in self.diagnoses if change.after is None)


@dataclass(frozen=True, slots=True)
class _Placed:
    key: str
    name: str
    tier: str


def compare(
    before: Mapping[Slot, str],
    after: Mapping[Slot, str],
    synonyms: SynonymTable | None = None,
) -> Comparison:
    """Compare two answers' slots; *synonyms* decides which names mean the same disease."""
    slots = sorted({*before, *after}, key=lambda slot: (_ORDER.get(slot, len(_ORDER)), slot.name))
    fields = tuple(
        FieldChange(
            slot,
            before.get(slot),
            after.get(slot),
            compare_words(before.get(slot, ""), after.get(slot, "")),
        )
        for slot in slots
    )
    table = synonyms or SynonymTable({})
    return Comparison(_compare_diagnoses(_placed(before, table), _placed(after, table)), fields)


def compare_words(before: str, after: str) -> tuple[WordChange, ...]:
    """The words of *before* against those of *after*; white space alone makes no difference.

    The parts' texts, joined, are the two texts exactly.
    """
    old, new = _WORD.findall(before), _WORD.findall(after)
    old_keys, new_keys = [word.strip() for word in old], [word.strip() for word in new]
    start = _common_length(old_keys, new_keys)
    rest = _common_length(old_keys[start:][::-1], new_keys[start:][::-1])
    old_end, new_end = len(old) - rest, len(new) - rest
    # The matcher's cost can grow with the square of the length, so it sees only the middle.
    matcher = SequenceMatcher(None, old_keys[start:old_end], new_keys[start:new_end], False)
    spans = [("equal", 0, start, 0, start)]
    spans += [
        (tag, a + start, b + start, c + start, d + start)
        for tag, a, b, c, d in matcher.get_opcodes()
    ]
    spans.append(("equal", old_end, len(old), new_end, len(new)))
    return _joined(
        WordChange(Operation(tag), "".join(old[a:b]), "".join(new[c:d]))
        for tag, a, b, c, d in spans
        if a < b or c < d
    )


def _joined(changes: Iterable[WordChange]) -> tuple[WordChange, ...]:
    """Neighbours of the same kind become one."""
    joined: list[WordChange] = []
    for change in changes:
        if joined and joined[-1].operation is change.operation:
            last = joined.pop()
            change = WordChange(
                change.operation, last.before + change.before, last.after + change.after
            )
        joined.append(change)
    return tuple(joined)


def _common_length(first: list[str], second: list[str]) -> int:
    length = 0
    for one, two in zip(first, second, strict=False):
        if one != two:
            break
        length += 1
    return length


def _placed(texts: Mapping[Slot, str], table: SynonymTable) -> list[_Placed]:
    """Every diagnosis with its tier, in the document's order."""
    placed = []
    for slot in sorted(texts, key=lambda slot: (_ORDER.get(slot, len(_ORDER)), slot.name)):
        name = split_tier(texts[slot]).diagnosis
        if slot.field in _NOT_DIAGNOSES or not name or texts[slot].strip() == UNFINISHED:
            continue
        key = table.standard_name(name) or name
        placed.append(_Placed(normalise_name(key), name, slot.field))
    return placed


def _compare_diagnoses(before: list[_Placed], after: list[_Placed]) -> tuple[DiagnosisChange, ...]:
    """Pair equal diagnoses, those in the same tier first; what is left is new or gone."""
    unpaired = list(before)
    sources: dict[int, _Placed] = {}

    def pair(*, same_tier: bool) -> None:
        for index, later in enumerate(after):
            if index in sources:
                continue
            for earlier in unpaired:
                fits = earlier.tier == later.tier or not same_tier
                if earlier.key == later.key and fits:
                    sources[index] = earlier
                    unpaired.remove(earlier)
                    break

    pair(same_tier=True)
    pair(same_tier=False)
    changes = [
        DiagnosisChange(later.name, sources[index].tier if index in sources else None, later.tier)
        for index, later in enumerate(after)
    ]
    changes += [DiagnosisChange(earlier.name, earlier.tier, None) for earlier in unpaired]
    return tuple(changes)
