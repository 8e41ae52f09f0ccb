"""The file is private, checked, never overwritten, and shared between processes."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from diffdx_tui.domain.events import State
from diffdx_tui.store import SessionStore, StoreDamaged, StoreError, connection
from diffdx_tui.store.owner import current_owner, is_alive

from .casebook import answer, start

CHECKOUT = Path(__file__).parents[2]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def damaged_files(path: Path) -> list[Path]:
    return sorted(path.parent.glob("sessions.damaged-*"))


def test_files_are_for_their_owner_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        with SessionStore.open(path) as store:
            answer(store)
            files = sorted(path.parent.iterdir())
            assert {"sessions.db", "sessions.db-wal", "sessions.db-shm"} <= {f.name for f in files}
            assert {mode(file) for file in files} == {0o600}
            assert mode(path.parent) == 0o700
    finally:
        os.umask(before)


def test_open_permissions_are_tightened(path: Path) -> None:
    path.parent.mkdir(mode=0o755)
    path.parent.chmod(0o755)
    path.touch()
    path.chmod(0o644)
    with SessionStore.open(path) as store:
        answer(store)
        assert mode(path) == mode(path.with_name("sessions.db-wal")) == 0o600
        assert mode(path.parent) == 0o700


def test_the_working_folder_keeps_its_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    SessionStore.open(tmp_path / "sessions.db").close()
    assert mode(tmp_path) == 0o755


def test_pragmas(path: Path) -> None:
    with SessionStore.open(path) as first, first.connect() as second:
        for store in (first, second):
            for name, value in (("journal_mode", "wal"), ("foreign_keys", 1), ("temp_store", 2)):
                assert store._database.row(f"PRAGMA {name}")[0] == value


@pytest.mark.parametrize("damage", ["header", "page", "schema", "text"])
def test_a_damaged_file_is_set_aside_whole(path: Path, damage: str) -> None:
    with SessionStore.open(path) as store:
        for number in range(40):
            answer(store, f"a{number}", f"s{number}")
    data = bytearray(path.read_bytes())
    if damage == "header":
        data[:16] = b"not a database !"
    elif damage == "page":
        data[4096 * 4 : 4096 * 9] = os.urandom(4096 * 5)
    elif damage == "schema":
        data[100:2000] = bytes(1900)
    else:
        data = bytearray(b"somebody's notes\n" * 300)
    path.write_bytes(data)
    path.with_name("sessions.db-wal").write_bytes(b"old journal")
    with SessionStore.open(path) as store:
        assert store.notice is not None
        kept = damaged_files(path)
        assert {file.name.split(".db")[1] for file in kept} >= {"", "-wal"}
        assert kept[0].name in store.notice
        assert "could not be read" in store.notice
        assert kept[0].read_bytes() == data
        assert mode(kept[0]) == 0o600
        assert store.count() == 0
        answer(store)
    with SessionStore.open(path) as store:
        assert store.notice is None
        assert store.count() == 1


def test_two_damaged_files_in_one_second_are_both_kept(path: Path) -> None:
    for text in (b"one", b"two"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text * 1000)
        SessionStore.open(path).close()
    assert {file.read_bytes()[:3] for file in damaged_files(path)} == {b"one", b"two"}


def test_a_truncated_file_is_set_aside(path: Path) -> None:
    with SessionStore.open(path) as store:
        for number in range(40):
            answer(store, f"a{number}", f"s{number}")
    os.truncate(path, path.stat().st_size // 2)
    with SessionStore.open(path) as store:
        assert store.notice is not None
    assert damaged_files(path)


def test_a_journal_without_its_database_is_kept(path: Path) -> None:
    path.parent.mkdir()
    path.with_name("sessions.db-wal").write_bytes(b"the only text there is")
    with SessionStore.open(path) as store:
        assert store.notice is not None
    (kept,) = damaged_files(path)
    assert kept.read_bytes() == b"the only text there is"


def test_damage_met_later_is_explained_and_asks_for_a_check(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SessionStore.open(path) as store:
        for number in range(60):
            answer(store, f"a{number}", f"s{number}")
    monkeypatch.setattr(connection, "_ALWAYS_CHECKED_BYTES", 0)
    data = bytearray(path.read_bytes())
    data[-4096 * 12 :] = bytes(4096 * 12)
    path.write_bytes(data)
    with SessionStore.open(path) as store:
        assert store.notice is None, "not due: it was checked and closed well"
        with pytest.raises(StoreDamaged, match="start the program again"):
            for number in range(60):
                store.answers(f"s{number}")
    with SessionStore.open(path) as store:
        assert store.notice is not None


def test_an_empty_file_is_a_new_database(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with SessionStore.open(path) as store:
        assert store.notice is None
        assert store.count() == 0


def test_places_that_cannot_be_used_are_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder" / "sessions.db").mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be used for saved sessions"):
        SessionStore.open(tmp_path / "file" / "sessions.db")
    with pytest.raises(StoreError, match="cannot be opened"):
        SessionStore.open(tmp_path / "folder" / "sessions.db")


def test_another_programs_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE bookmarks (url TEXT)")
    foreign.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        SessionStore.open(path)
    assert path.read_bytes() == before


def test_two_processes_write_at_once(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.store.casebook import answer; from diffdx_tui.store import SessionStore\n"
        "with SessionStore.open(Path(sys.argv[1])) as store:\n"
        "    for n in range(20): answer(store, f'{sys.argv[2]}{n}', f's{n}')\n"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", program, str(path), name], cwd=CHECKOUT)
        for name in ("left", "right")
    ]
    assert [child.wait(60) for child in children] == [0, 0]
    with SessionStore.open(path) as store:
        assert store.count() == 20
        assert {session.answers for session in store.list_sessions()} == {2}


def test_a_living_process_keeps_its_answers_and_a_dead_one_does_not(path: Path) -> None:
    with SessionStore.open(path) as store:
        for answer_id in ("alive", "dead", "reused", "abroad", "silent", "nonsense"):
            start(store, answer_id, "s1")
        child = subprocess.Popen([sys.executable, "-c", "pass"])
        child.wait()
        host, space, pid, begun = current_owner().split("|")
        owners = {
            "dead": f"{host}|{space}|{child.pid}|{begun}",
            "reused": f"{host}|{space}|{pid}|{begun}0",
            "abroad": f"elsewhere|{space}|{pid}|{begun}",
            "silent": f"elsewhere|{space}|{pid}|{begun}",
            "nonsense": "?",
        }
        with store._database.transaction() as database:
            for answer_id, owner in owners.items():
                database.execute("UPDATE answers SET owner = ? WHERE id = ?", (owner, answer_id))
            database.execute(
                "UPDATE answers SET updated = '2026-01-01T00:00:00+00:00' WHERE id = 'silent'"
            )
        with SessionStore.open(path) as other:
            states = {found.id: found.state for found in other.answers("s1")}
    assert states == {
        "alive": State.STREAMING,
        "dead": State.INTERRUPTED,
        "reused": State.INTERRUPTED,
        "abroad": State.STREAMING,
        "silent": State.INTERRUPTED,
        "nonsense": State.INTERRUPTED,
    }


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    from diffdx_tui.store import owner

    host, space, _, _ = current_owner().split("|")
    mark = f"{host}|{space}|{child.pid}|{owner._start_time(child.pid)}"
    assert is_alive(mark) is True
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended but is not reaped
    assert is_alive(mark) is False
    child.wait()
    child.stdin.close()
    assert is_alive(mark) is False
