"""Databases of every version there ever was are brought up to date.

``versions/v*.db.gz`` are real files, made once by :func:`make_version` when the version was new:
``python -m tests.store.test_migrations`` writes the missing ones.
"""

from __future__ import annotations

import gzip
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from diffdx_tui.domain.commitment import Commitment
from diffdx_tui.domain.differential import Slot
from diffdx_tui.domain.events import State
from diffdx_tui.store import Review, SessionStore, StoreNewer, migrations
from diffdx_tui.store.migrations import APPLICATION_ID, MIGRATIONS, VERSION

from .casebook import answer

VERSIONS = Path(__file__).parent / "versions"
COMMITTED = Commitment(
    "cardiac-c01", "0" * 64, datetime(2020, 3, 4, tzinfo=UTC), {Slot("most_likely"): "MI"}
)


def make_version(path: Path, version: int) -> None:
    """A database of *version* with one annotated session, in *path*."""
    newest = path.with_suffix(".newest")
    with SessionStore.open(newest) as store:
        answer(store)
        store.annotate("s1", note="a note to keep", final_diagnosis="SAH")
        store.set_tags("s1", ["kept"])
        store.review("a1", Slot("most_likely"), True)
        store.add_commitment(COMMITTED)
    old = sqlite3.connect(path, isolation_level=None)
    old.execute("PRAGMA journal_mode = WAL")
    for step in MIGRATIONS[:version]:
        for statement in step:
            old.execute(statement)
    old.execute("ATTACH ? AS newest", (str(newest),))
    tables = ["sessions", "answers", "tags", "reviews", "documents", "commitments"]
    there = {name for (name,) in old.execute("SELECT name FROM main.sqlite_master")}
    for table in filter(there.__contains__, tables):
        old.execute(f"INSERT INTO main.{table} SELECT * FROM newest.{table}")
    old.execute("DETACH newest")
    old.execute(f"PRAGMA user_version = {version}")
    old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    old.close()
    newest.unlink()


def schema(path: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    connection.close()
    return [(name, " ".join(sql.split()) if sql else "") for name, sql in rows]


def test_every_version_has_a_database() -> None:
    names = sorted(file.name for file in VERSIONS.iterdir())
    assert names == [f"v{number}.db.gz" for number in range(1, VERSION + 1)]


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_a_database_of_each_version_keeps_everything(path: Path, version: int) -> None:
    path.parent.mkdir()
    path.write_bytes(gzip.decompress((VERSIONS / f"v{version}.db.gz").read_bytes()))
    with SessionStore.open(path) as store:
        session = store.read_session("s1")
        assert (session.note, session.final_diagnosis) == ("a note to keep", "SAH")
        assert session.tags == ("kept",)
        found = store.read_answer("a1")
        assert found.state is State.FINISHED
        assert found.differential is not None
        assert found.reviews == (Review(Slot("most_likely"), True),)
        for query in ("subarachnoid", "note", "kept", "SAH", "worst headache"):
            assert [hit.session.id for hit in store.search(query)] == ["s1"], query
        assert store.commitments() == ((COMMITTED,) if version > 2 else ())
        answer(store, "a2")
        with store._database.transaction() as connection:
            connection.execute("INSERT INTO search (search, rank) VALUES ('integrity-check', 1)")
    fresh = path.with_name("fresh.db")
    SessionStore.open(fresh).close()
    assert schema(path) == schema(fresh)


def test_a_newer_database_is_refused_and_left_alone(path: Path) -> None:
    with SessionStore.open(path) as store:
        answer(store)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreNewer, match=r"newer diffdx-tui.*update the program"):
        SessionStore.open(path)
    assert path.read_bytes() == before


def test_a_step_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SessionStore.open(path) as store:
        answer(store)
    before = schema(path)
    bad = ("CREATE TABLE half (x)", "CREATE TABLE sessions (x)")
    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, bad))
    monkeypatch.setattr(migrations, "VERSION", VERSION + 1)
    with pytest.raises(Exception, match="already exists"):
        SessionStore.open(path)
    assert schema(path) == before
    monkeypatch.undo()
    with SessionStore.open(path) as store:
        assert store.count() == 1


if __name__ == "__main__":
    VERSIONS.mkdir(exist_ok=True)
    for number in range(1, VERSION + 1):
        packed = VERSIONS / f"v{number}.db.gz"
        if not packed.exists():
            made = packed.with_suffix("")
            make_version(made, number)
            packed.write_bytes(gzip.compress(made.read_bytes(), mtime=0))
            made.unlink()
