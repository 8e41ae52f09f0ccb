"""Ending in order when a signal says so, and waking up for any.

Role: the one place that installs handlers for hang-up, termination and interrupt; imports no
textual, so that the linear mode uses it too.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import threading
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


def wake_on_signals(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Let every signal wake *loop*; returns how to undo that.

    The kernel may give a signal to any thread, and Python runs its handler on the main one, which
    in an idle program sleeps until a key comes: after ``fg`` the screen would stay empty.
    """
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    previous = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    loop.add_reader(reader, os.read, reader, 4096)

    def undo() -> None:
        loop.remove_reader(reader)
        signal.set_wakeup_fd(previous)
        os.close(reader)
        os.close(writer)

    return undo


def watch_for_hang_up(terminal: int, act: Callable[[], None]) -> None:
    """Call *act*, on a thread of its own, once the *terminal* is gone.

    A program that inherited an ignored hang-up (nohup, some shells) gets no signal, and a reader
    of the dead terminal would spin on its end of file.
    """
    poll = select.poll()
    poll.register(terminal, 0)  # nothing but hang-up and errors

    def wait() -> None:
        poll.poll()
        act()

    threading.Thread(target=wait, name="terminal-watch", daemon=True).start()
