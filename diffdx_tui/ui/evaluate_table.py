"""The lists of the Evaluate screen: evaluations, and the arms of one with their figures.

Role: every figure stands with its k of n and its 95 % interval; there is no room for one without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets.option_list import Option

from diffdx_tui.domain.metrics import LOWER_IS_BETTER, MEANS, Metric
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.store.evaluations import Evaluation
from diffdx_tui.store.run_records import number
from diffdx_tui.ui.glyphs import UNICODE, Glyphs
from diffdx_tui.ui.marked_list import PageList
from diffdx_tui.ui.train_words import state_mark

_CELL = 14
_WIDE_CELL = 16  # from a hundred rows on
_NAMES = 20  # columns for the arms' names, at least


class LineList(PageList):
    """Lines of which only those that differ are drawn again; the cursor stays on its key."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__()
        if id is not None:
            self.id = id
        self._keys: list[str] = []
        self._shown: list[Content] = []

    @property
    def current(self) -> str | None:
        """The key of the line under the cursor."""
        if self.highlighted is None or self.highlighted >= len(self._keys):
            return None
        return self._keys[self.highlighted]

    def go_to(self, key: str) -> None:
        """Put the cursor on the line of *key*, if there is one."""
        if key in self._keys:
            self.highlighted = self._keys.index(key)

    def show_lines(self, keys: Sequence[str], lines: Sequence[Content]) -> None:
        """Replace the lines."""
        before, self._shown = self._shown, list(lines)
        if list(keys) == self._keys:
            for place, (old, new) in enumerate(zip(before, lines, strict=True)):
                if not old.is_same(new):
                    self.replace_option_prompt_at_index(place, new)
            return
        keep, at = self.current, self.highlighted or 0
        self._keys = list(keys)
        self.set_options([Option(line) for line in lines])
        if self._keys:
            last = len(self._keys) - 1
            self.highlighted = self._keys.index(keep) if keep in self._keys else min(at, last)


class ArmTable(LineList):
    """The arms of one evaluation; left and right turn through the metrics."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "turn(-1)", "Metrics before", show=False),
        Binding("right,l", "turn(1)", "Metrics after", show=False),
    ]

    class Turned(Message):
        """Other metrics are wanted."""

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(id="arms")
        self._glyphs = glyphs
        self._first = 0
        self._cell = _CELL

    def metrics(self, width: int) -> list[Metric]:
        """The metrics that fit into *width* columns, from the first one wanted."""
        every = list(Metric)
        count = max((width - _NAMES) // self._cell, 1)
        first = min(self._first, max(len(every) - count, 0))
        return every[first : first + count]

    def action_turn(self, step: int) -> None:
        count = max(len(self.metrics(self.size.width)), 1)
        limit = max(len(Metric) - count, 0)
        self._first = min(max(self._first + step * count, 0), limit)
        self.post_message(self.Turned())

    def heading(self, width: int) -> Content:
        """The metrics' names; an arrow marks those of which less is better."""
        metrics = self.metrics(width)
        names = [
            f"{metric}{self._glyphs.down if metric in LOWER_IS_BETTER else ''}"
            for metric in metrics
        ]
        room = max(width - self._cell * len(metrics), _NAMES)
        return Content(f" {'arm':<{room - 1}}" + "".join(f"{n:<{self._cell}}" for n in names))

    def show_arms(self, arms: Sequence[Mapping[str, Any]], width: int, *, shared: bool) -> None:
        """Draw *arms* as ``results.json`` has them; *shared* takes the figures on shared fields."""
        some = [number(arm.get("rows")) or 0 for arm in arms]
        self._cell = _WIDE_CELL if max(some, default=0) >= 100 else _CELL
        metrics = self.metrics(width)
        room = max(width - self._cell * len(metrics), _NAMES)
        lines = []
        for arm in arms:
            figures = arm.get("shared" if shared and "shared" in arm else "metrics")
            baseline = " (baseline)" if arm.get("kind") == "baseline" else ""
            name = _shorten(f" {make_visible_line(str(arm.get('name', '')))}{baseline}", room - 1)
            gap = " " * (room - name.cell_length)
            cells = self._cells(figures, metrics, arm.get("answers"))
            lines.append(Content.assemble(name, gap, cells))
        self.show_lines([str(arm.get("name", "")) for arm in arms], lines)

    def _cells(self, figures: Any, metrics: Sequence[Metric], answers: Any) -> str:
        if not isinstance(figures, Mapping):
            return f"{answers} answered, not scored yet"
        return "".join(f"{cell(metric, figures.get(metric)):<{self._cell}}" for metric in metrics)


def _shorten(name: str, room: int) -> Content:
    """*name* in *room* columns; its last word stays, because it tells free from guided."""
    whole = Content(name)
    head, _, last = name.rpartition(" ")
    left = room - cell_len(last) - 1
    if whole.cell_length <= room or left < room // 3:
        return whole.truncate(room, ellipsis=True)
    return Content.assemble(Content(head).truncate(left, ellipsis=True), f" {last}")


def cell(metric: Metric, figure: Any) -> str:
    """A figure: ``k/n low-high%``; of a mean the value and its interval."""
    if not isinstance(figure, Mapping):
        return "-"
    k, n, value, low, high = (number(figure.get(x)) for x in ("k", "n", "value", "low", "high"))
    if k is None or low is None or high is None or not n:
        return "-"
    if metric in MEANS or k != int(k):
        ends = "-".join(f"{end:.2f}".removeprefix("0") for end in (low, high))
        return f"{k / n if value is None else value:.2f} {ends}"
    return f"{k:.0f}/{n:.0f} {100 * low:.0f}-{100 * high:.0f}%"


def evaluation_line(evaluation: Evaluation, width: int, glyphs: Glyphs) -> Content:
    """One evaluation on one line."""
    beat = evaluation.status.heartbeat
    mark = state_mark(evaluation.status.state, glyphs)
    started = evaluation.record.created.astimezone().strftime("%d %b %H:%M")
    plan = evaluation.record.plan
    done = f"{beat.step}/{beat.steps}" if beat and beat.steps else ""
    left = Content.assemble(
        " ",
        mark,
        " " * max(11 - mark.cell_length, 1),
        (f"{started}  ", "$foreground-muted"),
        f"{plan.set:<17}",
    )
    room = max(width - left.cell_length - len(done) - 2, 8)
    names = ", ".join(make_visible_line(arm.name) for arm in plan.arms)
    words = Content(names).truncate(room, ellipsis=True)
    gap = " " * max(room - words.cell_length, 0)
    return Content.assemble(left, words, gap, (f" {done} ", "$foreground-muted"))
