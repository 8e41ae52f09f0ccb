"""The tiers of a differential as panels that fill while their slots stream.

Role: draws slots; knows nothing of how they came.  While an answer streams every panel keeps its
height, so nothing moves under the reader's eyes and only changed lines go to the terminal; when it
ends, the panels take the height of their text and the column scrolls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget

from diffdx_tui.domain.diagnosis import split_tier
from diffdx_tui.domain.differential import UNFINISHED, Slot, Variant, fields_of, slots_of
from diffdx_tui.domain.visible import make_visible, make_visible_line
from diffdx_tui.ui.glyphs import UNICODE, Glyphs
from diffdx_tui.ui.live_answer import SlotProgress


@dataclass(frozen=True, slots=True)
class TierLook:
    """How one tier is titled, marked, coloured, and weighed when rows are shared out."""

    title: str
    mark: str
    colour: str
    least: int  # rows below which the panel is of no use, its heading included
    weight: int
    diagnoses: bool = True
    may_sit_tight: bool = True


_ROOMY = 19  # rows of the column from which diagnosis and reasoning get lines of their own

LOOKS: dict[str, TierLook] = {
    "most_likely": TierLook("MOST LIKELY", "1", "$tier-most-likely", 4, 3, may_sit_tight=False),
    "possible": TierLook("POSSIBLE", "2", "$tier-possible", 5, 4),
    "unlikely_but_serious": TierLook("UNLIKELY BUT SERIOUS", "!", "$tier-serious", 3, 3),
    "recommended_workup": TierLook(
        "RECOMMENDED WORKUP", ">", "$tier-workup", 3, 2, diagnoses=False
    ),
}


class TierPanel(Widget):
    """One tier: a heading, and beneath it the diagnosis in bold with its reasoning."""

    DEFAULT_CSS = """
    TierPanel {
        height: 4; width: 1fr; padding: 0 1; color: $text-muted;
    }
    TierPanel.-most_likely { border-left: outer $tier-most-likely; }
    TierPanel.-possible { border-left: outer $tier-possible; }
    TierPanel.-unlikely_but_serious { border-left: outer $tier-serious; }
    TierPanel.-recommended_workup { border-left: outer $tier-workup; }
    """

    def __init__(self, field: str, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(classes=f"-{field}")
        self.field = field
        self._look = LOOKS[field]
        self._glyphs = glyphs
        self._slots: dict[Slot, SlotProgress] = {}
        self._streaming = False
        self._tight = False
        self._drawn: list[Content] = []

    def sit_tight(self, tight: bool) -> None:
        """Set the reasoning beside the diagnosis instead of beneath it, where rows are few."""
        if tight != self._tight:
            self._tight = tight
            self._drawn = []
            self._redraw()

    def show(self, slots: Mapping[Slot, SlotProgress], *, streaming: bool) -> None:
        """Draw *slots*; only lines that differ are refreshed."""
        self._slots = {
            slot: SlotProgress(progress.text, progress.closed, progress.finished)
            for slot, progress in slots.items()
            if slot.field == self.field
        }
        self._streaming = streaming
        self._redraw()

    def _redraw(self) -> None:
        width, height = self.content_size
        if not width or not height:
            return
        before, self._drawn = self._drawn, self._visible_lines(width, height)
        if len(before) != len(self._drawn):
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, self._drawn, strict=True)):
            if not old.is_same(new):
                self.refresh(Region(0, y, width, 1))

    def on_resize(self) -> None:
        self._drawn = []
        self._redraw()

    def render(self) -> Content:
        if not self._drawn:
            self._drawn = self._visible_lines(*self.content_size)
        return Content("\n").join(self._drawn)

    def full_height(self, width: int) -> int:
        """Rows for the whole text at content width *width*."""
        return 1 + sum(len(entry) for entry in self._entries(width))

    def _heading(self, width: int) -> Content:
        look = self._look
        title = Content.styled(f"{look.mark} {look.title}", f"bold {look.colour}")
        word = self._state_word()
        gap = max(width - title.cell_length - len(word), 1)
        return Content.assemble(title, " " * gap, (word, "$foreground-muted"))

    def _state_word(self) -> str:
        started = [progress for progress in self._slots.values() if progress.text]
        if any(progress.closed and not progress.finished for progress in self._slots.values()):
            return f"{self._glyphs.unfinished} unfinished"
        if self._streaming and started and not all(p.closed for p in self._slots.values()):
            return "writing"
        return ""

    def _entries(self, width: int) -> list[list[Content]]:
        """The wrapped lines of each slot."""
        return [
            entry
            for progress in self._slots.values()
            if (entry := self._entry(progress, max(width, 1)))
        ]

    def _entry(self, progress: SlotProgress, width: int) -> list[Content]:
        text = make_visible(progress.text).strip()
        if not text:
            return []
        unfinished = progress.closed and not progress.finished
        mark = f" {self._glyphs.unfinished}" if unfinished and text != UNFINISHED else ""
        if not self._look.diagnoses or text == UNFINISHED:
            body = make_visible_line(text) + mark
            return Content.styled(body, "$foreground").wrap(width)
        tier = split_tier(text)
        diagnosis = make_visible_line(tier.diagnosis)
        reasoning = make_visible_line(tier.reasoning)
        bold = Content.styled(diagnosis, "bold $foreground")
        if not reasoning:
            return (bold + mark).wrap(width)
        if self._tight and self._look.may_sit_tight:
            return Content.assemble(bold, "  ", reasoning, mark).wrap(width)
        return [*bold.wrap(width), *Content(reasoning + mark).wrap(width)]

    def _visible_lines(self, width: int, height: int) -> list[Content]:
        """Heading and text in exactly *height* lines; what is too long says so."""
        entries = self._entries(width)
        room = max(height - 1, 0)
        share = room // max(len(entries), 1) if entries else room
        # Rows one entry does not need are the others' to use.
        spare = room - sum(min(len(entry), share) for entry in entries)
        lines = [self._heading(width)]
        for entry in entries:
            allowed = share + spare
            kept = _fit(entry, allowed, self._glyphs.ellipsis, follow=self._streaming)
            spare -= max(len(kept) - min(len(entry), share), 0)
            lines += kept
        lines = lines[:height]
        return [line.rstrip() for line in lines] + [Content("")] * (height - len(lines))


def _fit(entry: list[Content], rows: int, ellipsis: str, *, follow: bool) -> list[Content]:
    """At most *rows* of *entry*: its head, and while it streams the line being written."""
    if len(entry) <= rows:
        return entry
    if rows <= 0:
        return []
    if rows == 1:
        return [entry[0].rstrip() + f" {ellipsis}"]
    if follow:
        tail = entry[-(rows - 1) :]
        return [entry[0], Content(ellipsis + " ") + tail[0], *tail[1:]][:rows]
    return [*entry[: rows - 1], entry[rows - 1].rstrip() + f" {ellipsis}"]


class TierPanels(VerticalScroll, can_focus=True):
    """All tiers of a variant in a column, with a place for notes above them."""

    DEFAULT_CSS = """
    TierPanels {
        width: 1fr; height: 1fr; scrollbar-size-vertical: 1; scrollbar-gutter: stable;
    }
    TierPanels:focus { background-tint: $foreground 2%; }
    TierPanels > AnswerNote { display: none; }
    TierPanels > AnswerNote.-shown { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "scroll_up", "Scroll up", show=False),
        Binding("j", "scroll_down", "Scroll down", show=False),
        Binding("y", "app.copy_answer", "Copy the answer", show=False),
    ]

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._variant = Variant.A
        self._streaming = False
        self._slots: dict[Slot, SlotProgress] = {}
        self._panels = {field: TierPanel(field, glyphs) for field in LOOKS}
        self.note = AnswerNote(glyphs)

    def compose(self):  # type: ignore[no-untyped-def]
        yield self.note  # first: trouble must not be found by scrolling only
        yield from self._panels.values()

    def on_mount(self) -> None:
        self._arrange()

    def on_resize(self) -> None:
        self._arrange()

    def clear(self, variant: Variant) -> None:
        """Empty panels for the tiers *variant* has."""
        self.note.hide()
        self.show({slot: SlotProgress() for slot in slots_of(variant)}, variant, streaming=True)
        self.scroll_home(animate=False)

    def show(
        self,
        slots: Mapping[Slot, SlotProgress],
        variant: Variant,
        *,
        streaming: bool,
        changed: set[Slot] | None = None,
    ) -> None:
        """Draw *slots*; with *changed*, only their panels are looked at."""
        self._slots = dict(slots)
        rearrange = variant != self._variant or streaming != self._streaming or not streaming
        self._variant, self._streaming = variant, streaming
        fields = {slot.field for slot in (self._slots if changed is None else changed)}
        for field, panel in self._panels.items():
            if field in fields:
                panel.show(self._slots, streaming=streaming)
        if rearrange:
            self._arrange()

    def _arrange(self) -> None:
        """Share out the rows: fixed while streaming, by need when the answer stands."""
        # Without the scrollbar's column, which is kept free and not part of the panels.
        width, height = self.scrollable_content_region.size
        if not width or not height:
            return
        shown = [panel for field, panel in self._panels.items() if self._has(field)]
        for panel in shown:
            panel.sit_tight(height < _ROOMY)
        heights = share_rows(height, [panel.field for panel in shown])
        if not self._streaming and self._slots:
            # Bar and padding take three columns of a panel.
            needs = [panel.full_height(width - 3) for panel in shown]
            gap = 1 if sum(needs) + len(needs) + self.note.rows(width) <= height else 0
            heights = [need + gap for need in needs]
        for panel in self._panels.values():
            panel.display = panel in shown
        for panel, rows in zip(shown, heights, strict=True):
            panel.styles.height = rows

    def _has(self, field: str) -> bool:
        return field in fields_of(self._variant)


