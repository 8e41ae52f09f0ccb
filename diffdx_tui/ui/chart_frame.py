"""One picture of a chart: series, window and scale in, lines of text out.

Role: axes, ticks and curves on a :class:`~diffdx_tui.ui.chart_canvas.Canvas`; no widget, so that
every picture can be tested as text.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from diffdx_tui.domain.curve import decimate, extent, format_tick, nice_ticks
from diffdx_tui.ui.chart_canvas import Canvas, Pen, Run

AXIS, GAP, CURSOR = "axis", "gap", "cursor"
"""Inks that are no series'."""

_MOST_TICKS = 8

Points = tuple[Sequence[int], Sequence[float | None]]
"""Steps and the values at them."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What axes and marks are drawn with."""

    ascii_only: bool
    side: str
    side_tick: str
    corner: str
    base: str
    base_tick: str
    gap: str
    cursor: str
    cursor_foot: str


UNICODE_SIGNS = Signs(False, "│", "┤", "└", "─", "┬", "×", "│", "▲")
ASCII_SIGNS = Signs(True, "|", "+", "+", "-", "+", "X", ":", "^")


@dataclass(frozen=True, slots=True)
class Series:
    """Something to draw.

    Attributes:
        label: what the legend calls it; never markup.
        pen: how it is drawn.
        steps: rising.
        values: one a step; ``None`` is a gap.
        marks: signs at its points instead of a line.
        dots: single dots instead of a line.
        lettered: whether its sign stands at the line's end.
    """

    label: str
    pen: Pen
    steps: Sequence[int]
    values: Sequence[float | None]
    marks: bool = False
    dots: bool = False
    lettered: bool = False

    def within(self, window: Window) -> Series:
        """A copy with the points in *window*, which others may draw while this one grows."""
        start = bisect_left(self.steps, window.low)
        # Smoothed values are made from time to time; their steps may have grown since.
        end = min(bisect_right(self.steps, window.high), len(self.values))
        return replace(self, steps=self.steps[start:end], values=self.values[start:end])


@dataclass(frozen=True, slots=True)
class Window:
    """The steps from *low* to *high*, both included."""

    low: int
    high: int

    @property
    def span(self) -> int:
        """Steps from end to end, at least one."""
        return max(self.high - self.low, 1)


