"""The list of curated cases.

Role: one line a case, and which one is under the cursor.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.widgets.option_list import Option

from diffdx_tui.ui.case_library import Entry
from diffdx_tui.ui.case_text import case_line
from diffdx_tui.ui.glyphs import UNICODE, Glyphs
from diffdx_tui.ui.marked_list import PageList


class CaseList(PageList):
    """One line a case; the cursor stays on its case when the list changes."""

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._ids: list[str] = []

    @property
    def current(self) -> str | None:
        """The id of the case under the cursor."""
        return self._ids[self.highlighted] if self._ids and self.highlighted is not None else None

    def show_entries(self, entries: Sequence[Entry], keep: str | None, *, spoilers: bool) -> None:
        """Replace the list; the cursor goes to the case *keep* if it is there."""
        before = self.highlighted or 0
        self._ids = [entry.case.id for entry in entries]
        lines = [case_line(entry, self._glyphs, spoilers=spoilers) for entry in entries]
        self.set_options([Option(line) for line in lines])
        if entries:
            last = len(entries) - 1
            self.highlighted = self._ids.index(keep) if keep in self._ids else min(before, last)

    def go_to(self, case_id: str) -> bool:
        """Put the cursor on a case; whether it is in the list."""
        if case_id not in self._ids:
            return False
        self.highlighted = self._ids.index(case_id)
        return True
