"""All about one run on a page: what it was told, what it found, its card, its last words.

Role: reads small files of the run's folder and shows them as text, never as markup.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from diffdx_tui.domain.recipe import differences, show_value
from diffdx_tui.domain.visible import make_visible, make_visible_line
from diffdx_tui.store.run_records import ADAPTER_FOLDER, CONSOLE_FILE
from diffdx_tui.store.run_registry import Run
from diffdx_tui.ui.glyphs import UNICODE, Glyphs
from diffdx_tui.ui.train_words import show_loss, state_mark

_LONGEST_CARD = 40_000  # bytes
_CONSOLE_LINES = 12


class RunPage(ModalScreen[None]):
    """Scroll with the arrows, leave with Esc."""

    DEFAULT_CSS = """
    RunPage { align: center middle; background: $background 60%; }
    RunPage > VerticalScroll {
        width: 94%; max-width: 110; height: auto; max-height: 94%;
        border: round $border; background: $surface; padding: 0 1; scrollbar-size-vertical: 1;
        border-title-color: $foreground; border-title-style: bold;
        border-subtitle-color: $text-muted;
    }
    RunPage Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,v", "leave", "Leave", show=False, priority=True),
    ]

    def __init__(self, run: Run, directory: Path, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._run, self._directory, self._glyphs = run, directory, glyphs

    def compose(self) -> ComposeResult:
        with VerticalScroll() as frame:
            frame.border_title = Content(f"Run {self._run.id}")
            frame.border_subtitle = Content("Up Down scroll  Esc leave")
            yield Static("", markup=False)

    async def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        card = await asyncio.to_thread(_read_start, self._directory / ADAPTER_FOLDER / "README.md")
        console = await asyncio.to_thread(_read_end, self._directory / CONSOLE_FILE)
        self.query_one(Static).update(run_text(self._run, card, console, self._glyphs))

    def action_leave(self) -> None:
        self.dismiss(None)


def run_text(run: Run, card: str, console: str, glyphs: Glyphs) -> Content:
    """The page."""
    beat = run.status.heartbeat
    parts = [Content.assemble(state_mark(run.status.state, glyphs), f"  {run.id}")]
    if run.status.message:
        parts.append(Content(make_visible_line(run.status.message)))
    if beat is not None and beat.best_loss is not None:
        parts.append(
            Content(f"best validation loss {show_loss(beat.best_loss)} at step {beat.best_step}")
        )
    if beat is not None and beat.strict is not None:
        parts.append(Content(f"last probe: {beat.strict}/{beat.n} strictly valid"))
    parts += _section("Differs from the default in", _differences(run))
    parts += _section(
        "Went on", [f"from step {one.get('from_step')}" for one in run.record.resumes]
    )
    if card:
        parts += [Content(""), Content.styled("Model card", "bold $accent"), Content(card)]
    facts = [
        f"{name}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in run.record.facts.items()
    ]
    parts += _section("Facts", facts)
    parts += _section("Console", console.splitlines())
    return Content("\n").join(parts)


def _differences(run: Run) -> list[str]:
    changed = differences(run.record.recipe)
    return [
        f"{name}: {show_value(ours)} (default {show_value(default)})"
        for name, (ours, default) in changed.items()
    ] or ["nothing"]


def _section(title: str, lines: list[str]) -> list[Content]:
    if not lines:
        return []
    shown = [Content(f"  {make_visible_line(line)}") for line in lines]
    return [Content(""), Content.styled(title, "bold $accent"), *shown]


def _read_start(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return make_visible(file.read(_LONGEST_CARD).decode("utf-8", errors="replace"))
    except OSError:
        return ""


def _read_end(path: Path) -> str:
    """The last lines of a file that may be long."""
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - 8_000, 0))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-_CONSOLE_LINES:])
