"""A list whose cursor is seen without colour as well, and one that is a page's body.

Role: base of every list here.  Textual drops ``reverse`` from the style of the line under the
cursor, which leaves it unmarked where there is no colour.
"""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widgets import OptionList


class MarkedList(OptionList):
    """An option list that reverses the line under the cursor when colours are off."""

    def __init__(self) -> None:
        super().__init__(markup=False)

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        if not self.app.no_color or self.highlighted is None:
            return strip
        place = self.scroll_offset.y + y
        if place < len(self._lines) and self._lines[place][0] == self.highlighted:
            return strip.apply_style(Style(reverse=True))
        return strip


class PageList(MarkedList):
    """Unframed lines, one each, with the keys of a pager beside the arrows."""

    DEFAULT_CSS = """
    PageList {
        border: none; padding: 0; background: $background; scrollbar-size-vertical: 1;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    PageList:focus { border: none; background-tint: $foreground 0%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("g", "first", "First", show=False),
        Binding("G", "last", "Last", show=False),
    ]
