"""Signals while a command works: stop in order where there is something to keep.

Role: Ctrl+C, SIGTERM and SIGHUP.  While an answer is generated the first one only raises a flag
that the engine looks at after every token, so that the partial answer is kept; a second one, or
one at any other time, ends the command at once.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from diffdx_tui.commands.exits import Interrupted

_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Interruption:
    """Listens for signals between ``with`` and its end."""

    def __init__(self) -> None:
        self._code: int | None = None
        self._gentle = False
        self._previous: dict[signal.Signals, Any] = {}

    @property
    def code(self) -> int | None:
        """The exit code that the signal asks for, if one came."""
        return self._code

    def requested(self) -> bool:
        """Whether to stop."""
        return self._code is not None

    def request(self, code: int) -> None:
        """Stop as if a signal had come."""
        self._code = code

    @contextlib.contextmanager
    def gently(self) -> Iterator[None]:
        """Inside, the first signal only raises the flag."""
        before, self._gentle = self._gentle, True
        try:
            yield
        finally:
            self._gentle = before

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                # A program started by nohup keeps ignoring hang-ups.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        again = self._code is not None
        self._code = 128 + number
        if again or not self._gentle:
            raise Interrupted(self._code)
