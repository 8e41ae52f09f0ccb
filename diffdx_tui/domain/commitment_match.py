"""Which of a reader's diagnoses are the gold answer's.

Role: matches as a model's names are matched (:mod:`diffdx_tui.domain.naming`); a name that no list
holds is *not recognised*, never guessed to be right or wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from diffdx_tui.domain.commitment import DIAGNOSES, Commitment
from diffdx_tui.domain.curated import CuratedCase
from diffdx_tui.domain.diagnosis import split_tier
from diffdx_tui.domain.differential import Slot
from diffdx_tui.domain.naming import NameTable, Target


class Match(StrEnum):
    """How a reader's diagnosis stands to the gold answer."""

    EMPTY = "left empty"
    SAME = "same"
    ELSEWHERE = "in another tier"
    ALTERNATE = "also accepted"
    DIFFERENT = "not in the gold answer"
    UNKNOWN = "not recognised"


@dataclass(frozen=True, slots=True)
class Judged:
    """One of the reader's diagnoses.

    Attributes:
        text: what they wrote.
        gold: the name of the gold or accepted diagnosis it matched, if any.
        field: the tier that one stands in, or is accepted in.
    """

    slot: Slot
    text: str
    match: Match
    gold: str = ""
    field: str = ""


def judge(case: CuratedCase, commitment: Commitment, names: NameTable) -> tuple[Judged, ...]:
    """Each of the four diagnoses against the gold answer."""
    return tuple(
        _judge_one(case, slot, commitment.texts.get(slot, ""), names) for slot in DIAGNOSES
    )


def _judge_one(case: CuratedCase, slot: Slot, text: str, names: NameTable) -> Judged:
    if not text.strip():
        return Judged(slot, text, Match.EMPTY)
    gold = _gold(case)
    targets = [one.target for one in gold]
    # A name may itself have the comma or colon at which reasons are cut off.
    forms = (text, split_tier(text).diagnosis)
    found = next((sorted(places) for f in forms if (places := names.find(f, targets))), [])
    if not found:
        known = any(names.codes_of(form) for form in forms)
        return Judged(slot, text, Match.DIFFERENT if known else Match.UNKNOWN)
    # A name that fits several tiers counts where the reader put it.
    one = gold[next((place for place in found if gold[place].field == slot.field), found[0])]
    if one.field == slot.field:
        match = Match.ALTERNATE if one.alternate else Match.SAME
    else:
        match = Match.DIFFERENT if one.alternate else Match.ELSEWHERE
    return Judged(slot, text, match, one.target.name, one.field)


@dataclass(frozen=True, slots=True)
class _Accepted:
    field: str
    target: Target
    alternate: bool


def _gold(case: CuratedCase) -> list[_Accepted]:
    """The gold diagnoses, then the alternates."""
    lists = ((case.tiers.by_tier(), False), (case.tiers.alternates.by_tier(), True))
    return [
        _Accepted(field, Target(one.name, one.icd10, one.accept), alternate)
        for tiers, alternate in lists
        for field, named in tiers.items()
        for one in named
    ]


class Standing(StrEnum):
    """How far a reader is with a case; the words of the list."""

    TO_DO = "to do"
    RIGHT = "right"
    DIFFERS = "differs"
    UNCLEAR = "unclear"
    SHOWN = "shown"


def standing_of(judged: tuple[Judged, ...] | None, commitment: Commitment | None) -> Standing:
    """By the first diagnosis alone, gold or also accepted there.

    *judged* is ``None`` until names can be compared.
    """
    if commitment is None:
        return Standing.TO_DO
    if commitment.gave_up:
        return Standing.SHOWN
    if judged is None or judged[0].match is Match.UNKNOWN:
        return Standing.UNCLEAR
    right = judged[0].match in (Match.SAME, Match.ALTERNATE)
    return Standing.RIGHT if right else Standing.DIFFERS
