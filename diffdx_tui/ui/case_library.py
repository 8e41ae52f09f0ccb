"""The curated cases as a reader meets them: what is revealed to them, and how far they are.

Role: joins cases, splits and commitments without any widget, and decides what may be seen.  A
gold answer is revealed once the reader has committed to that wording of the case, or gave up;
until then nothing that follows from it is searched, listed or shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from diffdx_tui.domain.commitment import Commitment, case_sha256
from diffdx_tui.domain.commitment_match import Judged, Standing, judge, standing_of
from diffdx_tui.domain.curated import CuratedCase, read_curated
from diffdx_tui.domain.knowledge import read_knowledge
from diffdx_tui.domain.naming import NameTable
from diffdx_tui.domain.splits import SplitName, SplitsError, read_splits, rows_sha256


@dataclass(frozen=True, slots=True)
class Entry:
    """One case and what the reader has done with it.

    Attributes:
        split: ``train``, ``val`` or ``test``; empty if the splits cannot be read.
        commitment: to the present wording of the case.
        earlier: the latest one to another wording, which opens nothing.
        judged: the commitment against the gold answer; ``None`` until names can be compared.
    """

    case: CuratedCase
    split: str
    commitment: Commitment | None = None
    earlier: Commitment | None = None
    judged: tuple[Judged, ...] | None = None

    @property
    def revealed(self) -> bool:
        """Whether the gold answer may be seen."""
        return self.commitment is not None

    @property
    def standing(self) -> Standing:
        """How far the reader is with it."""
        return standing_of(self.judged, self.commitment)

    @property
    def diagnosis(self) -> str:
        """The gold answer's first diagnosis."""
        return self.case.tiers.most_likely.name


@dataclass(frozen=True, slots=True)
class Sieve:
    """Which cases are listed; an empty string lets everything through.

    Attributes:
        diagnosis: the gold answer's first; lists revealed cases only, unless ``spoilers``.
        spoilers: whether lists and search may use diagnoses not revealed yet.
    """

    domain: str = ""
    acuity: str = ""
    split: str = ""
    standing: str = ""
    diagnosis: str = ""
    query: str = ""
    spoilers: bool = False

    def passes(self, entry: Entry) -> bool:
        """Whether *entry* is listed."""
        case, seen = entry.case, entry.revealed or self.spoilers
        wanted = (
            (self.domain, case.domain),
            (self.acuity, case.acuity),
            (self.split, entry.split),
            (self.standing, entry.standing),
            (self.diagnosis, entry.diagnosis if seen else None),
        )
        if any(value and value != its for value, its in wanted):
            return False
        words = self.query.casefold().split()
        if not words:
            return True
        text = f"{case.id} {case.domain} {case.voice} {entry.split} {case.vignette}"
        if seen:
            tiers = case.tiers
            named = (tiers.most_likely, *tiers.possible, tiers.unlikely_but_serious)
            text += " " + " ".join(" ".join((one.name, *one.accept)) for one in named)
        text = text.casefold()
        return all(word in text for word in words)

    @property
    def words(self) -> str:
        """The narrowing in words; empty if there is none."""
        parts = [self.domain, self.acuity, self.split, self.standing, self.diagnosis]
        if self.query:
            parts.append(f'"{self.query}"')
        if self.spoilers:
            parts.append("spoilers on")
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the reader is with all cases."""

    cases: int
    answered: int
    right: int
    unclear: int
    given_up: int


@dataclass(slots=True)
class CaseLibrary:
    """All cases; every change gives new :class:`Entry` values."""

    entries: tuple[Entry, ...]
    trouble: str = ""
    names: NameTable | None = None
    _places: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._places = {entry.case.id: place for place, entry in enumerate(self.entries)}

    @classmethod
    def read(cls, data: Path) -> CaseLibrary:
        """The cases in the folder *data*, with no commitment yet.

        Raises:
            CuratedError: the cases cannot be read.
        """
        cases = read_curated(data / "vignettes.jsonl")
        trouble, split_of = "", dict[str, str]()
        try:
            splits = read_splits(data / "splits.json")
            split_of = {one: name for name in _SPLITS for one in splits.ids(name)}
            if splits.sha256 != rows_sha256(cases):
                trouble = "the splits were frozen for other rows: test rows may differ"
        except SplitsError as error:
            trouble = f"which rows are test rows is not known: {error}"
        return cls(tuple(Entry(case, split_of.get(case.id, "")) for case in cases), trouble)

    def read_names(self, knowledge: Path) -> NameTable:
        """The names that diagnoses are compared by (about a second).

        Raises:
            KnowledgeError: the knowledge base cannot be read.
        """
        return NameTable.build(read_knowledge(knowledge), [entry.case for entry in self.entries])

    def learn_names(self, names: NameTable) -> None:
        """Judge all commitments by *names*."""
        self.names = names
        self.entries = tuple(self._judged(entry) for entry in self.entries)

    def entry(self, case_id: str) -> Entry:
        """The entry of one case."""
        return self.entries[self._places[case_id]]

    def twin(self, entry: Entry) -> Entry | None:
        """The other row of its minimal pair."""
        pair = entry.case.pair
        return self.entry(pair) if pair in self._places else None

    def take(self, commitments: Iterable[Commitment]) -> None:
        """Note commitments, the oldest first; those to cases that are gone are passed over."""
        entries = list(self.entries)
        for commitment in commitments:
            place = self._places.get(commitment.case_id)
            if place is None:
                continue
            entry = entries[place]
            if commitment.case_sha256 == case_sha256(entry.case):
                entries[place] = self._judged(replace(entry, commitment=commitment))
            else:
                entries[place] = replace(entry, earlier=commitment)
        self.entries = tuple(entries)

    def forget(self, case_id: str) -> None:
        """Hide a case's gold answer again."""
        place = self._places[case_id]
        hidden = replace(self.entries[place], commitment=None, earlier=None, judged=None)
        self.entries = (*self.entries[:place], hidden, *self.entries[place + 1 :])

    def sift(self, sieve: Sieve) -> tuple[Entry, ...]:
        """The entries that pass, in the file's order."""
        return tuple(entry for entry in self.entries if sieve.passes(entry))

    def diagnoses(self, *, spoilers: bool) -> list[tuple[str, int]]:
        """First diagnoses of revealed cases, or of all, with the number of cases, by name."""
        seen = (entry.diagnosis for entry in self.entries if entry.revealed or spoilers)
        return sorted(Counter(seen).items())

    @property
    def progress(self) -> Progress:
        """How far the reader is."""
        standings = Counter(entry.standing for entry in self.entries)
        given_up = standings[Standing.SHOWN]
        return Progress(
            len(self.entries),
            len(self.entries) - standings[Standing.TO_DO] - given_up,
            standings[Standing.RIGHT],
            standings[Standing.UNCLEAR],
            given_up,
        )

    def _judged(self, entry: Entry) -> Entry:
        commitment = entry.commitment
        if self.names is None or commitment is None or commitment.gave_up:
            return entry
        return replace(entry, judged=judge(entry.case, commitment, self.names))


_SPLITS: tuple[SplitName, ...] = ("train", "val", "test")


def next_to_do(entries: Sequence[Entry], after: str) -> Entry | None:
    """The first case still to be answered behind *after*, going round."""
    ids = [entry.case.id for entry in entries]
    start = ids.index(after) + 1 if after in ids else 0
    turned = (*entries[start:], *entries[:start])
    return next((entry for entry in turned if not entry.revealed), None)
