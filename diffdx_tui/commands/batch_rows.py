"""The rows of a batch: JSONL or CSV, each checked by itself.

Role: a bad row is reported with its number and never stops the others.  Row numbers are those a
text editor (JSONL) or a spreadsheet (CSV, header included) shows.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffdx_tui.commands.exits import CommandError, Exit
from diffdx_tui.domain.vignette import Vignette, VignetteRefused

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LARGEST_CELL = 10_000_000
_JSONL, _CSV = frozenset({".jsonl", ".ndjson"}), frozenset({".csv", ".tsv"})


@dataclass(frozen=True, slots=True)
class Row:
    """A vignette to answer."""

    number: int
    id: str | int
    vignette: Vignette


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be answered, and why."""

    number: int
    reason: str


class _Bad(ValueError):
    """Why a row is refused."""


def read_rows(path: Path) -> Iterator[Row | BadRow]:
    """The rows of *path*, in order; an id that came before makes a bad row.

    Raises:
        CommandError: the file cannot be read as a whole, or is of another kind.
    """
    suffix = path.suffix.lower()
    if suffix not in _JSONL | _CSV:
        raise CommandError(f"{path} must be called .jsonl or .csv", Exit.USAGE)
    read = _read_jsonl if suffix in _JSONL else _read_csv
    seen: dict[str, int] = {}
    try:
        for row in read(path):
            if isinstance(row, Row) and str(row.id) in seen:
                first = seen[str(row.id)]
                yield BadRow(row.number, f"id {row.id!r} is already that of row {first}")
                continue
            if isinstance(row, Row):
                seen[str(row.id)] = row.number
            yield row
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}", Exit.REFUSED) from error


def _read_jsonl(path: Path) -> Iterator[Row | BadRow]:
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            content = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
            start = offset + len(line) - len(content)
            offset += len(line)
            if content.strip():
                try:
                    yield _parse_line(content, number, start)
                except (_Bad, VignetteRefused) as refusal:
                    yield BadRow(number, str(refusal))


def _parse_line(line: bytes, number: int, start: int) -> Row:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _Bad(
            f"not valid UTF-8: byte {line[error.start]:#04x} at offset {start + error.start}"
        ) from None
    except json.JSONDecodeError as error:
        raise _Bad(f"not JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise _Bad("not JSON: nested too deeply") from None
    except ValueError as error:  # a number with thousands of digits
        raise _Bad(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise _Bad("not a JSON object with id and vignette")
    for key in ("id", "vignette"):
        if key not in value:
            raise _Bad(f"{key} is missing")
    if not isinstance(value["vignette"], str):
        raise _Bad("vignette is not a text")
    return Row(number, _checked_id(value["id"]), Vignette.parse(value["vignette"]))


def _read_csv(path: Path) -> Iterator[Row | BadRow]:
    csv.field_size_limit(_LARGEST_CELL)
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        delimiter = _delimiter_of(file.readline())
        file.seek(0)
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        columns = _read_columns(reader, path)
        number = 1
        while True:
            number += 1
            try:
                cells = _next_cells(reader)
                if cells is None:
                    return
                if cells:
                    yield _parse_cells(cells, columns, number)
            except (_Bad, VignetteRefused) as refusal:
                yield BadRow(number, str(refusal))


def _next_cells(reader: Any) -> list[str] | None:
    try:
        cells: list[str] | None = next(reader, None)
    except csv.Error as error:
        raise _Bad(f"not CSV: {error} (line {reader.line_num})") from None
    return cells


def _delimiter_of(header: str) -> str:
    """Spreadsheets in much of Europe write semicolons."""
    return max(",;\t", key=header.count)


def _read_columns(reader: Any, path: Path) -> tuple[int, int]:
    try:
        header = _next_cells(reader)
    except _Bad as error:
        raise CommandError(f"{path}: {error}", Exit.REFUSED) from error
    names = [name.strip().lower() for name in header or ()]
    if "id" not in names or "vignette" not in names:
        raise CommandError(
            f"{path} needs a first line that names the columns id and vignette", Exit.REFUSED
        )
    return names.index("id"), names.index("vignette")


def _parse_cells(cells: list[str], columns: tuple[int, int], number: int) -> Row:
    if len(cells) <= max(columns):
        raise _Bad(f"has {len(cells)} columns, too few for id and vignette")
    name, text = (cells[column] for column in columns)
    for character in name + text:
        if "\udc80" <= character <= "\udcff":
            raise _Bad(f"not valid UTF-8: byte {ord(character) - 0xDC00:#04x}")
    return Row(number, _checked_id(name.strip()), Vignette.parse(text))


def _checked_id(value: Any) -> str | int:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise _Bad("id is neither a text nor a whole number")
    try:
        str(value).encode("utf-8")
    except UnicodeEncodeError:
        raise _Bad("id is not valid Unicode") from None
    return value
