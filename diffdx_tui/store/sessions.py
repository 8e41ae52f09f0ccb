"""Saved sessions, as one object.

Role: the door of this package.  It opens the database, brings it up to date, records answers (it is
the recorder that :func:`diffdx_tui.answer.answer` needs), reads, annotates, searches, exports and
imports.  Each thread has a handle of its own: open one, and get the others from :meth:`connect`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from diffdx_tui.domain.commitment import Commitment
from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.differential import Slot
from diffdx_tui.domain.events import AnswerEvent, ModelInfo, State
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.store import annotating, commitments, reading, reports, transfer
from diffdx_tui.store.connection import Database, open_file, open_memory
from diffdx_tui.store.errors import StoreDamaged
from diffdx_tui.store.recording import AnswerRecorder, interrupt_abandoned
from diffdx_tui.store.rows import Answer, SearchHit, Session
from diffdx_tui.store.transfer import ImportReport

KEEP_DELETED = timedelta(days=30)
"""How long a deleted session can be restored."""


class SessionStore:
    """One thread's handle on the saved sessions.

    Every method raises :class:`~diffdx_tui.store.errors.StoreError` when the database cannot be
    read or written, and its subclasses ``UnknownId`` and ``AmbiguousId`` for an id that fits no
    session or several; ids of sessions may be given by their first characters.
    """

    def __init__(self, database: Database, notice: str | None = None) -> None:
        """Use :meth:`open` or :meth:`in_memory`."""
        self._database = database
        self._recorder = AnswerRecorder(database)
        self._closed = False
        self.notice = notice
        """A sentence the person must see: a damaged database was set aside."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create the database at *path*, and tidy up after processes that died.

        Raises:
            StoreError: it cannot be opened; a newer program's (``StoreNewer``) is left alone.
        """
        try:
            return cls._open_tidily(path)
        except StoreDamaged:
            # Damage in a large file that was not due for a check; now it is, and is set aside.
            return cls._open_tidily(path)

    @classmethod
    def _open_tidily(cls, path: Path) -> Self:
        database, notice = open_file(path)
        try:
            interrupt_abandoned(database)
            annotating.purge_deleted(database, datetime.now(UTC) - KEEP_DELETED)
        except BaseException:
            database.close()
            raise
        return cls(database, notice)

    @classmethod
    def in_memory(cls) -> Self:
        """An empty store that is gone when its last handle is closed; nothing reaches the disk."""
        return cls(open_memory())

    def connect(self) -> SessionStore:
        """A handle for another thread on the same sessions, also on those in memory."""
        return SessionStore(self._database.another())

    def close(self) -> None:
        """Write down what is pending; an answer still streaming here becomes ``interrupted``."""
        if self._closed:
            return
        self._closed = True
        try:
            self._recorder.close()
        finally:
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path | None:
        """The database file; ``None`` in memory."""
        return self._database.path

    @property
    def ephemeral(self) -> bool:
        """Whether nothing is saved."""
        return self._database.path is None

    # Recording

    def start_answer(
        self,
        *,
        answer_id: str,
        session_id: str,
        parent_id: str | None,
        vignette: Vignette,
        model: ModelInfo,
        decoding: Decoding,
    ) -> None:
        """Write an answer's row before its first token; its session is created when unknown."""
        self._recorder.start_answer(
            answer_id=answer_id,
            session_id=session_id,
            parent_id=parent_id,
            vignette=vignette,
            model=model,
            decoding=decoding,
        )

    def record(self, event: AnswerEvent) -> None:
        """Write down what happens in an answer; at most a second of text is ever unwritten."""
        self._recorder.record(event)

    def flush(self) -> None:
        """Write down all text that came so far."""
        self._recorder.flush()

    # Reading

    def list_sessions(
        self,
        limit: int = 50,
        offset: int = 0,
        *,
        state: State | None = None,
        tag: str | None = None,
        deleted: bool = False,
    ) -> tuple[Session, ...]:
        """Sessions by last change, newest first; *state* is that of the newest answer."""
        return reading.list_sessions(
            self._database, limit=limit, offset=offset, state=state, tag=tag, deleted=deleted
        )

    def count(
        self, *, state: State | None = None, tag: str | None = None, deleted: bool = False
    ) -> int:
        """How many sessions there are."""
        return reading.count_sessions(self._database, state=state, tag=tag, deleted=deleted)

    def search(self, query: str, limit: int = 50) -> tuple[SearchHit, ...]:
        """Sessions in which every word of *query* occurs; the last word may be unfinished."""
        return reading.search_sessions(self._database, query, limit)

    def read_session(self, session_id: str) -> Session:
        """One session, deleted ones included."""
        return reading.read_session(self._database, session_id)

    def answers(self, session_id: str) -> tuple[Answer, ...]:
        """A session's answers, oldest first."""
        return reading.answers_of(self._database, session_id)

    def read_answer(self, answer_id: str) -> Answer:
        """One answer; its id may be given by its first characters."""
        return reading.read_answer(self._database, answer_id)

    def tags(self) -> tuple[tuple[str, int], ...]:
        """Every tag in use with the number of its sessions, the most used first."""
        return reading.count_tags(self._database)

    # Annotating and deleting

    def annotate(
        self, session_id: str, *, note: str | None = None, final_diagnosis: str | None = None
    ) -> None:
        """Set the note or the final diagnosis; ``None`` leaves it, an empty text clears it."""
        annotating.annotate(self._database, session_id, note=note, final_diagnosis=final_diagnosis)

    def set_tags(self, session_id: str, tags: Iterable[str]) -> None:
        """Replace a session's tags."""
        annotating.set_tags(self._database, session_id, tags)

    def review(self, answer_id: str, slot: Slot, agrees: bool | None) -> None:
        """Note agreement with one tier of an answer; ``None`` takes it back."""
        annotating.review(self._database, answer_id, slot, agrees)

    def delete_session(self, session_id: str) -> None:
        """Delete a session; :meth:`restore_session` brings it back within :data:`KEEP_DELETED`."""
        annotating.set_deleted(self._database, session_id, deleted=True)

    def restore_session(self, session_id: str) -> None:
        """Undo :meth:`delete_session`."""
        annotating.set_deleted(self._database, session_id, deleted=False)

    def purge_deleted(self, before: datetime | None = None) -> int:
        """Remove deleted sessions for good, all or those deleted before a time; how many."""
        moment = before or datetime.now(UTC) + timedelta(seconds=1)
        return annotating.purge_deleted(self._database, moment)

    # Commitments to curated cases

    def add_commitment(self, commitment: Commitment) -> bool:
        """Write a commitment down; false if this wording of the case has one, which stands."""
        return commitments.add_commitment(self._database, commitment)

    def commitments(self) -> tuple[Commitment, ...]:
        """All of them, oldest first."""
        return commitments.list_commitments(self._database)

    def forget_commitment(self, case_id: str) -> int:
        """Remove what was committed to a case, in every wording; returns how many rows."""
        return commitments.forget_commitment(self._database, case_id)

    # Export and import

    def export_jsonl(self, ids: Iterable[str] | None = None) -> Iterator[str]:
        """Lines that :meth:`import_jsonl` reads back without loss; all sessions by default."""
        return transfer.export_jsonl(self._database, ids)

    def import_jsonl(self, lines: Iterable[bytes | str]) -> ImportReport:
        """Add sessions and answers that are not there yet; bad lines are reported by number."""
        return transfer.import_jsonl(self._database, lines)

    def export_markdown(self, ids: Iterable[str] | None = None) -> Iterator[str]:
        """A document to read, in parts."""
        return reports.export_markdown(self._database, ids)

    def export_csv(self, ids: Iterable[str] | None = None) -> Iterator[str]:
        """A table with a line for each answer; formulas get a leading apostrophe."""
        return reports.export_csv(self._database, ids)
