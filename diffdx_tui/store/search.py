"""Full-text search over sessions.

Role: keeps one document per session (vignettes, tiers, notes, tags) and finds it again.  What a
person types is text and never FTS5 syntax: every word is quoted, all of them must occur, and the
last one matches as a beginning, so that a search works while it is typed.

Order: up to :data:`RANKED` matches are ranked by relevance (bm25).  Beyond that a word is too
common for relevance to mean anything, and ranking would have to read every match: the newest come
first.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diffdx_tui.domain.differential import ECHO

if TYPE_CHECKING:
    from diffdx_tui.store.connection import Database

RANKED = 500
_MAX_WORDS = 32
_WEIGHTS = "bm25(1.0, 2.0, 4.0, 4.0)"  # vignette, tiers, notes, tags
_OPEN, _CLOSE = "\x02", "\x03"  # cannot occur in a document, see _plain
_SNIPPET = f"snippet(search, -1, '{_OPEN}', '{_CLOSE}', '\u2026', 16)"


@dataclass(frozen=True, slots=True)
class SnippetPiece:
    """A stretch of text around a match; ``matched`` stretches are to be highlighted."""

    text: str
    matched: bool


@dataclass(frozen=True, slots=True)
class Match:
    """A session's number and where the query occurs in it."""

    number: int
    snippet: tuple[SnippetPiece, ...]


def match_expression(query: str) -> str | None:
    """*query* as an FTS5 expression that means its words and nothing else.

    ``None`` when there is no word in it to look for.  Words past the 32nd are ignored.
    """
    text = query.encode("utf-8", "replace").decode("utf-8").replace("\x00", " ")
    words = [word for word in text.split() if any(map(str.isalnum, word))][:_MAX_WORDS]
    if not words:
        return None
    quoted = ['"' + word.replace('"', '""') + '"' for word in words]
    # A word that is followed by white space or a sign is complete.
    return " AND ".join(quoted) + ("*" if text[-1:].isalnum() else "")


def find(database: Database, query: str, limit: int) -> list[Match]:
    """The best *limit* sessions for *query*."""
    expression = match_expression(query)
    if expression is None or limit < 1:
        return []
    with database.lock:
        newest = database.rows(
            "SELECT rowid FROM search WHERE search MATCH ? ORDER BY rowid DESC LIMIT ?",
            (expression, max(limit, RANKED) + 1),
        )
        if len(newest) > RANKED:
            found = database.rows(
                f"SELECT rowid, {_SNIPPET} FROM search WHERE search MATCH ? "
                "ORDER BY rowid DESC LIMIT ?",
                (expression, limit),
            )
        else:
            found = database.rows(
                f"SELECT rowid, {_SNIPPET} FROM search WHERE search MATCH ? "
                f"AND rank MATCH '{_WEIGHTS}' ORDER BY rank LIMIT ?",
                (expression, limit),
            )
    return [Match(number, tuple(_pieces(snippet))) for number, snippet in found]


def index_session(connection: sqlite3.Connection, number: int) -> None:
    """Write the session's document anew; a deleted session has none."""
    session = connection.execute(
        "SELECT note, final_diagnosis, deleted FROM sessions WHERE number = ?", (number,)
    ).fetchone()
    if session is None or session["deleted"] is not None:
        connection.execute("DELETE FROM documents WHERE number = ?", (number,))
        return
    vignettes: dict[str, None] = {}
    tiers: dict[str, None] = {}
    for vignette, slots in connection.execute(
        "SELECT vignette, slots FROM answers WHERE session = ? ORDER BY number", (number,)
    ):
        vignettes[vignette] = None
        texts = json.loads(slots)
        tiers.update({text: None for name, text in texts.items() if name != ECHO.name})
    tags = connection.execute("SELECT tag FROM tags WHERE session = ? ORDER BY tag", (number,))
    connection.execute(
        "INSERT INTO documents (number, vignette, tiers, notes, tags) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (number) DO UPDATE SET vignette = excluded.vignette, "
        "tiers = excluded.tiers, notes = excluded.notes, tags = excluded.tags",
        (
            number,
            _plain("\n".join(vignettes)),
            _plain("\n".join(tiers)),
            _plain(f"{session['final_diagnosis']}\n{session['note']}".strip()),
            _plain("\n".join(tag for (tag,) in tags)),
        ),
    )


def rebuild(connection: sqlite3.Connection) -> None:
    """Write every document and the index anew."""
    connection.execute("DELETE FROM documents")
    numbers = connection.execute("SELECT number FROM sessions ORDER BY number").fetchall()
    for (number,) in numbers:
        index_session(connection, number)


def _plain(text: str) -> str:
    return text.replace(_OPEN, " ").replace(_CLOSE, " ").replace("\x00", " ")


def _pieces(snippet: str) -> list[SnippetPiece]:
    pieces = []
    for part in snippet.split(_OPEN):
        matched, closed, rest = part.partition(_CLOSE)
        if closed:
            pieces.append(SnippetPiece(matched, True))
        else:
            rest = matched
        if rest:
            pieces.append(SnippetPiece(rest, False))
    return pieces
