"""Why a red flag is shown: the pattern, the words it rests on in their sentences, the source.

Role: the page behind F6.  Also says what the check of a finished answer found: whether its tiers
name the danger, and which findings its reasoning claims without ground in the vignette.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from diffdx_tui.domain.audit import NOTICE as CHECK_NOTICE
from diffdx_tui.domain.audit import Audit, GroundlessClaim, audit
from diffdx_tui.domain.differential import AnyDifferential
from diffdx_tui.domain.events import RedFlagsFound
from diffdx_tui.domain.red_flags import NOTICE, RedFlag
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.ui.answer_text import QUIET, tier_name
from diffdx_tui.ui.glyphs import UNICODE, Glyphs

_URGENCY = {1: "minutes count", 2: "hours count", 3: "the same day"}
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_INDENT = 12


class RedFlagDialog(ModalScreen[None]):
    """Scroll with the arrows, leave with Esc or F6."""

    DEFAULT_CSS = """
    RedFlagDialog { align: center middle; background: $background 60%; }
    RedFlagDialog > VerticalScroll {
        width: 92%; max-width: 100; height: auto; max-height: 94%;
        border: round $border; background: $surface; padding: 0 1; scrollbar-size-vertical: 1;
        border-title-color: $foreground; border-title-style: bold;
        border-subtitle-color: $text-muted; scrollbar-gutter: stable;
    }
    RedFlagDialog Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f6,q", "leave", "Leave", show=False, priority=True),
        Binding("j", "scroll(1)", "Scroll down", show=False),
        Binding("k", "scroll(-1)", "Scroll up", show=False),
    ]

    def __init__(
        self,
        found: RedFlagsFound,
        differential: AnyDifferential | None,
        glyphs: Glyphs = UNICODE,
    ) -> None:
        super().__init__()
        self._found, self._differential = found, differential
        self._checked: Audit | None = None
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        with VerticalScroll() as frame:
            frame.border_title = Content("Red flags")
            frame.border_subtitle = Content("Up Down scroll  Esc leave")
            yield Static(markup=False)

    def on_mount(self) -> None:
        self.call_after_refresh(self._draw)  # the width is known then
        self.query_one(VerticalScroll).focus()
        if self._differential is not None:
            self.run_worker(self._check(self._differential), exit_on_error=False)

    async def _check(self, differential: AnyDifferential) -> None:
        """Off the loop: the first check may read the knowledge base."""
        found = self._found
        self._checked = await asyncio.to_thread(audit, found.vignette, differential, found.flags)
        self._draw()

    def _draw(self) -> None:
        width = self.query_one(VerticalScroll).scrollable_content_region.width
        page = explanation(self._found, self._checked, self._glyphs, width)
        self.query_one(Static).update(page)

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def action_scroll(self, rows: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=rows, animate=False)

    def action_leave(self) -> None:
        self.dismiss(None)


class Row(NamedTuple):
    """A paragraph of the page, with its label in a column of its own."""

    text: Content
    label: str = ""
    indent: int = 0

    def wrapped(self, width: int) -> list[Content]:
        """Its lines, none wider than *width* cells."""
        first, *rest = self.text.wrap(max(width - self.indent, 10))
        head = Content.styled(f"  {self.label}".ljust(self.indent)[: self.indent], QUIET)
        return [head + first, *(Content(" " * self.indent) + line for line in rest)]


def explanation(found: RedFlagsFound, checked: Audit | None, glyphs: Glyphs, width: int) -> Content:
    """The whole page in lines of *width* cells.

    *checked* is missing while there is no finished answer to check.
    """
    blocks = [[Row(Content.styled(NOTICE, QUIET))]]
    blocks += [_flag_rows(flag, found.vignette, checked, glyphs) for flag in found.flags]
    if found.trouble:
        words = make_visible_line(f"The rules could not be tried: {found.trouble}")
        blocks.append([Row(Content.styled(f"{glyphs.failed} {words}", "$error"))])
    elif not found.flags:
        blocks.append([Row(Content("No red-flag rule fires on this vignette."))])
    if checked is not None and (checked.denied or checked.unsaid):
        blocks.append(_check_rows(checked, glyphs))
    lines = [
        line
        for block in blocks
        for row in (*block, Row(Content("")))
        for line in row.wrapped(width)
    ]
    return Content("\n").join(lines[:-1])


