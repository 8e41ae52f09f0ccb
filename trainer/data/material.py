"""What the checks look at, and what they hand back.

Role: the rows of ``data/vignettes.jsonl`` as read and as typed, the texts they are compared with,
and :class:`Fault`.  A row that cannot be typed is a fault of the schema, not the end of the run:
the others are checked all the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from diffdx_tui.domain.curated import CuratedCase
from diffdx_tui.domain.knowledge import Condition
from diffdx_tui.domain.splits import Splits

WHOLE_SET = "(all rows)"
"""Stands for the row in a fault of the set as a whole."""


class MaterialError(ValueError):
    """A file cannot be checked at all; the message names it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule.

    Attributes:
        row: id of the row, ``id + other id`` for two rows, or :data:`WHOLE_SET`.
        rule: id of the rule.
        message: what is wrong, with the words or numbers that are.
    """

    row: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.row}: {self.rule}: {self.message}"


@dataclass(frozen=True, slots=True)
class RawRow:
    """One line as it was read: its values, its id, and why it could not be typed."""

    id: str
    values: Mapping[str, Any]
    case: CuratedCase | None
    error: ValidationError | None = None


@dataclass(frozen=True)
class Material:
    """Everything that the checks read.

    Attributes:
        raw: the lines of the file, in order.
        regression: named cases outside the splits; held to the row-level rules only.
        external: texts of other people's sets by set and row, empty where they are not at hand.
        held_out: the project's own held-out texts by id.
    """

    raw: tuple[RawRow, ...]
    knowledge: tuple[Condition, ...]
    splits: Splits | None = None
    regression: tuple[CuratedCase, ...] = ()
    held_out: Mapping[str, str] = field(default_factory=dict)
    external: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def cases(self) -> tuple[CuratedCase, ...]:
        """The rows that could be typed."""
        return tuple(row.case for row in self.raw if row.case is not None)

    @cached_property
    def answered(self) -> tuple[CuratedCase, ...]:
        """Every typed case that the row-level rules hold for."""
        return (*self.cases, *self.regression)


def type_rows(rows: Sequence[Mapping[str, Any]]) -> tuple[RawRow, ...]:
    """Type each row, keeping those that do not fit with the reason."""
    typed = []
    for number, values in enumerate(rows, start=1):
        label = str(values.get("id") or f"line {number}")
        try:
            case = CuratedCase.model_validate_json(json.dumps(values))
            typed.append(RawRow(label, values, case))
        except ValidationError as error:
            typed.append(RawRow(label, values, None, error))
    return tuple(typed)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of *path*, one per line.

    Raises:
        MaterialError: the file cannot be read, or a line is no JSON object.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise MaterialError(f"{path.name}: {error}") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise MaterialError(f"{path.name}: line {number}: {error}") from error
        if not isinstance(row, dict):
            raise MaterialError(f"{path.name}: line {number}: not an object")
        rows.append(row)
    return rows
