"""The one process that writes a run's or an evaluation's directory: its lock, heartbeat and end.

Role: base of the two writers.  A thread keeps the heartbeat going, so that a long step does not
look like a dead process, and a block that is left by an exception ends as ``failed``.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.owner import current_owner
from diffdx_tui.store.run_files import explain_os, finite, write_json
from diffdx_tui.store.run_records import (
    ENDED_STATES,
    HEARTBEAT_FILE,
    LOCK_FILE,
    Heartbeat,
    Phase,
    RunState,
)

try:
    import fcntl
except ImportError:  # Windows: two processes on one directory are not told apart
    fcntl = None  # type: ignore[assignment]

_BEAT_SECONDS = 1.0
_LOCK_SECONDS = 0.02  # between two looks at the lock


class RunBusy(StoreError):
    """Another living process writes this directory."""


class DirectoryWriter(ABC):
    """The one writer of a directory; use it in a ``with`` statement.

    Any thread may call it.  Every method raises ``StoreError`` when the disk is full, say.

    Attributes:
        directory: what is written.
        KIND: what that is, in words.
        WRITER: who writes it, in words.
    """

    KIND: ClassVar[str]
    WRITER: ClassVar[str]

    def __init__(self, directory: Path) -> None:
        """Take *directory*.

        Raises:
            RunBusy: another process has it.
            StoreError: it is none of this kind, or cannot be written.
        """
        self.directory = directory
        self._guard = threading.RLock()
        self._closed = threading.Event()
        self._lock = take_lock(directory / LOCK_FILE)
        try:
            self._heartbeat = Heartbeat(
                t=time.time(),
                owner=current_owner(),
                state=RunState.RUNNING,
                phase=Phase.IMPORTING,
            )
            self._open()
            self._beat()
        except BaseException:
            os.close(self._lock)
            raise
        self._pulse = threading.Thread(target=self._keep_beating, name="heartbeat", daemon=True)
        self._pulse.start()

    @abstractmethod
    def _open(self) -> None:
        """Read what is there and open what is appended to."""

    @abstractmethod
    def _settle(self, state: RunState, message: str) -> None:
        """Bring everything onto the disk before the last word is said."""

    @abstractmethod
    def _release(self) -> None:
        """Close what was opened."""

    def end(self, state: RunState, message: str = "") -> None:
        """The last word: ``finished``, ``stopped`` or ``failed``; *message* says why.

        Raises:
            ValueError: *state* is no end.
        """
        if state not in ENDED_STATES:
            raise ValueError(f"{self.KIND} does not end as {state}")
        with self._guard:
            if self._heartbeat.state in ENDED_STATES:
                return
            self._heartbeat = replace(
                self._heartbeat, state=state, phase=Phase.ENDED, message=message, eta_s=None
            )
            try:
                self._settle(state, message)
            finally:  # last: whoever sees the end has seen everything; also on a full disk
                self._beat(durable=True)

    def close(self) -> None:
        """Let go.  What has not ended counts as failed."""
        if self._closed.is_set():
            return
        self._closed.set()
        try:
            reason = f"{self.WRITER} ended without saying why: see console.log"
            self.end(RunState.FAILED, reason)
        finally:
            self._pulse.join()
            self._release()
            os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        # The disk may be what went wrong: the first trouble must not be hidden by a second one.
        with contextlib.suppress(StoreError):
            self.end(RunState.FAILED, f"{type(error).__name__}: {error}")
        with contextlib.suppress(StoreError):
            self.close()

    def _beat(self, *, durable: bool = False) -> None:
        with self._guard:
            self._heartbeat = replace(self._heartbeat, t=time.time())
            write_json(self.directory / HEARTBEAT_FILE, asdict(self._heartbeat), durable=durable)

    def _keep_beating(self) -> None:
        while not self._closed.wait(_BEAT_SECONDS):
            with self._guard, contextlib.suppress(StoreError):
                if self._heartbeat.state not in ENDED_STATES:
                    self._beat()


def merge_facts(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """*old* with *new*: a mapping is merged with the one of that name, the rest replaced."""
    merged = dict(old)
    for name, value in new.items():
        before = merged.get(name)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            value = {**before, **value}
        merged[name] = finite(value)
    return merged


def take_lock(path: Path) -> int:
    """Held until the descriptor is closed, also by a kill.

    Raises:
        RunBusy: another process holds it.
        StoreError: there is no such directory.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise explain_os(error, path) from error
    if fcntl is None:
        return descriptor
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise RunBusy(f"{path.parent.name} is being written by another process") from None
    return descriptor


def is_locked(directory: Path, patience: float = 0.0) -> bool:
    """Whether a living process holds the directory.

    Args:
        patience: seconds to wait for it to let go; between its last word and its end is a moment.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            os.close(take_lock(directory / LOCK_FILE))
        except RunBusy:
            if time.monotonic() >= deadline:
                return True
            time.sleep(_LOCK_SECONDS)
        else:
            return False
