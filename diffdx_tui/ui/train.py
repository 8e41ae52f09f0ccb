"""The Train screen: a recipe in, a run out that goes on without the screen.

Role: wires form, live view and the run's directory together.  A run is a process of its own: this
screen asks it by files and believes only what the run says it has done.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.worker import Worker

from diffdx_tui.domain.recipe import Recipe, RecipeError
from diffdx_tui.launch import resume_run, start_run
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.run_records import Control, RunState
from diffdx_tui.store.run_registry import RunRegistry
from diffdx_tui.ui.chrome import KeyBar, TabsRow
from diffdx_tui.ui.pacing import Rest
from diffdx_tui.ui.status_line import describe_model
from diffdx_tui.ui.train_dialogs import pick_ablation, pick_base, pick_resumption
from diffdx_tui.ui.train_examples import ExamplesPage
from diffdx_tui.ui.train_feed import RunFeed
from diffdx_tui.ui.train_form import RecipeForm, describe_problems
from diffdx_tui.ui.train_handover import hand_to_explore
from diffdx_tui.ui.train_live import LiveRun
from diffdx_tui.ui.train_questions import PreflightScreen, PreviewScreen
from diffdx_tui.ui.train_start import check_here
from diffdx_tui.ui.train_status import FORM_KEYS, TrainStatus, live_keys

if TYPE_CHECKING:
    from diffdx_tui.ui.app import DiffdxApp

_LOOKS_PER_SECOND = 2
_RESTING = 2.0  # seconds between looks at a run that has ended: somebody may resume it
_FORM_ACTIONS = frozenset({"start", "preview", "preflight", "pick_base", "pick_ablation"})
_LIVE_ACTIONS = frozenset(
    {
        "pause",
        "save",
        "stop",
        "new_run",
        "turn_measure",
        "smooth",
        "explore",
        "swap_panes",
        "show_rows",
    }
)


class TrainScreen(Screen[None]):
    """The form, or a run."""

    app: DiffdxApp
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (118, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall"), (42, "-very-tall")]  # noqa: RUF012
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    TrainScreen { background: $background; }
    TrainScreen LiveRun { display: none; }
    TrainScreen.-live LiveRun { display: block; }
    TrainScreen.-live RecipeForm { display: none; }
    TrainScreen.-texts.-narrow Chart { display: none; }
    TrainScreen.-texts.-narrow #readout { display: none; }
    TrainScreen.-texts.-narrow #charts { height: 1; }
    TrainScreen.-texts.-narrow ProbePane { height: 1fr; }
    TrainScreen.-tall.-narrow ProbePane { height: 12; }
    TrainScreen.-wide LiveRun { layout: horizontal; }
    TrainScreen.-wide #charts { width: 12fr; }
    TrainScreen.-wide ProbePane { width: 7fr; height: 1fr; }
    TrainScreen.-very-tall.-narrow ProbePane { height: 16; }
    TrainScreen.-very-tall.-wide #small { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "start", "Start", priority=True),
        Binding("f2", "preview", "What is learned", priority=True),
        Binding("f2", "swap_panes", "Curve/texts"),
        Binding("f3", "preflight", "Pre-flight", priority=True),
        Binding("f4", "pick_base", "Base", priority=True),
        Binding("f6", "pick_ablation", "Ablation", priority=True),
        Binding("p", "pause", "Pause/go on"),
        Binding("s", "save", "Save"),
        Binding("x", "stop", "Stop"),
        Binding("n", "new_run", "New run"),
        Binding("m", "turn_measure", "Measure"),
        Binding("right_square_bracket", "smooth(1)", "Smoother"),
        Binding("left_square_bracket", "smooth(-1)", "Less smooth"),
        Binding("t", "show_rows", "Loss of each row"),
        Binding("e", "explore", "Explore"),
        Binding("escape", "leave", "Back", priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._feed: RunFeed | None = None
        self._following: Worker[None] | None = None
        self._rest = Rest()
        self._registry: RunRegistry | None = None
        self._writing = False  # somebody fills in the form: no run is put in its place
        self._predictions: dict[Recipe, dict[str, Any]] = {}  # by pre-flights in this session

    def compose(self) -> ComposeResult:
        glyphs = self.app.glyphs
        yield TabsRow("Train")
        yield RecipeForm(glyphs=glyphs)
        yield LiveRun(glyphs)
        yield TrainStatus(glyphs)
        yield KeyBar(*FORM_KEYS)

    @property
    def form(self) -> RecipeForm:
        return self.query_one(RecipeForm)

    @property
    def live(self) -> LiveRun:
        return self.query_one(LiveRun)

    @property
    def status(self) -> TrainStatus:
        return self.query_one(TrainStatus)

    @property
    def registry(self) -> RunRegistry:
        if self._registry is None:
            self._registry = RunRegistry(self.app.config.home)
        return self._registry

    # Which run is shown

    def on_mount(self) -> None:
        self._show_form()

    def on_screen_resume(self) -> None:
        model = describe_model(self.app.answering, self.app.glyphs)
        self.query_one(TabsRow).show_right(model)
        if self._feed is not None:
            self._follow(self._feed)
        elif not self._writing:
            self.run_worker(self._attach_living(), group="attach", exclusive=True)

    def on_screen_suspend(self) -> None:
        if self._following is not None:
            self._following.cancel()

    async def _attach_living(self) -> None:
        """Show the newest run that goes on, whoever started it; else the form stays."""
        try:
            listed = await asyncio.to_thread(self.registry.list)
        except StoreError as error:
            self.app.tell(str(error), severity="error", seconds=12)
            return
        living = [run for run in listed.runs if run.status.state.is_live]
        if living and self._feed is None:
            self.attach(self.registry.folder / living[0].id)

    def attach(self, directory: Path) -> None:
        """Show the run at *directory*, from its whole curve on."""
        self._feed, self._writing = RunFeed(directory), False
        if self.is_mounted:
            self._show_live()
            self._follow(self._feed)

    def _show_form(self) -> None:
        if self._feed is not None:
            self._show_live()
            return
        self.remove_class("-live", "-texts")
        self.form.focus_setting("data")
        self.status.complain("")
        self.status.say("a new run: F5 starts it")
        self.query_one(KeyBar).show_keys(*FORM_KEYS)

    def _show_live(self) -> None:
        self.add_class("-live")
        assert self._feed is not None
        self.live.begin(self._feed)
        self.live.chart.focus()
        self._draw_status()

    # Following

    def _follow(self, feed: RunFeed) -> None:
        if self._following is not None:
            self._following.cancel()
        self._following = self.run_worker(
            partial(self._keep_up, feed), group="follow", exclusive=True
        )

    async def _keep_up(self, feed: RunFeed) -> None:
        """Read and draw, again and again, until the screen is left or another run is shown."""
        stale = True
        while True:
            try:
                stale = await feed.follow() or stale
            except StoreError as error:
                self.app.tell(str(error), severity="error", seconds=12)
                self._feed = None
                self._show_form()
                return
            if not feed.complete:
                continue
            if stale and self._may_draw():
                stale = False
                self.live.draw()
                self._draw_status()
            await asyncio.sleep(1 / _LOOKS_PER_SECOND if feed.is_live or stale else _RESTING)

    def _may_draw(self) -> bool:
        """Whether the line to the terminal has room for a drawing."""
        terminal = self.app.terminal
        if terminal is None:
            return True
        return self._rest.may_draw(terminal.file.bytes_written, time.monotonic())

    def _draw_status(self) -> None:
        feed = self._feed
        if feed is None:
            return
        self.status.show(feed)
        self.query_one(KeyBar).show_keys(*live_keys(self._state))

    @property
    def _state(self) -> RunState | None:
        return self._feed.status.state if self._feed and self._feed.status else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in _FORM_ACTIONS:
            return not self.has_class("-live")
        return action not in _LIVE_ACTIONS or self.has_class("-live")

    # Actions on the form

    @on(RecipeForm.Edited)
    def _edited(self) -> None:
        self._writing = True
        problems = self.form.problems()
        self.status.complain(describe_problems(problems))

    def _valid_recipe(self) -> Recipe | None:
        """The form's recipe, or none and the cursor where the trouble is."""
        try:
            return self.form.recipe()
        except RecipeError as error:
            self._refuse(error)
            return None

    def _refuse(self, error: RecipeError) -> None:
        self.form.complain(error.problems)
        name = next(iter(error.problems))
        self.form.focus_setting(name)
        self.app.tell(describe_problems(error.problems), severity="warning", seconds=8)

    async def action_start(self) -> None:
        recipe = self._valid_recipe()
        if recipe is None:
            return
        home = self.app.config.home
        self.status.say("starting")
        try:
            checked = await asyncio.to_thread(check_here, recipe)
            predicted = self._predictions.get(checked)
            run_id = await asyncio.to_thread(start_run, checked, home, predicted)
        except RecipeError as error:
            self._refuse(error)
            self.status.say("not started")
            return
        except StoreError as error:
            self.app.tell(str(error), severity="error", seconds=12)
            self.status.say("not started")
            return
        self.attach(self.registry.folder / run_id)

    async def _ask_about(self, screen: type[PreviewScreen] | type[PreflightScreen]) -> None:
        recipe = self._valid_recipe()
        if recipe is None:
            return
        try:
            checked = await asyncio.to_thread(check_here, recipe)
        except RecipeError as error:
            self._refuse(error)
            return

        def keep(reply: dict[str, Any] | None) -> None:
            if reply and screen is PreflightScreen:
                self._predictions[checked] = reply

        self.app.push_screen(screen(checked, self.app.config.home, self.app.glyphs), keep)

    async def action_preview(self) -> None:
        await self._ask_about(PreviewScreen)

    async def action_preflight(self) -> None:
        await self._ask_about(PreflightScreen)

    def action_pick_base(self) -> None:
        pick_base(self.app, str(self.form.values()["base"]), lambda name: self._fill(base=name))

    def action_pick_ablation(self) -> None:
        pick_ablation(self.app, lambda changes: self._fill(**changes))

    def _fill(self, **values: Any) -> None:
        self.form.show(values)
        self._edited()

    # Actions on a run

    async def _ask_run(self, control: Control) -> None:
        feed = self._feed
        if feed is None:
            return
        try:
            await asyncio.to_thread(self.registry.request, feed.directory.name, control)
        except StoreError as error:
            self.app.tell(str(error), severity="warning")
            return
        feed.asked.add(control)
        self._draw_status()

    async def action_pause(self) -> None:
        """Pause, or go on: by a request to a living run, by a new process for an ended one."""
        state = self._state
        if state is None or state is RunState.FINISHED:
            return
        if state.is_live:
            await self._ask_run(Control.RESUME if state is RunState.PAUSED else Control.PAUSE)
        elif self._feed is not None and self._feed.record is not None:
            pick_resumption(self.app, self._feed.record.recipe, self._resume)

    def _resume(self, changes: dict[str, Any]) -> None:
        self.run_worker(self._resume_with(changes), group="resume", exclusive=True)

    async def _resume_with(self, changes: dict[str, Any]) -> None:
        feed = self._feed
        if feed is None:
            return
        try:
            await asyncio.to_thread(resume_run, feed.directory.name, self.app.config.home, changes)
        except (StoreError, RecipeError) as error:
            self.app.tell(str(error), severity="error", seconds=12)
            return
        self.attach(feed.directory)

    async def action_save(self) -> None:
        await self._ask_run(Control.SAVE)

    async def action_stop(self) -> None:
        await self._ask_run(Control.STOP)

    def action_new_run(self) -> None:
        """The form again, with the recipe of the run that was shown; the run goes on."""
        if self._following is not None:
            self._following.cancel()
        feed, self._feed, self._writing = self._feed, None, True
        if feed is not None and feed.record is not None:
            self.form.show(feed.record.recipe.as_dict())
        self._show_form()
        if feed is not None and feed.is_live:
            self.app.tell(f"run {feed.directory.name[-8:]} goes on; Runs lists it")

    def action_turn_measure(self) -> None:
        self.live.turn_measure()

    def action_smooth(self, step: int) -> None:
        self.live.smooth_by(step)

    def action_inspect(self) -> None:
        self.live.chart.action_move_cursor(1)

    def action_zoom_in(self) -> None:
        self.live.chart.action_zoom(2)

    def action_log(self) -> None:
        self.live.chart.action_toggle_log()

    def action_swap_panes(self) -> None:
        """Curve or texts, where there is no room for both; else the other gets the keys."""
        if self.has_class("-wide"):
            to_chart = self.live.probe.has_focus
        else:
            to_chart = self.has_class("-texts")
            self.toggle_class("-texts")
        (self.live.chart if to_chart else self.live.probe).focus()

    def action_show_rows(self) -> None:
        if self._feed is not None:
            self.app.push_screen(ExamplesPage(self._feed.examples))

    def action_explore(self) -> None:
        feed = self._feed
        if feed is not None and feed.record is not None:
            hand_to_explore(self.app, feed.directory, feed.record)

    def action_leave(self) -> None:
        if self.has_class("-live") and self.live.chart.drop_cursor():
            return
        if self.has_class("-texts"):
            self.action_swap_panes()
        elif self.has_class("-live"):
            self.app.places.go("Explore")
        else:
            self.run_worker(self._leave_form(), group="attach", exclusive=True)

    async def _leave_form(self) -> None:
        """To a run that goes on, if there is one."""
        self._writing = False
        await self._attach_living()
        if self._feed is None:
            self.app.places.go("Explore")
