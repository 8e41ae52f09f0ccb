"""Curves: smoothing without bias, decimation that loses no extreme and no gap, round ticks."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from diffdx_tui.domain.curve import (
    decimate,
    extent,
    format_tick,
    nice_ticks,
    smooth,
    sparkline,
)

FINITE = st.floats(-1e9, 1e9)
VALUES = st.lists(st.none() | FINITE | st.just(math.nan), max_size=300)


@given(FINITE, st.floats(0, 0.999), st.integers(1, 50))
def test_smoothing_leaves_a_constant_as_it_is(value: float, factor: float, count: int) -> None:
    assert smooth([value] * count, factor) == pytest.approx([value] * count, rel=1e-9)


def test_smoothing_is_the_weighted_mean_of_the_past() -> None:
    assert smooth([4.0, 2.0, 1.0], 0.5) == pytest.approx(
        [4.0, (2 + 4 / 2) / 1.5, (1 + 2 / 2 + 4 / 4) / 1.75]
    )
    assert smooth([4.0, None, math.inf, 2.0], 0.5) == [4.0, None, None, pytest.approx(8 / 3)]
    assert smooth([3.0, 1.0], 0) == [3.0, 1.0]
    with pytest.raises(ValueError, match="below 1"):
        smooth([1.0], 1.0)


@given(VALUES, st.integers(1, 40))
def test_decimation_keeps_extremes_gaps_and_order(values: list[float | None], columns: int) -> None:
    steps = range(len(values))
    kept = decimate(steps, values, columns)
    assert len(kept) <= 5 * columns
    assert extent(value for _, value in kept) == extent(values)
    assert [step for step, _ in kept] == sorted({int(step) for step, _ in kept})
    given_gap = any(value is None or math.isnan(value) for value in values)
    assert any(value is None for _, value in kept) == given_gap
    original = dict(enumerate(values))
    assert all(value is None or original[int(step)] == value for step, value in kept)


def test_a_single_bad_step_among_many_stays_visible() -> None:
    values: list[float | None] = [1.0] * 100_000
    values[54_321] = None
    assert (54_321, None) in decimate(range(len(values)), values, 80)


@given(FINITE, FINITE, st.integers(1, 12))
@example(0.0, 0.0, 1)
@example(1e9, 1e9 + 1e-6, 4)
def test_ticks_enclose_and_rise(low: float, high: float, count: int) -> None:
    ticks = nice_ticks(low, high, count)
    assert 2 <= len(ticks) <= count + 3
    assert ticks == sorted(set(ticks))
    room = (ticks[1] - ticks[0]) * 1e-6
    assert ticks[0] <= min(low, high) + room and ticks[-1] >= max(low, high) - room
    texts = [format_tick(tick, ticks) for tick in ticks]
    assert len(set(texts)) == len(texts), "no two ticks read the same"


@given(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9), st.integers(1, 12))
def test_logarithmic_ticks_enclose_and_stay_above_zero(low: float, high: float, count: int) -> None:
    ticks = nice_ticks(low, high, count, log=True)
    assert ticks == sorted(set(ticks)) and len(ticks) >= 2 and ticks[0] > 0
    assert ticks[0] <= min(low, high) * (1 + 1e-6) and ticks[-1] >= max(low, high) * (1 - 1e-6)


@pytest.mark.parametrize(
    ("low", "high", "log", "texts"),
    [
        (0, 1, False, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (1.2, 4.7, False, ["1", "2", "3", "4", "5"]),
        (0, 75, False, ["0", "20", "40", "60", "80"]),
        (0.0001, 0.0003, False, ["1e-4", "1.5e-4", "2e-4", "2.5e-4", "3e-4"]),
        (0.01, 10, True, ["0.01", "0.1", "1", "10"]),
        (2.1, 2.3, True, ["2.10", "2.15", "2.20", "2.25", "2.30"]),
    ],
)
def test_ticks_read_well(low: float, high: float, log: bool, texts: list[str]) -> None:
    ticks = nice_ticks(low, high, 5, log=log)
    assert [format_tick(tick, ticks) for tick in ticks] == texts


@pytest.mark.parametrize(("low", "high", "log"), [(math.nan, 1, False), (0, 1, True)])
def test_ticks_of_nothing_are_refused(low: float, high: float, log: bool) -> None:
    with pytest.raises(ValueError, match="no ticks"):
        nice_ticks(low, high, 5, log=log)


@given(VALUES, st.integers(0, 80))
def test_a_sparkline_fits_and_shows_gaps(values: list[float | None], width: int) -> None:
    line = sparkline(values, width)
    assert len(line) == min(width, len(values))
    twin = sparkline(values, width, ascii_only=True)
    assert twin.isascii() and len(twin) == len(line)
    assert [c == "╳" for c in line] == [c == "x" for c in twin]


def test_a_sparkline_falls_with_its_values() -> None:
    assert sparkline([8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0], 8) == "█▇▆▅▄▃▂▁"
    assert sparkline([8.0, None, 1.0], 8) == "█╳▁"
    assert sparkline([2.0, 2.0], 8) == "▁▁"
    assert sparkline([], 8) == ""
