"""One line of text that is drawn again only when it says something else.

Role: the lines of figures on the screens that watch processes.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget


class Line(Widget):
    """A line; what does not fit is cut with an ellipsis."""

    DEFAULT_CSS = """
    Line { height: 1; width: 1fr; padding: 0 1; color: $text-muted; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._content = Content("")

    @property
    def text(self) -> str:
        """The line as plain text."""
        return self._content.plain

    def show(self, content: Content) -> None:
        """Draw *content* if it differs from what is drawn."""
        if not content.is_same(self._content):
            self._content = content
            self.refresh()

    def show_parts(self, parts: Sequence[Content | str], dot: str) -> None:
        """Draw the parts that say something, with *dot* between them."""
        contents = [Content(part) if isinstance(part, str) else part for part in parts if part]
        self.show(Content(f" {dot} ").join(contents))

    def render(self) -> Content:
        return self._content.truncate(max(self.content_size.width, 1), ellipsis=True)
