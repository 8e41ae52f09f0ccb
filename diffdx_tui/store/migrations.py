"""The database's schema, as numbered steps.

Role: the only place that creates or changes tables.  ``PRAGMA user_version`` holds the number of
the last step.  A step that has been released is never edited: a change is a new step, and
``tests/store/versions/`` gets a database of the new version.

The search index is derived data: whenever a step ran, the caller rebuilds it from the rows, so no
step has to know how a document is put together.
"""

from __future__ import annotations

import sqlite3

from diffdx_tui.store.errors import StoreError, StoreNewer

APPLICATION_ID = 0x44444458  # "DDDX", so that `file` and we ourselves can tell our databases

_TABLES = (
    """
    CREATE TABLE sessions (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        created TEXT NOT NULL,
        updated TEXT NOT NULL,
        title TEXT NOT NULL,
        note TEXT NOT NULL DEFAULT '',
        final_diagnosis TEXT NOT NULL DEFAULT '',
        latest INTEGER,
        deleted TEXT
    )
    """,
    "CREATE INDEX sessions_by_update ON sessions (updated) WHERE deleted IS NULL",
    "CREATE INDEX sessions_deleted ON sessions (deleted) WHERE deleted IS NOT NULL",
    # What lists and filters need stands before the long texts: SQLite reads a row from its left.
    """
    CREATE TABLE answers (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        session INTEGER NOT NULL REFERENCES sessions (number) ON DELETE CASCADE,
        parent TEXT,
        state TEXT NOT NULL CHECK (
            state IN ('streaming', 'finished', 'cancelled', 'failed', 'interrupted')
        ),
        created TEXT NOT NULL,
        updated TEXT NOT NULL,
        owner TEXT NOT NULL DEFAULT '',
        model TEXT NOT NULL,
        decoding TEXT NOT NULL,
        verdict TEXT,
        stats TEXT,
        failure_kind TEXT,
        failure_message TEXT,
        vignette TEXT NOT NULL,
        slots TEXT NOT NULL DEFAULT '{}',
        raw TEXT NOT NULL DEFAULT '',
        differential TEXT,
        tokens TEXT NOT NULL DEFAULT '[]'
    )
    """,
    "CREATE INDEX answers_by_session ON answers (session, number)",
    "CREATE INDEX answers_by_state ON answers (state, number)",
    """
    CREATE TABLE tags (
        session INTEGER NOT NULL REFERENCES sessions (number) ON DELETE CASCADE,
        tag TEXT NOT NULL,
        PRIMARY KEY (session, tag)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX tags_by_tag ON tags (tag, session)",
    """
    CREATE TABLE reviews (
        answer INTEGER NOT NULL REFERENCES answers (number) ON DELETE CASCADE,
        slot TEXT NOT NULL,
        agrees INTEGER NOT NULL CHECK (agrees IN (0, 1)),
        PRIMARY KEY (answer, slot)
    ) WITHOUT ROWID
    """,
)

_SEARCH = (
    """
    CREATE TABLE documents (
        number INTEGER PRIMARY KEY REFERENCES sessions (number) ON DELETE CASCADE,
        vignette TEXT NOT NULL,
        tiers TEXT NOT NULL,
        notes TEXT NOT NULL,
        tags TEXT NOT NULL
    )
    """,
    # The prefix indexes make every keystroke of a live search as fast as a whole word.
    """
    CREATE VIRTUAL TABLE search USING fts5 (
        vignette, tiers, notes, tags,
        content = 'documents', content_rowid = 'number',
        tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3'
    )
    """,
    """
    CREATE TRIGGER documents_added AFTER INSERT ON documents BEGIN
        INSERT INTO search (rowid, vignette, tiers, notes, tags)
        VALUES (new.number, new.vignette, new.tiers, new.notes, new.tags);
    END
    """,
    """
    CREATE TRIGGER documents_removed AFTER DELETE ON documents BEGIN
        INSERT INTO search (search, rowid, vignette, tiers, notes, tags)
        VALUES ('delete', old.number, old.vignette, old.tiers, old.notes, old.tags);
    END
    """,
    """
    CREATE TRIGGER documents_changed AFTER UPDATE ON documents BEGIN
        INSERT INTO search (search, rowid, vignette, tiers, notes, tags)
        VALUES ('delete', old.number, old.vignette, old.tiers, old.notes, old.tags);
        INSERT INTO search (rowid, vignette, tiers, notes, tags)
        VALUES (new.number, new.vignette, new.tiers, new.notes, new.tags);
    END
    """,
)

_COMMITMENTS = (
    """
    CREATE TABLE commitments (
        case_id TEXT NOT NULL,
        case_sha256 TEXT NOT NULL,
        committed TEXT NOT NULL,
        texts TEXT NOT NULL,
        PRIMARY KEY (case_id, case_sha256)
    ) WITHOUT ROWID
    """,
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_TABLES, _SEARCH, _COMMITMENTS)
"""Step *n* (from 1) takes a database from version *n* - 1 to *n*."""

VERSION = len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """The version the database is at; 0 is an empty one."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def migrate(connection: sqlite3.Connection, place: str) -> bool:
    """Bring the database to :data:`VERSION`; the caller has begun the transaction.

    Returns:
        Whether a step ran, so that the search index must be built again.

    Raises:
        StoreNewer: a newer program wrote it.
        StoreError: it is somebody else's database.
    """
    version = version_of(connection)
    if version > VERSION:
        raise StoreNewer(
            f"{place} was written by a newer diffdx-tui (format {version}, this one knows up to "
            f"{VERSION}): update the program, or choose another folder with DIFFDX_HOME"
        )
    _refuse_foreign(connection, version, place)
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    return version < VERSION


def _refuse_foreign(connection: sqlite3.Connection, version: int, place: str) -> None:
    tables: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    mark: int = connection.execute("PRAGMA application_id").fetchone()[0]
    if tables and (version == 0 or mark != APPLICATION_ID):
        raise StoreError(
            f"{place} is a database of another program: move it away, or choose another folder "
            "with DIFFDX_HOME"
        )
