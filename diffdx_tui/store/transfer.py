"""Carries sessions to another machine and back: JSONL, one session a line, nothing lost.

Role: export and import.  Each line states its schema version and stands alone, so a file may be
cut, joined and sorted.  An import adds what is missing and never changes what is there.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from diffdx_tui import NOTICE
from diffdx_tui.domain.differential import Variant, slots_of
from diffdx_tui.domain.events import State
from diffdx_tui.store.annotating import clean_tag
from diffdx_tui.store.connection import Database
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.reading import answers_of, chosen_ids, read_session
from diffdx_tui.store.recording import compact
from diffdx_tui.store.rows import (
    Answer,
    Session,
    expect,
    expect_id,
    format_time,
    parse_time,
    plain_texts,
    plain_tokens,
    title_of,
)
from diffdx_tui.store.search import index_session

SCHEMA = 1

_UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OverflowError,
    RecursionError,
    StoreError,
)
"""What a line can do to the code that reads it."""


@dataclass(frozen=True, slots=True)
class LineError:
    """A line that could not be imported, and why."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did.

    Attributes:
        sessions: sessions added.
        answers: answers added, to new and to known sessions.
        skipped: lines that had nothing new.
        errors: lines that could not be read.
    """

    sessions: int = 0
    answers: int = 0
    skipped: int = 0
    errors: tuple[LineError, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    """A checked line."""

    id: str
    created: datetime
    updated: datetime
    title: str
    note: str
    final_diagnosis: str
    tags: tuple[str, ...]
    answers: tuple[Answer, ...]


def export_jsonl(database: Database, ids: Iterable[str] | None) -> Iterator[str]:
    """A line for each of the sessions, line end included; all of them without *ids*."""
    for session_id in chosen_ids(database, ids):
        with database.lock:
            session = read_session(database, session_id)
            answers = answers_of(database, session_id)
        yield json.dumps(_line_of(session, answers), ensure_ascii=False) + "\n"


def import_jsonl(database: Database, lines: Iterable[bytes | str]) -> ImportReport:
    """Add the sessions and answers that are not there yet, in one transaction.

    A line that cannot be read is reported and the others are still imported.
    """
    report = ImportReport()
    with database.transaction() as connection:
        for number, line in enumerate(lines, start=1):
            try:
                parsed = _parse_line(line, first=number == 1)
                if parsed is not None:
                    report = _count(report, _add(connection, parsed))
            except _UNREADABLE as error:
                failed = LineError(number, _explain(error))
                report = replace(report, errors=(*report.errors, failed))
    return report


def _line_of(session: Session, answers: tuple[Answer, ...]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "notice": NOTICE,
        "session": {
            "id": session.id,
            "created": format_time(session.created),
            "updated": format_time(session.updated),
            "title": session.title,
            "note": session.note,
            "final_diagnosis": session.final_diagnosis,
            "tags": list(session.tags),
        },
        "answers": [answer.as_dict() for answer in answers],
    }


def _parse_line(line: bytes | str, *, first: bool) -> _Line | None:
    """The line's content; ``None`` for a blank one."""
    text = line.decode("utf-8") if isinstance(line, bytes) else line
    if first:
        text = text.removeprefix("\ufeff")
    if not text.strip():
        return None
    values = expect(json.loads(text), dict)
    schema = expect(values["schema"], int)
    if schema > SCHEMA:
        raise ValueError(f"written by a newer diffdx-tui (schema {schema}): update the program")
    if schema != SCHEMA:
        raise ValueError(f"schema {schema} is not known")
    session = expect(values["session"], dict)
    session_id = expect_id(session["id"])
    answers = tuple(
        _settled(Answer.from_dict(expect(answer, dict), session_id))
        for answer in expect(values["answers"], list)
    )
    return _Line(
        id=session_id,
        created=parse_time(session["created"]),
        updated=parse_time(session["updated"]),
        title=title_of(expect(session["title"], str)),
        note=expect(session["note"], str),
        final_diagnosis=expect(session["final_diagnosis"], str),
        tags=tuple(clean_tag(expect(tag, str)) for tag in expect(session["tags"], list)),
        answers=answers,
    )


def _settled(answer: Answer) -> Answer:
    """*answer*, checked further than a row of our own needs to be.

    One that was still streaming when it was exported will never go on here.
    """
    known = slots_of(Variant.A)
    for slot in (*answer.texts, *(entry.slot for entry in answer.reviews)):
        if slot not in known:
            raise ValueError(f"{slot.name!r} is not a field of an answer")
    if answer.stats is not None:
        for name, value in answer.stats.as_dict().items():
            expect(value, list if name == "unfinished" else (int, float))
        for name in answer.stats.unfinished:
            expect(name, str)
    if answer.verdict is not None:
        expect(answer.verdict.strict, bool)
        expect(answer.verdict.lenient, bool)
        expect(answer.verdict.echo, (int, float, type(None)))
        for violation in answer.verdict.violations:
            expect(violation.name, str)
            expect(violation.detail, str)
            expect(violation.position, (int, type(None)))
    if answer.state is State.STREAMING:
        return replace(answer, state=State.INTERRUPTED)
    return answer


