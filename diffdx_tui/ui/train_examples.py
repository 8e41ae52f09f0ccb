"""Each row's loss, epoch by epoch: what was memorised and what was never learned.

Role: a page made from what the run wrote at each epoch's end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.ui.train_words import show_loss

_EPOCHS = 5  # columns
_NAME = 24


class ExamplesPage(ModalScreen[None]):
    """Scroll with the arrows, leave with Esc."""

    DEFAULT_CSS = """
    ExamplesPage { align: center middle; background: $background 60%; }
    ExamplesPage > VerticalScroll {
        width: 94%; max-width: 100; height: auto; max-height: 94%;
        border: round $border; background: $surface; padding: 0 1; scrollbar-size-vertical: 1;
        border-title-color: $foreground; border-title-style: bold;
        border-subtitle-color: $text-muted;
    }
    ExamplesPage Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,t", "leave", "Leave", show=False, priority=True),
    ]

    def __init__(self, epochs: Mapping[int, Mapping[str, float | None]]) -> None:
        super().__init__()
        self._epochs = epochs

    def compose(self) -> ComposeResult:
        with VerticalScroll() as frame:
            frame.border_title = Content("Loss of each row")
            frame.border_subtitle = Content("Up Down scroll  Esc leave")
            yield Static(examples_text(self._epochs), markup=False)

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def action_leave(self) -> None:
        self.dismiss(None)


def examples_text(epochs: Mapping[int, Mapping[str, float | None]]) -> Content:
    """A line a row, the highest loss of the last epoch first."""
    if not epochs:
        return Content("The losses of the rows are written at each epoch's end: none yet.")
    shown = sorted(epochs)[-_EPOCHS:]
    last = epochs[shown[-1]]

    def order(name: str) -> tuple[bool, float]:
        loss = last[name]
        return (loss is not None, -(loss or 0.0))  # what is no number comes first

    heading = f"{'row':<{_NAME}}" + "".join(f"{f'epoch {epoch}':>12}" for epoch in shown)
    parts = [
        Content("First what was learned least; last what was learned best, or by heart."),
        Content(""),
        Content.styled(heading, "bold $accent"),
    ]
    for name in sorted(last, key=order):
        cells = [epochs[epoch].get(name) for epoch in shown]
        figures = "".join(f"{show_loss(loss):>12}" for loss in cells)
        parts.append(Content(f"{make_visible_line(name)[: _NAME - 1]:<{_NAME}}{figures}"))
    return Content("\n").join(parts)
