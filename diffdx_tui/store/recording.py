"""Writes an answer down while it streams.

Role: the recorder behind :func:`diffdx_tui.answer.answer`.  Text is gathered in memory and
committed at the first event 0.4 s after the last commit, and 0.6 s after it came at the latest: a
small thread sees to that when the model is slow.  Killing the process therefore loses less than a
second of text.  First and last events are committed at once.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.differential import Slot, texts_of
from diffdx_tui.domain.events import (
    AnswerEvent,
    Cancelled,
    Failed,
    Finished,
    ModelInfo,
    SlotClosed,
    SlotText,
    Started,
    State,
    TokenSampled,
)
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.store.connection import BUSY_SECONDS, Database
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.owner import current_owner, is_alive
from diffdx_tui.store.rows import (
    Token,
    expect_id,
    finite,
    format_time,
    parse_time,
    plain_texts,
    plain_tokens,
    title_of,
)
from diffdx_tui.store.search import index_session

COMMIT_SECONDS = 0.4
LATEST_SECONDS = 0.6
_FLUSH_PATIENCE = 0.2  # generation must not wait while another process writes; it is tried again
_UNKNOWN_OWNER_SECONDS = 3600.0


@dataclass(slots=True)
class _Stream:
    """What has come of one answer, and whether all of it is written."""

    raw: list[str] = field(default_factory=list)
    texts: dict[Slot, list[str]] = field(default_factory=dict)
    tokens: list[Token] = field(default_factory=list)
    dirty: bool = False

    def add(self, event: TokenSampled | SlotText | SlotClosed) -> None:
        if isinstance(event, TokenSampled):
            self.raw.append(event.text)
            self.tokens.append(Token(event.id, finite(event.logprob), event.forced))
        elif isinstance(event, SlotText):
            self.texts.setdefault(event.slot, []).append(event.text)
        else:
            return
        self.dirty = True

    def joined(self) -> dict[Slot, str]:
        return {slot: "".join(pieces) for slot, pieces in self.texts.items()}


class AnswerRecorder:
    """Records the answers of one worker; thread-safe."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._streams: dict[str, _Stream] = {}
        self._changed = threading.Condition(database.lock)
        self._committed = clock()
        self._waiting_since: float | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

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
        """Write the answer's row, in state ``streaming``; its session is created when unknown.

        Raises:
            StoreError: the row could not be written, or the answer's id is taken.
        """
        expect_id(answer_id)
        expect_id(session_id)
        now = format_time(datetime.now(UTC))
        with self._changed, self._database.transaction() as connection:
            taken = "SELECT 1 FROM answers WHERE id = ?"
            if connection.execute(taken, (answer_id,)).fetchone():
                raise StoreError(f"there is already an answer {answer_id}")
            connection.execute(
                "INSERT INTO sessions (id, created, updated, title) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET updated = excluded.updated, deleted = NULL",
                (session_id, now, now, title_of(vignette.text)),
            )
            (number,) = connection.execute(
                "SELECT number FROM sessions WHERE id = ?", (session_id,)
            ).fetchone()
            added = connection.execute(
                "INSERT INTO answers (id, session, parent, state, created, updated, owner, model, "
                "decoding, vignette) VALUES (?, ?, ?, 'streaming', ?, ?, ?, ?, ?, ?)",
                (
                    answer_id,
                    number,
                    parent_id,
                    now,
                    now,
                    current_owner(),
                    compact(model.as_dict()),
                    compact(decoding.as_dict()),
                    vignette.text,
                ),
            )
            connection.execute(
                "UPDATE sessions SET latest = ? WHERE number = ?", (added.lastrowid, number)
            )
            index_session(connection, number)
        with self._changed:
            self._streams[answer_id] = _Stream()
            self._run_thread()

    def record(self, event: AnswerEvent) -> None:
        """Take note of *event*; one of an answer that is not streaming here is dropped.

        Raises:
            StoreError: a first or last event could not be written.  Text in between is kept and
                tried again, so that trouble with the disk does not stop the answer.
        """
        with self._changed:
            stream = self._streams.get(event.answer_id)
            if stream is None:
                return
            if isinstance(event, Started):
                # A second one begins the answer anew (the engine's retry in fp32).
                self._streams[event.answer_id] = _Stream(dirty=bool(stream.raw))
                self._write_start(event)
            elif isinstance(event, TokenSampled | SlotText | SlotClosed):
                self._gather(stream, event)
            elif isinstance(event, Finished | Cancelled | Failed):
                self._write_end(event, stream)
                del self._streams[event.answer_id]

    def flush(self) -> None:
        """Commit all text gathered so far.

        Raises:
            StoreError: it could not be written.
        """
        with self._changed:
            self._commit(BUSY_SECONDS)

    def close(self) -> None:
        """Write everything down; an answer still streaming becomes ``interrupted``."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            try:
                self._interrupt_own()
            finally:
                self._streams.clear()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5.0)

    def _gather(self, stream: _Stream, event: TokenSampled | SlotText | SlotClosed) -> None:
        stream.add(event)
        now = self._clock()
        if stream.dirty and self._waiting_since is None:
            self._waiting_since = now
            self._changed.notify_all()
        if stream.dirty and now - self._committed >= COMMIT_SECONDS:
            self._commit_patiently()

    def _commit(self, patience: float) -> None:
        """Write the text of every stream that has new text."""
        dirty = [(name, stream) for name, stream in self._streams.items() if stream.dirty]
        if dirty:
            now = format_time(datetime.now(UTC))
            with self._database.transaction(patience) as connection:
                for answer_id, stream in dirty:
                    connection.execute(
                        "UPDATE answers SET raw = ?, slots = ?, updated = ? WHERE id = ?",
                        (
                            storable("".join(stream.raw)),
                            compact(plain_texts(stream.joined())),
                            now,
                            answer_id,
                        ),
                    )
            for _, stream in dirty:
                stream.dirty = False
        self._waiting_since = None
        self._committed = self._clock()

    def _commit_patiently(self) -> None:
        """Commit; on trouble keep the text and try again after the usual time."""
        try:
            self._commit(_FLUSH_PATIENCE)
        except StoreError:
            self._committed = self._waiting_since = self._clock()

    def _write_start(self, event: Started) -> None:
        """The engine's own word on what answers: a model may be resolved only when it is loaded."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE answers SET model = ?, decoding = ?, updated = ? WHERE id = ?",
                (
                    compact(event.model.as_dict()),
                    compact(event.decoding.as_dict()),
                    format_time(datetime.now(UTC)),
                    event.answer_id,
                ),
            )

    def _write_end(self, event: Finished | Cancelled | Failed, stream: _Stream) -> None:
        texts = stream.joined()
        changes: dict[str, Any] = {"tokens": compact(plain_tokens(stream.tokens))}
        if isinstance(event, Failed):
            changes["state"] = State.FAILED
            changes["raw"] = storable("".join(stream.raw))
            changes["failure_kind"] = str(event.kind)
            changes["failure_message"] = storable(event.message)
        else:
            finished = isinstance(event, Finished)
            changes["state"] = State.FINISHED if finished else State.CANCELLED
            changes["raw"] = storable(event.raw)
            changes["verdict"] = compact(event.verdict.as_dict())
            changes["stats"] = compact(event.stats.as_dict())
            if event.differential is not None:
                changes["differential"] = compact(event.differential.model_dump())
                texts.update(texts_of(event.differential))
        changes["slots"] = compact(plain_texts(texts))
        with self._database.transaction() as connection:
            end_answer(connection, event.answer_id, changes)

    def _interrupt_own(self) -> None:
        if not self._streams:
            return
        with self._database.transaction() as connection:
            for answer_id, stream in self._streams.items():
                changes = {
                    "state": State.INTERRUPTED,
                    "raw": storable("".join(stream.raw)),
                    "slots": compact(plain_texts(stream.joined())),
                    "tokens": compact(plain_tokens(stream.tokens)),
                }
                end_answer(connection, answer_id, changes)

    def _run_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._commit_in_time, name="diffdx-store", daemon=True
            )
            self._thread.start()

    def _commit_in_time(self) -> None:
        """The thread: commits text that no further event comes to commit."""
        with self._changed:
            while not self._closed:
                if self._waiting_since is None:
                    self._changed.wait()
                    continue
                remaining = self._waiting_since + LATEST_SECONDS - self._clock()
                if remaining > 0:
                    self._changed.wait(remaining)
                else:
                    self._commit_patiently()


