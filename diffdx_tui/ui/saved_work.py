"""The saved sessions as the screens reach them.

Role: opens the database once, off the screen's thread, and hands each thread its own handle; and
keeps answers that are to leave no trace out of it.  The choice is made per answer when it is asked
for, so that switching while one streams changes nothing about that one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from diffdx_tui.config import Config
from diffdx_tui.domain.events import AnswerEvent

if TYPE_CHECKING:  # sqlite comes after the first paint
    from diffdx_tui.store import SessionStore


class SavedWork:
    """The one place where the database is opened."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._first: SessionStore | None = None
        self._notice: str | None = None

    def open(self) -> SessionStore:
        """A handle for the calling thread to write with; the first call checks the file.

        Raises:
            StoreError: it cannot be opened.
        """
        from diffdx_tui.store import SessionStore

        with self._lock:
            if self._first is None:
                self._first = SessionStore.open(self._config.database)
                self._notice = self._first.notice
            return self._first.connect()

    def open_to_read(self) -> SessionStore:
        """The same for looking around; makes no file for someone who wants nothing saved.

        Raises:
            StoreError: it cannot be opened.
        """
        from diffdx_tui.store import SessionStore

        if self._config.ephemeral and not self._config.database.exists():
            return SessionStore.in_memory()
        return self.open()

    def take_notice(self) -> str | None:
        """What the store wants the person to know, if anything; given once.

        Without the lock: a screen asks often, and opening may hold the lock for seconds.
        """
        notice, self._notice = self._notice, None
        return notice

    def close(self) -> None:
        """Close what was opened here; handles given out are their owners' to close."""
        with self._lock:
            if self._first is not None:
                self._first.close()
                self._first = None


class SelectiveRecorder:
    """The worker's store: opened with the first answer that is to be saved, and not before."""

    def __init__(
        self, open_store: Callable[[], SessionStore], is_ephemeral: Callable[[str], bool]
    ) -> None:
        self._open_store = open_store
        self._is_ephemeral = is_ephemeral
        self._store: SessionStore | None = None

    def start_answer(self, *, answer_id: str, **fields: Any) -> None:
        """Begin an answer, unless it is ephemeral."""
        if self._is_ephemeral(answer_id):
            return
        if self._store is None:
            self._store = self._open_store()
        self._store.start_answer(answer_id=answer_id, **fields)

    def record(self, event: AnswerEvent) -> None:
        """Record *event*, unless its answer is ephemeral."""
        if self._store is not None and not self._is_ephemeral(event.answer_id):
            self._store.record(event)

    def flush(self) -> None:
        """Write down all text that came so far."""
        if self._store is not None:
            self._store.flush()

    def close(self) -> None:
        """Close the store, if it was opened."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def __enter__(self) -> SelectiveRecorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
