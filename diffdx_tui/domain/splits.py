"""Which curated cases train, which choose, which test: frozen lists of ids.

Role: the typed form of ``data/splits.json`` and how it was drawn.  Groups (the two rows of a
minimal pair) stay together, domains are spread evenly, and the rows' hash says which text the
lists were frozen for.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from diffdx_tui.domain.curated import CuratedCase
from diffdx_tui.domain.knowledge import Slug

SplitName = Literal["train", "val", "test"]
HELD_BACK = 25  # rows of the validation split and of the test split, each
FOLDS = 5


class SplitsError(ValueError):
    """The splits cannot be read or drawn; the message says why."""


class Splits(BaseModel):
    """Frozen lists of ids.

    Attributes:
        seed: what the lists were drawn with.
        sha256: of the rows, in file order (:func:`rows_sha256`).
        folds: five disjoint lists that together hold every row.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    sha256: str
    train: tuple[Slug, ...]
    val: tuple[Slug, ...]
    test: tuple[Slug, ...]
    folds: tuple[tuple[Slug, ...], ...]

    @model_validator(mode="after")
    def _disjoint(self) -> Splits:
        split = [*self.train, *self.val, *self.test]
        folded = [one for fold in self.folds for one in fold]
        if len(set(split)) != len(split) or len(set(folded)) != len(folded):
            raise ValueError("an id stands in two lists")
        if set(split) != set(folded):
            raise ValueError("splits and folds do not hold the same ids")
        return self

    def ids(self, name: SplitName) -> tuple[str, ...]:
        """The ids of one split."""
        lists: dict[SplitName, tuple[str, ...]] = {
            "train": self.train,
            "val": self.val,
            "test": self.test,
        }
        return lists[name]


def rows_sha256(cases: Sequence[CuratedCase]) -> str:
    """Hash of the rows as values, so that white space in the file does not matter."""
    digest = hashlib.sha256()
    for case in cases:
        row = case.model_dump(mode="json", by_alias=True)
        digest.update(json.dumps(row, sort_keys=True, ensure_ascii=False).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def worded_sha256(rows: str, wording: bytes) -> str:
    """Hash of rows whose answers are in the words of a file: theirs and the file's together."""
    return hashlib.sha256(rows.encode() + wording).hexdigest()


def read_splits(path: Path) -> Splits:
    """The lists of *path*.

    Raises:
        SplitsError: the file is missing, is no JSON or breaks a rule.
    """
    try:
        return Splits.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise SplitsError(f"{path.name}: {error}") from error


def select(cases: Sequence[CuratedCase], ids: Sequence[str]) -> tuple[CuratedCase, ...]:
    """The cases that *ids* names, in that order.

    Raises:
        SplitsError: an id is of no case.
    """
    by_id = {case.id: case for case in cases}
    unknown = [one for one in ids if one not in by_id]
    if unknown:
        raise SplitsError(f"no case {unknown[0]}")
    return tuple(by_id[one] for one in ids)


def draw_splits(cases: Sequence[CuratedCase], seed: int) -> Splits:
    """Draw 200/25/25 and five folds from 250 cases.

    Raises:
        SplitsError: the groups of a domain cannot fill its share.
    """
    rng = random.Random(seed)
    domains = sorted({case.domain for case in cases})
    test = _draw(cases, _shares(domains, HELD_BACK, rng), rng)
    rest = [case for case in cases if case.id not in test]
    val = _draw(rest, _shares(domains, HELD_BACK, rng), rng)
    order = [case.id for case in cases]
    return Splits(
        seed=seed,
        sha256=rows_sha256(cases),
        train=tuple(one for one in order if one not in test and one not in val),
        val=tuple(one for one in order if one in val),
        test=tuple(one for one in order if one in test),
        folds=_folds(cases, rng),
    )


def _shares(domains: Sequence[str], rows: int, rng: random.Random) -> dict[str, int]:
    """How many rows each domain gives: as even as *rows* allows, the extra ones by lot."""
    more = set(rng.sample(list(domains), rows % len(domains)))
    return {domain: rows // len(domains) + (domain in more) for domain in domains}


def _draw(
    cases: Sequence[CuratedCase], shares: dict[str, int], rng: random.Random
) -> frozenset[str]:
    """Whole groups of each domain that make up its share exactly."""
    drawn: set[str] = set()
    for domain, share in shares.items():
        groups = _groups([case for case in cases if case.domain == domain])
        rng.shuffle(groups)
        drawn.update(_exactly(groups, share, domain))
    return frozenset(drawn)


def _groups(cases: Sequence[CuratedCase]) -> list[list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        groups[case.group].append(case.id)
    return list(groups.values())


def _exactly(groups: Sequence[list[str]], share: int, domain: str) -> list[str]:
    """Groups in their shuffled order, each taken if it fits, until they number *share* rows.

    So pairs come in about as often as they are; choosing few large groups would fill the split
    with them.
    """
    chosen: list[str] = []
    for group in groups:
        if len(chosen) + len(group) <= share:
            chosen.extend(group)
    if len(chosen) != share:
        raise SplitsError(f"{domain}: no groups make up {share} rows")
    return chosen


def _folds(cases: Sequence[CuratedCase], rng: random.Random) -> tuple[tuple[str, ...], ...]:
    """Larger groups first, each into the fold that has fewest rows of its domain, then fewest."""
    domain_of = {case.id: case.domain for case in cases}
    groups = _groups(cases)
    rng.shuffle(groups)
    groups.sort(key=len, reverse=True)
    folds: list[list[str]] = [[] for _ in range(FOLDS)]
    filled: list[Counter[str]] = [Counter() for _ in range(FOLDS)]
    for group in groups:
        domain = domain_of[group[0]]
        place = min(range(FOLDS), key=lambda at: (filled[at][domain], len(folds[at])))
        folds[place].extend(group)
        filled[place][domain] += len(group)
    rank = {case.id: number for number, case in enumerate(cases)}
    return tuple(tuple(sorted(fold, key=rank.__getitem__)) for fold in folds)
