"""From cases to token rows: what stands before, and what is learned.

Role: reads the data a recipe names and renders each case with the engine's own prompt and
completion functions.  Nothing is tokenised anywhere else.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffdx_tui.config import data_directory
from diffdx_tui.domain.curated import CuratedCase, CuratedError, read_curated
from diffdx_tui.domain.diagnosis import split_tier
from diffdx_tui.domain.differential import (
    ECHO,
    MODELS,
    AnyDifferential,
    Slot,
    Variant,
    escape,
    fields_of,
    skeleton_of,
    slots_of,
    texts_of,
)
from diffdx_tui.domain.recipe import CURATED, Recipe
from diffdx_tui.domain.splits import SplitsError, read_splits, rows_sha256, select, worded_sha256
from diffdx_tui.engine.catalogue import locate_file
from diffdx_tui.engine.prompt import completion_ids, prompt_ids
from diffdx_tui.engine.tokenizer import Tokenizer

_DASH, _FIRST_ITEM = re.compile(" -"), re.compile("[,;:]")

VALIDATION_SHARE = 10  # of a person's own file, every tenth row


class RowsError(ValueError):
    """The data cannot be trained on; the message names the file and the row."""


@dataclass(frozen=True, slots=True)
class Case:
    """A vignette with its gold answer, reduced to the variant's slots."""

    id: str
    vignette: str
    texts: dict[Slot, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One case as tokens.

    Attributes:
        prompt: ``<|im_start|>system`` to ``assistant\\n``; given, never scored.
        completion: the answer and ``<|im_end|>``.
        scored: the places in *completion* that are learned; by default all.
    """

    id: str
    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    scored: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.scored:
            object.__setattr__(self, "scored", tuple(range(len(self.completion))))

    @property
    def ids(self) -> tuple[int, ...]:
        """The whole row."""
        return self.prompt + self.completion

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


@dataclass(frozen=True, slots=True)
class CaseSets:
    """What a recipe's data says is learned and what is validated.

    Attributes:
        sha256: of the rows as values, or of the person's file.
    """

    train: tuple[Case, ...]
    validation: tuple[Case, ...]
    sha256: str


def read_cases(recipe: Recipe) -> CaseSets:
    """The cases of *recipe*.

    Raises:
        RowsError: the data is missing, damaged or empty.
    """
    try:
        sets = _read_curated(recipe) if recipe.data == CURATED else _read_own(recipe)
    except (CuratedError, SplitsError) as error:
        raise RowsError(str(error)) from error
    if not sets.train:
        raise RowsError(f"{recipe.data}: there is no row to learn from")
    return sets


def render_row(tokenizer: Tokenizer, variant: Variant, case: Case, reasons: bool = True) -> Row:
    """*case* as tokens, by the functions inference uses; without *reasons* those are not scored."""
    prompt = prompt_ids(tokenizer, variant, case.vignette)
    completion = tuple(completion_ids(tokenizer, variant, case.texts))
    if reasons:
        return Row(case.id, tuple(prompt), completion)
    spans = reason_spans(variant, case.texts)
    scored, start = [], 0
    for place, id in enumerate(completion):
        end = start + len(tokenizer.token_bytes(id))
        if tokenizer.is_added(id) or not any(low <= start and end <= high for low, high in spans):
            scored.append(place)
        start = end
    return Row(case.id, tuple(prompt), completion, tuple(scored))


def reason_spans(variant: Variant, texts: Mapping[Slot, str]) -> list[tuple[int, int]]:
    """From which byte to which byte of the answer the reasons stand.

    A reason is what follows the dash of a tier, and in a workup what follows its first item.
    """
    spans, start = [], 0
    for piece, slot in zip(skeleton_of(variant), slots_of(variant), strict=False):
        start += len(piece.encode())
        text = escape(texts[slot])
        found = (_FIRST_ITEM if slot.field == "recommended_workup" else _DASH).search(text)
        if found is not None and slot != ECHO:
            spans.append((start + len(text[: found.end()].encode()), start + len(text.encode())))
        start += len(text.encode())
    return spans


def shared_prefix(rows: Sequence[Row]) -> int:
    """Number of leading tokens that all *rows* share: system prompt and frame.

    At most one less than the shortest prompt, so that each row keeps a position of its own.
    """
    first, last = min(row.prompt for row in rows), max(row.prompt for row in rows)
    limit = min(len(row.prompt) for row in rows) - 1
    for place in range(limit):
        if first[place] != last[place]:
            return place
    return limit


def _read_curated(recipe: Recipe) -> CaseSets:
    cases = read_curated(data_directory() / "vignettes.jsonl")
    splits = read_splits(data_directory() / "splits.json")
    sha256 = rows_sha256(cases)
    if sha256 != splits.sha256:
        raise RowsError("data/splits.json was drawn for other rows than data/vignettes.jsonl has")
    if recipe.fold is None:
        train, validation = splits.train, splits.val
    else:
        held_back = set(splits.folds[recipe.fold])
        train = tuple(case.id for case in cases if case.id not in held_back)
        validation = splits.folds[recipe.fold]

    worded: Mapping[str, AnyDifferential] = {}
    if recipe.wording is not None:
        path = locate_file(recipe.wording)
        worded = _read_wording(path, cases)
        sha256 = worded_sha256(sha256, path.read_bytes())

    def reduced(ids: Sequence[str]) -> tuple[Case, ...]:
        return tuple(
            Case(
                case.id,
                case.vignette,
                _texts_for(recipe.variant, worded.get(case.id, case.answer)),
            )
            for case in select(cases, ids)
        )

    return CaseSets(reduced(train), reduced(validation), sha256)


def _read_wording(path: Path, cases: Sequence[CuratedCase]) -> dict[str, AnyDifferential]:
    """The answers in *path* by the id of their case, with the echo of the case.

    Raises:
        RowsError: it cannot be read, lacks a case, or an answer names other conditions.
    """
    try:
        lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
        answers = {row["id"]: dict(row["answer"]) for row in map(json.loads, lines)}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RowsError(f"{path.name} cannot be read: {error}") from error
    found: dict[str, AnyDifferential] = {}
    for case in cases:
        try:
            answer = MODELS[Variant.A].model_validate(
                answers[case.id] | {"symptoms": case.vignette}
            )
        except (KeyError, ValueError) as error:
            raise RowsError(f"{path.name}: no usable answer to {case.id}: {error}") from error
        if _names_of(answer) != _names_of(case.answer):
            raise RowsError(f"{path.name}: the answer to {case.id} names other conditions")
        found[case.id] = answer
    return found


def _names_of(answer: AnyDifferential) -> list[str]:
    return [
        split_tier(text).diagnosis
        for slot, text in texts_of(answer).items()
        if slot.field not in ("symptoms", "recommended_workup")
    ]


def _read_own(recipe: Recipe) -> CaseSets:
    """A JSONL file of rows with ``vignette`` and ``answer``; every tenth validates."""
    path = Path(recipe.data).expanduser()
    try:
        content = path.read_bytes()
        lines = content.decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise RowsError(f"{path.name} cannot be read: {error}") from error
    cases = [
        _parse_row(line, number, path.name, recipe.variant)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    counts = Counter(case.id for case in cases)
    twice = next((one for one, count in counts.items() if count > 1), None)
    if twice is not None:
        raise RowsError(f"{path.name}: the id {twice!r} comes twice")
    held = VALIDATION_SHARE - 1
    validation = tuple(c for n, c in enumerate(cases) if n % VALIDATION_SHARE == held)
    train = tuple(c for n, c in enumerate(cases) if n % VALIDATION_SHARE != held)
    return CaseSets(train, validation, hashlib.sha256(content).hexdigest())


def _parse_row(line: str, number: int, name: str, variant: Variant) -> Case:
    where = f"{name}: line {number}"
    try:
        values: dict[str, Any] = json.loads(line)
        vignette, answer = values["vignette"], dict(values["answer"])
    except (ValueError, TypeError, KeyError) as error:
        raise RowsError(f"{where}: needs an object with vignette and answer ({error})") from error
    if not isinstance(vignette, str) or not vignette.strip():
        raise RowsError(f"{where}: the vignette is empty")
    wanted = {field: answer[field] for field in fields_of(variant) if field in answer}
    try:
        # The echo is the vignette, whatever the row says.
        parsed = MODELS[variant].model_validate(wanted | {"symptoms": vignette})
    except ValueError as error:
        raise RowsError(f"{where}: the answer is not variant {variant}: {error}") from error
    identity = values.get("id", f"row-{number}")
    return Case(str(identity), vignette, texts_of(parsed))


def _texts_for(variant: Variant, answer: AnyDifferential) -> dict[Slot, str]:
    fields = fields_of(variant)
    return {slot: text for slot, text in texts_of(answer).items() if slot.field in fields}
