"""What can go wrong with saved work, each with a sentence a person can act on.

Role: the only exceptions that leave this package; no ``sqlite3.Error`` does.
"""

from __future__ import annotations

import sqlite3


class StoreError(Exception):
    """Saved work cannot be read or written; the message says why and what to do."""


class StoreDamaged(StoreError):
    """The database file is damaged."""


class StoreNewer(StoreError):
    """The database was written by a newer version of the program."""


class UnknownId(StoreError):
    """No session or answer has this id."""


class AmbiguousId(StoreError):
    """More than one session's id begins like this."""


_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_READ_ONLY = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN})


def primary_code(error: sqlite3.Error) -> int | None:
    """SQLite's result code without its extension; ``None`` for the binding's own errors."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


def explain(error: sqlite3.Error, place: str) -> StoreError:
    """The same trouble as a :class:`StoreError`; *place* names the database to the reader."""
    code = primary_code(error)
    if code in _DAMAGE:
        return StoreDamaged(
            f"{place} is damaged ({error}): start the program again and it will be set aside"
        )
    if code in _BUSY:
        return StoreError(f"{place} is in use by another process: try again in a moment")
    if code == sqlite3.SQLITE_FULL:
        return StoreError(f"{place} cannot grow, the disk is full: free some space")
    if code in _READ_ONLY:
        return StoreError(f"{place} cannot be written ({error}): check its permissions")
    return StoreError(f"{place}: {error}")
