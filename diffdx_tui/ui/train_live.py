"""A run while it goes, and after: curves, figures, and what its probes say.

Role: draws a :class:`~diffdx_tui.ui.train_feed.RunFeed`; decides nothing about the run.
"""

from __future__ import annotations

from bisect import bisect_right

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content

from diffdx_tui.domain.curve import smooth
from diffdx_tui.domain.recipe import describe
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.ui.chart import RAW, SMOOTH, VALIDATION, Chart
from diffdx_tui.ui.chart_canvas import Pen
from diffdx_tui.ui.chart_frame import Series
from diffdx_tui.ui.glyphs import ASCII, UNICODE, Glyphs
from diffdx_tui.ui.train_feed import MEASURES, RunFeed
from diffdx_tui.ui.train_line import Line
from diffdx_tui.ui.train_probe import ProbePane
from diffdx_tui.ui.train_words import describe_phases, show_loss, show_rate

SMOOTHINGS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
TITLES = {
    "loss": "loss",
    "rate": "learning rate",
    "grad_norm": "gradient norm",
    "tokens_per_s": "tokens/s",
}


class LiveRun(Container):
    """Charts beside or above the probe's texts."""

    DEFAULT_CSS = """
    LiveRun { height: 1fr; width: 1fr; layout: vertical; }
    LiveRun #charts { height: 1fr; width: 1fr; layout: vertical; }
    LiveRun #small { display: none; height: 12; width: 1fr; layout: horizontal; }
    LiveRun ProbePane { height: 6; }
    LiveRun #run-name { color: $foreground; }
    """

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._feed: RunFeed | None = None
        self._measure = MEASURES[0]
        self._smoothing = SMOOTHINGS.index(0.8)
        self._smoothed: list[float | None] = []
        ascii_only = glyphs is ASCII
        self._raw_pen = Pen(RAW, ".")
        self._pen = Pen(SMOOTH, "*")
        self._validation_pen = Pen(VALIDATION, "o" if ascii_only else "◆")

    def compose(self) -> ComposeResult:
        with Container(id="charts"):
            yield Line(id="run-name")
            yield Chart(self._glyphs, id="main-chart")
            yield Line(id="readout")
            with Container(id="small"):
                for name in MEASURES[1:3]:
                    chart = Chart(self._glyphs, id=f"small-{name}")
                    chart.can_focus = False
                    yield chart
        yield ProbePane(self._glyphs)

    @property
    def chart(self) -> Chart:
        """The large chart."""
        return self.query_one("#main-chart", Chart)

    @property
    def probe(self) -> ProbePane:
        """The texts of the probes."""
        return self.query_one(ProbePane)

    def begin(self, feed: RunFeed) -> None:
        """Show another run, from its whole curve on."""
        self._feed = feed
        self.chart.forget_view()
        self.probe.forget()
        self.draw()

    def draw(self) -> None:
        """Draw what the feed knows now."""
        feed = self._feed
        if feed is None:
            return
        if feed.record is not None:
            name = f"{feed.directory.name[-8:]}  {make_visible_line(describe(feed.record.recipe))}"
            self.query_one("#run-name", Line).show(Content(name))
        self.chart.show(TITLES[self._measure], self._series(feed, self._measure), feed.planned)
        for name in MEASURES[1:3]:
            samples = feed.measured[name]
            series = [Series("", self._pen, samples.steps, samples.values)]
            self.query_one(f"#small-{name}", Chart).show(TITLES[name], series, feed.planned)
        self.probe.show(feed)
        self._read_out()

    def _series(self, feed: RunFeed, measure: str) -> list[Series]:
        samples = feed.measured[measure]
        if measure != "loss":
            return [Series("", self._pen, samples.steps, samples.values)]
        factor = SMOOTHINGS[self._smoothing]
        self._smoothed = smooth(samples.values, factor)
        validation = feed.validation
        found = [
            Series("train", self._raw_pen, samples.steps, samples.values, dots=True),
            Series(f"smoothed {factor:g}", self._pen, samples.steps, self._smoothed),
            Series(
                "validation", self._validation_pen, validation.steps, validation.values, marks=True
            ),
        ]
        return found[1:] if factor == 0 else found

    @on(Chart.Changed)
    def _chart_changed(self) -> None:
        self._read_out()

    def _read_out(self) -> None:
        """The values under the cursor, or the newest."""
        feed, line = self._feed, self.query_one("#readout", Line)
        if feed is None:
            return
        if not feed.lines:
            line.show(Content(describe_phases(feed.phases, self._glyphs)))
            return
        cursor = self.chart.cursor
        steps = feed.measured["loss"].steps
        at = len(steps) - 1 if cursor is None else max(bisect_right(steps, cursor) - 1, 0)
        found = feed.lines[at]
        parts = [f"step {found.step}", f"loss {show_loss(found.loss)}"]
        if self._measure == "loss" and at < len(self._smoothed):
            parts.append(f"smooth {show_loss(self._smoothed[at])}")
        validation = feed.validation
        seen = bisect_right(validation.steps, found.step) - 1
        if seen >= 0:
            parts.append(f"val {show_loss(validation.values[seen])} @{validation.steps[seen]}")
        if found.rate is not None:
            parts.append(f"rate {show_rate(found.rate)}")
        if found.grad_norm is not None:
            parts.append(f"grad {found.grad_norm:.2g}")
        if self._measure == "tokens_per_s" and found.tokens_per_s is not None:
            parts.append(f"{found.tokens_per_s:,.0f} tok/s")
        if cursor is not None:
            parts[0] = f"{self._glyphs.arrow} {parts[0]}"
        line.show_parts(parts, self._glyphs.dot)

    def turn_measure(self) -> None:
        """Draw the next measure."""
        place = (MEASURES.index(self._measure) + 1) % len(MEASURES)
        self._measure = MEASURES[place]
        self.draw()

    def smooth_by(self, step: int) -> None:
        """Smooth more or less."""
        self._smoothing = min(max(self._smoothing + step, 0), len(SMOOTHINGS) - 1)
        self.draw()
