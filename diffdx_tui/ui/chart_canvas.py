"""Dots and signs on a grid of terminal cells: what a chart is drawn on.

Role: knows cells and inks, nothing of steps or losses.  With Unicode a cell holds two by four
braille dots; in ASCII it holds one character.  A cell has one ink: what is drawn later covers.
"""

from __future__ import annotations

from dataclasses import dataclass

_BLANK = 0x2800
# Bit of each dot of a braille cell, by [row][column].
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))

Run = tuple[str, str]
"""Neighbouring characters of one ink: (text, ink)."""


@dataclass(frozen=True, slots=True)
class Pen:
    """How a series is drawn.

    Attributes:
        ink: name of its colour.
        sign: its ASCII character; in braille it stands in the legend and at the line's end.
        dash: dots drawn, then dots left out, over and over; empty draws all.
    """

    ink: str
    sign: str
    dash: tuple[int, ...] = ()

    def draws(self, dot: int) -> bool:
        """Whether the *dot*-th dot along the line is drawn."""
        if not self.dash:
            return True
        dot %= sum(self.dash)
        for index, length in enumerate(self.dash):
            if dot < length:
                return index % 2 == 0
            dot -= length
        return False


class Canvas:
    """A grid of *columns* by *rows* cells; dots count from the top left."""

    def __init__(self, columns: int, rows: int, *, ascii_only: bool = False) -> None:
        self.columns, self.rows = columns, rows
        self.dots_per_column = 1 if ascii_only else 2
        self.dots_per_row = 1 if ascii_only else 4
        self._ascii = ascii_only
        self._bits = [[0] * columns for _ in range(rows)]
        self._signs: list[list[str]] = [[""] * columns for _ in range(rows)]
        self._inks = [[""] * columns for _ in range(rows)]

    @property
    def width(self) -> int:
        """Dots from left to right."""
        return self.columns * self.dots_per_column

    @property
    def height(self) -> int:
        """Dots from top to bottom."""
        return self.rows * self.dots_per_row

    def dot(self, x: int, y: int, pen: Pen) -> None:
        """One dot; nothing happens outside."""
        if not (0 <= x < self.width and 0 <= y < self.height):
            return
        row, column = y // self.dots_per_row, x // self.dots_per_column
        if self._ascii:
            self._signs[row][column] = pen.sign
        else:
            # Dots of two inks in one cell would all take the colour of the later.
            kept = self._bits[row][column] if self._inks[row][column] == pen.ink else 0
            self._bits[row][column] = kept | _BITS[y % 4][x % 2]
            self._signs[row][column] = ""
        self._inks[row][column] = pen.ink

    def line(self, start: tuple[int, int], end: tuple[int, int], pen: Pen, drawn: int = 0) -> int:
        """A straight line between two dots, both included.

        Returns:
            *drawn* plus the dots passed, so that dashes go on over the next line.
        """
        (x0, y0), (x1, y1) = start, end
        steps = max(abs(x1 - x0), abs(y1 - y0))
        for step in range(steps + 1):
            share = step / steps if steps else 0.0
            if pen.draws(drawn + step):
                self.dot(round(x0 + (x1 - x0) * share), round(y0 + (y1 - y0) * share), pen)
        return drawn + steps

    def sign(self, column: int, row: int, sign: str, ink: str, *, beneath: bool = False) -> None:
        """A character in a cell; *beneath* leaves a cell alone that has something in it."""
        if not (0 <= column < self.columns and 0 <= row < self.rows):
            return
        if beneath and (self._bits[row][column] or self._signs[row][column]):
            return
        self._signs[row][column] = sign
        self._inks[row][column] = ink

    def runs(self, row: int) -> list[Run]:
        """One row from left to right, neighbours of one ink joined; blanks have no ink."""
        joined: list[Run] = []
        for bits, sign, ink in zip(self._bits[row], self._signs[row], self._inks[row], strict=True):
            text = sign or (chr(_BLANK + bits) if bits else " ")
            if joined and joined[-1][1] == ink:
                joined[-1] = (joined[-1][0] + text, ink)
            else:
                joined.append((text, ink))
        return joined
