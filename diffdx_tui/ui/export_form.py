"""Choosing what to export, as what, and where to.

Role: the dialog, and writing the file: private, and never over an existing one unasked.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from diffdx_tui.ui.fields import Choice, FormRow, text_field
from diffdx_tui.ui.form import Form
from diffdx_tui.ui.glyphs import UNICODE, Glyphs

FORMATS = {"Markdown": "md", "JSONL (lossless)": "jsonl", "CSV": "csv"}


@dataclass(frozen=True, slots=True)
class ExportWish:
    """What to write where."""

    ending: str
    everything: bool
    path: Path


class ExportForm(Form[ExportWish]):
    """Format, extent, path."""

    TITLE_TEXT = "Export"
    ACCEPT = "write"

    def __init__(self, folder: Path, sessions: int, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs)
        self._folder = folder
        self._sessions = sessions
        self._stem = datetime.now().strftime("diffdx-%Y%m%d-%H%M%S")

    def rows(self) -> ComposeResult:
        yield FormRow("Format", Choice(list(FORMATS), "Markdown", id="format", glyphs=self.glyphs))
        extents = ["this session", f"all sessions ({self._sessions})"]
        yield FormRow("Extent", Choice(extents, extents[0], id="extent", glyphs=self.glyphs))
        yield FormRow("File", text_field(str(self._suggested("md")), id="path"))

    def _suggested(self, ending: str) -> Path:
        return self._folder / f"{self._stem}.{ending}"

    @on(Choice.Turned)
    def _format_turned(self, event: Choice.Turned) -> None:
        if event.choice.id == "format":
            path = self.query_one("#path", Input)
            path.value = str(self._with_ending(path.value, FORMATS[event.choice.value]))

    def _with_ending(self, typed: str, ending: str) -> Path:
        try:
            return Path(typed).with_suffix(f".{ending}")
        except ValueError:  # there is no name in it to end
            return self._suggested(ending)

    def result(self) -> ExportWish:
        typed = self.query_one("#path", Input).value.strip()
        if not typed:
            raise ValueError("the file needs a name")
        try:
            path = self._folder / Path(typed).expanduser()
            taken = _is_taken(path)
        except (OSError, RuntimeError, ValueError) as error:
            # An unknown ~name, a name too long, a folder nobody may look into.
            reason = error.strerror if isinstance(error, OSError) else error
            raise ValueError(f"this file cannot be used: {reason}") from None
        if taken:
            raise ValueError(f"{path} {taken}")
        return ExportWish(
            FORMATS[self.query_one("#format", Choice).value],
            self.query_one("#extent", Choice).value != "this session",
            path,
        )


def _is_taken(path: Path) -> str:
    """What stands at *path* already, or nothing; unlike ``exists``, trouble is not "no"."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return ""
    if stat.S_ISDIR(mode):
        return "is a folder: add a file name"
    return "exists already: choose another name"


def write_export(path: Path, parts: Iterable[str]) -> None:
    """Write *parts* to a new file only its owner can read.

    Raises:
        OSError: it could not be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        for part in parts:
            file.write(part)
