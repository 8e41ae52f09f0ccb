"""What a run answered to its probe: the fixed cases it is asked again and again.

Role: one scrolling pane; the texts are the model's and are shown as they are.
"""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from diffdx_tui.domain.visible import make_visible, make_visible_line
from diffdx_tui.ui.glyphs import UNICODE, Glyphs
from diffdx_tui.ui.train_feed import ProbeAnswers, RunFeed

_LONGEST = 4_000  # characters of one answer
_TREND = 6  # probes whose adherence is told together


class ProbePane(VerticalScroll, can_focus=True):
    """The latest probe, or an earlier one."""

    DEFAULT_CSS = """
    ProbePane {
        border: round $border-blurred; border-title-color: $text-muted;
        border-subtitle-color: $text-muted; padding: 0 1; scrollbar-size-vertical: 1;
        &:focus { border: round $border; border-title-color: $foreground; }
    }
    ProbePane Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "turn(-1)", "Earlier probe", show=False),
        Binding("right", "turn(1)", "Later probe", show=False),
        Binding("k", "scroll_up", "Scroll up", show=False),
        Binding("j", "scroll_down", "Scroll down", show=False),
    ]

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._feed: RunFeed | None = None
        self._step: int | None = None  # of the probe shown; None follows the newest
        self._drawn: object = None

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)

    def forget(self) -> None:
        """Another run is shown: its newest probe."""
        self._step, self._drawn = None, None

    def show(self, feed: RunFeed) -> None:
        """Draw the probe, if it is another one than is drawn."""
        self._feed = feed
        shown = self._shown()
        key = (feed.directory, shown, len(feed.probes), feed.probe)
        if key == self._drawn:
            return
        self._drawn = key
        self.border_title = Content(self._title(shown))
        self.border_subtitle = Content(self._trend(feed))
        self.query_one(Static).update(self._body(shown))

    def _shown(self) -> int | None:
        """Place of the probe shown among those kept."""
        if self._feed is None or not self._feed.probes:
            return None
        steps = [probe.step for probe in self._feed.probes]
        return steps.index(self._step) if self._step in steps else len(steps) - 1

    def _title(self, shown: int | None) -> str:
        feed, dot = self._feed, f" {self._glyphs.dot} "
        if feed is None or shown is None:
            return "Probe: none yet"
        probe = feed.probes[shown]
        stopped = sum(one.get("stopped") is True for one in probe.answers)
        n = len(probe.answers)
        parts = [
            f"Probe at step {probe.step}",
            f"strict {_strict(probe)}/{n}",
            f"stopped {stopped}/{n}",
        ]
        return dot.join(parts)

    def _trend(self, feed: RunFeed) -> str:
        """Adherence from probe to probe, the newest last; nothing of one alone."""
        if len(feed.probes) < 2:
            return ""
        latest = list(feed.probes)[-_TREND:]
        counts = " ".join(f"{_strict(probe)}/{len(probe.answers)}" for probe in latest)
        return f"strict so far {counts}  {self._glyphs.left} {self._glyphs.right} other probes"

    def _body(self, shown: int | None) -> Content:
        if self._feed is None or shown is None:
            return Content.styled(
                "The same cases are answered from time to time while the run goes, in free mode. "
                "Strict adherence says that the form is right, not that the medicine is.",
                "$foreground-muted",
            )
        answers = self._feed.probes[shown].answers
        return Content("\n").join(self._answer(one) for one in answers)

    def _answer(self, answer: dict[str, Any]) -> Content:
        strict, stopped = answer.get("strict") is True, answer.get("stopped") is True
        glyph = self._glyphs.done if strict else self._glyphs.failed
        words = "strict" if strict else "not strict"
        words += "" if stopped else ", did not stop"
        head = f"{glyph} {make_visible_line(str(answer.get('id', '')))}  {words}"
        return Content.assemble(
            (head, "$success" if strict else "$warning"),
            "\n",
            make_visible(str(answer.get("raw", ""))[:_LONGEST]),
        )

    def action_turn(self, step: int) -> None:
        shown = self._shown()
        if self._feed is None or shown is None:
            return
        probes = self._feed.probes
        place = min(max(shown + step, 0), len(probes) - 1)
        self._step = None if place == len(probes) - 1 else probes[place].step
        self.scroll_home(animate=False)
        self.show(self._feed)


def _strict(probe: ProbeAnswers) -> int:
    """How many of its answers are strictly valid."""
    return sum(one.get("strict") is True for one in probe.answers)
