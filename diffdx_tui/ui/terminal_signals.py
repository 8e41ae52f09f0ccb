"""Ending in order when a signal says so.

Role: the one place that installs handlers for hang-up, termination and interrupt; imports no
textual, so that the linear mode uses it too.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

ENDING_SIGNALS = {signal.SIGINT: 130, signal.SIGHUP: 129, signal.SIGTERM: 143}
"""Signals that end the program in order, with the exit codes a shell expects."""


def on_ending_signals(act: Callable[[int], None]) -> Callable[[], None]:
    """Call ``act(exit_code)`` when one of them arrives; returns how to undo that.

    Plain handlers rather than the loop's own: they run even while the loop waits for a stalled
    terminal, and *act* can then tell the terminal to stop waiting.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        act(ENDING_SIGNALS[signal.Signals(number)])

    previous = {
        number: signal.signal(number, handle)
        for number in ENDING_SIGNALS
        # A program started by nohup keeps ignoring hang-ups.
        if signal.getsignal(number) is not signal.SIG_IGN
    }

    def undo() -> None:
        for number, old in previous.items():
            signal.signal(number, old)

    return undo
