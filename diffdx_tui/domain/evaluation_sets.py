"""The sets that answers are scored on: their rows as gold answers, and what may be said of them.

Role: one reader for curated splits, folds, regression cases and external sets, so that evaluator
and screen hold an output against the same gold.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from diffdx_tui.domain.curated import CuratedCase, CuratedError, read_curated
from diffdx_tui.domain.evaluation import EXTERNAL, SetName
from diffdx_tui.domain.external import NOTES, SETS, ExternalCase, ExternalError
from diffdx_tui.domain.generated import GeneratedError, gold_of_generated, read_generated
from diffdx_tui.domain.knowledge import KnowledgeError, read_knowledge
from diffdx_tui.domain.naming import NameTable, Target
from diffdx_tui.domain.scoring import Gold, gold_of
from diffdx_tui.domain.splits import Splits, SplitsError, read_splits, rows_sha256, select

Row = TypeVar("Row")

UNREADABLE = (CuratedError, SplitsError, KnowledgeError, ExternalError, GeneratedError)
"""What :func:`read_set` raises."""
GOLD_NOTICE = "Gold answers and metrics are not clinician-validated."


@dataclass(frozen=True)
class EvaluationSet:
    """The rows of one set.

    Attributes:
        rows: gold answers, in the order in which they are asked.
        fold_of: of ``cv``, which fold each curated row is in, from 0.
        sha256: of the rows as they stand on this machine.
        notes: what has to be said with every figure.
        learnt: the rows that simple baselines learn from; of ``cv`` those outside a row's fold.
        cases: curated rows by id; empty for external sets and generated cases.
        names: the table of diagnoses that scores it.
        unknown: rows whose right diagnosis no list of names holds, so that only the same words
            count as right.
    """

    name: SetName
    rows: tuple[Gold, ...]
    fold_of: dict[str, int]
    sha256: str
    notes: tuple[str, ...]
    learnt: tuple[CuratedCase, ...]
    cases: dict[str, CuratedCase]
    names: NameTable
    unknown: tuple[str, ...] = ()


def read_set(
    name: SetName, data: Path, external: Path | None = None, limit: int | None = None
) -> EvaluationSet:
    """The set called *name*.

    Args:
        data: the project's data folder.
        external: where external sets lie.
        limit: take so many rows, spread evenly.

    Raises:
        One of :data:`UNREADABLE`: a file cannot be used.
    """
    curated = read_curated(data / "vignettes.jsonl")
    splits = read_splits(data / "splits.json")
    if rows_sha256(curated) != splits.sha256:
        raise CuratedError("splits.json was drawn for other rows than vignettes.jsonl has")
    names = NameTable.build(read_knowledge(data / "knowledge"), curated)
    if name.startswith(EXTERNAL):
        return _external(name, external, curated, splits, names, limit)
    if name == "generated":
        return _generated(data, curated, splits, names, limit)
    chosen = _chosen(name, data, curated, splits)
    folds = {one: at for at, fold in enumerate(splits.folds) for one in fold}
    rows = tuple(map(gold_of, spread(chosen, limit)))
    return EvaluationSet(
        name=name,
        rows=rows,
        fold_of=folds if name == "cv" else {},
        sha256=rows_sha256(chosen),
        notes=(GOLD_NOTICE, *_notes(name)),
        learnt=curated if name == "cv" else select(curated, splits.train),
        cases={case.id: case for case in chosen},
        names=names,
    )


def spread(rows: tuple[Row, ...], limit: int | None) -> tuple[Row, ...]:
    """At most *limit* of *rows*, evenly over all of them."""
    if limit is None or limit >= len(rows):
        return rows
    return tuple(rows[at * len(rows) // limit] for at in range(limit))


def _chosen(
    name: SetName, data: Path, curated: tuple[CuratedCase, ...], splits: Splits
) -> tuple[CuratedCase, ...]:
    match name:
        case "cv":
            return select(curated, [one for fold in splits.folds for one in fold])
        case "regression":
            return read_curated(data / "regression.jsonl")
        case "test" | "val" | "train":
            return select(curated, splits.ids(name))
    raise ValueError(f"{name} is no curated set")


def _notes(name: SetName) -> tuple[str, ...]:
    if name == "train":
        return ("These rows were trained on: what is measured is memory.",)
    if name == "val":
        return ("These rows may have chosen the checkpoint.",)
    if name == "regression":
        return ("Two cases that are looked at: no sample of anything.",)
    return ()


def _generated(
    data: Path,
    curated: tuple[CuratedCase, ...],
    splits: Splits,
    names: NameTable,
    limit: int | None,
) -> EvaluationSet:
    path = data / "generated.jsonl"
    cases = read_generated(path)
    entries = {entry.id: entry for entry in read_knowledge(data / "knowledge")}
    return EvaluationSet(
        name="generated",
        rows=tuple(gold_of_generated(case, entries) for case in spread(cases, limit)),
        fold_of={},
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        notes=(
            GOLD_NOTICE,
            "Written by the generator that writes the embedded model's training text, in wordings "
            "kept back from the next one; the first, which ships, may have seen them. Says nothing "
            "about texts that people write.",
        ),
        learnt=select(curated, splits.train),
        cases={},
        names=names,
    )


def _external(
    name: SetName,
    directory: Path | None,
    curated: tuple[CuratedCase, ...],
    splits: Splits,
    names: NameTable,
    limit: int | None,
) -> EvaluationSet:
    (one,) = (one for one in SETS if one.name == name.removeprefix(EXTERNAL))
    path = (directory or Path()) / one.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ExternalError(
            f"{one.file} is not here: `diffdx-tui external pull` gets it, or --external DIR "
            f"names its folder ({error.strerror})"
        ) from error
    cases = spread(one.read(path), limit)
    digest = hashlib.sha256(content).hexdigest()
    known = "" if digest == one.sha256 else "The file is not the published one, byte for byte."
    return EvaluationSet(
        name=name,
        rows=tuple(_external_gold(case, names) for case in cases),
        fold_of={},
        sha256=digest,
        notes=(*NOTES, *([known] if known else [])),
        learnt=select(curated, splits.train),
        cases={},
        names=names,
        unknown=tuple(case.id for case in cases if not names.codes_of(case.diagnosis)),
    )


def _external_gold(case: ExternalCase, names: NameTable) -> Gold:
    """Only the label of the first tier, and whether it is an emergency where the set says so."""
    codes = names.codes_of(case.diagnosis)
    code = codes[0] if len(codes) == 1 else ""
    target = Target(case.diagnosis, code)
    return Gold(case.id, case.text, target, emergency=case.urgency == "emergency")
