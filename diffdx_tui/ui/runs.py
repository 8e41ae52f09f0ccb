"""The Runs screen: every run there is, and their curves one over the other.

Role: lists the registry, whoever started the runs; marks, compares, deletes with undo, and hands a
run on to Train or its adapter to Explore.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widgets import OptionList

from diffdx_tui.domain.curve import smooth
from diffdx_tui.domain.recipe import describe
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.run_registry import Run, RunRegistry
from diffdx_tui.ui.chart import Chart, overlaid_pen
from diffdx_tui.ui.chart_frame import Series
from diffdx_tui.ui.chrome import Key, KeyBar, TabsRow
from diffdx_tui.ui.runs_export import RunExport, RunExportForm, export_run
from diffdx_tui.ui.runs_list import MOST_MARKED, RunTable, heading
from diffdx_tui.ui.runs_page import RunPage
from diffdx_tui.ui.train import TrainScreen
from diffdx_tui.ui.train_feed import RunFeed
from diffdx_tui.ui.train_handover import hand_to_explore
from diffdx_tui.ui.train_line import Line
from diffdx_tui.ui.train_live import SMOOTHINGS
from diffdx_tui.ui.watching_screen import WatchingScreen

_FEEDS = 40  # of how many runs the curves are kept in memory
_LABEL = 24  # characters of a curve's name


class RunsScreen(WatchingScreen):
    """The registry."""

    THING = "run"
    LOOK_EVERY = 2.0
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (118, "-wide")]  # noqa: RUF012
    AUTO_FOCUS = "RunTable"
    DEFAULT_CSS = """
    RunsScreen { background: $background; }
    RunsScreen #body { height: 1fr; layout: vertical; }
    RunsScreen #list { height: 2fr; width: 1fr; }
    RunsScreen #heading { padding: 0; }
    RunsScreen RunTable { height: 1fr; width: 1fr; }
    RunsScreen Chart { height: 3fr; width: 1fr; border-top: solid $border-blurred; }
    RunsScreen Chart:focus { border-top: solid $border; }
    RunsScreen #facts { background: $surface; }
    RunsScreen.-wide #body { layout: horizontal; }
    RunsScreen.-wide #list { height: 1fr; width: 1fr; }
    RunsScreen.-wide Chart {
        height: 1fr; width: 1fr; border-top: none; border-left: solid $border-blurred;
    }
    RunsScreen.-wide Chart:focus { border-top: none; border-left: solid $border; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "attach", "Open in Train"),
        Binding("space", "mark", "Mark"),
        Binding("v", "read", "Card and facts"),
        Binding("e", "explore", "To Explore"),
        Binding("o", "export", "Export"),
        Binding("d,delete", "delete", "Delete"),
        Binding("u", "restore", "Undo"),
        Binding("m", "turn_measure", "Train/validation"),
        Binding("right_square_bracket", "smooth(1)", "Smoother"),
        Binding("left_square_bracket", "smooth(-1)", "Less smooth"),
        Binding("f5,ctrl+r", "reload", "Reload"),
        Binding("escape", "leave", "Back", priority=True),
    ]
    KEYS = (
        Key("Enter", "open", "screen.attach"),
        Key("Space", "mark", "screen.mark"),
        Key("v", "card", "screen.read"),
        Key("e", "to Explore", "screen.explore"),
        Key("d", "delete", "screen.delete"),
        Key("u", "undo", "screen.restore"),
        Key("m", "train/val", "screen.turn_measure"),
        Key("Tab", "chart", "app.focus_next"),
        Key("F1", "help", "app.help"),
        Key("o", "export", "screen.export"),
        Key("[/]", "smooth", "screen.smooth(1)"),
        Key("Esc", "back", "screen.leave"),
        Key("^P", "palette", "app.palette"),
        Key("^Q", "quit", "app.quit"),
    )

    def __init__(self) -> None:
        super().__init__()
        self._feeds: dict[str, RunFeed] = {}
        self._runs: tuple[Run, ...] = ()
        self._notes: tuple[str, ...] = ()
        self._validation = False
        self._smoothing = SMOOTHINGS.index(0.8)

    def compose(self) -> ComposeResult:
        yield TabsRow("Runs")
        with Container(id="body"):
            with Container(id="list"):
                yield Line(id="heading")
                yield RunTable(self.app.glyphs)
            yield Chart(self.app.glyphs)
        yield Line(id="facts")
        yield KeyBar(*self.KEYS)

    @property
    def registry(self) -> RunRegistry:
        return RunRegistry(self.app.config.home)

    @property
    def table(self) -> RunTable:
        return self.query_one(RunTable)

    @property
    def chart(self) -> Chart:
        return self.query_one(Chart)

    # Keeping up

    async def look(self) -> None:
        listed = await self.ask(self.registry.list)
        if listed is None:
            return
        before = self._runs
        self._runs, self._notes = listed.runs, listed.notes
        self._draw_table()
        for run in listed.runs[:_FEEDS]:
            if run.id not in self._feeds or run.status.state.is_live or run not in before:
                await self._read_curve(run)
        self.draw()

    async def _read_curve(self, run: Run) -> None:
        feed = self._feeds.setdefault(run.id, RunFeed(self.registry.folder / run.id))
        try:
            await feed.follow()
            while not feed.complete:
                await feed.follow()
        except StoreError:  # deleted meanwhile; the next look leaves it out
            self._feeds.pop(run.id, None)

    # Drawing

    def draw(self) -> None:
        self._draw_table()
        self._draw_chart()
        self._draw_facts()

    def _draw_table(self) -> None:
        losses = {name: feed.measured["loss"].values for name, feed in self._feeds.items()}
        width = max(self.table.size.width - 1, 40)
        self.table.show_runs(self._runs, losses, width)
        self.query_one("#heading", Line).show(heading(width))

    def _draw_chart(self) -> None:
        current = self.table.current
        shown = self.table.marked or ([current.id] if current else [])
        series = [
            self._curve(number, self._feeds[name])
            for number, name in enumerate(shown)
            if name in self._feeds
        ]
        what = "validation loss" if self._validation else "training loss"
        if not self._validation:
            what += f", smoothed {SMOOTHINGS[self._smoothing]:g}"
        if not any(one.steps for one in series):
            what += ": none yet"
        planned = [self._feeds[name].planned for name in shown if name in self._feeds]
        self.chart.show(what, series, max((p for p in planned if p), default=None))

    def _curve(self, number: int, feed: RunFeed) -> Series:
        if self._validation:
            steps, values = feed.validation.steps, feed.validation.values
        else:
            samples = feed.measured["loss"]
            steps, values = samples.steps, smooth(samples.values, SMOOTHINGS[self._smoothing])
        # Where there is no room the letter alone must do: the list has it too.
        wide = self.has_class("-wide")
        label = describe(feed.record.recipe)[:_LABEL] if wide and feed.record else ""
        return Series(label, overlaid_pen(number), steps, values, lettered=True)

    def _draw_facts(self) -> None:
        line, run = self.query_one("#facts", Line), self.table.current
        if run is None:
            line.show(Content("no runs yet: Train starts one, or `diffdx-tui train`"))
            return
        count = len(self._runs)
        parts = [
            f"{count} run{'' if count == 1 else 's'}",
            f"{run.id[-8:]}: {make_visible_line(describe(run.record.recipe))}",
            make_visible_line(run.status.message),
            f"{len(self._notes)} could not be listed" if self._notes else "",
        ]
        line.show_parts(parts, self.app.glyphs.dot)

    @on(OptionList.OptionHighlighted)
    def _moved(self) -> None:
        if not self.table.marked:
            self.chart.forget_view()
            self._draw_chart()
        self._draw_facts()

    # Actions

    @on(OptionList.OptionSelected)
    def _selected(self) -> None:
        self.action_attach()

    def action_attach(self) -> None:
        """Show the run in Train."""
        run = self.table.current
        if run is None:
            return
        self.app.places.go("Train")
        screen = self.app.screen
        if isinstance(screen, TrainScreen):
            screen.attach(self.registry.folder / run.id)

    def action_mark(self) -> None:
        if not self.table.toggle_mark():
            self.app.tell(f"{MOST_MARKED} curves are as many as can be told apart")
            return
        self.chart.forget_view()
        self.draw()

    def action_read(self) -> None:
        run = self.table.current
        if run is not None:
            self.app.push_screen(RunPage(run, self.registry.folder / run.id, self.app.glyphs))

    def action_explore(self) -> None:
        run = self.table.current
        if run is not None:
            hand_to_explore(self.app, self.registry.folder / run.id, run.record)

    def action_export(self) -> None:
        run = self.table.current
        if run is None:
            return
        if not run.has_adapter:
            self.app.tell("this run has left no adapter to export", severity="warning")
            return

        def write(wish: RunExport | None) -> None:
            if wish is not None:
                self.run_worker(self._export(run.id, wish), exit_on_error=False)

        folder = self.app.config.home / "exports"
        self.app.push_screen(RunExportForm(folder, run.id, self.app.glyphs), write)

    async def _export(self, run_id: str, wish: RunExport) -> None:
        self.app.tell(f"exporting to {wish.path}")
        try:
            trouble = await asyncio.to_thread(export_run, run_id, wish, self.app.config.home)
        except OSError as error:
            trouble = str(error.strerror or error)
        if trouble:
            self.app.tell(trouble, severity="error", seconds=12)
        else:
            self.app.tell(f"exported to {wish.path}", seconds=8)

    async def action_delete(self) -> None:
        run = self.table.current
        if run is None:
            return
        deleted = await self.delete(lambda: self.registry.delete(run.id))
        if deleted:
            self._feeds.pop(deleted, None)
            self.table.forget(deleted)
            await self.look()

    async def action_restore(self) -> None:
        await self.restore(self.registry.restore)

    def action_turn_measure(self) -> None:
        self._validation = not self._validation
        self._draw_chart()

    def action_smooth(self, step: int) -> None:
        self._smoothing = min(max(self._smoothing + step, 0), len(SMOOTHINGS) - 1)
        self._draw_chart()

    def action_leave(self) -> None:
        if self.chart.drop_cursor():
            return
        if self.chart.has_focus:
            self.table.focus()
        else:
            self.app.places.go("Explore")
