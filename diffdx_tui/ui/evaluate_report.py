"""An evaluation's report on a page.

Role: shows ``report.md`` as the text it is; the page with plots is for a browser.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from diffdx_tui.domain.visible import make_visible
from diffdx_tui.store.evaluation_records import PAGE_FILE, REPORT_FILE

_LONGEST = 200_000  # bytes


class ReportPage(ModalScreen[None]):
    """Scroll with the arrows, leave with Esc."""

    DEFAULT_CSS = """
    ReportPage { align: center middle; background: $background 60%; }
    ReportPage > VerticalScroll {
        width: 96%; height: auto; max-height: 94%;
        border: round $border; background: $surface; padding: 0 1; scrollbar-size-vertical: 1;
        border-title-color: $foreground; border-title-style: bold;
        border-subtitle-color: $text-muted;
    }
    ReportPage Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,v", "leave", "Leave", show=False, priority=True),
    ]

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory

    def compose(self) -> ComposeResult:
        with VerticalScroll() as frame:
            frame.border_title = Content("Report")
            frame.border_subtitle = Content("Up Down scroll  Esc leave")
            yield Static("", markup=False)

    async def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        text = await asyncio.to_thread(_read, self._directory / REPORT_FILE)
        words = f"With plots: {self._directory / PAGE_FILE}\n\n{text}" if text else "no report yet"
        self.query_one(Static).update(Content(make_visible(words)))

    def action_leave(self) -> None:
        self.dismiss(None)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("utf-8", errors="replace")
    except OSError:
        return ""
