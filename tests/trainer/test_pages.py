"""Pages show what a model wrote; they never obey it."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from trainer.curve_drawing import Curve, draw_curves
from trainer.interval_drawing import Whisker, draw_intervals
from trainer.pages import (
    Block,
    Code,
    Drawing,
    Heading,
    Items,
    Paragraph,
    Table,
    render_html,
    render_markdown,
)

HOSTILE = (
    '<script>alert(1)</script> | ![x](http://a.b/c.png) `</pre>` ``` "onload=x" \x1b[2J\u202e'
    "\n# heading\n---\n- item\n</table>"
)


def everything() -> list[Block]:
    svg = draw_intervals(HOSTILE, [Whisker(HOSTILE, 0.5, 0.2, 0.9, HOSTILE)])
    return [
        Heading(HOSTILE, 1),
        Paragraph(HOSTILE),
        Items((HOSTILE,)),
        Table((HOSTILE, "b"), ((HOSTILE, "c"),)),
        Code(HOSTILE),
        Drawing("a.svg", HOSTILE, svg),
    ]


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_html_has_only_our_own_elements() -> None:
    page = render_html(everything())
    seen = _Seen()
    seen.feed(page)
    assert not seen.tags & {"script", "img", "iframe", "object", "link", "a", "form"}
    assert not {one for one in seen.attributes if one.startswith(("on", "src", "href"))}
    assert "default-src 'none'" in page
    assert "\x1b" not in page and "\u202e" not in page
    assert "http://www.w3.org/2000/svg" in page  # a name, nothing that is loaded


def test_markdown_keeps_its_lines() -> None:
    lines = render_markdown(everything()).split("\n")
    assert sum(line.startswith("#") for line in lines) == 2  # ours, and one inside the fence
    (row,) = [line for line in lines if line.endswith("| c |")]
    assert row.replace(r"\|", "").count("|") == 3
    fences = [line for line in lines if line.startswith("````")]
    assert len(fences) == 2
    assert "\x1b" not in "".join(lines)
    before = lines[: lines.index(fences[0])]
    assert not any("![" in line.replace(r"\!", "") for line in before)


@pytest.mark.parametrize(
    "svg",
    [
        draw_intervals(HOSTILE, [Whisker(HOSTILE, -1, 0, 2, HOSTILE, "baseline")]),
        draw_curves(HOSTILE.replace("\x1b", ""), [Curve("loss", (1, 2, 3, 4), (2, None, 1, 0.5))]),
        draw_curves("none", [Curve("loss", (), ())]),
        draw_curves("one", [Curve("loss", (3,), (1.0,))]),
        draw_curves("gaps", [Curve("loss", (1, 2), (float("nan"), 1.0))]),
    ],
)
def test_drawings_are_well_formed_and_load_nothing(svg: str) -> None:
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    for element in root.iter():
        assert not {name for name in element.attrib if "href" in name or name.startswith("on")}


def test_a_gap_is_not_drawn_over() -> None:
    whole = draw_curves("t", [Curve("loss", (1, 2, 3, 4), (1, 2, 3, 4))])
    broken = draw_curves("t", [Curve("loss", (1, 2, 3, 4, 5), (1, 2, None, 4, 5))])
    assert whole.count("<polyline") == 1 and broken.count("<polyline") == 2