def interrupt_abandoned(database: Database) -> int:
    """Mark answers that a process left behind as ``interrupted``; returns how many.

    Answers of a living process, this one included, are left alone.  Where life cannot be known
    (another host or container), an hour of silence counts as the end.
    """
    streaming = database.rows("SELECT id, owner, updated FROM answers WHERE state = 'streaming'")
    now = datetime.now(UTC)
    abandoned = []
    for answer_id, owner, updated in streaming:
        alive = is_alive(owner)
        if alive is None:
            alive = (now - parse_time(updated)).total_seconds() < _UNKNOWN_OWNER_SECONDS
        if not alive:
            abandoned.append(answer_id)
    if abandoned:
        with database.transaction() as connection:
            for answer_id in abandoned:
                still = "SELECT 1 FROM answers WHERE id = ? AND state = 'streaming'"
                if connection.execute(still, (answer_id,)).fetchone():
                    changes = {"state": State.INTERRUPTED}
                    end_answer(connection, answer_id, changes, keep_time=True)
    return len(abandoned)


def end_answer(
    connection: sqlite3.Connection,
    answer_id: str,
    changes: dict[str, Any],
    *,
    keep_time: bool = False,
) -> None:
    """Write the last state of an answer, and what its session shows of it.

    Args:
        connection: within a transaction.
        answer_id: which.
        changes: column to value; the names are this package's own, never input.
        keep_time: leave the time of the last change as it is.
    """
    values = {**changes, "state": str(changes["state"]), "owner": ""}
    if not keep_time:
        values["updated"] = format_time(datetime.now(UTC))
    columns = ", ".join(f"{name} = ?" for name in values)
    connection.execute(f"UPDATE answers SET {columns} WHERE id = ?", (*values.values(), answer_id))
    row = connection.execute(
        "SELECT session, updated FROM answers WHERE id = ?", (answer_id,)
    ).fetchone()
    if row is not None:  # its session may have been purged meanwhile
        connection.execute(
            "UPDATE sessions SET updated = max(updated, ?) WHERE number = ?",
            (row["updated"], row["session"]),
        )
        index_session(connection, row["session"])


def compact(values: Any) -> str:
    """JSON without spaces, in Unicode."""
    return storable(json.dumps(values, ensure_ascii=False, separators=(",", ":")))


def storable(text: str) -> str:
    """*text* with half surrogate pairs, which no file can hold, replaced."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    return text
