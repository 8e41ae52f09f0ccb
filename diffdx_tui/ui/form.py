"""The frame of every form: rows, a line for what is wrong, and the keys that finish it.

Role: base of the settings, annotation and export dialogs.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.ui.glyphs import UNICODE, Glyphs

T = TypeVar("T")


class Form(ModalScreen[T | None]):
    """A dialog: Enter or F5 accepts, Esc leaves, Tab and the arrows move between rows."""

    TITLE_TEXT = ""
    ACCEPT = "accept"
    DEFAULT_CSS = """
    Form { align: center middle; background: $background 60%; }
    Form > VerticalScroll {
        width: 90%; max-width: 84; height: auto; max-height: 94%;
        border: round $border; background: $surface; padding: 0 1;
        border-title-color: $foreground; border-title-style: bold;
        border-subtitle-color: $text-muted; scrollbar-size-vertical: 1;
    }
    Form .message { color: $error; height: auto; }
    Form .hint { color: $text-muted; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", show=False, priority=True),
        Binding("enter", "accept", "Accept", show=False, priority=True),
        Binding("f5", "accept", "Accept", show=False, priority=True),
        Binding("down", "app.focus_next", "Next row", show=False, priority=True),
        Binding("up", "app.focus_previous", "Previous row", show=False, priority=True),
    ]

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self.glyphs = glyphs

    @abstractmethod
    def rows(self) -> ComposeResult:
        """The form's rows."""

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False) as frame:
            frame.border_title = Content(self.TITLE_TEXT)
            frame.border_subtitle = Content(
                f"Tab next row  Left/Right turn  Enter {self.ACCEPT}  Esc leave"
            )
            yield from self.rows()
            yield Static("", markup=False, classes="message")

    def complain(self, message: str) -> None:
        """Say what is wrong, below the rows."""
        self.query_one(".message", Static).update(make_visible_line(message))

    @abstractmethod
    def result(self) -> T:
        """What the form says.

        Raises:
            ValueError: a row cannot be used; the message names it.
        """

    def action_accept(self) -> None:
        try:
            result = self.result()
        except ValueError as error:
            self.complain(str(error))
            return
        self.dismiss(result)

    def action_leave(self) -> None:
        self.dismiss(None)
