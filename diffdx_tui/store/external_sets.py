"""External test sets on this machine: fetched or copied, checked, and kept in the home folder.

Role: the only place that downloads them.  A file is kept only if its sha256 is the known one.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from diffdx_tui.domain.external import COMMIT, REPOSITORY, ExternalError, ExternalSet

_MOST_BYTES = 10_000_000
_PATIENCE = 30.0  # seconds without an answer
# The short hash of the commit is all that is known of it; the second names another commit whose
# files should be the same.  Which one answers does not matter: the sha256 decides.
_COMMITS = (COMMIT, "c07f24731cfc23de85f91bdf1b7410279fdf3f0a")
_ADDRESS = f"https://github.com/{REPOSITORY}/raw"


class NotFetched(Exception):
    """No file came from the network; the message says why."""


@dataclass(frozen=True, slots=True)
class Presence:
    """What is on this machine of one set.

    Attributes:
        rows: that are in the file; ``None`` if it is not there.
        intact: whether it is the published file, byte for byte.
    """

    one: ExternalSet
    path: Path
    rows: int | None = None
    intact: bool = False


def external_directory(home: Path) -> Path:
    """Where the sets are kept."""
    return home / "external"


def look_up(one: ExternalSet, home: Path) -> Presence:
    """Whether *one* is here, and whole."""
    path = external_directory(home) / one.file
    try:
        content = path.read_bytes()
    except OSError:
        return Presence(one, path)
    return Presence(one, path, _count_rows(content), _digest(content) == one.sha256)


def copy_set(one: ExternalSet, directory: Path, home: Path) -> Presence:
    """Take *one* from *directory*.

    Raises:
        ExternalError: it is not there, or is not the published file.
        OSError: it could not be written.
    """
    source = directory / one.file
    try:
        content = source.read_bytes()
    except OSError as error:
        raise ExternalError(f"{source}: {error.strerror}") from error
    return _keep(one, content, str(source), home)


def fetch_set(one: ExternalSet, home: Path) -> Presence:
    """Download *one*.

    Raises:
        NotFetched: the network gave no file.
        ExternalError: what came is not the published file.
        OSError: it could not be written.
    """
    refusal: ExternalError | None = None
    trouble = ""
    for commit in _COMMITS:
        address = f"{_ADDRESS}/{commit}/{one.path}"
        try:
            return _keep(one, _download(address), address, home)
        except NotFetched as error:
            trouble = trouble or str(error)
        except ExternalError as error:
            refusal = error
    if refusal is not None:
        raise refusal
    raise NotFetched(trouble)


def _download(address: str) -> bytes:
    try:
        with urllib.request.urlopen(address, timeout=_PATIENCE) as answer:
            content: bytes = answer.read(_MOST_BYTES + 1)
    except urllib.error.URLError as error:
        raise NotFetched(f"{address}: {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise NotFetched(f"{address}: {error}") from error
    return content


def _keep(one: ExternalSet, content: bytes, origin: str, home: Path) -> Presence:
    found, rows = _digest(content), _count_rows(content)
    if found != one.sha256 or rows != one.rows:
        raise ExternalError(
            f"{origin} is not the published file: {rows} rows and sha256 {found}, "
            f"expected {one.rows} rows and sha256 {one.sha256}"
        )
    folder = external_directory(home)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".pull.", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(folder / one.file)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    return look_up(one, home)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _count_rows(content: bytes) -> int:
    return sum(bool(line.strip()) for line in content.split(b"\n"))
