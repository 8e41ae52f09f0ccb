"""Curves of measurements, made ready to be drawn: pure functions on steps and values.

Role: smoothing, decimation, round ticks and sparklines for charts and lists.  A value that is
``None`` or not finite is a gap, and a gap is never drawn over.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.,-=+*#"
_GAP, _ASCII_GAP = "╳", "x"
_ROUND = (1.0, 2.0, 5.0)
_LOG_FROM_RATIO = 3.0  # a shorter range has too few round numbers of a logarithmic ladder
_SLACK = 1e-9  # of a step: what floating point makes of 0.3 / 0.1


def smooth(values: Iterable[float | None], factor: float) -> list[float | None]:
    """Exponential moving average with the bias of its start taken out.

    Args:
        values: one a step.
        factor: weight of the past, from 0 (as it is) to below 1.

    Returns:
        As many values; gaps stay gaps and do not enter the average.

    Raises:
        ValueError: *factor* is out of range.
    """
    if not 0 <= factor < 1:
        raise ValueError(f"factor must be at least 0 and below 1, got {factor}")
    average, weight = 0.0, 0.0
    smoothed: list[float | None] = []
    for value in values:
        if value is None or not math.isfinite(value):
            smoothed.append(None)
            continue
        average = factor * average + (1 - factor) * value
        weight = factor * weight + (1 - factor)
        smoothed.append(average / weight)
    return smoothed


def decimate(
    steps: Sequence[float], values: Sequence[float | None], columns: int
) -> list[tuple[float, float | None]]:
    """Fewer points that look the same when drawn into *columns* of equal width.

    Of each column's points the first, the lowest, the highest and the last are kept, and its first
    gap (M4, Jugel et al. 2014).

    Args:
        steps: rising.
        values: one a step; a value that is not finite is a gap.
        columns: at least 1.

    Returns:
        (step, value) in the order of steps; ``None`` is a gap.
    """
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    points = [
        (step, value if value is not None and math.isfinite(value) else None)
        for step, value in zip(steps, values, strict=True)
    ]
    if len(points) <= 4 * columns:
        return points
    left, span = points[0][0], points[-1][0] - points[0][0]
    kept: list[tuple[float, float | None]] = []
    start = 0
    for end in range(1, len(points) + 1):
        if end < len(points) and _column_of(points[end][0], left, span, columns) == _column_of(
            points[start][0], left, span, columns
        ):
            continue
        kept += _outline(points[start:end])
        start = end
    return kept


def extent(values: Iterable[float | None]) -> tuple[float, float] | None:
    """Lowest and highest value; ``None`` if there is none."""
    found = [value for value in values if value is not None and math.isfinite(value)]
    return (min(found), max(found)) if found else None


def nice_ticks(low: float, high: float, count: int, *, log: bool = False) -> list[float]:
    """About *count* round numbers, the first not above *low* and the last not below *high*.

    Round is 1, 2 or 5 times a power of ten, or a multiple of one.

    Args:
        low: finite; above 0 on a logarithmic axis.
        high: finite.
        count: at least 1.
        log: for a logarithmic axis.

    Returns:
        At least two, rising.

    Raises:
        ValueError: an end cannot stand on such an axis.
    """
    low, high = min(low, high), max(low, high)
    if not (math.isfinite(low) and math.isfinite(high)) or count < 1 or (log and low <= 0):
        raise ValueError(f"no ticks from {low} to {high}")
    if not log:
        return _even_ticks(low, high, count)
    if high / low < _LOG_FROM_RATIO:
        for finer in range(count, count + 20):
            ticks = _even_ticks(low, high, finer)
            if ticks[0] > 0:
                return ticks
    return _log_ticks(low, high, count)


def format_tick(tick: float, ticks: Sequence[float]) -> str:
    """*tick* with as many digits as tell it from the others of *ticks*, equally many for all."""
    largest = max(map(abs, ticks), default=abs(tick))
    gaps = [after - before for before, after in pairwise(ticks)]
    even = bool(gaps) and max(gaps) - min(gaps) <= 1e-6 * max(gaps)
    if even and 1e-3 <= largest < 1e5:
        return f"{tick:.{_decimals(min(gaps))}f}"
    if tick == 0 or 1e-3 <= abs(tick) < 1e5:
        return f"{tick:.6g}"
    mantissa, _, power = f"{tick:.5e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(power)}"


def sparkline(values: Sequence[float | None], width: int, *, ascii_only: bool = False) -> str:
    """*values* as one line of bars, at most *width* characters; a gap has a sign of its own.

    With more values than characters, each shows the mean of its share, as a list shows the trend;
    a share with a gap in it is a gap.
    """
    bars, gap = (_ASCII_BARS, _ASCII_GAP) if ascii_only else (_BARS, _GAP)
    shares = _shares(values, min(width, len(values)))
    ends = extent(shares)
    if ends is None:
        return gap * len(shares)
    low, high = ends
    return "".join(
        gap if value is None else bars[_level(value, low, high, len(bars))] for value in shares
    )


def _column_of(step: float, left: float, span: float, columns: int) -> int:
    return min(columns - 1, int((step - left) / span * columns)) if span > 0 else 0


def _outline(points: Sequence[tuple[float, float | None]]) -> list[tuple[float, float | None]]:
    """What one column shows of its points."""
    finite = [(value, at) for at, (_, value) in enumerate(points) if value is not None]
    kept = {next((at for at, (_, value) in enumerate(points) if value is None), 0)}
    if finite:
        kept |= {finite[0][1], min(finite)[1], max(finite)[1], finite[-1][1]}
    return [points[at] for at in sorted(kept)]


def _even_ticks(low: float, high: float, count: int) -> list[float]:
    if high - low <= _SLACK * max(abs(low), abs(high)):  # flat, as far as numbers can tell
        room = abs(low) * 0.1 or 1.0
        low, high = low - room, high + room
    step = _round_up(high / count - low / count)
    first, last = math.floor(low / step + _SLACK), math.ceil(high / step - _SLACK)
    # Multiples by whole numbers, rounded, so that 0.1 + 0.2 is 0.3.
    digits = 2 - math.floor(math.log10(step))
    return [round(number * step, digits) for number in range(first, max(last, first + 1) + 1)]


def _log_ticks(low: float, high: float, count: int) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    ladder = [float(f"{digit:g}e{power}") for power in range(first, last + 1) for digit in _ROUND]
    start = max((at for at, one in enumerate(ladder) if one <= low * (1 + _SLACK)), default=0)
    end = min(
        (at for at, one in enumerate(ladder) if one >= high * (1 - _SLACK)), default=len(ladder) - 1
    )
    ladder = ladder[start : max(end, start + 1) + 1]
    if len(ladder) <= count + 1:
        return ladder
    inner = [one for one in ladder[1:-1] if f"{one:e}".startswith("1.0")]
    inner = inner[:: max(1, math.ceil(len(inner) / max(1, count - 1)))]
    return [ladder[0], *inner, ladder[-1]]


def _round_up(rough: float) -> float:
    """The smallest round number that is not below *rough*."""
    power = math.floor(math.log10(rough))
    for digit, place in ((1, power), (2, power), (5, power), (1, power + 1)):
        if (step := float(f"{digit}e{place}")) >= rough * (1 - _SLACK):
            return step
    return float(f"1e{power + 1}")


def _decimals(gap: float) -> int:
    """Digits after the point that a multiple of *gap*, a round number, needs."""
    return max(0, -math.floor(math.log10(gap) + _SLACK))


def _shares(values: Sequence[float | None], width: int) -> list[float | None]:
    """The means of *width* runs of neighbours, as equal in length as can be."""
    means: list[float | None] = []
    for at in range(width):
        share = values[at * len(values) // width : (at + 1) * len(values) // width]
        finite = [one for one in share if one is not None and math.isfinite(one)]
        # Each divided before the sum, which may otherwise overflow.
        means.append(sum(one / len(share) for one in finite) if len(finite) == len(share) else None)
    return means


def _level(value: float, low: float, high: float, levels: int) -> int:
    span = high - low
    if span <= 0 or not math.isfinite(span):
        return 0
    return max(0, min(levels - 1, int((value - low) / span * levels)))
