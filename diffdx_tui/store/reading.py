"""Reads sessions and answers back.

Role: the queries behind lists and the reading view.  An id may be given by its first characters as
long as they fit one session only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from diffdx_tui.domain.events import State
from diffdx_tui.store.connection import Database
from diffdx_tui.store.errors import AmbiguousId, UnknownId
from diffdx_tui.store.rows import Answer, SearchHit, Session, answer_of, session_of
from diffdx_tui.store.search import find

_TAG_SEPARATOR = "\x1f"  # cannot occur in a tag, see annotating.clean_tag

SESSIONS = """
    SELECT s.number, s.id, s.created, s.updated, s.title, s.note, s.final_diagnosis, s.deleted,
        a.state, a.verdict, a.model,
        (SELECT count(*) FROM answers WHERE session = s.number) AS answers,
        (SELECT group_concat(tag, char(31)) FROM
            (SELECT tag FROM tags WHERE session = s.number ORDER BY tag)) AS tags
    FROM sessions AS s LEFT JOIN answers AS a ON a.number = s.latest
"""
_ANSWERS = """
    SELECT a.*, s.id AS session_id FROM answers AS a JOIN sessions AS s ON s.number = a.session
"""
_CHUNK = 500


def list_sessions(
    database: Database,
    *,
    limit: int,
    offset: int,
    state: State | None,
    tag: str | None,
    deleted: bool,
) -> tuple[Session, ...]:
    """Sessions by last change, newest first."""
    where, values = _filter(state, tag, deleted=deleted)
    order = "ORDER BY s.updated DESC, s.number DESC"
    # The inner query walks an index over what is skipped; only the page itself is read whole.
    page = f"SELECT s.number FROM sessions AS s WHERE {where} {order} LIMIT ? OFFSET ?"
    rows = database.rows(f"{SESSIONS} WHERE s.number IN ({page}) {order}", (*values, limit, offset))
    return tuple(_session(row) for row in rows)


def count_sessions(
    database: Database, *, state: State | None, tag: str | None, deleted: bool
) -> int:
    """How many sessions :func:`list_sessions` has in all."""
    where, values = _filter(state, tag, deleted=deleted)
    row = database.row(f"SELECT count(*) FROM sessions AS s WHERE {where}", values)
    return int(row[0]) if row else 0


def search_sessions(database: Database, query: str, limit: int) -> tuple[SearchHit, ...]:
    """Sessions in which every word of *query* occurs, the best first."""
    with database.lock:
        matches = find(database, query, limit)
        by_number = {}
        for start in range(0, len(matches), _CHUNK):
            numbers = [match.number for match in matches[start : start + _CHUNK]]
            marks = ", ".join("?" * len(numbers))
            rows = database.rows(f"{SESSIONS} WHERE s.number IN ({marks})", numbers)
            by_number.update({row["number"]: _session(row) for row in rows})
    # Another process may have deleted one between the two queries.
    return tuple(
        SearchHit(by_number[match.number], match.snippet)
        for match in matches
        if match.number in by_number and by_number[match.number].deleted is None
    )


def read_session(database: Database, session_id: str) -> Session:
    """The session whose id is, or begins with, *session_id*.

    Raises:
        UnknownId, AmbiguousId: none, or several.
    """
    return _session(_session_row(database, session_id))


def session_number(database: Database, session_id: str) -> int:
    """The row number of the session, for this package's other tables."""
    number: int = _session_row(database, session_id)["number"]
    return number


def answers_of(database: Database, session_id: str) -> tuple[Answer, ...]:
    """The session's answers, oldest first."""
    number = session_number(database, session_id)
    rows = database.rows(f"{_ANSWERS} WHERE a.session = ? ORDER BY a.created, a.number", (number,))
    return tuple(_answer(database, row) for row in rows)


def read_answer(database: Database, answer_id: str) -> Answer:
    """The answer whose id is, or begins with, *answer_id*.

    Raises:
        UnknownId, AmbiguousId: none, or several.
    """
    rows = _by_prefix(database, _ANSWERS, "a", answer_id)
    if not rows:
        raise UnknownId(f"there is no answer {answer_id!r}")
    if len(rows) > 1:
        fits = ", ".join(row["id"] for row in rows[:5])
        raise AmbiguousId(f"{answer_id!r} fits several answers ({fits}): type more of the id")
    return _answer(database, rows[0])


def session_ids(database: Database) -> Iterator[str]:
    """Every session that is not deleted, oldest first."""
    for row in database.rows("SELECT id FROM sessions WHERE deleted IS NULL ORDER BY number"):
        yield row["id"]


def count_tags(database: Database) -> tuple[tuple[str, int], ...]:
    """Every tag in use and how many sessions have it, the most used first."""
    rows = database.rows(
        "SELECT t.tag, count(*) FROM tags AS t JOIN sessions AS s ON s.number = t.session "
        "WHERE s.deleted IS NULL GROUP BY t.tag ORDER BY count(*) DESC, t.tag"
    )
    return tuple((tag, count) for tag, count in rows)


def chosen_ids(database: Database, ids: Iterable[str] | None) -> Iterable[str]:
    """*ids* written out in full, or all of them."""
    if ids is None:
        return session_ids(database)
    return [_session_row(database, session_id)["id"] for session_id in ids]


def _filter(state: State | None, tag: str | None, *, deleted: bool) -> tuple[str, tuple[str, ...]]:
    where = ["s.deleted IS NOT NULL" if deleted else "s.deleted IS NULL"]
    values = []
    if state is not None:
        where.append("s.latest IN (SELECT number FROM answers WHERE state = ?)")
        values.append(str(state))
    if tag is not None:
        where.append("s.number IN (SELECT session FROM tags WHERE tag = ?)")
        values.append(tag)
    return " AND ".join(where), tuple(values)


def _session_row(database: Database, session_id: str) -> sqlite3.Row:
    rows = _by_prefix(database, SESSIONS, "s", session_id)
    if not rows:
        raise UnknownId(f"there is no session {session_id!r}")
    if len(rows) > 1:
        fits = ", ".join(row["id"] for row in rows[:5])
        raise AmbiguousId(f"{session_id!r} fits several sessions ({fits}): type more of the id")
    return rows[0]


def _by_prefix(database: Database, select: str, table: str, prefix: str) -> Sequence[sqlite3.Row]:
    """The row with exactly this id, else up to six whose id begins like it."""
    if not prefix or not prefix.isascii():
        return ()
    exact = database.rows(f"{select} WHERE {table}.id = ?", (prefix,))
    if exact:
        return exact
    return database.rows(
        f"{select} WHERE {table}.id >= ? AND {table}.id < ? ORDER BY {table}.id LIMIT 6",
        (prefix, prefix + "\x7f"),
    )


def _session(row: sqlite3.Row) -> Session:
    tags = tuple(row["tags"].split(_TAG_SEPARATOR)) if row["tags"] else ()
    return session_of(row, tags)


def _answer(database: Database, row: sqlite3.Row) -> Answer:
    reviews = database.rows("SELECT slot, agrees FROM reviews WHERE answer = ?", (row["number"],))
    return answer_of(row, {slot: bool(agrees) for slot, agrees in reviews})
