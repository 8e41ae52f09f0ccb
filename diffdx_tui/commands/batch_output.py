"""The output file of a batch: a line per answer, resumable after any end.

Role: knows which ids are done, cuts off a line that a killed run left half written, and appends
whole lines only.  A file that is not a batch's output is never touched.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from diffdx_tui.commands.console import json_text
from diffdx_tui.commands.exits import CommandError, Exit

try:
    import fcntl
except ImportError:  # Windows: two runs on one file are not told apart
    fcntl = None  # type: ignore[assignment]

_BEGINNING = b'{"id": '
_SYNC_SECONDS = 2.0


class BatchOutput:
    """The open file.

    Attributes:
        done: ids that have an answer.
        first: the first document, if there is one.
    """

    def __init__(self, path: Path) -> None:
        """Open or create *path* and read what is done.

        Raises:
            CommandError: it cannot be written, another run writes it, or it is something else.
        """
        self.path = path
        self.done: set[str] = set()
        self.first: dict[str, Any] | None = None
        self._synced = time.monotonic()
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            message = f"{path} cannot be written: {error.strerror}"
            raise CommandError(message, Exit.USAGE) from error
        try:
            self._lock()
            self._read()
        except BaseException:
            os.close(self._descriptor)
            raise

    def append(self, row_id: str | int, document: dict[str, Any]) -> None:
        """Add a line; it is whole in the file or not there.

        Raises:
            OSError: the disk is full, say.
        """
        line = (json_text({"id": row_id, **document}) + "\n").encode("utf-8")
        before = os.fstat(self._descriptor).st_size
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            os.ftruncate(self._descriptor, before)
            raise
        self.done.add(str(row_id))
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            os.fsync(self._descriptor)
            self._synced = time.monotonic()

    def __enter__(self) -> BatchOutput:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            os.fsync(self._descriptor)
        except OSError:  # a pipe or a device has nothing to sync
            pass
        finally:
            os.close(self._descriptor)

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandError(
                f"another batch is writing {self.path}: wait for it, or choose another file",
                Exit.USAGE,
            ) from None

    def _read(self) -> None:
        end = 0
        for number, line in enumerate(self._lines(), start=1):
            if not line.endswith(b"\n"):
                if not (line.startswith(_BEGINNING) or _BEGINNING.startswith(line)):
                    raise self._not_ours(number)
                os.ftruncate(self._descriptor, end)
                return
            end += len(line)
            document = self._parse(line, number)
            self.done.add(str(document["id"]))
            self.first = self.first or document

    def _lines(self) -> Iterator[bytes]:
        with open(os.dup(self._descriptor), "rb") as file:  # noqa: PTH123 - a descriptor
            file.seek(0)
            yield from file

    def _parse(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            raise self._not_ours(number) from None
        if not (isinstance(document, dict) and {"id", "answer_id", "state"} <= document.keys()):
            raise self._not_ours(number)
        return document

    def _not_ours(self, number: int) -> CommandError:
        return CommandError(
            f"{self.path} has something else in line {number} than a batch writes: it is left as "
            "it is, choose another file",
            Exit.USAGE,
        )
