"""Opens the database file: private, checked, and never overwritten when damaged.

Role: the only module that connects to SQLite.  A file is opened in WAL mode, so that the screen
reads while the worker writes.  A private database in memory (``--ephemeral``) goes through the same
code; its handles share one connection, because a second connection would see another memory.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from diffdx_tui.store.errors import StoreDamaged, StoreError, explain
from diffdx_tui.store.migrations import migrate
from diffdx_tui.store.search import rebuild

try:
    import fcntl
except ImportError:  # Windows: without this lock only two simultaneous first starts can collide
    fcntl = None  # type: ignore[assignment]

BUSY_SECONDS = 15.0
_CONNECTION: dict[str, Any] = {
    "timeout": BUSY_SECONDS,
    "isolation_level": None,  # transactions are begun by hand, and only here
    "check_same_thread": False,  # Database.lock sees to it
}
_SETTINGS = (
    "foreign_keys = ON",
    "temp_store = MEMORY",  # no case text in /tmp
    "secure_delete = ON",
    "cache_size = -16000",
    # A killed process loses nothing committed; only a power cut can lose the last commits.
    "synchronous = NORMAL",
    "journal_size_limit = 16777216",
)
_MAGIC = b"SQLite format 3\0"
_COMPANIONS = ("-wal", "-shm", "-journal")
# Every page is read on every start up to this size (a tenth of a second); a larger file when the
# last process to use it did not end well, when damage was met, and once a week.
_ALWAYS_CHECKED_BYTES = 100_000_000
_CHECK_SECONDS = 7 * 86_400.0


class Database:
    """One connection and the lock that keeps its transactions apart.

    Any thread may call it, one at a time; threads that must not wait for each other each have
    their own, from :meth:`another`.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path | None) -> None:
        self.lock = threading.RLock()
        self.path = path
        self._connection = connection
        self._connection.row_factory = sqlite3.Row
        self._handles = 1

    @property
    def place(self) -> str:
        """What to call it in a message."""
        return str(self.path) if self.path else "the database in memory"

    def configure(self) -> None:
        """Set what SQLite forgets with every connection."""
        for setting in _SETTINGS:
            self.rows(f"PRAGMA {setting}")

    def another(self) -> Database:
        """A handle for another thread: its own connection, or this one if it is in memory."""
        if self.path is not None:
            with self._explained():
                database = Database(sqlite3.connect(self.path, **_CONNECTION), self.path)
                database.configure()
                return database
        with self.lock:
            self._handles += 1
        return self

    def close(self) -> None:
        """Close the connection once every handle on it is closed."""
        with self.lock:
            self._handles -= 1
            if self._handles == 0:
                self._connection.close()

    @contextlib.contextmanager
    def transaction(self, patience: float = BUSY_SECONDS) -> Iterator[sqlite3.Connection]:
        """Everything inside is written, or nothing; inside another one it joins that.

        Args:
            patience: seconds to wait for another process that is writing.

        Raises:
            StoreError: the database could not be written.
        """
        with self.lock, self._explained():
            if self._connection.in_transaction:
                yield self._connection
                return
            with self._patience(patience):
                self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite may have rolled back by itself
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query.

        Raises:
            StoreError: the database could not be read.
        """
        with self.lock, self._explained():
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        """The first row of a query, if it has one."""
        found = self.rows(sql, values)
        return found[0] if found else None

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            trouble = explain(error, self.place)
            if isinstance(trouble, StoreDamaged) and self.path is not None:
                _note_check(self.path, 0.0)  # the next start looks at every page
            raise trouble from error

    @contextlib.contextmanager
    def _patience(self, seconds: float) -> Iterator[None]:
        if seconds == BUSY_SECONDS:
            yield
            return
        self._connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
        try:
            yield
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")


def open_memory() -> Database:
    """A new, private, empty database; nothing of it reaches the disk."""
    database = Database(sqlite3.connect(":memory:", **_CONNECTION), None)
    database.configure()
    _bring_up_to_date(database)
    return database


def open_file(path: Path) -> tuple[Database, str | None]:
    """Open or create the database at *path*.

    Returns:
        The database, and a notice for the person if a damaged one had to be set aside.

    Raises:
        StoreError: it cannot be opened, is in use, newer, or somebody else's.
    """
    path = path.absolute()  # the working folder may change before the next connection
    with _opening(path):
        try:
            return _open_checked(path), None
        except _SetAside as damage:
            notice = (
                f"The saved sessions in {path.name} could not be read ({damage.found}). "
                f"The damaged file was kept as {damage.kept.name} in {path.parent}; a new, empty "
                "database was begun."
            )
            return _open_checked(path), notice


class _SetAside(Exception):
    """What was found in a damaged file, and where it is kept."""

    def __init__(self, found: str, kept: Path) -> None:
        super().__init__(found)
        self.found = found
        self.kept = kept


def _open_checked(path: Path) -> Database:
    if not _begins_like_a_database(path):
        # SQLite would delete a journal that does not belong, so it never sees these files.
        raise _SetAside("it is not a database, or its beginning is lost", _set_aside(path))
    check = _is_check_due(path)
    _make_private(path)
    database = Database(sqlite3.connect(path, **_CONNECTION), path)
    try:
        database.configure()
        if check:
            _check(database)
            _note_check(path, time.time())
        _bring_up_to_date(database)
        # Last, so that nothing of a foreign or newer database is changed; it stays with the file.
        database.row("PRAGMA journal_mode = WAL")
    except StoreDamaged as damage:
        # Renamed before it is closed: on closing, SQLite deletes a journal by its old name.
        kept = _set_aside(path)
        database.close()
        raise _SetAside(" ".join(str(damage.__cause__).split()), kept) from damage
    except BaseException:
        database.close()
        raise
    return database


def _begins_like_a_database(path: Path) -> bool:
    """Whether *path* is empty or new, or has SQLite's mark; a journal alone is not enough."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except FileNotFoundError:
        start = b""
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error}") from error
    if not start:
        # A first start that was killed leaves a rollback journal, which SQLite deals with.
        journal = path.with_name(path.name + "-wal")
        return not (journal.exists() and journal.stat().st_size)
    return start == _MAGIC


