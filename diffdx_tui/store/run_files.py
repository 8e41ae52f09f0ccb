"""Writes the files of runs so that no reader ever sees half of one.

Role: whole files by temporary name, fsync and rename; JSON lines by one write each; and the same
for reading: what cannot be read is a :class:`~diffdx_tui.store.errors.StoreError` or nothing.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffdx_tui.store.errors import StoreError


def write_json(path: Path, value: Mapping[str, Any], *, durable: bool = True) -> None:
    """Replace *path* by *value* as JSON: a reader sees the old file or the new one.

    Args:
        durable: fsync, so that it also survives a power cut.

    Raises:
        StoreError: the disk is full, say.
    """
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    write_whole(path, text.encode(), durable=durable)


def write_whole(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replace *path* by *content*, readable by its owner alone.

    Raises:
        StoreError: it cannot be written; the old file is still there.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(draft, "xb", opener=_open_private) as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(path)
        if durable:
            sync_directory(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise explain_os(error, path) from error


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in *path*; ``None`` if there is no such file.

    Raises:
        StoreError: it cannot be read or is no JSON object.
    """
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise StoreError(f"{path} holds no JSON object")
    return value


class LineFile:
    """A file of JSON lines that one process appends to; each line is whole or not there."""

    def __init__(self, path: Path) -> None:
        """Open or create *path*, and cut off a line that a killed process left half written.

        Raises:
            StoreError: it cannot be written.
        """
        self.path = path
        try:
            self._descriptor = os.open(
                path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
            )
            self._cut_half_line()
        except OSError as error:
            raise explain_os(error, path) from error

    def append(self, value: Mapping[str, Any]) -> None:
        """Add *value* as a line, by one write unless the disk is nearly full.

        Raises:
            StoreError: it cannot be written; nothing of the line is in the file.
        """
        line = (json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n").encode()
        before = os.fstat(self._descriptor).st_size
        try:
            rest = memoryview(line)
            while rest:  # a second write is what says why the first one fell short
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, before)
            raise explain_os(error, self.path) from error

    def sync(self) -> None:
        """Have the disk keep everything up to here.

        Raises:
            StoreError: it cannot.
        """
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise explain_os(error, self.path) from error

    def close(self) -> None:
        """Close the file; twice does no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _cut_half_line(self) -> None:
        content = self.path.read_bytes()
        if content and not content.endswith(b"\n"):
            os.ftruncate(self._descriptor, content.rfind(b"\n") + 1)


def finite(value: Any) -> Any:
    """*value* with every number that JSON lacks (NaN, infinity) as ``None``."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return value


def explain_os(error: OSError, path: Path) -> StoreError:
    """The same trouble with a sentence to act on."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(f"{path} cannot grow, the disk is full: free some space")
    return StoreError(f"{path} cannot be written: {error.strerror or error}")


def sync_directory(directory: Path) -> None:
    """Have the disk keep the names in *directory*, as after a rename."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
