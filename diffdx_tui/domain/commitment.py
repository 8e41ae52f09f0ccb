"""A reader's own answer to a curated case, given before the gold answer is seen.

Role: what is kept of it.  How it stands to the gold answer is
:mod:`diffdx_tui.domain.commitment_match`'s; the store does not wait for that one's imports.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from diffdx_tui.domain.differential import ECHO, Slot, Variant, slots_of

if TYPE_CHECKING:
    from diffdx_tui.domain.curated import CuratedCase

MAX_CHARACTERS = 500
"""Of one field; a commitment is a few words."""

FIELDS = tuple(slot for slot in slots_of(Variant.A) if slot != ECHO)
"""What a reader commits to, in order."""

DIAGNOSES = tuple(slot for slot in FIELDS if slot.field != "recommended_workup")


class CommitmentRefused(ValueError):
    """The answer cannot be committed; the message says why."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """What a reader wrote before looking.

    Attributes:
        case_sha256: of the case as it was answered (:func:`case_sha256`).
        committed: when, UTC.
        texts: by field; a field left empty is not there.  Nothing at all if they gave up.
    """

    case_id: str
    case_sha256: str
    committed: datetime
    texts: Mapping[Slot, str]

    @property
    def gave_up(self) -> bool:
        """Whether the gold answer was shown without an answer of their own."""
        return not self.texts


def case_sha256(case: CuratedCase) -> str:
    """Hash of what is asked and what it is judged by, in hexadecimal."""
    judged = case.model_dump_json(include={"id", "answer", "tiers"})
    return hashlib.sha256(judged.encode()).hexdigest()


def commit(case: CuratedCase, texts: Mapping[Slot, str], moment: datetime) -> Commitment:
    """*texts* as a commitment to *case*; fields that are empty are left out.

    Raises:
        CommitmentRefused: there is no first diagnosis, or a text is too long.
    """
    kept = {slot: text.strip() for slot, text in texts.items() if text.strip()}
    if Slot("most_likely") not in kept:
        raise CommitmentRefused("commit to a most likely diagnosis first; the rest may stay empty")
    for slot, text in kept.items():
        if len(text) > MAX_CHARACTERS:
            raise CommitmentRefused(
                f"{slot.name.replace('_', ' ')} has {len(text)} characters, "
                f"at most {MAX_CHARACTERS}"
            )
    return Commitment(case.id, case_sha256(case), moment, kept)


def give_up(case: CuratedCase, moment: datetime) -> Commitment:
    """The mark that the gold answer of *case* was shown without an answer."""
    return Commitment(case.id, case_sha256(case), moment, {})
