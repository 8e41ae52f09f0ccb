"""Bars as SVG text.

Role: the small drawings of the data card.  Segments carry their numbers where there is room and the
legend names them in their order, so colour only repeats what is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

# Told apart by brightness as well, on white paper and on a dark page.
_FILLS = ("#d1603d", "#e9b44c", "#7fa6c4")
_INKS = ("#ffffff", "#1f2328", "#1f2328")
_LABEL, _ROOM, _ROW, _BAR = 130, 470, 24, 18
_WIDTH = _LABEL + _ROOM + 20
_DIGIT = 8  # pixels that one needs


@dataclass(frozen=True, slots=True)
class Bar:
    """One line: a label and the lengths of its segments."""

    label: str
    parts: tuple[int, ...]


def draw_bars(title: str, bars: Sequence[Bar], names: Sequence[str]) -> str:
    """Horizontal stacked bars, all to one scale, as an SVG document."""
    longest = max((sum(bar.parts) for bar in bars), default=0) or 1
    height = 62 + _ROW * len(bars)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="20" font-size="14" font-weight="bold" fill="#1f2328">'
        f"{escape(title)}</text>",
        *_legend(names),
    ]
    for number, bar in enumerate(bars):
        lines += _bar(bar, 50 + _ROW * number, _ROOM / longest)
    return "\n".join([*lines, "</svg>", ""])


def _legend(names: Sequence[str]) -> list[str]:
    if len(names) < 2:
        return []
    lines, x = [], _LABEL
    for name, fill in zip(names, _FILLS, strict=False):
        lines.append(f'<rect x="{x}" y="30" width="12" height="12" fill="{fill}"/>')
        lines.append(f'<text x="{x + 17}" y="40" fill="#1f2328">{escape(name)}</text>')
        x += 40 + 7 * len(name)
    return lines


def _bar(bar: Bar, y: int, scale: float) -> list[str]:
    middle = y + 13
    lines = [
        f'<text x="{_LABEL - 8}" y="{middle}" text-anchor="end" fill="#1f2328">'
        f"{escape(bar.label)}</text>"
    ]
    x = float(_LABEL)
    for part, fill, ink in zip(bar.parts, _FILLS, _INKS, strict=False):
        width = part * scale
        if part:
            lines.append(
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{fill}"/>'
            )
        if width >= _DIGIT * len(str(part)):
            lines.append(
                f'<text x="{x + width / 2:.1f}" y="{middle}" text-anchor="middle" fill="{ink}">'
                f"{part}</text>"
            )
        x += width
    return lines
