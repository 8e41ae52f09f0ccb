"""Diagnoses as text: splitting a tier, and bringing names to one form.

Role: the only place that knows how ``Diagnosis - reasoning`` is cut, and when two names mean the
same disease.  Unknown names stay as they are; nothing is guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# A dash with white space around it (hyphen, en dash, em dash), or a colon: the first one splits.
_SEPARATOR = re.compile(r"\s+[-\u2013\u2014]+\s+|\s*:\s+")
_NOT_WORD = re.compile(r"[^\w\s/]+")
_SPELLINGS = (  # British to American, on whole-word stems, so both meet in one form
    ("haem", "hem"),
    ("aemia", "emia"),
    ("oedema", "edema"),
    ("oesoph", "esoph"),
    ("ischaem", "ischem"),
    ("anaem", "anem"),
    ("anaes", "anes"),
    ("paed", "ped"),
    ("orrhoea", "orrhea"),
    ("apnoea", "apnea"),
    ("dyspnoea", "dyspnea"),
    ("caec", "cec"),
    ("coeliac", "celiac"),
    ("foet", "fet"),
    ("gynaec", "gynec"),
    ("leucocyt", "leukocyt"),
    ("tumour", "tumor"),
    ("phaeo", "pheo"),
    ("aetiolog", "etiolog"),
)
_FILLER = frozenset(
    [
        "a",
        "an",
        "the",
        "acute",
        "possible",
        "probable",
        "likely",
        "suspected",
        "of",
        "with",
        "due",
        "to",
    ]
)


@dataclass(frozen=True, slots=True)
class TierText:
    """A tier's string, split."""

    diagnosis: str
    reasoning: str


def split_tier(text: str) -> TierText:
    """Cut ``Diagnosis - reasoning`` at the first spaced dash or colon.

    Without one, all of it is the diagnosis up to the first comma or full stop.
    """
    stripped = text.strip()
    match = _SEPARATOR.search(stripped)
    if match and match.start() > 0:
        return TierText(stripped[: match.start()].strip(), stripped[match.end() :].strip())
    head = re.split(r"[,.;]\s|[.;]$", stripped, maxsplit=1)
    return TierText(head[0].strip(), head[1].strip() if len(head) > 1 else "")


def normalise_name(name: str) -> str:
    """One form per spelling: case, accents, British spelling, punctuation and filler removed."""
    # Decomposed before and after: some letters only have a lower case once they are decomposed.
    folded = unicodedata.normalize("NFKD", name).casefold()
    decomposed = unicodedata.normalize("NFKD", folded)
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    plain = re.sub(r"\([^)]*\)", " ", plain).replace("'s", "")
    words = _NOT_WORD.sub(" ", plain.replace("-", " ")).split()
    kept = [word for word in words if word not in _FILLER] or words
    form = " ".join(kept)
    for british, american in _SPELLINGS:
        form = form.replace(british, american)
    return form


class SynonymTable:
    """Maps any known name of a disease to its standard name."""

    def __init__(self, names: Mapping[str, Iterable[str]]) -> None:
        """Build from standard name to its synonyms.

        A form claimed by two standard names is ambiguous and matches neither of them.
        """
        self._standard: dict[str, str] = {}
        ambiguous: set[str] = set()
        for standard, synonyms in names.items():
            for synonym in (standard, *synonyms):
                form = normalise_name(synonym)
                if self._standard.setdefault(form, standard) != standard:
                    ambiguous.add(form)
        for form in ambiguous - {normalise_name(standard) for standard in names}:
            del self._standard[form]

    def standard_name(self, name: str) -> str | None:
        """The standard name, or ``None`` when the table does not know *name*."""
        return self._standard.get(normalise_name(name))

    def same(self, first: str, second: str) -> bool:
        """Whether two names mean the same disease, as far as the table knows."""
        one = self.standard_name(first) or normalise_name(first)
        two = self.standard_name(second) or normalise_name(second)
        return one == two
