"""The chart: curves over steps, with zoom, log scale and a cursor to read values at.

Role: the widget; what a picture looks like is :mod:`diffdx_tui.ui.chart_frame`'s.  After each
drawing only the parts of lines that differ go to the terminal.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Sequence
from itertools import chain
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.ui.chart_canvas import Canvas, Pen, Run
from diffdx_tui.ui.chart_frame import (
    ASCII_SIGNS,
    AXIS,
    CURSOR,
    GAP,
    UNICODE_SIGNS,
    Frame,
    Series,
    Window,
    draw_frame,
)
from diffdx_tui.ui.glyphs import ASCII, UNICODE, Glyphs

_FEWEST_STEPS = 10  # in a window, however far one zooms in
_SHOWN_AT_FIRST = 50

RAW, SMOOTH, VALIDATION = "raw", "smooth", "validation"
OVERLAID = tuple(f"overlaid-{number}" for number in range(1, 7))
_INKS = (AXIS, GAP, CURSOR, RAW, SMOOTH, VALIDATION, *OVERLAID)

# Dashes tell the lines apart where colours do not; ASCII lines are made of their letters.
_DASHES = ((), (5, 3), (1, 2), (7, 2, 1, 2), (3, 5), (1, 4))


def overlaid_pen(number: int) -> Pen:
    """The pen of the *number*-th of several series: a colour, a dash and a letter."""
    number %= len(OVERLAID)
    return Pen(OVERLAID[number], "abcdef"[number], _DASHES[number])


class Chart(Widget, can_focus=True):
    """Curves in a window of steps that follows the newest unless someone looks closer."""

    DEFAULT_CSS = """
    Chart { height: 1fr; width: 1fr; color: $text-muted; }
    Chart > .chart--axis { color: $text-muted; }
    Chart > .chart--gap { color: $error; text-style: bold; }
    Chart > .chart--cursor { color: $accent; text-style: bold; }
    Chart > .chart--raw { color: $foreground-darken-3; text-style: dim; }
    Chart > .chart--smooth { color: $tier-most-likely; }
    Chart > .chart--validation { color: $accent; text-style: bold; }
    Chart > .chart--overlaid-1 { color: $tier-most-likely; }
    Chart > .chart--overlaid-2 { color: $accent; }
    Chart > .chart--overlaid-3 { color: $tier-possible; }
    Chart > .chart--overlaid-4 { color: $tier-serious; }
    Chart > .chart--overlaid-5 { color: $tier-workup; }
    Chart > .chart--overlaid-6 { color: $foreground; }
    Chart > .chart--title { color: $foreground; text-style: bold; }
    Chart > .chart--legend { color: $text-muted; }
    Chart:focus > .chart--title { color: $accent; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "chart--title",
        "chart--legend",
        *(f"chart--{ink}" for ink in _INKS),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move_cursor(-1)", "Cursor left", show=False),
        Binding("right", "move_cursor(1)", "Cursor right", show=False),
        Binding("shift+left", "move_cursor(-10)", "Cursor far left", show=False),
        Binding("shift+right", "move_cursor(10)", "Cursor far right", show=False),
        Binding("home", "cursor_to_end(0)", "First step", show=False),
        Binding("end", "cursor_to_end(-1)", "Last step", show=False),
        Binding("plus,equals_sign", "zoom(2)", "Zoom in", show=False),
        Binding("minus", "zoom(-2)", "Zoom out", show=False),
        Binding("0", "show_all", "Whole run", show=False),
        Binding("less_than_sign,comma", "pan(-1)", "Earlier", show=False),
        Binding("greater_than_sign,full_stop", "pan(1)", "Later", show=False),
        Binding("l", "toggle_log", "Log scale", show=False),
    ]

    class Changed(Message):
        """Cursor, window or scale changed."""

        def __init__(self, chart: Chart) -> None:
            super().__init__()
            self.chart = chart

        @property
        def control(self) -> Chart:
            return self.chart

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._signs = ASCII_SIGNS if glyphs is ASCII else UNICODE_SIGNS
        self._glyphs = glyphs
        self._title = ""
        self._series: tuple[Series, ...] = ()
        self._planned: int | None = None
        self._span: int | None = None  # None shows the whole run
        self._end: int | None = None  # None follows the newest step
        self._drawn: list[list[Run]] = []
        self._frame: Frame | None = None
        self._stale = self._drawing = False
        self.logarithmic = False
        self.cursor: int | None = None

    # What is shown

    def show(self, title: str, series: Sequence[Series], planned: int | None = None) -> None:
        """Draw *series*; *planned* is the last step there will be, where that is known."""
        self._title, self._series, self._planned = title, tuple(series), planned
        self._redraw()

    def forget_view(self) -> None:
        """Back to the whole of it and no cursor, as for another run."""
        self._span = self._end = self.cursor = None

    @property
    def window(self) -> Window:
        """The steps shown now."""
        whole = self._whole()
        if self._span is None or self._span >= whole.span:
            return whole
        if self._end is not None:
            return Window(self._end - self._span, self._end)
        # By eighths, so that most drawings leave what was drawn where it is.
        stride = max(self._span // 8, 1)
        high = -(-self._last() // stride) * stride
        return Window(max(high - self._span, 0), max(high, self._span))

    def _last(self) -> int:
        return max((one.steps[-1] for one in self._series if one.steps), default=0)

    def _whole(self) -> Window:
        """From step 0 to a round end that seldom moves: a half, quarter ... of what is planned."""
        last = max(self._last(), 1)
        planned = self._planned
        if planned is None or planned < last:
            high = _SHOWN_AT_FIRST
            while high < last:
                high *= 2
            return Window(0, high)
        high = planned
        while high // 2 >= max(last, _FEWEST_STEPS):
            high = -(-high // 2)
        return Window(0, high)

    def _redraw(self) -> None:
        """Draw soon; calls that come while a picture is made are one more picture."""
        self._stale = True
        if not self._drawing and self.is_attached:
            self._drawing = True
            self.run_worker(self._draw())

    async def _draw(self) -> None:
        try:
            while self._stale:
                self._stale = False
                await self._draw_once()
        finally:
            self._drawing = False

    async def _draw_once(self) -> None:
        size, window = self.content_size, self.window
        if size.width < 20 or size.height < 4:
            return
        legend = self._legend(size.width)
        # Off the event loop, and of copies, because the series grow meanwhile.
        frame = await asyncio.to_thread(
            draw_frame,
            [one.within(window) for one in self._series],
            window,
            size.width,
            size.height - 1,
            log=self.logarithmic,
            cursor=self.cursor,
            signs=self._signs,
        )
        if size == self.content_size:
            self._frame = frame
            self._put([legend, *frame.lines], size.width)

    def _put(self, lines: list[list[Run]], width: int) -> None:
        before, self._drawn = self._drawn, lines
        if len(before) != len(lines):
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, lines, strict=True)):
            # The legend may have characters of two cells.
            part = _difference(old, new) if y else (0, width) if old != new else None
            if part is not None:
                self.refresh(Region(part[0], y, part[1] - part[0], 1))

    def _legend(self, width: int) -> list[Run]:
        runs: list[Run] = [(make_visible_line(self._title), "title")]
        for one in self._series:
            if one.label or one.lettered:
                runs += [("   ", "legend"), *self._sample(one)]
                runs.append((f" {make_visible_line(one.label)}", "legend"))
        tail = "log " if self.logarithmic else ""
        if self._span is not None:
            tail += f"steps {self.window.low}-{self.window.high}"
        used = sum(cell_len(text) for text, _ in runs)
        if tail and used + len(tail) + 2 <= width:
            runs.append((" " * (width - used - len(tail)) + tail, "legend"))
        return runs

    def _sample(self, series: Series) -> list[Run]:
        if series.marks:
            return [(series.pen.sign, series.pen.ink)]
        if self._signs.ascii_only:
            return [(series.pen.sign * 3, series.pen.ink)]
        canvas = Canvas(4, 1)
        if series.dots:
            for x, y in ((0, 2), (2, 1), (5, 3), (7, 1)):
                canvas.dot(x, y, series.pen)
        else:
            canvas.line((0, 1), (7, 1), series.pen)
        samples = [(text, series.pen.ink) for text, _ in canvas.runs(0)]
        letter = [(f" {series.pen.sign}", series.pen.ink)] if series.lettered else []
        return samples + letter

    def on_resize(self) -> None:
        self._drawn = []
        self._redraw()

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        base = self.rich_style
        if y >= len(self._drawn):
            return Strip.blank(width, base)
        segments = [Segment(text, self._style(ink)) for text, ink in self._drawn[y]]
        return Strip(segments).adjust_cell_length(width, base)

    def _style(self, ink: str) -> Style:
        return self.get_component_rich_style(f"chart--{ink}") if ink else self.rich_style

    # Keys

    def _changed(self) -> None:
        self._redraw()
        self.post_message(self.Changed(self))

    def action_toggle_log(self) -> None:
        self.logarithmic = not self.logarithmic
        self._changed()

    def action_show_all(self) -> None:
        self._span = self._end = None
        self._changed()

    def action_zoom(self, factor: int) -> None:
        """Show half or twice as many steps, around the cursor or at the newest."""
        span = self._span or self._whole().span
        span = span // factor if factor > 0 else span * -factor
        self._span = max(span, _FEWEST_STEPS)
        if self._span >= self._whole().span:
            self._span = self._end = None
        elif self.cursor is not None:
            self._look_at(self.cursor)
        elif self._end is not None:
            self._end = max(self._end, self._span)
        self._changed()

    def action_pan(self, direction: int) -> None:
        """Move the window by a quarter; past the newest step it follows again."""
        if self._span is None:
            return
        end = self.window.high + direction * max(self._span // 4, 1)
        self._end = None if end >= self._last() else max(end, self._span)
        self._changed()

    def action_move_cursor(self, columns: int) -> None:
        """Move to the next step with a value, at least *columns* columns on."""
        steps = self._cursor_steps()
        if not steps or self._frame is None:
            return
        if self.cursor is None:
            self._put_cursor(steps[-1] if columns < 0 else steps[0])
            return
        stride = max(int(self._frame.steps_per_column), 1) * columns
        at = bisect_left(steps, self.cursor + stride)
        if columns < 0:  # the nearest step that is surely to the left
            at = min(at, bisect_left(steps, self.cursor) - 1)
        self._put_cursor(steps[min(max(at, 0), len(steps) - 1)])

    def action_cursor_to_end(self, place: int) -> None:
        steps = self._cursor_steps()
        if steps:
            self._put_cursor(steps[place])

    def drop_cursor(self) -> bool:
        """Take the cursor away; whether there was one."""
        if self.cursor is None:
            return False
        self.cursor = None
        self._changed()
        return True

    def _cursor_steps(self) -> Sequence[int]:
        """The steps of the series that has most of them."""
        return max((one.steps for one in self._series), key=len, default=())

    def _put_cursor(self, step: int) -> None:
        self.cursor = step
        window = self.window
        if not window.low <= step <= window.high:
            self._look_at(step)
        self._changed()

    def _look_at(self, step: int) -> None:
        """Fix the window around *step*."""
        if self._span is not None:
            last = max(self._whole().high, self._span)
            self._end = min(max(step + self._span // 2, self._span), last)


def _difference(old: Sequence[Run], new: Sequence[Run]) -> tuple[int, int] | None:
    """The columns from the first to after the last that differ; every sign is one cell wide."""
    before, after = list(_cells(old)), list(_cells(new))
    length = max(len(before), len(after))
    blank = (" ", "")
    before += [blank] * (length - len(before))
    after += [blank] * (length - len(after))
    differing = [column for column, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    return (differing[0], differing[-1] + 1) if differing else None


def _cells(runs: Sequence[Run]) -> chain[Run]:
    return chain.from_iterable(((character, ink) for character in text) for text, ink in runs)