@dataclass(frozen=True, slots=True)
class Frame:
    """A finished picture.

    Attributes:
        lines: each as runs of one ink.
        gutter: columns left of the plot.
        columns: columns of the plot.
        window: the steps in it.
    """

    lines: list[list[Run]]
    gutter: int
    columns: int
    window: Window

    @property
    def steps_per_column(self) -> float:
        """How many steps share a column."""
        return self.window.span / max(self.columns - 1, 1)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Values to dots from the top; *low* and *high* are round, so that they seldom move."""

    low: float
    high: float
    log: bool
    dots: int

    def place(self, value: float) -> int:
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return round((high - value) / (high - low) * (self.dots - 1))


def draw_frame(
    series: Sequence[Series],
    window: Window,
    columns: int,
    rows: int,
    *,
    log: bool = False,
    cursor: int | None = None,
    signs: Signs = UNICODE_SIGNS,
) -> Frame:
    """Draw *series* into *columns* by *rows* cells; the last two rows are the step axis."""
    plot_rows = max(rows - 2, 1)
    visible = [_visible(one, window, log) for one in series]
    ticks = _value_ticks(visible, min(max(plot_rows // 2, 2), _MOST_TICKS), log)
    dots = plot_rows * (1 if signs.ascii_only else 4)
    scale = _Scale(ticks[0], ticks[-1], log, dots)
    labels = {scale.place(tick) * plot_rows // dots: format_tick(tick, ticks) for tick in ticks}
    gutter = max(map(len, labels.values()), default=1) + 1
    canvas = Canvas(max(columns - gutter, 2), plot_rows, ascii_only=signs.ascii_only)
    gaps: set[int] = set()
    for one, (steps, values) in zip(series, visible, strict=True):
        gaps |= _draw_series(canvas, one, steps, values, window, scale)
    foot = None
    if cursor is not None and window.low <= cursor <= window.high:
        foot = _column(cursor, window, canvas)
        for row in range(plot_rows):
            canvas.sign(foot, row, signs.cursor, CURSOR, beneath=True)
    lines = []
    for row in range(plot_rows):
        label = labels.get(row)
        side = signs.side if label is None else signs.side_tick
        lines.append([(f"{label or '':>{gutter - 1}}{side}", AXIS), *canvas.runs(row)])
    lines += _step_axis(window, canvas, gutter, signs, gaps, foot)
    return Frame(lines, gutter, canvas.columns, window)


def _visible(series: Series, window: Window, log: bool) -> Points:
    """The points in the window; on a log scale what is not above 0 is a gap."""
    part = series.within(window)
    if not log:
        return part.steps, part.values
    return part.steps, [v if v is not None and v > 0 else None for v in part.values]


def _value_ticks(groups: Sequence[Points], count: int, log: bool) -> list[float]:
    """Round values from below the least to above the greatest, never all the same."""
    found = extent(value for _, values in groups for value in values)
    if found is None:
        return [0.1, 1.0] if log else [0.0, 1.0]
    return nice_ticks(*found, count, log=log)


def _x(step: float, window: Window, dots: int) -> int:
    """The dot column of a step."""
    return round((step - window.low) / window.span * (dots - 1))


def _column(step: float, window: Window, canvas: Canvas) -> int:
    return _x(step, window, canvas.width) // canvas.dots_per_column


def _draw_series(
    canvas: Canvas,
    series: Series,
    steps: Sequence[int],
    values: Sequence[float | None],
    window: Window,
    scale: _Scale,
) -> set[int]:
    """Draw; the columns of gaps, which are left empty so that one bad step is seen."""
    points = decimate(steps, values, canvas.width)
    gaps = {
        _x(step, window, canvas.width) // canvas.dots_per_column
        for step, value in points
        if value is None
    }
    before: tuple[int, int] | None = None
    drawn = 0
    for step, value in points:
        x = _x(step, window, canvas.width)
        column = x // canvas.dots_per_column
        if value is None or column in gaps:
            before = None
            continue
        place = (x, scale.place(value))
        if series.marks:
            canvas.sign(column, place[1] // canvas.dots_per_row, series.pen.sign, series.pen.ink)
        else:
            joined = None if series.dots else before
            drawn = canvas.line(joined or place, place, series.pen, drawn)
        before = place
    if series.lettered and before is not None:
        column = min(before[0] // canvas.dots_per_column + 1, canvas.columns - 1)
        canvas.sign(column, before[1] // canvas.dots_per_row, series.pen.sign, series.pen.ink)
    return gaps


def _step_axis(
    window: Window,
    canvas: Canvas,
    gutter: int,
    signs: Signs,
    gaps: set[int],
    foot: int | None,
) -> list[list[Run]]:
    """The line beneath the plot with its ticks, gaps and the cursor's foot, and the numbers."""
    found = nice_ticks(window.low, window.low + window.span, max(canvas.columns // 9, 2))
    ticks = [int(tick) for tick in found if tick == int(tick)]
    places = {_column(t, window, canvas): t for t in ticks if window.low <= t <= window.high}
    line: list[Run] = [(" " * (gutter - 1) + signs.corner, AXIS)]
    for column in range(canvas.columns):
        if column == foot:
            line.append((signs.cursor_foot, CURSOR))
        elif column in gaps:
            line.append((signs.gap, GAP))
        else:
            line.append((signs.base_tick if column in places else signs.base, AXIS))
    numbers = [" "] * (gutter + canvas.columns)
    free = 0
    for column, tick in sorted(places.items()):
        text = str(tick)
        start = min(gutter + column - len(text) // 2, len(numbers) - len(text))
        if start >= free:
            numbers[start : start + len(text)] = text
            free = start + len(text) + 1
    return [_joined(line), [("".join(numbers), AXIS)]]


def _joined(runs: Sequence[Run]) -> list[Run]:
    joined: list[Run] = []
    for text, ink in runs:
        if joined and joined[-1][1] == ink:
            joined[-1] = (joined[-1][0] + text, ink)
        else:
            joined.append((text, ink))
    return joined
