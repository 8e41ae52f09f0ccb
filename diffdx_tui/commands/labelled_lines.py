"""Tiers as labelled lines that grow while their text streams.

Role: wraps by words to the terminal's width, measuring wide characters as the terminal draws them;
without a width every tier is one whole line, good for grep.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len, chop_cells

from diffdx_tui.domain.differential import Slot
from diffdx_tui.domain.visible import make_visible

_INDENT = "  "
RED_FLAG, CHECK = "RED FLAG", "CHECK"
_COLOURS = {  # foregrounds of the terminal's own palette, readable on dark and on light
    "most_likely": "1;32",
    "possible": "1;36",
    "unlikely_but_serious": "1;31",
    "recommended_workup": "1;35",
    RED_FLAG: "1;31",
    CHECK: "1;33",
}


def label_of(slot: Slot) -> str:
    """``MOST LIKELY``, ``POSSIBLE 1``, ..."""
    words = slot.field.replace("_", " ").upper()
    return words if slot.index is None else f"{words} {slot.index + 1}"


class LabelledLines:
    """Writes slots one after the other, and whole lines between them.

    Attributes:
        written: whether any slot was.
    """

    def __init__(
        self, write: Callable[[str], None], width: int | None, *, colour: bool = False
    ) -> None:
        self.written = False
        self._write, self._width, self._colour = write, width, colour
        self._slot: Slot | None = None
        self._open = False
        self._word = ""  # the last word may go on with the next piece
        self._column = 0
        self._fresh = True  # nothing but indentation on this line

    def add(self, slot: Slot, text: str) -> None:
        """Append *text* to *slot*; another slot's line ends before."""
        if slot != self._slot:
            self.end()
            self._begin(label_of(slot), _COLOURS.get(slot.field, "1"))
            self._slot, self.written = slot, True
        self._continue(text)

    def line(self, label: str, text: str) -> None:
        """A line that is no slot's, all at once."""
        self.end()
        self._begin(label, _COLOURS.get(label, "1"))
        self._continue(text)
        self.end()

    def end(self) -> None:
        """End the open line, if there is one."""
        if self._open:
            self._write(self._place(self._word) + "\n")
        self._slot, self._word, self._open = None, "", False

    def _begin(self, name: str, style: str) -> None:
        label = f"{name}:"
        self._open, self._column, self._fresh = True, len(label), False
        self._write(f"\x1b[{style}m{label}\x1b[0m" if self._colour else label)

    def _continue(self, text: str) -> None:
        *words, self._word = self._split(text)
        self._write("".join(map(self._place, words)))

    def _split(self, text: str) -> list[str]:
        """Words, the last of which may be unfinished."""
        joined = self._word + text
        words = joined.split()
        if not words or joined[-1].isspace():
            words.append("")
        return words

    def _place(self, word: str) -> str:
        """*word* with what must stand before it: a space, or a line end."""
        if not word:
            return ""
        shown = make_visible(word)
        space = 0 if self._fresh else 1
        if self._width is None:
            self._fresh = False
            return " " * space + shown
        length = cell_len(shown)
        if self._column + space + length <= self._width:
            self._column, self._fresh = self._column + space + length, False
            return " " * space + shown
        lines = chop_cells(shown, self._width - len(_INDENT))
        self._column, self._fresh = len(_INDENT) + cell_len(lines[-1]), False
        return "".join(f"\n{_INDENT}{line}" for line in lines)