def _check(database: Database) -> None:
    """Read every page once.

    Raises:
        StoreDamaged: the file is not as SQLite left it.
    """
    first = database.row("PRAGMA quick_check(1)")
    if first is None or first[0] != "ok":
        found = first[0] if first else "no answer from the check"
        raise StoreDamaged(f"{database.place} is damaged") from sqlite3.DatabaseError(found)


def _is_check_due(path: Path) -> bool:
    """Whether to read every page; asked before SQLite opens the file and makes companions."""
    if path.with_name(path.name + "-wal").exists():
        return True  # a process was killed, or another one is at work
    if not path.exists() or path.stat().st_size <= _ALWAYS_CHECKED_BYTES:
        return True
    try:
        checked = float(_lock_file(path).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return True
    return not 0 <= time.time() - checked < _CHECK_SECONDS


def _note_check(path: Path, moment: float) -> None:
    """Remember when every page was last seen to be sound; 0 asks for a check."""
    with contextlib.suppress(OSError):
        _lock_file(path).write_text(f"{int(moment)}", encoding="ascii")


def _lock_file(path: Path) -> Path:
    return path.with_suffix(".lock")


def _bring_up_to_date(database: Database) -> None:
    with database.transaction() as connection:
        if migrate(connection, database.place):
            rebuild(connection)


@contextlib.contextmanager
def _opening(path: Path) -> Iterator[None]:
    """Lets one process at a time create, check or set aside the file.

    Otherwise two that find the same damage could each move "it" away, the second one the new file.
    """
    try:
        _make_folder(path.parent)
        lock = os.open(_lock_file(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{path.parent} cannot be used for saved sessions: {error}") from error
    try:
        if fcntl is not None:
            with contextlib.suppress(OSError):  # some network file systems have no locks
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _make_folder(folder: Path) -> None:
    """Create *folder* for its owner alone; an existing one of ours is closed to others."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        return
    resolved = folder.resolve()
    in_use_otherwise = any(
        place.is_relative_to(resolved) for place in (Path.home().resolve(), Path.cwd())
    )
    mine = not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
    if mine and not in_use_otherwise and folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def _make_private(path: Path) -> None:
    """Create the file readable by its owner alone; SQLite gives its companions the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        for name in _file_names(path):
            if name.exists() and name.stat().st_mode & 0o077:
                name.chmod(0o600)
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error}") from error


def _file_names(path: Path) -> tuple[Path, ...]:
    """The companions first and the database last."""
    return (*(path.with_name(path.name + suffix) for suffix in _COMPANIONS), path)


def _set_aside(path: Path) -> Path:
    """Rename the damaged database and its companions; returns its new name.

    The database itself goes last: if this is cut short, no companion is left beside a new file.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    kept = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    attempt = 1
    while any(name.exists() for name in _file_names(kept)):
        attempt += 1
        kept = path.with_name(f"{path.stem}.damaged-{stamp}-{attempt}{path.suffix}")
    try:
        for old, new in zip(_file_names(path), _file_names(kept), strict=True):
            if old.exists():
                old.rename(new)
    except OSError as error:
        raise StoreDamaged(
            f"{path} is damaged and could not be set aside ({error}): move it away by hand"
        ) from error
    return kept
