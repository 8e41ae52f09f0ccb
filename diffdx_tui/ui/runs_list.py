"""The list of runs: a line each, with state, what differs, and how it went.

Role: draws :class:`~diffdx_tui.store.run_registry.Run` values and keeps which are marked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.content import Content
from textual.widgets.option_list import Option

from diffdx_tui.domain.curve import sparkline
from diffdx_tui.domain.recipe import describe
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.store.run_registry import Run
from diffdx_tui.ui.chart import overlaid_pen
from diffdx_tui.ui.glyphs import ASCII, UNICODE, Glyphs
from diffdx_tui.ui.marked_list import PageList
from diffdx_tui.ui.train_words import show_loss, state_mark

MOST_MARKED = 6
_SPARK = 10  # columns of the sparkline


class RunTable(PageList):
    """The runs, newest first; a letter marks those whose curves are shown."""

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._runs: list[Run] = []
        self._drawn: list[Content] = []
        self.marked: list[str] = []

    @property
    def current(self) -> Run | None:
        """The run under the cursor."""
        if self.highlighted is None or self.highlighted >= len(self._runs):
            return None
        return self._runs[self.highlighted]

    def show_runs(
        self, runs: Sequence[Run], losses: Mapping[str, Sequence[float | None]], width: int
    ) -> None:
        """Draw *runs*; the cursor stays on its run, and only lines that differ are drawn."""
        keep = self.current.id if self.current else None
        same = [run.id for run in runs] == [run.id for run in self._runs]
        before, self._runs = self._drawn, list(runs)
        self._drawn = [
            run_line(run, losses.get(run.id, ()), self.letter(run.id), width, self._glyphs)
            for run in runs
        ]
        if same:
            for place, (old, new) in enumerate(zip(before, self._drawn, strict=True)):
                if not old.is_same(new):
                    self.replace_option_prompt_at_index(place, new)
            return
        at = self.highlighted or 0
        self.set_options([Option(line) for line in self._drawn])
        if runs:
            ids = [run.id for run in runs]
            self.highlighted = ids.index(keep) if keep in ids else min(at, len(ids) - 1)

    def letter(self, run_id: str) -> str:
        """The letter of a marked run's curve; empty for others."""
        return overlaid_pen(self.marked.index(run_id)).sign if run_id in self.marked else ""

    def toggle_mark(self) -> bool:
        """Mark the run under the cursor, or no longer; false when there are enough already."""
        run = self.current
        if run is None:
            return True
        if run.id in self.marked:
            self.marked.remove(run.id)
        elif len(self.marked) >= MOST_MARKED:
            return False
        else:
            self.marked.append(run.id)
        return True

    def forget(self, run_id: str) -> None:
        """Take the mark off a run that is no longer there."""
        if run_id in self.marked:
            self.marked.remove(run_id)


def heading(width: int) -> Content:
    """What stands in the columns."""
    left = f"   {'state':<11}{'started':<14}what it was told"
    right = f" {'best':>6} {'strict':>6} {'loss':<{_SPARK}}"
    return Content(left + " " * max(width - len(left) - len(right), 0) + right)


def run_line(
    run: Run,
    losses: Sequence[float | None],
    letter: str,
    width: int,
    glyphs: Glyphs,
) -> Content:
    """One run on one line of *width* columns."""
    beat = run.status.heartbeat
    best = beat.best_loss if beat else None
    figures = [
        f"{show_loss(best):>6}" if best is not None else " " * 6,
        f"{beat.strict}/{beat.n}" if beat and beat.strict is not None else "",
    ]
    spark = sparkline(losses, _SPARK, ascii_only=glyphs is ASCII)
    right = f" {figures[0]} {figures[1]:>6} {spark:<{_SPARK}}"
    mark = state_mark(run.status.state, glyphs)
    started = run.record.created.astimezone().strftime("%d %b %H:%M")
    left = Content.assemble(
        (f" {letter or ' '} ", "bold $accent"),
        mark,
        " " * max(11 - mark.cell_length, 1),
        (f"{started}  ", "$foreground-muted"),
    )
    room = max(width - left.cell_length - len(right), 8)
    words = Content(make_visible_line(describe(run.record.recipe))).truncate(room, ellipsis=True)
    gap = " " * max(room - words.cell_length, 0)
    return Content.assemble(left, words, gap, (right, "$foreground-muted"))
