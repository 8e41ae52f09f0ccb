"""Floor 1: saved sessions in SQLite.  Imports the domain only; never engine or ui."""

from diffdx_tui.store.errors import (
    AmbiguousId,
    StoreDamaged,
    StoreError,
    StoreNewer,
    UnknownId,
)
from diffdx_tui.store.rows import Answer, Review, SearchHit, Session, Token
from diffdx_tui.store.search import SnippetPiece
from diffdx_tui.store.sessions import SessionStore
from diffdx_tui.store.transfer import ImportReport, LineError

__all__ = [
    "AmbiguousId",
    "Answer",
    "ImportReport",
    "LineError",
    "Review",
    "SearchHit",
    "Session",
    "SessionStore",
    "SnippetPiece",
    "StoreDamaged",
    "StoreError",
    "StoreNewer",
    "Token",
    "UnknownId",
]