def share_rows(height: int, fields: list[str]) -> list[int]:
    """Rows for each panel: what it needs at least, then the rest by weight."""
    rows = [LOOKS[field].least for field in fields]
    spare = height - sum(rows)
    weights = [LOOKS[field].weight for field in fields]
    shares = [max(spare, 0) * weight // sum(weights) for weight in weights]
    if spare > 0:
        shares[0] += spare - sum(shares)
    return [base + share for base, share in zip(rows, shares, strict=True)]


class AnswerNote(Widget):
    """What is to be said about an answer above its tiers: violations, or why it failed."""

    DEFAULT_CSS = """
    AnswerNote { height: auto; width: 1fr; padding: 0 1; margin: 0 0 0 1; color: $text-muted; }
    """

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._content = Content("")

    def say(self, title: str, lines: list[str]) -> None:
        """Show a title and one line a point."""
        parts = [Content.styled(f"{self._glyphs.failed} {make_visible_line(title)}", "bold $error")]
        parts += [Content(f"  {make_visible_line(line)}") for line in lines]
        self._content = Content("\n").join(parts)
        self.add_class("-shown")
        self.refresh(layout=True)

    def hide(self) -> None:
        """Nothing to say."""
        self._content = Content("")
        self.remove_class("-shown")

    def rows(self, width: int) -> int:
        """Rows it takes at column width *width*."""
        if not self._content:
            return 0
        return len(self._content.wrap(max(width - 3, 1)))

    def render(self) -> Content:
        return self._content