def _flag_rows(flag: RedFlag, vignette: str, checked: Audit | None, glyphs: Glyphs) -> list[Row]:
    source = flag.citation
    wording = Content.styled(make_visible_line(flag.wording), "bold")
    mark = Content.styled(f"{glyphs.danger} ", "bold $tier-serious")
    rows = [
        Row(mark + wording),
        _row("danger", f"{flag.danger.name} ({flag.danger.icd10}), {_URGENCY[flag.urgency]}"),
    ]
    label = "matched"
    for sentence in passages(vignette, flag.places):
        rows.append(Row(_marked(sentence, glyphs), label, _INDENT))
        label = ""
    if checked is not None:
        missing = flag.rule in checked.red_flags_unanswered
        answer = "no tier names this danger" if missing else "a tier names this danger"
        rows.append(_row("answer", f"{glyphs.failed if missing else glyphs.done} {answer}"))
    rows.append(_row("rule", flag.rule))
    rows.append(_row("source", f"{source.title}, {source.body} {source.year}, {source.url}"))
    return rows


def _row(label: str, text: str) -> Row:
    return Row(Content(make_visible_line(text)), label, _INDENT)


def _check_rows(checked: Audit, glyphs: Glyphs) -> list[Row]:
    rows = [Row(Content.styled("Check of the answer's reasoning", "bold $accent"))]
    for claim in checked.denied:
        rows.append(_claim(claim, glyphs.failed, "the vignette denies it"))
    for claim in checked.unsaid:
        how = "not read in the vignette, which may say it in other words"
        rows.append(_claim(claim, glyphs.idle, how))
    return [*rows, Row(Content.styled(CHECK_NOTICE, QUIET))]


def _claim(claim: GroundlessClaim, sign: str, how: str) -> Row:
    words = make_visible_line(claim.text)
    tier = (f"{sign} {tier_name(claim.slot)}: ", QUIET)
    return Row(Content.assemble(tier, (f'"{words}"', "bold"), f", {how}"), indent=2)


def _marked(sentence: Sequence[Piece], glyphs: Glyphs) -> Content:
    """The matched words between two signs, bold and underlined."""
    parts: list[tuple[str, str] | str] = []
    for piece in sentence:
        # Line by line would lose the white space at the ends of a piece.
        text = make_visible_line(f"|{piece.text}|")[1:-1]
        if piece.matched:
            parts += [(glyphs.left, "bold $accent"), (text, "bold underline $foreground")]
            parts.append((glyphs.right, "bold $accent"))
        else:
            parts.append(text)
    return Content.assemble(*parts)


class Piece(NamedTuple):
    """A stretch of a sentence, and whether a rule rests on it."""

    text: str
    matched: bool


def passages(text: str, places: Sequence[tuple[int, int]]) -> list[list[Piece]]:
    """The sentences of *text* that hold one of *places*, cut into pieces.

    Places that touch or overlap are one piece.
    """
    joined = _joined(places)
    found = []
    for start, end in _sentences(text):
        inside = [(max(a, start), min(b, end)) for a, b in joined if a < end and b > start]
        if inside:
            found.append(_cut(text, start, end, inside))
    return found


def _joined(places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for gap in _SENTENCE_END.finditer(text):
        yield start, gap.start()
        start = gap.end()
    yield start, len(text)


def _cut(text: str, start: int, end: int, inside: Sequence[tuple[int, int]]) -> list[Piece]:
    pieces, at = [], start
    for first, last in inside:
        pieces += [Piece(text[at:first], False), Piece(text[first:last], True)]
        at = last
    pieces.append(Piece(text[at:end], False))
    return [piece for piece in pieces if piece.text]
