"""Exporting what a run left: as which kind, and where to.

Role: the dialog; the work is the command line's own ``runs export``, in a process of its own,
because merging a model takes a while and much memory.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from diffdx_tui.launch import clean_environment
from diffdx_tui.ui.fields import Choice, FormRow, text_field
from diffdx_tui.ui.form import Form
from diffdx_tui.ui.glyphs import UNICODE, Glyphs


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of export: the end of its name and its flags."""

    ending: str
    flags: tuple[str, ...] = ()


KINDS = {
    "adapter, card and metrics": Kind(""),
    "the same as one file": Kind(".tar.gz"),
    "base and adapter merged": Kind("-merged", ("--merged",)),
    "adapter as GGUF": Kind("-gguf", ("--gguf-adapter",)),
}


@dataclass(frozen=True, slots=True)
class RunExport:
    """What to export where to."""

    kind: Kind
    path: Path


class RunExportForm(Form[RunExport]):
    """Kind and path."""

    TITLE_TEXT = "Export a run"
    ACCEPT = "write"

    def __init__(self, folder: Path, run_id: str, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs)
        self._stem = folder / f"run-{run_id}"

    def rows(self) -> ComposeResult:
        yield FormRow("Kind", Choice(list(KINDS), next(iter(KINDS)), id="kind", glyphs=self.glyphs))
        yield FormRow("To", text_field(str(self._stem), id="path"))

    @on(Choice.Turned)
    def _turned(self, event: Choice.Turned) -> None:
        path = f"{self._stem}{KINDS[event.choice.value].ending}"
        self.query_one("#path", Input).value = path

    def result(self) -> RunExport:
        typed = self.query_one("#path", Input).value.strip()
        if not typed:
            raise ValueError("it needs a name")
        try:
            path = Path(typed).expanduser().absolute()
            taken = path.exists()
        except (OSError, RuntimeError, ValueError) as error:
            raise ValueError(f"this name cannot be used: {error}") from None
        if taken:
            raise ValueError(f"{path} exists already: choose another name")
        return RunExport(KINDS[self.query_one("#kind", Choice).value], path)


def export_run(run_id: str, wish: RunExport, home: Path) -> str:
    """Export; the command's last word if it went wrong, nothing if it went well."""
    wish.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-P", "-m", "diffdx_tui", "runs", "export"]
    done = subprocess.run(
        [*command, *wish.kind.flags, "--", run_id, str(wish.path)],
        env=clean_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"the export ended with code {done.returncode}"
