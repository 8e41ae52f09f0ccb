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
        gold: the name of the gold diagnosis it matched, if any.
        field: the gold tier that one stands in; ``alternates`` for a danger also accepted.
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
    targets = [target for _, target in gold]
    # A name may itself have the comma or colon at which reasons are cut off.
    forms = (text, split_tier(text).diagnosis)
    found = next((sorted(places) for f in forms if (places := names.find(f, targets))), [])
    if not found:
        known = any(names.codes_of(form) for form in forms)
        return Judged(slot, text, Match.DIFFERENT if known else Match.UNKNOWN)
    # A name that fits several tiers counts where the reader put it.
    place = next((place for place in found if gold[place][0] == slot.field), found[0])
    field, target = gold[place]
    if field == slot.field:
        match = Match.SAME
    elif field != _ALTERNATES:
        match = Match.ELSEWHERE
    else:
        in_place = slot.field == "unlikely_but_serious"
        match = Match.ALTERNATE if in_place else Match.DIFFERENT
    return Judged(slot, text, match, target.name, field)


_ALTERNATES = "alternates"


def _gold(case: CuratedCase) -> list[tuple[str, Target]]:
    tiers = case.tiers
    named = [
        ("most_likely", tiers.most_likely),
        *(("possible", one) for one in tiers.possible),
        ("unlikely_but_serious", tiers.unlikely_but_serious),
        *((_ALTERNATES, one) for one in tiers.alternates),
    ]
    return [(field, Target(one.name, one.icd10, one.accept)) for field, one in named]


class Standing(StrEnum):
    """How far a reader is with a case; the words of the list."""

    TO_DO = "to do"
    RIGHT = "right"
    DIFFERS = "differs"
    UNCLEAR = "unclear"
    SHOWN = "shown"


def standing_of(judged: tuple[Judged, ...] | None, commitment: Commitment | None) -> Standing:
    """By the first diagnosis alone; *judged* is ``None`` until names can be compared."""
    if commitment is None:
        return Standing.TO_DO
    if commitment.gave_up:
        return Standing.SHOWN
    if judged is None or judged[0].match is Match.UNKNOWN:
        return Standing.UNCLEAR
    return Standing.RIGHT if judged[0].match is Match.SAME else Standing.DIFFERS
