"""``kill -9`` at random moments while streaming: at most a second of text is lost, nothing else."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from diffdx_tui.domain.differential import Slot
from diffdx_tui.domain.events import State
from diffdx_tui.store import SessionStore

CHECKOUT = Path(__file__).parents[2]
AT_ONCE = 5  # several processes write to one database, as several terminals may


@dataclass(frozen=True)
class Killed:
    answer_id: str
    log: Path
    moment: float


@contextmanager
def nursery(database: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.store.streaming_child", str(database)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def run_and_kill(
    process: subprocess.Popen[str], folder: Path, names: list[str], chance: random.Random
) -> list[Killed]:
    """Start children, wait until they stream, and kill each at its own random moment."""
    assert process.stdin is not None
    assert process.stdout is not None
    children = {}
    for name in names:
        log = folder / f"{name}.log"
        process.stdin.write(f"{name} session-{name} {log}\n")
        process.stdin.flush()
        children[name] = (int(process.stdout.readline()), log)
    wait_until(lambda: all(log.exists() for _, log in children.values()))
    begin = time.monotonic()
    killed = []
    for moment, name in sorted((chance.uniform(0.0, 1.2), name) for name in names):
        time.sleep(max(0.0, begin + moment - time.monotonic()))
        pid, log = children[name]
        killed.append(Killed(name, log, time.monotonic()))
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(runs(pid) for pid, _ in children.values()))
    return killed


def wait_until(condition: object) -> None:
    deadline = time.monotonic() + 30
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def check(store: SessionStore, killed: Killed) -> float:
    """The answer is there and interrupted; returns how many seconds of its text are lost."""
    found = store.read_answer(killed.answer_id)
    assert found.state is State.INTERRUPTED
    assert found.raw == "".join(f"word{number} " for number in range(len(found.raw.split())))
    text = found.texts.get(Slot("most_likely"), "")
    assert text in (found.raw, found.raw.rpartition("word")[0]), "a token comes before its text"
    for line in killed.log.read_text(encoding="ascii").splitlines():
        moment, length = line.split()
        if int(length) > len(found.raw):
            return killed.moment - float(moment)
    return 0.0


def kill_often(path: Path, times: int) -> None:
    chance = random.Random(times)
    path.parent.mkdir(mode=0o700)
    losses = []
    with nursery(path) as process:
        for first in range(0, times, AT_ONCE):
            names = [f"a{number:04}" for number in range(first, min(first + AT_ONCE, times))]
            killed = run_and_kill(process, path.parent, names, chance)
            with SessionStore.open(path) as store:
                assert store.notice is None
                losses += [check(store, one) for one in killed]
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.execute("INSERT INTO search (search, rank) VALUES ('integrity-check', 1)")
    connection.close()
    with SessionStore.open(path) as store:
        assert store.count(state=State.INTERRUPTED) == times, "every started answer is present"
    print(f"lost at most {max(losses):.3f} s of text, {sum(losses) / times:.3f} s on average")
    assert max(losses) <= 1.0


def test_killed_50_times(path: Path) -> None:
    kill_often(path, 50)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_500_times(path: Path) -> None:
    kill_often(path, 500)
