"""A person at a terminal: runs a program in a real pseudo-terminal, types, and reads the screen."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import pyte

KEYS = {
    "enter": "\r",
    "esc": "\x1b",
    "ctrl+q": "\x11",
    "ctrl+z": "\x1a",
    "f1": "\x1bOP",
    "f2": "\x1bOQ",
    "f5": "\x1b[15~",
    "f6": "\x1b[17~",
    "f9": "\x1b[20~",
    "shift+f9": "\x1b[20;2~",
    "alt+1": "\x1b1",
    "alt+2": "\x1b2",
}


class Terminal:
    """One program in one pseudo-terminal.

    Attributes:
        received: (time, byte count) of every read.
        screen: what a VT100-like terminal shows.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: dict[str, str],
        columns: int = 80,
        rows: int = 24,
        hang_ups: signal.Handlers = signal.SIG_DFL,
    ) -> None:
        """Start *command* as a login does, with default signals; *hang_ups* ignored as by nohup."""
        self.started = time.monotonic()
        self.received: list[tuple[float, int]] = []
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._code: int | None = None
        self.pid, self._fd = pty.fork()
        if self.pid == 0:  # the child: becomes the program
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
                signal.signal(number, hang_ups if number == signal.SIGHUP else signal.SIG_DFL)
            os.environ.update(environment, TERM="xterm-256color", COLORTERM="truecolor")
            os.execvp(command[0], list(command))
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, size)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
                os.kill(self.pid, signal.SIGCONT)
            self.wait(10)
        self.hang_up()

    def hang_up(self) -> None:
        """Close the terminal, as a lost SSH line does."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def press(self, *keys: str) -> None:
        """Press named keys, or type text."""
        for key in keys:
            os.write(self._fd, KEYS.get(key, key).encode())

    def paste(self, text: str) -> None:
        """Paste *text* in brackets, as a terminal does."""
        os.write(self._fd, b"\x1b[200~" + text.encode() + b"\x1b[201~")

    def read(self, seconds: float) -> int:
        """Read for *seconds*; the number of bytes that came."""
        end, total = time.monotonic() + seconds, 0
        while (left := end - time.monotonic()) > 0:
            if not select.select([self._fd], [], [], left)[0]:
                break
            try:
                data = os.read(self._fd, 65_536)
            except OSError:  # the program is gone
                break
            if not data:
                break
            total += len(data)
            self.received.append((time.monotonic(), len(data)))
            self._stream.feed(data)
        return total

    def wait_for(self, *texts: str, seconds: float = 60) -> float:
        """Read until the screen shows one of *texts*; seconds since the start of the program."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if any(text in self.text for text in texts):
                return time.monotonic() - self.started
            self.read(0.02)
        raise AssertionError(f"never saw {texts} on:\n{self.text}")

    @property
    def text(self) -> str:
        """The screen as lines of text."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def send_signal(self, number: int) -> None:
        """Send a signal to the program."""
        os.kill(self.pid, number)

    def wait(self, seconds: float = 15) -> int:
        """Wait for the end; the exit code, negative for a signal."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
                return self._code
            if self._fd >= 0:
                self.read(0.05)
            else:
                time.sleep(0.05)
        raise AssertionError(f"still running after {seconds} s:\n{self.text}")

    def bytes_between(self, start: float, end: float) -> int:
        """Bytes received between two times of ``time.monotonic``."""
        return sum(count for moment, count in self.received if start <= moment < end)


def environment(home: Path) -> dict[str, str]:
    """The program's environment: an own home, no network."""
    return {"DIFFDX_HOME": str(home), "HF_HUB_OFFLINE": "1", "LANG": "C.UTF-8"}
