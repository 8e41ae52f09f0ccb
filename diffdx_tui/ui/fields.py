"""Rows of a form: a label, and a value that is typed or turned through.

Role: the building blocks of the settings, annotation and export forms; one line each, keyboard
only if one likes, drawable in ASCII.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.ui.glyphs import UNICODE, Glyphs


class Choice(Widget, can_focus=True):
    """One of a few values, turned through with left, right or space."""

    DEFAULT_CSS = """
    Choice { height: 1; width: 1fr; padding: 0 1; background: $panel; color: $foreground; }
    Choice:focus { background: $block-cursor-background; color: $block-cursor-foreground; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "turn(-1)", "Previous value", show=False),
        Binding("right,l,space", "turn(1)", "Next value", show=False),
    ]

    class Turned(Message):
        """The value changed."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

        @property
        def control(self) -> Choice:
            return self.choice

    def __init__(
        self, values: Sequence[str], value: str, *, id: str, glyphs: Glyphs = UNICODE
    ) -> None:
        super().__init__(id=id)
        self._values = list(values)
        self._index = self._values.index(value) if value in self._values else 0
        self._glyphs = glyphs

    @property
    def value(self) -> str:
        """The value chosen."""
        return self._values[self._index]

    def choose(self, value: str) -> None:
        """Set the value."""
        self._index = self._values.index(value)
        self.refresh()

    def action_turn(self, step: int) -> None:
        self._index = (self._index + step) % len(self._values)
        self.refresh()
        self.post_message(self.Turned(self))

    def on_click(self, event: events.Click) -> None:
        self.action_turn(1)

    def render(self) -> Content:
        glyphs = self._glyphs
        place = f"{self._index + 1}/{len(self._values)}"
        room = self.content_size.width - len(place) - 1
        value = Content(make_visible_line(self.value)).truncate(max(room - 4, 1), ellipsis=True)
        word = Content.assemble(f"{glyphs.left} ", value, f" {glyphs.right}")
        gap = max(room + 1 - word.cell_length, 1)
        return Content.assemble(word, " " * gap, (place, "dim"))


class FormRow(Horizontal):
    """A label and its field."""

    DEFAULT_CSS = """
    FormRow { height: 1; width: 1fr; }
    FormRow > .label { width: 24; color: $text-muted; }
    FormRow > Input { border: none; height: 1; width: 1fr; padding: 0 1; background: $panel; }
    FormRow > Input:focus { background: $block-cursor-blurred-background; }
    FormRow > Input.-invalid { color: $error; }
    FormRow:focus-within > .label { color: $foreground; text-style: bold; }
    """

    def __init__(self, label: str, field: Widget) -> None:
        super().__init__()
        self._label = label
        self._field = field

    def compose(self) -> ComposeResult:
        yield Static(self._label, markup=False, classes="label")
        yield self._field


def text_field(value: str, *, id: str, placeholder: str = "") -> Input:
    """A one-line input that does not blink."""
    field = Input(value, id=id, placeholder=placeholder, select_on_focus=False, compact=True)
    field.cursor_blink = False
    return field
