"""Other people's test vignettes, for scoring only: which sets there are, and their rows, typed.

Role: the readers of the Avey and Semigran files.  Nothing of them is in this repository, nothing is
trained on, tuned to or written from them.  Avey lists what is absent as one string; here it becomes
explicit negatives, a sentence each, so that a reader of text cannot take it as present.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

REPOSITORY = "medaks/symptomcheck-bench"
COMMIT = "36c80b44"
NOTES = (
    "For scoring only: never for training, tuning or writing.",
    "Public and old: a base model may have seen them.",
    f"The repository {REPOSITORY} is MIT; the texts' own rights (Avey study, Semigran BMJ 2015) "
    "are not fully clear, so this program does not pass them on.",
)
"""To be said wherever the sets are listed or a figure from them is shown."""

Urgency = Literal["emergency", "non-emergency", "self-care"]


class ExternalError(ValueError):
    """A set cannot be used; the message names the file and the reason."""


class ExternalCase(BaseModel):
    """One row of a set.

    Attributes:
        text: the vignette as it is asked; negatives are part of it.
        diagnosis: the right one, as the set writes it.
        urgency: ``None`` where the set does not label it.
        absent: the negatives alone, one sentence each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    text: str = Field(min_length=1)
    diagnosis: str = Field(min_length=1)
    urgency: Urgency | None = None
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExternalSet:
    """A file somebody else published.

    Attributes:
        path: of the file in :data:`REPOSITORY`.
        sha256: of the file at :data:`COMMIT`.
    """

    name: str
    path: str
    rows: int
    sha256: str
    read: Callable[[Path], tuple[ExternalCase, ...]]

    @property
    def file(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]


class _AveyRow(BaseModel):
    """Fields this program does not use are passed over."""

    demographics: str = ""
    chief_complaints: str = ""
    presentation: str = Field(min_length=1)
    absent_findings: str = ""
    physical_history: str = ""
    family_history: str = ""
    correct_diagnosis: str = Field(min_length=1)


class _SemigranRow(BaseModel):
    case_description: str = Field(min_length=1)
    correct_diagnosis: str = Field(min_length=1)
    urgency_level: Literal["em", "ne", "sc"]


Row = TypeVar("Row", bound=BaseModel)
_URGENCY: dict[str, Urgency] = {"em": "emergency", "ne": "non-emergency", "sc": "self-care"}


def read_avey(path: Path) -> tuple[ExternalCase, ...]:
    """The Avey vignettes; no urgency labels.

    Raises:
        ExternalError: the file cannot be read or a row has another form.
    """
    cases = []
    for number, line in _lines(path):
        row = _parsed(_AveyRow, line, path, number)
        absent = negatives(row.absent_findings)
        parts = [
            _sentence(row.demographics),
            _sentence(row.chief_complaints),
            _sentence(row.presentation),
            *absent,
            _history("Past medical history", row.physical_history),
            _history("Family history", row.family_history),
        ]
        text = " ".join(part for part in parts if part)
        diagnosis = _one_line(row.correct_diagnosis)
        cases.append(
            ExternalCase(id=f"avey-{number:03}", text=text, diagnosis=diagnosis, absent=absent)
        )
    return tuple(cases)


def read_semigran(path: Path) -> tuple[ExternalCase, ...]:
    """The Semigran vignettes with their urgency.

    Raises:
        ExternalError: the file cannot be read or a row has another form.
    """
    cases = []
    for number, line in _lines(path):
        row = _parsed(_SemigranRow, line, path, number)
        cases.append(
            ExternalCase(
                id=f"semigran-{number:02}",
                text=row.case_description.strip(),
                diagnosis=_one_line(row.correct_diagnosis),
                urgency=_URGENCY[row.urgency_level],
            )
        )
    return tuple(cases)


SETS = (
    ExternalSet(
        "avey",
        "symptomcheck_bench/vignettes/avey_vignettes.jsonl",
        400,
        "f516ee0fb17bdaefca7f53483fb4e38a1eb3c72cf52cf45d34dcf0484bf66976",
        read_avey,
    ),
    ExternalSet(
        "semigran",
        "triage_bench/vignettes/semigran_vignettes.jsonl",
        45,
        "09121a577d5ed4291fac94e7829979b762dc1735ea4fa15eddd1d7f2f4b82013",
        read_semigran,
    ),
)


def read_external(directory: Path) -> dict[str, tuple[ExternalCase, ...]]:
    """The sets that are in *directory*, by name.

    Raises:
        ExternalError: a file that is there cannot be used.
    """
    return {
        one.name: one.read(directory / one.file) for one in SETS if (directory / one.file).is_file()
    }


# A piece that begins so is a statement of its own; any other goes on with the one before.
_STATEMENT = re.compile(
    r"(?:no|not|none|never|without|denies|negative|normal|the|he|she|they|his|her|symptoms?)\b",
    re.IGNORECASE,
)
_COMMA = re.compile(r",(?=\s|$|[A-Za-z])")


def negatives(listed: str) -> tuple[str, ...]:
    """A list of absent findings, separated by commas or full stops, as sentences.

    "No fever, no rash, lotions" becomes "No fever.", "No rash, lotions."; a bare list, "fever,
    rash", becomes "No fever.", "No rash."
    """
    statements: list[str] = []
    for clause in re.split(r"[.;\n]+(?=\s|$)", listed):
        pieces = [words for piece in _COMMA.split(clause) if (words := _one_line(piece))]
        bare = bool(pieces) and not _STATEMENT.match(pieces[0])
        for words in pieces:
            if _STATEMENT.match(words):
                statements.append(words)
            elif bare:
                statements.append(f"no {words}")
            else:
                statements[-1] += f", {words}"
    return tuple(map(_sentence, statements))


def _sentence(text: str) -> str:
    words = _one_line(text).rstrip(" .")
    return f"{words[0].upper()}{words[1:]}." if words else ""


def _history(heading: str, text: str) -> str:
    words = _one_line(text).strip(" .")
    if words.strip("-").casefold() in ("", "none", "nil"):
        return ""
    if re.match(r"(?:he|she|his|her|the|history|no)\b", words, re.IGNORECASE):
        return _sentence(words)
    return f"{heading}: {words}."


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ExternalError(f"{path.name}: {error}") from error
    rows = [line for line in lines if line.strip()]
    yield from enumerate(rows, start=1)


def _parsed(model: type[Row], line: str, path: Path, number: int) -> Row:
    try:
        return model.model_validate(json.loads(line))
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise ExternalError(f"{path.name}: row {number}: {reason}") from error
