"""What a reader adds to a session: notes, final diagnosis, tags, agreement; and deleting it.

Role: every change that is not the recording of an answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from diffdx_tui.domain.differential import Slot
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.store.connection import Database
from diffdx_tui.store.errors import StoreError, UnknownId
from diffdx_tui.store.reading import session_number
from diffdx_tui.store.recording import storable
from diffdx_tui.store.rows import format_time
from diffdx_tui.store.search import index_session

TAG_CHARACTERS = 40


def clean_tag(tag: str) -> str:
    """One form per tag: lower case, one line, single spaces.

    Raises:
        StoreError: it is empty, too long, or holds a comma, which separates tags.
    """
    cleaned = make_visible_line(storable(tag)).casefold()
    if not cleaned:
        raise StoreError("a tag cannot be empty")
    if "," in cleaned or len(cleaned) > TAG_CHARACTERS:
        raise StoreError(f"a tag has at most {TAG_CHARACTERS} characters and no comma: {cleaned!r}")
    return cleaned


def annotate(
    database: Database, session_id: str, *, note: str | None, final_diagnosis: str | None
) -> None:
    """Set what is given; ``None`` leaves a text as it is."""
    with database.transaction() as connection:
        number = session_number(database, session_id)
        connection.execute(
            "UPDATE sessions SET note = coalesce(?, note), "
            "final_diagnosis = coalesce(?, final_diagnosis), updated = ? WHERE number = ?",
            (
                None if note is None else storable(note),
                None if final_diagnosis is None else storable(final_diagnosis),
                _now(),
                number,
            ),
        )
        index_session(connection, number)


def set_tags(database: Database, session_id: str, tags: Iterable[str]) -> None:
    """Replace the session's tags."""
    cleaned = sorted({clean_tag(tag) for tag in tags})
    with database.transaction() as connection:
        number = session_number(database, session_id)
        connection.execute("DELETE FROM tags WHERE session = ?", (number,))
        connection.executemany(
            "INSERT INTO tags (session, tag) VALUES (?, ?)", [(number, tag) for tag in cleaned]
        )
        connection.execute("UPDATE sessions SET updated = ? WHERE number = ?", (_now(), number))
        index_session(connection, number)


def review(database: Database, answer_id: str, slot: Slot, agrees: bool | None) -> None:
    """Note agreement with one tier of an answer; ``None`` takes it back."""
    with database.transaction() as connection:
        row = database.row("SELECT number, session FROM answers WHERE id = ?", (answer_id,))
        if row is None:
            raise UnknownId(f"there is no answer {answer_id!r}")
        key = (row["number"], slot.name)
        connection.execute("DELETE FROM reviews WHERE answer = ? AND slot = ?", key)
        if agrees is not None:
            connection.execute(
                "INSERT INTO reviews (answer, slot, agrees) VALUES (?, ?, ?)", (*key, int(agrees))
            )
        connection.execute(
            "UPDATE sessions SET updated = ? WHERE number = ?", (_now(), row["session"])
        )


def set_deleted(database: Database, session_id: str, *, deleted: bool) -> None:
    """Delete a session so that it can be restored, or restore it."""
    with database.transaction() as connection:
        number = session_number(database, session_id)
        # Deleting twice keeps the first time, from which the purge counts.
        connection.execute(
            "UPDATE sessions SET deleted = CASE WHEN ? THEN coalesce(deleted, ?) END "
            "WHERE number = ?",
            (deleted, _now(), number),
        )
        index_session(connection, number)


def purge_deleted(database: Database, before: datetime) -> int:
    """Remove for good what was deleted before *before*; returns how many sessions."""
    values = (format_time(before),)
    if not database.rows("SELECT 1 FROM sessions WHERE deleted < ? LIMIT 1", values):
        return 0
    with database.transaction() as connection:
        return connection.execute("DELETE FROM sessions WHERE deleted < ?", values).rowcount


def _now() -> str:
    return format_time(datetime.now(UTC))
