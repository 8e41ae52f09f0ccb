"""Pages made of headings, paragraphs, tables and drawings, as Markdown or as one HTML file.

Role: the only writer of reports and cards.  Every text is data of unknown origin and is escaped
here, so that what a model wrote can neither format a page nor run in it; the HTML loads nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from diffdx_tui.domain.visible import make_visible


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the page's title."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A head and rows of as many cells."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Text with its spaces and line ends: commands, raw outputs."""

    text: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """An SVG document of our own making, and what it shows.

    Attributes:
        file: its name beside a Markdown page.
    """

    file: str
    title: str
    svg: str


Block = Heading | Paragraph | Items | Table | Code | Drawing

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~$!&])")
_LINE_STARTS = re.compile(r"^([-+=]|\d+[.)])(?=\s|$)")
_FENCE = re.compile(r"`{3,}")

# Nothing may be loaded or run, whatever got past the escaping.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
  color: #1f2328; background: #ffffff; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { border: 1px solid #c9d1d9; padding: 0.25rem 0.6rem; text-align: left;
  vertical-align: top; }
th { background: #f2f4f6; }
pre { background: #f2f4f6; padding: 0.75rem; overflow-x: auto; white-space: pre-wrap; }
svg { max-width: 100%; height: auto; }
"""


def render_markdown(blocks: Sequence[Block], drawings: str = "plots") -> str:
    """The page as Markdown; *drawings* is the folder that its images are in."""
    return "\n\n".join(_markdown(block, drawings) for block in blocks) + "\n"


def render_html(blocks: Sequence[Block]) -> str:
    """The page as one file with its drawings inside."""
    title = next((block.text for block in blocks if isinstance(block, Heading)), "")
    body = "\n".join(_html(block) for block in blocks)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_plain(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"{body}\n</body>\n</html>\n"
    )


def escape_markdown(text: str) -> str:
    """*text* on one line, as Markdown that shows it as it is."""
    line = " ".join(make_visible(text).split())
    return _LINE_STARTS.sub(r"\\\1", _MARKS.sub(r"\\\1", line))


def _markdown(block: Block, drawings: str) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {escape_markdown(text)}"
        case Paragraph(text):
            return escape_markdown(text)
        case Items(items):
            return "\n".join(f"- {escape_markdown(item)}" for item in items)
        case Table(head, rows):
            lines = [_row(head), "|" + "---|" * len(head)]
            return "\n".join(lines + [_row(row) for row in rows])
        case Code(text):
            fence = "`" * max(3, 1 + max((len(run) for run in _FENCE.findall(text)), default=0))
            return f"{fence}\n{_visible_lines(text)}\n{fence}"
        case Drawing(file, title, _):
            return f"![{escape_markdown(title)}]({drawings}/{file})"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(escape_markdown, cells)) + " |"


def _html(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{_plain(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{_plain(text)}</p>"
        case Items(items):
            return "<ul>\n" + "\n".join(f"<li>{_plain(item)}</li>" for item in items) + "\n</ul>"
        case Table(head, rows):
            top = "".join(f"<th>{_plain(cell)}</th>" for cell in head)
            lines = ["".join(f"<td>{_plain(cell)}</td>" for cell in row) for row in rows]
            body = "\n".join(f"<tr>{line}</tr>" for line in lines)
            return f"<table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
        case Code(text):
            return f"<pre>{escape(_visible_lines(text))}</pre>"
        case Drawing(_, title, svg):
            return f"<figure>\n{svg}<figcaption>{_plain(title)}</figcaption>\n</figure>"


def _plain(text: str) -> str:
    return escape(make_visible(text))


def _visible_lines(text: str) -> str:
    return "\n".join(make_visible(line) for line in text.split("\n"))
