"""The pane a vignette is written in.

Role: a text area that takes long pastes at once, counts characters, shows nothing a terminal would
obey, and never blinks.
"""

from __future__ import annotations

import unicodedata
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import TextArea

from diffdx_tui.domain.vignette import MAX_CHARACTERS
from diffdx_tui.domain.visible import make_visible

NOTICE = "Research and education only. Not a medical device."
_MOST_PASTED = 200_000


class VignettePane(TextArea):
    """Multi-line editor with a counter in its frame."""

    DEFAULT_CSS = """
    VignettePane {
        border: round $border-blurred; padding: 0 1; background: $background;
        border-title-color: $text-muted; border-title-style: none;
        border-subtitle-color: $text-muted; scrollbar-size-vertical: 1;
        &:focus { border: round $border; border-title-color: $foreground; }
        & .text-area--cursor-line { background: transparent; }
        & .text-area--placeholder { color: $text-muted; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        # Ctrl+Z suspends, as in any shell; this is what editors in terminals undo with.
        Binding("ctrl+underscore,alt+z", "undo", "Undo", show=False),
        Binding("ctrl+up", "history(-1)", "Previous vignette", show=False),
        Binding("ctrl+down", "history(1)", "Next vignette", show=False),
    ]

    class PasteRefused(Message):
        """A paste was not taken in; ``reason`` says why."""

        def __init__(self, reason: str) -> None:
            super().__init__()
            self.reason = reason

    class HistoryWanted(Message):
        """Walk the earlier vignettes by ``step``."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def __init__(self) -> None:
        super().__init__(
            placeholder="Describe a case in a few sentences, or press Ctrl+O for examples.",
            tab_behavior="focus",
            highlight_cursor_line=False,
        )
        self.cursor_blink = False
        self.border_subtitle = Content(NOTICE)
        self._case_note = ""
        self.count()

    def get_line(self, line_index: int) -> Text:
        """The line as it may be shown: one visible character for each character."""
        line = super().get_line(line_index)
        return Text(make_visible(line.plain), end="", no_wrap=True)

    def replace_text(self, text: str) -> None:
        """Put *text* in, as one step that can be undone."""
        self.replace(clean(text), self.document.start, self.document.end)
        self.move_cursor((0, 0))

    def note_case(self, note: str) -> None:
        """Say in the frame which case this is."""
        self._case_note = note
        self.count()

    def count(self) -> None:
        """Renew the counter; a text over the limit says so in words."""
        length = len(self.text)
        parts: list[tuple[str, str] | str] = [("Vignette", "bold"), f"  {length}/{MAX_CHARACTERS}"]
        if length > MAX_CHARACTERS:
            parts[1] = (f"  {length:,}/{MAX_CHARACTERS} too long", "bold $error")
        if self._case_note:
            parts.append(f"  {self._case_note}")
        self.border_title = Content.assemble(*parts)

    def on_text_area_changed(self) -> None:
        self.count()

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        if len(event.text) > _MOST_PASTED:
            reason = (
                f"the pasted text has {len(event.text):,} characters, "
                f"the limit is {MAX_CHARACTERS:,}: nothing was inserted"
            )
            self.post_message(self.PasteRefused(reason))
            return
        result = self._replace_via_keyboard(clean(event.text), *self.selection)
        if result is not None:
            self.move_cursor(result.end_location)
            self.focus()

    def action_history(self, step: int) -> None:
        self.post_message(self.HistoryWanted(step))


def clean(text: str) -> str:
    """Line ends made one, and control characters made visible; anything else stays."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(
        make_visible(character) if unicodedata.category(character) in ("Cc", "Cs") else character
        for character in text
    )
