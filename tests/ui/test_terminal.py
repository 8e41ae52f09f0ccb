"""The app in a real pseudo-terminal: bytes, signals, suspension, stray output."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from diffdx_tui.domain.events import State
from diffdx_tui.store import SessionStore
from tests.ui.conftest import CASE

F2, F5 = b"\x1bOQ", b"\x1b[15~"


class Session:
    """The program behind a terminal of 80 by 24."""

    def __init__(self, home: Path, delay: float) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(SCRIPT_DELAY=str(delay), COLORTERM="truecolor")
            root = Path(__file__).parents[2]
            os.chdir(root)
            os.environ["PYTHONPATH"] = str(root)
            os.execv(sys.executable, [sys.executable, "-m", "tests.ui.pty_app", str(home)])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.seen = b""

    def read(self, seconds: float, until: bytes | None = None) -> int:
        """Bytes that came within *seconds*, or up to *until*."""
        end, start = time.monotonic() + seconds, len(self.seen)
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.02)[0]:
                try:
                    self.seen += os.read(self.fd, 65_536)
                except OSError:
                    break
            if until is not None and until in self.seen[start:]:
                break
        return len(self.seen) - start

    def send(self, data: bytes) -> None:
        os.write(self.fd, data)

    def begin(self) -> None:
        """Until the model is ready, with a vignette in the pane."""
        self.read(15, b"ready")
        assert b"ready" in self.seen, self.seen[-2000:]
        self.send(CASE.encode())
        self.read(0.6)

    def end(self, seconds: float = 8.0) -> int:
        """The exit code."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
        raise AssertionError("it did not end")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def session(home: Path, request: pytest.FixtureRequest) -> Iterator[Session]:
    running = Session(home, getattr(request, "param", 0.004))
    yield running
    if running.pid:
        os.kill(running.pid, signal.SIGKILL)
        os.waitpid(running.pid, 0)
    os.close(running.fd)


@pytest.mark.parametrize("session", [0.004, 0.001], indirect=True)
@pytest.mark.parametrize("pane", [b"", F2])
def test_bytes_to_the_terminal(session: Session, pane: bytes) -> None:
    session.begin()
    session.send(pane)
    session.read(0.5)
    assert session.read(1.5) == 0  # idle
    session.send(F5)
    buckets = []
    for _ in range(4):
        buckets.append(session.read(1.0))
    assert b"finished" in session.seen
    assert max(buckets) <= 25_000, buckets
    assert session.read(1.5) == 0
    session.send(b"\x11")
    assert session.end() == 0


def test_stray_output_goes_to_the_log(session: Session, home: Path) -> None:
    session.begin()
    assert b"STRAY" not in session.seen
    assert "STRAY-ONE" in (home / "app.log").read_text()
    assert "STRAY-TWO" in (home / "app.log").read_text()
    assert (home / "app.log").stat().st_mode & 0o077 == 0
    session.send(b"\x11")
    assert session.end() == 0
    assert b"\x1b[?1049l" in session.seen  # the shell's screen is back


@pytest.mark.parametrize("session", [0.03], indirect=True)
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)],
)
def test_signals_save_and_end(session: Session, home: Path, number: int, code: int) -> None:
    session.begin()
    session.send(F5)
    session.read(8, b"streaming")
    session.read(0.5)
    os.kill(session.pid, number)
    assert session.end() == code
    with SessionStore.open(home / "sessions.db") as store:
        (saved,) = store.list_sessions()
        assert saved.state is State.CANCELLED


@pytest.mark.parametrize("session", [0.03], indirect=True)
def test_a_closed_terminal_loses_nothing(session: Session, home: Path) -> None:
    session.begin()
    session.send(F5)
    session.read(8, b"streaming")
    session.read(0.5)
    os.close(session.fd)
    session.fd = os.open(os.devnull, os.O_RDWR)
    limit = time.monotonic() + 8
    while time.monotonic() < limit and not os.waitpid(session.pid, os.WNOHANG)[0]:
        time.sleep(0.05)
    assert time.monotonic() < limit
    session.pid = 0
    with SessionStore.open(home / "sessions.db") as store:
        (saved,) = store.list_sessions()
        assert saved.state in (State.CANCELLED, State.INTERRUPTED)


def test_suspended_and_brought_back(session: Session) -> None:
    session.begin()
    session.send(b"\x1a")
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        session.read(0.05)
        pid, status = os.waitpid(session.pid, os.WNOHANG | os.WUNTRACED)
        if pid:
            assert os.WIFSTOPPED(status)
            break
    assert b"\x1b[?1049l" in session.seen
    session.seen = b""
    os.kill(session.pid, signal.SIGCONT)
    session.read(3, b"MOST LIKELY")
    assert b"\x1b[?1049h" in session.seen and b"MOST LIKELY" in session.seen
    session.send(b"\x11")
    assert session.end() == 0
