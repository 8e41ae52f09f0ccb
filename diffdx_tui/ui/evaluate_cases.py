"""The answers of one arm: each case, and for the one under the cursor why it counts or not.

Role: a page over the Evaluate screen; reads the gold answers once, off the event loop.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from diffdx_tui.domain.evaluation_sets import UNREADABLE
from diffdx_tui.domain.scoring import Gold
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.store.evaluation_records import Output
from diffdx_tui.ui.evaluate_feed import EvaluationFeed
from diffdx_tui.ui.evaluate_table import LineList
from diffdx_tui.ui.evaluate_text import case_line, case_text
from diffdx_tui.ui.glyphs import UNICODE, Glyphs


class ArmCases(ModalScreen[None]):
    """The list above or beside the case; Enter reads it whole, w shows only what is wrong."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (118, "-wide")]  # noqa: RUF012
    DEFAULT_CSS = """
    ArmCases { align: center middle; background: $background 60%; }
    ArmCases > Vertical {
        width: 96%; height: 94%; layout: vertical;
        border: round $border; background: $surface;
        border-title-color: $foreground; border-title-style: bold;
        border-subtitle-color: $text-muted;
    }
    ArmCases LineList { height: 6; width: 1fr; background: $surface; }
    ArmCases VerticalScroll {
        height: 1fr; width: 1fr; padding: 0 1; scrollbar-size-vertical: 1;
        border-top: solid $border-blurred;
        &:focus { border-top: solid $border; }
    }
    ArmCases Static { height: auto; }
    ArmCases.-wide > Vertical { layout: horizontal; }
    ArmCases.-wide LineList { height: 1fr; width: 2fr; }
    ArmCases.-wide VerticalScroll {
        width: 3fr; border-top: none; border-left: solid $border-blurred;
        &:focus { border-top: none; border-left: solid $border; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", show=False, priority=True),
        Binding("w", "sift", "Only the wrong ones", show=False),
        Binding("enter", "read", "Read", show=False),
    ]

    def __init__(
        self, feed: EvaluationFeed, arm: str, home: Path, glyphs: Glyphs = UNICODE
    ) -> None:
        super().__init__()
        self._feed, self._arm, self._home, self._glyphs = feed, arm, home, glyphs
        self._gold: dict[str, Gold] = {}
        self._outputs: dict[str, Output] = {}
        self._only_wrong = False

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = Content(make_visible_line(self._arm))
            frame.border_subtitle = Content("w only wrong  Tab the case  Esc leave")
            yield LineList()
            with VerticalScroll():
                yield Static("", markup=False)

    async def on_mount(self) -> None:
        self.query_one(LineList).focus()
        self._list()
        self.run_worker(self._read_gold(), exit_on_error=False)

    async def _read_gold(self) -> None:
        try:
            rows = await asyncio.to_thread(self._feed.read_gold, self._home)
        except UNREADABLE as error:
            self.notify(f"gold answers: {make_visible_line(str(error))}", markup=False)
            return
        self._gold = {gold.id: gold for gold in rows.rows}
        self._list()
        self._show()

    def _list(self) -> None:
        chosen: dict[str, Output] = {}
        lines = []
        for key, output in self._feed.outputs.items():
            score = self._feed.scores.get(key)
            if key.arm != self._arm or (self._only_wrong and (score is None or score.right)):
                continue
            chosen[f"{key.case}\n{key.sample}"] = output
            lines.append(case_line(output, score, self._gold.get(key.case), self._glyphs))
        self._outputs = chosen
        self.query_one(LineList).show_lines(list(chosen), lines)
        if not chosen:
            none = "nothing wrong" if self._only_wrong else "no answers yet"
            self.query_one(Static).update(Content(none))

    @on(OptionList.OptionHighlighted)
    def _show(self) -> None:
        output = self._outputs.get(self.query_one(LineList).current or "")
        if output is None:
            return
        text = case_text(
            output,
            self._feed.scores.get(output.key),
            self._gold.get(output.key.case),
            self._glyphs,
        )
        self.query_one(Static).update(text)
        self.query_one(VerticalScroll).scroll_home(animate=False)

    @on(OptionList.OptionSelected)
    def action_read(self) -> None:
        self.query_one(VerticalScroll).focus()

    def action_sift(self) -> None:
        self._only_wrong = not self._only_wrong
        self._list()
        self._show()

    def action_leave(self) -> None:
        if self.query_one(VerticalScroll).has_focus:
            self.query_one(LineList).focus()
        else:
            self.dismiss(None)
