"""The terminal, kept to ourselves: stray output of native libraries cannot reach the screen.

Role: takes the real terminal's file descriptor aside for Textual's driver and points descriptors 1
and 2 at a log file.  CUDA, BLAS and tokenizers write to those directly, below Python.  The file
also survives a terminal that hangs up or stalls, so that closing a window never blocks the way to
a clean end.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, cast

# Keys that only the Kitty protocol reports are not used, and a process that is killed while it is
# on leaves a shell that cannot be typed into.  Must be set before textual is imported.
os.environ.setdefault("TEXTUAL_DISABLE_KITTY_KEY", "1")

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.drivers.linux_driver import LinuxDriver

# Textual takes Alt and a digit for what one terminal means by it on one system: a sign to type.
for _digit in "123456789":
    cast("dict[str, object]", ANSI_SEQUENCES_KEYS).pop(f"\x1b{_digit}", None)

_CHUNK = 1024
# What textual itself draws with and no style sheet reaches, one cell for one cell.
_ASCII_TWINS = str.maketrans(
    {
        **dict.fromkeys("\u2500\u2501\u2550\u2581\u2594", "-"),
        **dict.fromkeys("\u2502\u2503\u258c\u2590\u258e\u258a\u2588", "|"),
        **dict.fromkeys("\u250c\u2510\u2514\u2518\u256d\u256e\u2570\u256f", "+"),
        **dict.fromkeys("\u2582\u2583\u2584\u2585\u2586\u2587", "|"),
        "\u2026": "~",
        "\u25b6": ">",
        "\u25bc": "v",
    }
)
_PATIENCE = 1.0  # seconds a stalled terminal may hold up the end


class NoTerminal(Exception):
    """Neither standard output nor standard error is a terminal, or input is not."""


class TerminalFile:
    """A text file onto the terminal that never raises and never blocks past the end.

    Non-blocking on an open file description of its own: the flag is shared through ``dup``, and
    the shell would inherit it.
    """

    encoding = "utf-8"
    errors = "replace"

    def __init__(
        self, descriptor: int, *, encoding: str = "utf-8", ascii_only: bool = False
    ) -> None:
        self.encoding = encoding
        self._ascii_only = ascii_only
        self._descriptor = _reopen(descriptor)
        self._gone = False
        self._deadline: float | None = None
        self.bytes_written = 0

    def write(self, text: str) -> int:
        if self._ascii_only and not text.isascii():
            text = text.translate(_ASCII_TWINS)
        data = memoryview(text.encode(self.encoding, "replace"))
        while data and not self._gone:
            try:
                _, writable, _ = select.select([], [self._descriptor], [], 0.1)
                if writable:
                    sent = os.write(self._descriptor, data[:_CHUNK])
                    self.bytes_written += sent
                    data = data[sent:]
                elif self._deadline is not None and time.monotonic() > self._deadline:
                    self._gone = True
            except BlockingIOError:
                continue
            except (OSError, ValueError):  # hung up, or closed under us
                self._gone = True
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return not self._gone

    def finish_soon(self) -> None:
        """From now on a stalled terminal is waited for only briefly."""
        self._deadline = time.monotonic() + _PATIENCE

    def close(self) -> None:
        self._gone = True
        os.close(self._descriptor)


def _reopen(descriptor: int) -> int:
    flags = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(os.ttyname(descriptor), flags)
    except OSError:
        # A terminal from outside this container has no name here; blocking writes it is.
        return os.dup(descriptor)


class Terminal:
    """Owns descriptors 1 and 2 between ``with`` and its end."""

    def __init__(self, log: Path, *, encoding: str = "utf-8", ascii_only: bool = False) -> None:
        """Nothing is redirected before ``__enter__``.

        Raises:
            NoTerminal: the program does not run in a terminal.
        """
        if not os.isatty(0):
            raise NoTerminal("standard input is not a terminal")
        outputs = [descriptor for descriptor in (2, 1) if os.isatty(descriptor)]
        if not outputs:
            raise NoTerminal("neither standard output nor standard error is a terminal")
        self.log = log
        self._output = outputs[0]
        self._encoding = encoding
        self._ascii_only = ascii_only
        self._kept: dict[int, int] = {}

    def __enter__(self) -> Terminal:
        self.file = TerminalFile(self._output, encoding=self._encoding, ascii_only=self._ascii_only)
        sys.stdout.flush()
        sys.stderr.flush()
        self._kept = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
        target = _open_log(self.log)
        for descriptor in (1, 2):
            os.dup2(target, descriptor)
        os.close(target)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        for descriptor, original in self._kept.items():
            os.dup2(original, descriptor)
            os.close(original)
        self.file.close()

    @property
    def original_output(self) -> int:
        """A blocking descriptor of the terminal, for programs run in the foreground."""
        return self._kept[self._output]


def _open_log(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.is_file() and path.stat().st_size > 1_000_000:
            flags |= os.O_TRUNC
        return os.open(path, flags, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


def driver_for(terminal: Terminal) -> type[LinuxDriver]:
    """A driver class that writes to *terminal* instead of ``sys.__stderr__``."""

    class TerminalDriver(LinuxDriver):
        def __init__(self, *arguments: Any, **settings: Any) -> None:
            super().__init__(*arguments, **settings)
            self._file = terminal.file  # type: ignore[assignment]

        def _get_terminal_size(self) -> tuple[int, int]:
            # The inherited one asks descriptor 1, which is a log file by now.
            try:
                size = os.get_terminal_size(terminal.file.fileno())
            except OSError:
                return 80, 24
            return size.columns or 80, size.lines or 24

    return TerminalDriver
