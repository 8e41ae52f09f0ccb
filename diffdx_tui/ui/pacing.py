"""How often to draw, by what drawing has cost.

Role: keeps the bytes sent to a terminal near a fixed rate, so that a fast model behind a slow line
stays live.  When the allowance is used up, a drawing is left out and its text comes with the next.
"""

from __future__ import annotations

RATE = 20_000
"""Bytes a second for a terminal of 80 by 24."""

_LARGEST = 3.0  # times that, however large the terminal


class Pace:
    """A bucket of bytes that fills with time and empties with what was written."""

    def __init__(self) -> None:
        self._allowance = 0.0
        self._at: float | None = None
        self._written = 0

    def may_draw(self, written: int, now: float, cells: int) -> bool:
        """Whether to draw, *written* bytes having gone to a terminal of *cells* cells in all."""
        rate = RATE * min(max(cells / (80 * 24), 1.0), _LARGEST)
        elapsed = 0.0 if self._at is None else now - self._at
        self._at = now
        self._allowance += elapsed * rate - (written - self._written)
        # At most a quarter of a second is saved up or owed: neither a pause nor a dialog that was
        # drawn in between shall be felt for long.
        self._allowance = min(max(self._allowance, -rate / 4), rate / 4)
        self._written = written
        return self._allowance >= 0


CURVE_RATE = 12_000
"""Bytes a second for pictures that are drawn whole now and then, whatever the terminal's size."""


class Rest:
    """After each picture, rest as long as a slow line needs for it."""

    def __init__(self) -> None:
        self._at = 0.0
        self._written = 0

    def may_draw(self, written: int, now: float) -> bool:
        """Whether to draw, *written* bytes having gone to the terminal in all; counts as drawn."""
        if now - self._at < (written - self._written) / CURVE_RATE:
            return False
        self._at, self._written = now, written
        return True
