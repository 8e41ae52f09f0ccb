"""Curves of a training as SVG text.

Role: the drawing of model cards.  Gaps stay gaps; every curve is named at its end, so colour only
repeats what is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from diffdx_tui.domain.curve import decimate, extent, format_tick, nice_ticks

_WIDTH, _HEIGHT = 760, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 130, 40, 40
_INK, _FAINT = "#1f2328", "#d8dee4"
_STROKES = ("#9fb4c0", "#1f6f8b", "#d1603d")
_TICKS = 5

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve; a value of ``None`` is a gap."""

    name: str
    steps: tuple[float, ...]
    values: tuple[float | None, ...]


def draw_curves(title: str, curves: Sequence[Curve]) -> str:
    """At most three curves over the steps, as an SVG document."""
    shown = [curve for curve in curves if extent(curve.values) is not None]
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text x="10" y="22" font-size="14" font-weight="bold" fill="{_INK}">'
        f"{escape(title)}</text>",
    ]
    if not shown:
        return "\n".join([*head, "</svg>", ""])
    scale = _Scale(shown)
    lines = [*head, *scale.draw()]
    for curve, stroke in zip(shown, _STROKES, strict=False):
        lines += _draw(curve, stroke, scale)
    return "\n".join([*lines, "</svg>", ""])


class _Scale:
    """Where a step and a value are in the picture."""

    def __init__(self, curves: Sequence[Curve]) -> None:
        steps = [step for curve in curves for step in curve.steps]
        ends = extent([value for curve in curves for value in curve.values]) or (0.0, 1.0)
        self.first, self.last = min(steps), max(max(steps), min(steps) + 1)
        self.ticks = nice_ticks(*ends, _TICKS)

    def x(self, step: float) -> float:
        share = (step - self.first) / (self.last - self.first)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self.ticks[0]) / (self.ticks[-1] - self.ticks[0])
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)

    def draw(self) -> list[str]:
        lines = []
        for tick in self.ticks:
            y = self.y(tick)
            lines.append(
                f'<line x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}" stroke="{_FAINT}"/>'
            )
            lines.append(
                f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end" fill="{_INK}">'
                f"{format_tick(tick, self.ticks)}</text>"
            )
        for step in (self.first, self.last):
            lines.append(
                f'<text x="{self.x(step)}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle" '
                f'fill="{_INK}">{step:g}</text>'
            )
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        lines.append(
            f'<text x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle" fill="{_INK}">step</text>'
        )
        return lines


def _draw(curve: Curve, stroke: str, scale: _Scale) -> list[str]:
    points = decimate(curve.steps, curve.values, _WIDTH)
    runs: list[list[Point]] = [[]]
    for step, value in points:
        if value is None:
            runs.append([])
        else:
            runs[-1].append((scale.x(step), scale.y(value)))
    lines = []
    for run in runs:
        if len(run) == 1:
            lines.append(f'<circle cx="{run[0][0]}" cy="{run[0][1]}" r="2.5" fill="{stroke}"/>')
        elif run:
            path = " ".join(f"{x},{y}" for x, y in run)
            lines.append(
                f'<polyline points="{path}" fill="none" stroke="{stroke}" stroke-width="1.6"/>'
            )
    x, y = next(run for run in reversed(runs) if run)[-1]
    lines.append(f'<text x="{x + 6}" y="{y + 4}" fill="{_INK}">{escape(curve.name)}</text>')
    return lines
