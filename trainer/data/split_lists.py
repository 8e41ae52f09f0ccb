"""Are the splits sound, and of these rows? And how they are drawn again.

Role: the check of ``data/splits.json`` and the writer behind ``python -m trainer data split``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from diffdx_tui.domain.curated import CuratedCase
from diffdx_tui.domain.splits import (
    FOLDS,
    HELD_BACK,
    Splits,
    SplitsError,
    draw_splits,
    read_splits,
    rows_sha256,
)
from trainer.data.material import WHOLE_SET, Fault, Material


def check_splits(material: Material) -> list[Fault]:
    """``splits``: every row once, 200/25/25, groups together, domains even, hash current.

    The regression cases stand in none of the lists.
    """
    splits, cases = material.splits, material.cases
    if splits is None:
        return [Fault(WHOLE_SET, "splits", "there is no data/splits.json")]
    names = ("train", "val", "test")
    lists = {"train": splits.train, "val": splits.val, "test": splits.test}
    lists |= {f"fold {number}": ids for number, ids in enumerate(splits.folds, start=1)}
    faults = [*_sizes(lists, len(cases)), *_members(splits, material)]
    faults += _groups({name: lists[name] for name in names}, cases)
    faults += _groups({name: ids for name, ids in lists.items() if name not in names}, cases)
    faults += _domains({name: ids for name, ids in lists.items() if name != "train"}, cases)
    if splits.sha256 != rows_sha256(cases):
        faults.append(
            Fault(WHOLE_SET, "splits", "rows changed since: run python -m trainer data split")
        )
    return faults


def refresh(cases: Sequence[CuratedCase], path: Path, redraw: bool, seed: int | None) -> str:
    """Write *path* for *cases*; what was done, in words.

    The lists stay as they are while they hold exactly these ids: then only the hash is renewed.

    Raises:
        SplitsError: the ids would move and *redraw* was not asked for.
    """
    frozen = read_splits(path) if path.exists() else None
    if frozen is not None and seed is None:
        seed = frozen.seed
    drawn = draw_splits(cases, seed or 0)
    if frozen is None or redraw:
        _write(drawn, path)
        return f"drawn with seed {drawn.seed}"
    if {case.id for case in cases} != {*frozen.train, *frozen.val, *frozen.test}:
        raise SplitsError("rows came or went, so ids would move: --redraw draws new lists")
    if seed != frozen.seed:
        raise SplitsError(f"seed {seed} would move ids: --redraw draws new lists")
    renewed = frozen.model_copy(update={"sha256": drawn.sha256})
    if renewed == frozen:
        return "nothing changed"
    _write(renewed, path)
    return "the lists stay, the hash is renewed"


def _write(splits: Splits, path: Path) -> None:
    path.write_text(splits.model_dump_json(indent=1) + "\n", encoding="utf-8")


def _sizes(lists: dict[str, tuple[str, ...]], rows: int) -> list[Fault]:
    wanted = {"train": rows - 2 * HELD_BACK, "val": HELD_BACK, "test": HELD_BACK}
    return [
        Fault(WHOLE_SET, "splits", f"{name} has {len(ids)} rows")
        for name, ids in lists.items()
        if len(ids) != wanted.get(name, rows // FOLDS)
    ]


def _members(splits: Splits, material: Material) -> list[Fault]:
    ids = {case.id for case in material.cases}
    listed = {*splits.train, *splits.val, *splits.test}
    faults = [Fault(one, "splits", "is in no split") for one in sorted(ids - listed)]
    faults += [Fault(one, "splits", "is no row") for one in sorted(listed - ids)]
    faults += [
        Fault(case.id, "splits", "is a regression case")
        for case in material.regression
        if case.id in listed
    ]
    return faults


def _groups(lists: dict[str, tuple[str, ...]], cases: Sequence[CuratedCase]) -> list[Fault]:
    group = {case.id: case.group for case in cases}
    owner: dict[str, str] = {}
    faults = []
    for name, ids in lists.items():
        for one in ids:
            first = owner.setdefault(group.get(one, one), name)
            if first != name:
                faults.append(Fault(one, "splits", f"in {name}, its group in {first}"))
    return faults


def _domains(lists: dict[str, tuple[str, ...]], cases: Sequence[CuratedCase]) -> list[Fault]:
    domain = {case.id: case.domain for case in cases}
    faults = []
    for name, ids in lists.items():
        counts = Counter(domain[one] for one in ids if one in domain)
        if counts and (
            max(counts.values()) - min(counts.values()) > 1
            or len(counts) != len(set(domain.values()))
        ):
            faults.append(Fault(WHOLE_SET, "splits", f"{name}: domains are uneven"))
    return faults
