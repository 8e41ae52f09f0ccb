"""Shares with their intervals as SVG text: one line a row, a dot and its whiskers.

Role: the drawing of reports.  Every row carries its figure in words, so shape and colour only
repeat what is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from diffdx_tui.domain.visible import make_visible

_LABEL, _ROOM, _WORDS, _ROW = 250, 380, 190, 24
_WIDTH = _LABEL + _ROOM + _WORDS
_TOP, _BOTTOM = 44, 30
_INK, _FAINT = "#1f2328", "#c9d1d9"
_FILLS = {"model": "#1f6f8b", "baseline": "#8a8f98", "reference": "#d1603d"}


@dataclass(frozen=True, slots=True)
class Whisker:
    """One row: a share from 0 to 1 with its interval, and the figure in words.

    Attributes:
        kind: ``model``, ``baseline`` or ``reference``; also told by the dot's shape.
    """

    label: str
    value: float
    low: float
    high: float
    words: str
    kind: str = "model"


def draw_intervals(title: str, rows: Sequence[Whisker]) -> str:
    """All rows to one scale from 0 to 100 %, as an SVG document."""
    height = _TOP + _ROW * len(rows) + _BOTTOM
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{_safe(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="20" font-size="14" font-weight="bold" fill="{_INK}">'
        f"{_safe(title)}</text>",
    ]
    bottom = _TOP + _ROW * len(rows)
    for percent in (0, 25, 50, 75, 100):
        x = _place(percent / 100)
        lines.append(f'<line x1="{x}" y1="{_TOP - 8}" x2="{x}" y2="{bottom}" stroke="{_FAINT}"/>')
        lines.append(
            f'<text x="{x}" y="{bottom + 18}" text-anchor="middle" fill="{_INK}">{percent}%</text>'
        )
    for number, row in enumerate(rows):
        lines += _row(row, _TOP + _ROW * number + _ROW // 2)
    return "\n".join([*lines, "</svg>", ""])


def _row(row: Whisker, y: int) -> list[str]:
    fill = _FILLS[row.kind]
    x, low, high = _place(row.value), _place(row.low), _place(row.high)
    shown = row.label if len(row.label) <= 38 else f"{row.label[:37]}…"
    whisker = [
        f'<line x1="{low}" y1="{y}" x2="{high}" y2="{y}" stroke="{fill}" stroke-width="2"/>',
        f'<line x1="{low}" y1="{y - 4}" x2="{low}" y2="{y + 4}" stroke="{fill}"/>',
        f'<line x1="{high}" y1="{y - 4}" x2="{high}" y2="{y + 4}" stroke="{fill}"/>',
    ]
    shapes = {
        "model": f'<circle cx="{x}" cy="{y}" r="5" fill="{fill}"/>',
        "baseline": f'<rect x="{x - 4:.1f}" y="{y - 4}" width="8" height="8" fill="{fill}"/>',
        "reference": f'<path d="M{x} {y - 6} L{x + 6:.1f} {y} L{x} {y + 6} L{x - 6:.1f} {y} Z" '
        f'fill="{fill}"/>',
    }
    return [
        f'<text x="{_LABEL - 12}" y="{y + 4}" text-anchor="end" fill="{_INK}">'
        f"{_safe(shown)}</text>",
        *whisker,
        shapes[row.kind],
        f'<text x="{_LABEL + _ROOM + 16}" y="{y + 4}" fill="{_INK}">{_safe(row.words)}</text>',
    ]


def _place(share: float) -> float:
    return round(_LABEL + _ROOM * min(1.0, max(0.0, share)), 1)


def _safe(text: str) -> str:
    return escape(make_visible(text))
