"""Questions to the trainer before a run: what will be learned, and what it will cost.

Role: two dialogs that ask a process of the trainer, wait without holding up the screen, and can be
left at any time, which ends the process.
"""

from __future__ import annotations

import asyncio
import json
import threading
from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from diffdx_tui.domain.recipe import Recipe, describe
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.launch import TrainerCancelled, TrainerFailed, ask_trainer
from diffdx_tui.store.errors import StoreError
from diffdx_tui.ui.glyphs import UNICODE, Glyphs
from diffdx_tui.ui.train_preview import preflight_text, preview_text


class Question(ModalScreen[dict[str, Any]]):
    """A page that waits for the trainer's answer, which is its result; empty if none came."""

    TITLE_TEXT: ClassVar[str]
    COMMAND: ClassVar[str]
    DEFAULT_CSS = """
    Question { align: center middle; background: $background 60%; }
    Question > VerticalScroll {
        width: 94%; max-width: 120; height: auto; max-height: 94%; min-height: 8;
        border: round $border; background: $surface; padding: 0 1; scrollbar-size-vertical: 1;
        border-title-color: $foreground; border-title-style: bold;
        border-subtitle-color: $text-muted;
    }
    Question Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Leave", show=False, priority=True),
        Binding("j", "scroll_by(1)", "Down", show=False),
        Binding("k", "scroll_by(-1)", "Up", show=False),
    ]

    def __init__(self, recipe: Recipe, home: Path, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._recipe, self._home, self.glyphs = recipe, home, glyphs
        self._cancelled = threading.Event()
        self._reply: dict[str, Any] = {}

    def compose(self) -> ComposeResult:
        with VerticalScroll() as frame:
            frame.border_title = Content(self.TITLE_TEXT)
            frame.border_subtitle = Content("Up Down scroll  Esc leave")
            yield Static(
                f"{make_visible_line(describe(self._recipe))}\n\n"
                f"asking the trainer{self.glyphs.ellipsis} (Esc takes it back)",
                markup=False,
            )

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        self.run_worker(self._ask(), exit_on_error=False)

    def on_unmount(self) -> None:
        self._cancelled.set()

    async def _ask(self) -> None:
        arguments = [self.COMMAND, "--recipe", json.dumps(self._recipe.as_dict())]
        try:
            reply = await asyncio.to_thread(
                ask_trainer, arguments, self._home, cancelled=self._cancelled.is_set
            )
        except TrainerCancelled:
            return
        except (TrainerFailed, StoreError) as error:
            text = Content.styled(make_visible_line(str(error)), "$error")
        else:
            self._reply = reply
            text = self.text(reply)
        self.query_one(Static).update(text)

    @abstractmethod
    def text(self, reply: dict[str, Any]) -> Content:
        """The page that the reply makes."""

    def action_scroll_by(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_leave(self) -> None:
        self.dismiss(self._reply)


class PreviewScreen(Question):
    """The tokens that are scored, from the collator that trains."""

    TITLE_TEXT = "What will be learned"
    COMMAND = "preview"

    def text(self, reply: dict[str, Any]) -> Content:
        return preview_text(reply, self.glyphs)


class PreflightScreen(Question):
    """One measured step of the longest rows."""

    TITLE_TEXT = "Pre-flight"
    COMMAND = "preflight"

    def text(self, reply: dict[str, Any]) -> Content:
        return preflight_text(reply, self.glyphs)
