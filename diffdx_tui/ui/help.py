"""The key help: every command with its key, and what the program is.

Role: a page to read; drawn from the same table as the palette.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from diffdx_tui.ui.commands import COMMANDS, EDITING
from diffdx_tui.ui.places import PLACES
from diffdx_tui.ui.vignette_pane import NOTICE

_ABOUT = (
    "A vignette goes in; a small language model streams a differential in four tiers. "
    "Everything is saved as it streams, unless ephemeral. "
    "A model this small is often wrong: read its answers as a study of the model."
)


class HelpScreen(ModalScreen[None]):
    """Scroll with the arrows, leave with Esc or F1."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen > VerticalScroll {
        width: 90%; max-width: 88; height: auto; max-height: 94%;
        border: round $border; background: $surface; padding: 0 1; scrollbar-size-vertical: 1;
        border-title-color: $foreground; border-title-style: bold;
        border-subtitle-color: $text-muted;
    }
    HelpScreen Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q", "leave", "Leave", show=False, priority=True),
    ]

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place

    def compose(self) -> ComposeResult:
        with VerticalScroll() as frame:
            frame.border_title = Content("Help")
            frame.border_subtitle = Content("Up Down scroll  Esc leave")
            yield Static(help_text(self._place))

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def action_leave(self) -> None:
        self.dismiss(None)


def help_text(present: str) -> Content:
    """All of it, the keys of the *present* place first."""
    parts = [Content.styled(NOTICE, "bold"), Content(_ABOUT)]
    others = (place.name for place in PLACES if place.name != present)
    for place in (present, *others, "Everywhere"):
        parts += [Content(""), Content.styled(place, "bold $accent")]
        for command in COMMANDS:
            if command.place == place:
                parts.append(_line(command.key or "palette", command.label, command.detail))
    parts += [Content(""), Content.styled("Panes", "bold $accent")]
    parts += [_line(key, label) for key, label in EDITING]
    return Content("\n").join(parts)


def _line(key: str, label: str, detail: str = "") -> Content:
    return Content.assemble(
        (f"  {key:<22}", "$secondary"),
        label,
        (f"  {detail}" if detail else "", "$foreground-muted"),
    )
