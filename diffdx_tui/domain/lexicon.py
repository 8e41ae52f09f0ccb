"""The finding lexicon: what a finding is called, typed, and loaded when it is first needed.

Role: the one definition of an entry in ``data/findings/*.yaml`` and the compiled tree of all
surface forms.  ``from_knowledge.yaml`` beside the hand-written files holds phrasings taken from
the knowledge base by :func:`enrich`; it adds forms and further ids but never overrides an entry.
The content is **not clinician-validated**.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from diffdx_tui.domain.clauses import split_words
from diffdx_tui.domain.knowledge import Condition, Slug, Text
from diffdx_tui.domain.measurements import Measure
from diffdx_tui.domain.phrase_trie import PatternError, PhraseTrie

ENRICHMENT = "from_knowledge.yaml"
Pattern = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=700)]


class LexiconError(ValueError):
    """A lexicon file cannot be used; the message names the file and the entry."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NumericSign(_Record):
    """A finding defined by a number: at or above, at or below, for an age band.

    An age that the text does not give counts as adult.
    """

    measure: Measure
    at_least: float | None = None
    at_most: float | None = None
    from_age: float = 0
    below_age: float = 200

    @model_validator(mode="after")
    def _one_bound(self) -> NumericSign:
        if self.at_least is None and self.at_most is None:
            raise ValueError("a numeric definition needs at_least or at_most")
        return self

    def applies(self, age: float | None) -> bool:
        """Whether this band is the one for a person of *age*."""
        return self.from_age <= (40 if age is None else age) < self.below_age

    def holds(self, value: float) -> bool:
        """Whether *value* is the finding."""
        above = self.at_least is None or value >= self.at_least
        return above and (self.at_most is None or value <= self.at_most)


class Entry(_Record):
    """One finding.

    Attributes:
        forms: patterns (see :mod:`diffdx_tui.domain.phrase_trie`) that say it is there.
        absent: patterns that say it is not, beyond plain negation: ``afebrile``.
        lookalikes: patterns that say nothing about it: ``hay fever`` is no fever.
        implies: findings that are there whenever this one is.
        background: a lasting condition or exposure, true also when told as history.
        closed: takes no phrases from the knowledge base, whose use of the id is wider.
        even_if_feared: said as a fear it still counts (a wish to die is told so).
    """

    id: Slug
    name: Text
    forms: tuple[Pattern, ...] = ()
    absent: tuple[Pattern, ...] = ()
    lookalikes: tuple[Pattern, ...] = ()
    implies: tuple[Slug, ...] = ()
    background: bool = False
    even_if_feared: bool = False
    closed: bool = False
    numeric: tuple[NumericSign, ...] = ()

    @model_validator(mode="after")
    def _readable(self) -> Entry:
        if not self.forms and not self.numeric:
            raise ValueError(f"{self.id}: neither forms nor a numeric definition")
        return self


class Reading(NamedTuple):
    """What a matched phrase says: this finding is there, is not, or (``None``) a look-alike."""

    finding: str
    present: bool | None


@dataclass(frozen=True)
class Lexicon:
    """All entries by id and their phrases as one tree.

    Attributes:
        written: ids with a hand-written entry; the others come from the knowledge base alone.
    """

    entries: Mapping[str, Entry]
    phrases: PhraseTrie[Reading]
    written: frozenset[str]
    implied: Mapping[str, frozenset[str]]


def findings_directory() -> Path:
    """``data/findings`` inside the installed package, or beside it in a checkout.

    Raises:
        LexiconError: neither is there, so the installation is broken.
    """
    package = Path(__file__).resolve().parents[1]
    for data in (package / "data", package.parent / "data"):
        if (data / "findings").is_dir():
            return data / "findings"
    raise LexiconError("data/findings is missing from this installation: install it again")


@lru_cache(maxsize=2)
def read_lexicon(directory: Path | None = None) -> Lexicon:
    """All files of *directory* (the project's own by default), compiled.

    Raises:
        LexiconError: an entry does not fit, an id appears twice, or a pattern cannot be read.
    """
    directory = findings_directory() if directory is None else directory
    entries: dict[str, Entry] = {}
    for path in sorted(directory.glob("*.yaml")):
        if path.name == ENRICHMENT:
            continue
        for entry in _read_entries(path):
            if entry.id in entries:
                raise LexiconError(f"{path.name}: {entry.id} is defined twice")
            entries[entry.id] = entry
    written = frozenset(entries)
    phrases: PhraseTrie[Reading] = PhraseTrie()
    for entry in entries.values():
        _add(phrases, entry)
    path = directory / ENRICHMENT
    for finding, forms in (_read_enrichment(path) if path.is_file() else {}).items():
        if finding in entries and entries[finding].closed:
            continue
        entries.setdefault(
            finding, Entry(id=finding, name=finding.replace("-", " "), forms=tuple(forms))
        )
        for form in forms:
            phrases.add(form, Reading(finding, True))
    return Lexicon(entries, phrases, written, _close_implications(entries))


