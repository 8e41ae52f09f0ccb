"""Progress of a batch on standard error: a bar on a terminal, a line now and then elsewhere.

Role: the only user of rich's progress bar, which also keeps messages to standard error from tearing
it.
"""

from __future__ import annotations

import sys
import time
from typing import Protocol, Self

from diffdx_tui.commands.console import messages_are_watched, tell

_LINE_SECONDS = 10.0


class BatchProgress(Protocol):
    """What ``batch`` needs; a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def step(self) -> None:
        """One more row is done."""


def progress_of(total: int) -> BatchProgress:
    """The form that suits standard error."""
    return _Bar(total) if messages_are_watched() else _Lines(total)


class _Bar:
    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn("answering"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
            refresh_per_second=4,
        )
        self._task = self._progress.add_task("answering", total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def step(self) -> None:
        self._progress.advance(self._task)


class _Lines:
    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._began = self._said = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def step(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._said >= _LINE_SECONDS:
            self._said = now
            left = (now - self._began) / self._done * (self._total - self._done)
            tell(f"{self._done} of {self._total} answered, about {left:.0f} s left")
