"""The banner of red flags between vignette and tiers.

Role: says in one line, or in up to three where rows are many, which patterns of the vignette are
taught as time-critical; takes no row when there is none.  It is drawn when the rules have spoken
and stays whatever the model writes beneath it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.content import Content
from textual.widget import Widget

from diffdx_tui.domain.events import RedFlagsFound
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.ui.glyphs import UNICODE, Glyphs

if TYPE_CHECKING:
    from diffdx_tui.domain.red_flags import RedFlag

_TAUGHT = "Taught as time-critical: "
_LEAST_SIGNS = 24  # cells; with fewer the rule's id gives way


class RedFlagBanner(Widget):
    """One flag a line, the most urgent first; F6 or a click says why."""

    DEFAULT_CSS = """
    RedFlagBanner {
        display: none; height: auto; max-height: 1; width: 1fr; padding: 0 1;
        background: $panel; color: $text-muted;
    }
    RedFlagBanner.-shown { display: block; }
    """

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._glyphs = glyphs
        self.found: RedFlagsFound | None = None

    def show(self, found: RedFlagsFound | None) -> None:
        """Draw what the rules found, unless it stands there already."""
        if found is not self.found:
            self.found = found
            self.set_class(self.wanted, "-shown")
            # A row of the vignette's frame makes room, so that the tiers do not move.
            self.screen.set_class(self.wanted, "-flagged")
            self.refresh(layout=True)

    @property
    def wanted(self) -> bool:
        """Whether there is anything to say."""
        return self.found is not None and bool(self.found.flags or self.found.trouble)

    def render(self) -> Content:
        width, height = self.content_size
        if self.found is None or not width:
            return Content("")
        if self.found.trouble:
            trouble = make_visible_line(f"red flags not checked: {self.found.trouble}")
            line = f"{self._glyphs.danger} {trouble}"
            return Content.styled(line, "bold $error").truncate(width, ellipsis=True)
        shown = self.found.flags[: max(height, 1)]
        hidden = len(self.found.flags) - len(shown)
        lines = []
        for place, flag in enumerate(shown):
            last = place == len(shown) - 1
            more = f"+{hidden} more  " if hidden and last else ""
            lines.append(self._line(flag, width, more, with_key=place == 0))
        return Content("\n").join(lines)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return max(len(self.found.flags), 1) if self.found else 1

    def _line(self, flag: RedFlag, width: int, more: str, *, with_key: bool) -> Content:
        key = Content.assemble(("F6", "bold $accent"), " why") if with_key else Content("")
        right = Content(f"  {more}" if with_key or more else "") + key
        head = Content.assemble((f"{self._glyphs.danger} {_TAUGHT}", "bold $tier-serious"))
        rule = f" (rule {flag.rule})"
        room = width - head.cell_length - right.cell_length
        signs = Content.styled(make_visible_line(", ".join(flag.signs)), "$foreground")
        if room - len(rule) < min(signs.cell_length, _LEAST_SIGNS):
            rule = ""
        signs = self._cut(signs, max(room - len(rule), 0))
        gap = max(room - signs.cell_length - len(rule), 0)
        return Content.assemble(head, signs, rule, " " * gap, right)

    def _cut(self, text: Content, width: int) -> Content:
        if text.cell_length <= width:
            return text
        if not width:
            return Content("")
        return text.truncate(width - 1).rstrip() + self._glyphs.ellipsis

    async def on_click(self, event: events.Click) -> None:
        await self.run_action("screen.explain_flags")