def _add(phrases: PhraseTrie[Reading], entry: Entry) -> None:
    try:
        for form in entry.forms:
            phrases.add(form, Reading(entry.id, True))
        for form in entry.absent:
            phrases.add(form, Reading(entry.id, False))
        for form in entry.lookalikes:
            phrases.add(form, Reading(entry.id, None))
    except PatternError as error:
        raise LexiconError(f"{entry.id}: {error}") from error


def _load(path: Path) -> Any:
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise LexiconError(f"{path.name}: not readable as YAML: {error}") from error


def _read_entries(path: Path) -> Iterator[Entry]:
    rows = _load(path)
    if not isinstance(rows, list):
        raise LexiconError(f"{path.name}: expected a list of findings")
    for number, row in enumerate(rows, start=1):
        try:
            yield Entry.model_validate(row)
        except ValueError as error:
            label = row.get("id", number) if isinstance(row, dict) else number
            raise LexiconError(f"{path.name}: entry {label}: {error}") from error


def _read_enrichment(path: Path) -> dict[str, list[str]]:
    rows = _load(path) or {}
    if not isinstance(rows, dict):
        raise LexiconError(f"{path.name}: expected a table of id to phrases")
    return {str(finding): [str(form) for form in forms] for finding, forms in rows.items()}


def _close_implications(entries: Mapping[str, Entry]) -> dict[str, frozenset[str]]:
    closed: dict[str, frozenset[str]] = {}
    for finding in entries:
        reached: set[str] = set()
        waiting = list(entries[finding].implies)
        while waiting:
            following = waiting.pop()
            if following not in entries:
                raise LexiconError(f"{finding} implies {following}, which no entry defines")
            if following not in reached:
                reached.add(following)
                waiting += entries[following].implies
        closed[finding] = frozenset(reached - {finding})
    return closed


# --------------------------------------------------------------------- enrichment

_ARTICLES = frozenset({"a", "an", "the", "some", "marked", "new", "with"})
_UNSAFE = frozenset(
    [
        "no",
        "not",
        "without",
        "never",
        "nil",
        "nor",
        "denies",
        "denied",
        "absent",
        "normal",
        "but",
        "however",
        "except",
        "until",
        "only",
        "if",
        "might",
        "may",
        "could",
        "possible",
        "father",
        "mother",
        "brother",
        "sister",
        "history",
        "previous",
        "ago",
    ]
)
_PRONOUN_PLACES = ("{", "}")


def enrich(conditions: Iterable[Condition]) -> dict[str, list[str]]:
    """Phrasings of the knowledge base that are safe to match word for word.

    Safe means: three to eight words, no digits or placeholders, nothing that negates or relates,
    and the same phrase stands for one finding only in the whole knowledge base.
    """
    owners: dict[tuple[str, ...], set[str]] = {}
    for condition in conditions:
        for finding in condition.findings:
            for phrase in (*finding.clinical, *finding.triage, *finding.lay, finding.rationale):
                words = _safe_words(phrase)
                if words:
                    owners.setdefault(words, set()).add(finding.id)
    forms: dict[str, list[str]] = {}
    for words, ids in owners.items():
        if len(ids) == 1:
            forms.setdefault(next(iter(ids)), []).append(" ".join(words))
    return {finding: sorted(forms[finding]) for finding in sorted(forms)}


def _safe_words(phrase: str) -> tuple[str, ...]:
    if any(place in phrase for place in _PRONOUN_PLACES) or any(map(str.isdigit, phrase)):
        return ()
    if any(mark in phrase for mark in ",;:()/+*?'\"’."):
        return ()
    words = split_words(phrase)
    while words and words[0] in _ARTICLES:
        words = words[1:]
    if not 3 <= len(words) <= 8 or any(word.startswith("=") for word in words):
        return ()
    return () if _UNSAFE.intersection(words) else tuple(words)