def _add(connection: sqlite3.Connection, line: _Line) -> tuple[int, int]:
    """Add what is new of *line*, or nothing; returns how many sessions and answers."""
    connection.execute("SAVEPOINT line")
    try:
        added = _add_session(connection, line)
    except BaseException as error:
        connection.execute("ROLLBACK TO line")
        connection.execute("RELEASE line")
        if isinstance(error, sqlite3.IntegrityError):
            raise ValueError(str(error)) from error
        raise
    connection.execute("RELEASE line")
    return added


def _add_session(connection: sqlite3.Connection, line: _Line) -> tuple[int, int]:
    known = connection.execute(
        "SELECT number, deleted FROM sessions WHERE id = ?", (line.id,)
    ).fetchone()
    restored = known is not None and known["deleted"] is not None
    if restored:  # whoever imports it wants it back
        connection.execute("UPDATE sessions SET deleted = NULL WHERE id = ?", (line.id,))
    number = _insert_session(connection, line) if known is None else known["number"]
    answers = sum(_insert_answer(connection, answer, number) for answer in line.answers)
    if known is not None and answers == 0 and not restored:
        return 0, 0
    connection.execute(
        "UPDATE sessions SET updated = max(updated, ?), latest = (SELECT number FROM answers "
        "WHERE session = ? ORDER BY created DESC, number DESC LIMIT 1) WHERE number = ?",
        (format_time(line.updated), number, number),
    )
    index_session(connection, number)
    return int(known is None or restored), answers


def _insert_session(connection: sqlite3.Connection, line: _Line) -> int:
    added = connection.execute(
        "INSERT INTO sessions (id, created, updated, title, note, final_diagnosis) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (
            line.id,
            format_time(line.created),
            format_time(line.updated),
            line.title,
            line.note,
            line.final_diagnosis,
        ),
    )
    number = added.lastrowid
    assert number is not None  # an INSERT always has one
    connection.executemany(
        "INSERT OR IGNORE INTO tags (session, tag) VALUES (?, ?)",
        [(number, tag) for tag in line.tags],
    )
    return number


def _insert_answer(connection: sqlite3.Connection, answer: Answer, session: int) -> bool:
    """Add *answer* unless it is there already; returns whether it was added."""
    known = connection.execute("SELECT session FROM answers WHERE id = ?", (answer.id,)).fetchone()
    if known is not None:
        if known["session"] != session:
            raise ValueError(f"answer {answer.id} already belongs to another session")
        return False
    values = {
        "id": answer.id,
        "session": session,
        "parent": answer.parent_id,
        "state": str(answer.state),
        "created": format_time(answer.created),
        "updated": format_time(answer.updated),
        "model": compact(answer.model.as_dict()),
        "decoding": compact(answer.decoding.as_dict()),
        "verdict": compact(answer.verdict.as_dict()) if answer.verdict else None,
        "stats": compact(answer.stats.as_dict()) if answer.stats else None,
        "failure_kind": str(answer.failure_kind) if answer.failure_kind else None,
        "failure_message": answer.failure_message,
        "vignette": answer.vignette,
        "slots": compact(plain_texts(answer.texts)),
        "raw": answer.raw,
        "differential": (
            compact(answer.differential.model_dump()) if answer.differential else None
        ),
        "tokens": compact(plain_tokens(answer.tokens)),
    }
    columns, marks = ", ".join(values), ", ".join("?" * len(values))
    added = connection.execute(
        f"INSERT INTO answers ({columns}) VALUES ({marks})", tuple(values.values())
    )
    connection.executemany(
        "INSERT INTO reviews (answer, slot, agrees) VALUES (?, ?, ?)",
        [(added.lastrowid, entry.slot.name, int(entry.agrees)) for entry in answer.reviews],
    )
    return True


def _count(report: ImportReport, added: tuple[int, int]) -> ImportReport:
    sessions, answers = added
    return replace(
        report,
        sessions=report.sessions + sessions,
        answers=report.answers + answers,
        skipped=report.skipped + (not sessions and not answers),
    )


def _explain(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} at character {error.pos}"
    if isinstance(error, UnicodeDecodeError):
        return f"not valid UTF-8: byte {error.object[error.start]:#04x} at offset {error.start}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return " ".join(str(error).split())[:300]
