"""The live token stream: the raw text as it is sampled, forced text dimmed.

Role: a ring buffer of wrapped lines drawn line by line.  When the pane is full it scrolls by half
its height at once, so that only new lines go to the terminal in between: over SSH a pane that
scrolls line by line costs several times the bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from diffdx_tui.domain.visible import make_visible

MAX_TOKENS = 20_000
MAX_LINES = 4_000

Run = tuple[str, bool]
"""A piece of a line, and whether it was forced."""


class WrappedTokens:
    """Tokens laid out in lines of a given width, the oldest lines forgotten."""

    def __init__(self, width: int) -> None:
        self._width = max(width, 1)
        self.lines: list[list[Run]] = [[]]
        self._column = 0
        self.forgotten = 0

    def append(self, text: str, forced: bool) -> None:
        """Add one token's text."""
        for number, piece in enumerate(make_visible(text).split("\n")):
            if number:
                self._break()
            self._place(piece.replace("\t", "    "), forced)

    def _place(self, piece: str, forced: bool) -> None:
        while piece:
            room = self._width - self._column
            if len(piece) <= room and piece.isascii():
                head, piece = piece, ""
            else:
                head, piece = _split_cells(piece, room)
            if not head and self._column == 0:  # a wide character in a one-cell pane
                head, piece = piece[0], piece[1:]
            if head:
                line = self.lines[-1]
                if line and line[-1][1] == forced:
                    line[-1] = (line[-1][0] + head, forced)
                else:
                    line.append((head, forced))
                self._column += cell_len(head)
            if piece:
                self._break()

    def _break(self) -> None:
        self.lines.append([])
        self._column = 0
        if len(self.lines) > MAX_LINES:
            excess = len(self.lines) - MAX_LINES
            del self.lines[:excess]
            self.forgotten += excess


def _split_cells(text: str, room: int) -> tuple[str, str]:
    used = 0
    for index, character in enumerate(text):
        used += cell_len(character)
        if used > room:
            return text[:index], text[index:]
    return text, ""


class TokenStream(Widget, can_focus=True):
    """The pane; follows the end until someone scrolls up."""

    DEFAULT_CSS = """
    TokenStream {
        border: round $border-blurred; border-title-color: $text-muted;
        border-subtitle-color: $text-muted; padding: 0 1; color: $foreground;
        &:focus { border: round $border; border-title-color: $foreground; }
    }
    TokenStream > .token-stream--forced { color: $text-muted; text-style: dim; }
    TokenStream > .token-stream--sampled { color: $foreground; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"token-stream--forced", "token-stream--sampled"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_by(-1)", "Scroll up", show=False),
        Binding("down,j", "scroll_by(1)", "Scroll down", show=False),
        Binding("pageup", "scroll_page(-1)", "Page up", show=False),
        Binding("pagedown", "scroll_page(1)", "Page down", show=False),
        Binding("home,g", "scroll_to_start", "To the start", show=False),
        Binding("end,G", "follow", "Follow the end", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._tokens: deque[tuple[str, bool]] = deque(maxlen=MAX_TOKENS)
        self._wrapped = WrappedTokens(80)
        self._top = 0
        self._following = True
        self.border_title = Content("Tokens")
        self.border_subtitle = Content("forced text is dimmed")

    @property
    def text(self) -> str:
        """Everything in the buffer."""
        return "".join(text for text, _ in self._tokens)

    def clear(self) -> None:
        """Empty the pane for the next answer."""
        self._tokens.clear()
        self._wrapped = WrappedTokens(self.content_size.width)
        self._top, self._following = 0, True
        self.refresh(self._inside())

    def append(self, tokens: Iterable[tuple[str, bool]]) -> None:
        """Add tokens and redraw only the lines they touched."""
        first = self._absolute_last()
        for text, forced in tokens:
            self._tokens.append((text, forced))
            self._wrapped.append(text, forced)
        height = self.content_size.height
        if not height:
            return
        last = len(self._wrapped.lines) - 1
        if self._following and last >= self._top + height:
            # Jump so that half of the pane is free again.
            self._top = last - height // 2
            self.refresh(self._inside())
            return
        changed_from = max(first - self._wrapped.forgotten - self._top, 0)
        changed_to = min(last - self._top, height - 1)
        if changed_from <= changed_to:
            count = changed_to - changed_from + 1
            self.refresh(Region(0, changed_from, self.content_size.width, count))

    def _inside(self) -> Region:
        """All but the frame, which would double the bytes of a jump."""
        return Region(0, 0, *self.content_size)

    def _absolute_last(self) -> int:
        return self._wrapped.forgotten + len(self._wrapped.lines) - 1

    def settle(self) -> None:
        """The stream ended: show the end with the pane full."""
        if self._following:
            self.action_follow()

    def on_resize(self, event: events.Resize) -> None:
        width = self.content_size.width
        if not width:
            return
        self._wrapped = WrappedTokens(width)
        for text, forced in self._tokens:
            self._wrapped.append(text, forced)
        if self._following:
            self.action_follow()

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        index = self._top + y
        plain = self.get_component_rich_style("token-stream--sampled")
        if index >= len(self._wrapped.lines):
            return Strip.blank(width, plain)
        dim = self.get_component_rich_style("token-stream--forced")
        line = self._wrapped.lines[index]
        segments = [Segment(text, dim if forced else plain) for text, forced in line]
        return Strip(segments).adjust_cell_length(width, plain)

    def _limit(self) -> int:
        return max(len(self._wrapped.lines) - self.content_size.height, 0)

    def _scroll_top(self, top: int) -> None:
        self._top = min(max(top, 0), self._limit())
        self._following = self._top == self._limit()
        self.refresh(self._inside())

    def action_scroll_by(self, lines: int) -> None:
        self._scroll_top(self._top + lines)

    def action_scroll_page(self, direction: int) -> None:
        self._scroll_top(self._top + direction * max(self.content_size.height - 1, 1))

    def action_scroll_to_start(self) -> None:
        self._scroll_top(0)

    def action_follow(self) -> None:
        self._scroll_top(self._limit())

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_scroll_by(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_scroll_by(3)
