"""The chart: its pictures as text, and its keys."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from diffdx_tui.ui.chart import OVERLAID, Chart, overlaid_pen
from diffdx_tui.ui.chart_canvas import Canvas, Pen
from diffdx_tui.ui.chart_frame import (
    ASCII_SIGNS,
    GAP,
    UNICODE_SIGNS,
    Frame,
    Series,
    Signs,
    Window,
    draw_frame,
)
from diffdx_tui.ui.glyphs import ASCII, UNICODE
from diffdx_tui.ui.themes import tier_defaults

STEPS = list(range(1, 301))
LOSSES: list[float | None] = [3 * math.exp(-step / 60) + 0.4 for step in STEPS]
PEN = Pen("smooth", "*")


def lines_of(frame: Frame) -> list[str]:
    return ["".join(text for text, _ in line) for line in frame.lines]


def picture(values: list[float | None], signs: Signs = ASCII_SIGNS, **options: Any) -> list[str]:
    series = [Series("loss", PEN, STEPS[: len(values)], values)]
    return lines_of(draw_frame(series, Window(0, 300), 72, 14, signs=signs, **options))


def test_axes_are_round_and_the_curve_falls() -> None:
    lines = picture(LOSSES)
    assert all(len(line) == 72 for line in lines)
    assert lines[0].startswith("3.5+") or lines[0].startswith("4+")
    assert lines[-1].split() == ["0", "50", "100", "150", "200", "250", "300"]
    rows = [row for row, line in enumerate(lines[:-2]) if "*" in line]
    assert lines[rows[0]].index("*") < lines[rows[-1]].index("*")


def test_one_bad_step_among_many_leaves_a_hole_and_a_mark() -> None:
    values = list(LOSSES)
    values[149] = None
    lines = picture(values)
    column = lines[-2].index("X")
    assert all(line[column] != "*" for line in lines[:-2])
    assert any(line[column - 1] == "*" for line in lines[:-2])
    assert any(line[column + 1] == "*" for line in lines[:-2])
    frame = draw_frame([Series("", PEN, STEPS, values)], Window(0, 300), 72, 14)
    assert (UNICODE_SIGNS.gap, GAP) in frame.lines[-2]


def test_a_spike_survives_decimation() -> None:
    values: list[float | None] = [1.0] * 3_000
    values[1_234] = 9.0
    series = [Series("", PEN, list(range(3_000)), values)]
    lines = lines_of(draw_frame(series, Window(0, 3_000), 60, 12, signs=ASCII_SIGNS))
    assert any("*" in line for line in lines[:3])


def test_a_log_scale_shows_decades_and_leaves_out_what_it_cannot() -> None:
    values: list[float | None] = [10.0 ** (2 - step / 50) for step in STEPS]
    values[10] = 0.0
    lines = picture(values, log=True)
    tops = [row for row, line in enumerate(lines[:-2]) if "*" in line]
    assert tops == list(range(min(tops), max(tops) + 1))  # a straight line
    assert "X" in lines[-2]


def test_several_curves_differ_by_letter_and_by_dash() -> None:
    pens = [overlaid_pen(number) for number in range(len(OVERLAID))]
    assert len({pen.sign for pen in pens}) == len({pen.dash for pen in pens}) == len(pens)
    series = [
        Series(
            "", pen, STEPS, [value + number if value else None for value in LOSSES], lettered=True
        )
        for number, pen in enumerate(pens)
    ]
    text = "\n".join(lines_of(draw_frame(series, Window(0, 320), 72, 30)))
    assert all(pen.sign in text for pen in pens)
    dashed, solid = Canvas(40, 1), Canvas(40, 1)
    dashed.line((0, 1), (79, 1), pens[1])
    solid.line((0, 1), (79, 1), pens[0])
    assert dashed.runs(0) != solid.runs(0)


def test_steps_that_came_after_their_values_wait_for_the_next_picture() -> None:
    series = [Series("", PEN, STEPS, LOSSES[:200])]
    assert lines_of(draw_frame(series, Window(0, 300), 72, 14, signs=ASCII_SIGNS)) == picture(
        LOSSES[:200]
    )


values = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, width=32))


@given(
    st.lists(values, max_size=60),
    st.integers(20, 90),
    st.integers(4, 30),
    st.booleans(),
    st.sampled_from([UNICODE_SIGNS, ASCII_SIGNS]),
    st.one_of(st.none(), st.integers(-5, 70)),
)
@settings(max_examples=150, deadline=None)
def test_any_values_make_a_picture_of_the_size_asked_for(
    found: list[float | None],
    columns: int,
    rows: int,
    log: bool,
    signs: Signs,
    cursor: int | None,
) -> None:
    series = [Series("", PEN, list(range(len(found))), found)]
    frame = draw_frame(
        series, Window(0, max(len(found), 1)), columns, rows, log=log, cursor=cursor, signs=signs
    )
    lines = lines_of(frame)
    assert len(lines) == rows
    if signs.ascii_only:
        assert all(line.isascii() for line in lines)


class ChartApp(App[int]):
    def __init__(self, chart: Chart) -> None:
        super().__init__()
        self.chart = chart

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {**super().get_theme_variable_defaults(), **tier_defaults(self)}

    def compose(self) -> ComposeResult:
        yield self.chart

    @property
    def text(self) -> str:
        return "\n".join(strip.text for strip in self.screen._compositor.render_strips())


async def drawn(pilot: Any, chart: Chart) -> str:
    while chart._drawing or chart._stale:
        await pilot.pause(0.01)
    await pilot.pause(0.02)
    return str(pilot.app.text)


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
async def test_keys_zoom_move_and_read(glyphs: Any) -> None:
    chart = Chart(glyphs)
    async with ChartApp(chart).run_test(size=(80, 24)) as pilot:
        chart.show("loss", [Series("train", PEN, STEPS, LOSSES)], planned=300)
        chart.focus()
        text = await drawn(pilot, chart)
        assert "loss" in text and "train" in text and "300" in text
        assert glyphs is UNICODE or text.isascii()
        await pilot.press("left")
        assert chart.cursor == 300
        await pilot.press("left", "left")
        assert chart.cursor is not None and 285 <= chart.cursor < 300
        await pilot.press("home")
        assert chart.cursor == 1
        await pilot.press("plus", "plus", "plus")
        assert chart.window.span == 37 and chart.window.low <= 1
        await pilot.press("right")
        assert chart.cursor == 2, "zoomed in, the cursor moves by single steps"
        await pilot.press("end")
        assert chart.cursor == 300 and chart.window.low <= 300 <= chart.window.high
        assert "steps" in await drawn(pilot, chart)
        await pilot.press("less_than_sign")
        assert chart.window.high < 300
        await pilot.press("0", "l")
        assert chart.window == Window(0, 300)
        assert "log" in await drawn(pilot, chart)
        assert chart.drop_cursor() and chart.cursor is None


async def test_only_what_changed_is_drawn_again() -> None:
    chart = Chart()
    async with ChartApp(chart).run_test(size=(80, 24)) as pilot:
        chart.show("loss", [Series("", PEN, STEPS[:200], LOSSES[:200])], planned=300)
        await drawn(pilot, chart)
        refreshed: list[Any] = []
        refresh = chart.refresh
        chart.refresh = lambda *regions, **o: refreshed.extend(regions) or refresh(*regions, **o)  # type: ignore[method-assign]
        chart.show("loss", [Series("", PEN, STEPS[:204], LOSSES[:204])], planned=300)
        await drawn(pilot, chart)
        assert refreshed and sum(region.area for region in refreshed) < 12


async def test_the_window_follows_the_newest_step_in_strides() -> None:
    chart = Chart()
    async with ChartApp(chart).run_test(size=(80, 24)) as pilot:
        chart.show("loss", [Series("", PEN, STEPS[:200], LOSSES[:200])], planned=300)
        chart.focus()
        await pilot.press("plus", "plus")
        before = chart.window
        assert before.high >= 200 and before.span == 75
        chart.show("loss", [Series("", PEN, STEPS[:201], LOSSES[:201])], planned=300)
        assert chart.window == before
        chart.show("loss", [Series("", PEN, STEPS[:260], LOSSES[:260])], planned=300)
        assert chart.window.high >= 260
