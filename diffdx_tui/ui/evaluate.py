"""The Evaluate screen: models against sets, with every figure's n and interval.

Role: plans and starts evaluations, watches them, and opens what they answered.  An evaluation is a
process of its own; this screen reads its files and asks it to stop by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widgets import OptionList

from diffdx_tui.config import data_directory
from diffdx_tui.domain.evaluation import Plan
from diffdx_tui.domain.evaluation_sets import UNREADABLE, read_set
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.launch import resume_evaluation, start_evaluation
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.evaluations import Evaluation, EvaluationRegistry
from diffdx_tui.store.external_sets import external_directory
from diffdx_tui.store.run_registry import RunRegistry
from diffdx_tui.ui.chrome import Key, KeyBar, TabsRow
from diffdx_tui.ui.evaluate_cases import ArmCases
from diffdx_tui.ui.evaluate_feed import EvaluationFeed
from diffdx_tui.ui.evaluate_form import EvaluationForm
from diffdx_tui.ui.evaluate_report import ReportPage
from diffdx_tui.ui.evaluate_table import ArmTable, LineList, evaluation_line
from diffdx_tui.ui.train_line import Line
from diffdx_tui.ui.train_words import describe_seconds
from diffdx_tui.ui.watching_screen import WatchingScreen


class EvaluateScreen(WatchingScreen):
    """Evaluations above, the arms of the one under the cursor below."""

    THING = "evaluation"
    LOOK_EVERY = 1.0
    AUTO_FOCUS = "#evaluations"
    DEFAULT_CSS = """
    EvaluateScreen { background: $background; }
    EvaluateScreen #evaluations { height: 2fr; width: 1fr; }
    EvaluateScreen #below {
        height: 3fr; width: 1fr; border-top: solid $border-blurred; layout: vertical;
    }
    EvaluateScreen #below:focus-within { border-top: solid $border; }
    EvaluateScreen #heading { padding: 0; }
    EvaluateScreen #arms { height: 1fr; width: 1fr; }
    EvaluateScreen #facts { background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new_evaluation", "New"),
        Binding("enter", "open", "Open"),
        Binding("x", "stop", "Stop"),
        Binding("p", "resume", "Go on"),
        Binding("s", "share", "Shared fields"),
        Binding("v", "read", "Report"),
        Binding("d,delete", "delete", "Delete"),
        Binding("u", "restore", "Undo"),
        Binding("f5,ctrl+r", "reload", "Reload"),
        Binding("escape", "leave", "Back", priority=True),
    ]
    KEYS = (
        Key("n", "new", "screen.new_evaluation"),
        Key("Enter", "open", "screen.open"),
        Key("Left/Right", "metrics", "screen.turn(1)"),
        Key("x", "stop", "screen.stop"),
        Key("p", "go on", "screen.resume"),
        Key("v", "report", "screen.read"),
        Key("s", "shared", "screen.share"),
        Key("d", "delete", "screen.delete"),
        Key("F1", "help", "app.help"),
        Key("u", "undo", "screen.restore"),
        Key("Esc", "back", "screen.leave"),
        Key("^P", "palette", "app.palette"),
        Key("^Q", "quit", "app.quit"),
    )

    def __init__(self) -> None:
        super().__init__()
        self._feeds: dict[str, EvaluationFeed] = {}
        self._found: dict[str, Evaluation] = {}
        self._asked: set[str] = set()
        self._shared = False

    def compose(self) -> ComposeResult:
        yield TabsRow("Evaluate")
        yield LineList(id="evaluations")
        with Container(id="below"):
            yield Line(id="heading")
            yield ArmTable(self.app.glyphs)
        yield Line(id="facts")
        yield KeyBar(*self.KEYS)

    @property
    def registry(self) -> EvaluationRegistry:
        return EvaluationRegistry(self.app.config.home)

    @property
    def table(self) -> LineList:
        return self.query_one("#evaluations", LineList)

    @property
    def arms(self) -> ArmTable:
        return self.query_one(ArmTable)

    @property
    def current(self) -> Evaluation | None:
        """The evaluation under the cursor."""
        return self._found.get(self.table.current or "")

    # Keeping up

    async def look(self) -> None:
        listed = await self.ask(self.registry.list)
        if listed is None:
            return
        self._found = {one.id: one for one in listed.evaluations}
        self._asked &= {one.id for one in listed.evaluations if one.status.state.is_live}
        width = max(self.table.size.width - 1, 40)
        lines = [evaluation_line(one, width, self.app.glyphs) for one in listed.evaluations]
        self.table.show_lines(list(self._found), lines)
        await self._read_current()
        self.draw()

    async def _read_current(self) -> None:
        current = self.current
        if current is None:
            return
        feed = self._feeds.setdefault(current.id, EvaluationFeed(current.directory, current.record))
        try:
            await feed.follow()
            while not feed.complete:
                await feed.follow()
        except StoreError as error:
            self._feeds.pop(current.id, None)
            self.app.tell(str(error), severity="warning")

    # Drawing

    def draw(self) -> None:
        current = self.current
        width = max(self.arms.size.width - 1, 40)
        feed = self._feeds.get(current.id) if current else None
        arms = _arms(feed) if feed else []
        self.arms.show_arms(arms, width, shared=self._shared)
        self.query_one("#heading", Line).show(self.arms.heading(width))
        self._draw_facts(current, feed)

    def _draw_facts(self, current: Evaluation | None, feed: EvaluationFeed | None) -> None:
        line, dot = self.query_one("#facts", Line), self.app.glyphs.dot
        if current is None:
            line.show(Content("no evaluations yet: n plans one, or `diffdx-tui evaluate`"))
            return
        beat, results = current.status.heartbeat, feed.results if feed else {}
        parts: list[Content | str] = []
        if current.id in self._asked:
            words = f"asked to stop{self.app.glyphs.ellipsis}"
            parts.append(Content.styled(words, "bold $accent"))
        if current.status.state.is_live and beat is not None and beat.eta_s is not None:
            parts.append(f"{describe_seconds(beat.eta_s)} left")
        parts.append(make_visible_line(current.status.message))
        parts.append("not clinician-validated" if results else "")
        if results:
            rows = results.get("set")
            count = rows.get("rows") if isinstance(rows, dict) else None
            parts.append(f"{current.record.plan.set}, {count} rows")
            parts.append("" if results.get("complete") is True else "not complete")
        parts.append("on shared fields" if self._shared else "")
        parts.append("k/n with 95 % interval")
        line.show_parts(parts, dot)

    @on(OptionList.OptionHighlighted, "#evaluations")
    def _moved(self) -> None:
        self.run_worker(self._show_current(), group="current", exclusive=True)

    async def _show_current(self) -> None:
        await self._read_current()
        self.draw()

    @on(ArmTable.Turned)
    def _turned(self) -> None:
        self.draw()

    # Actions

    async def action_new_evaluation(self) -> None:
        registry = RunRegistry(self.app.config.home)
        try:
            runs = (await asyncio.to_thread(registry.list)).runs
        except StoreError as error:
            self.app.tell(str(error), severity="error")
            return

        def start(plan: Plan | None) -> None:
            if plan is not None:
                self.run_worker(
                    self._launch(partial(_check_and_start, plan, self.app.config.home)),
                    exit_on_error=False,
                )

        self.app.push_screen(EvaluationForm(registry, runs, self.app.glyphs), start)

    async def _launch(self, launch: Callable[[], Path]) -> None:
        """Start a process, and put the cursor where its evaluation is listed."""
        try:
            directory = await asyncio.to_thread(launch)
        except (StoreError, *UNREADABLE) as error:
            self.app.tell(str(error), severity="error", seconds=12)
            return
        await self.look()
        self.table.go_to(directory.name)
        self.action_reload()

    @on(OptionList.OptionSelected)
    def action_open(self) -> None:
        """From the evaluation to its arms, from an arm to its cases."""
        current = self.current
        if current is None:
            return
        arm = self.arms.current
        if not self.arms.has_focus:
            self.arms.focus()
        elif arm is not None and current.id in self._feeds:
            feed = self._feeds[current.id]
            if not feed.answered()[arm]:
                self.app.tell("this row's answers are not kept: it is made from the training rows")
                return
            home = self.app.config.home
            self.app.push_screen(ArmCases(feed, arm, home, self.app.glyphs))

    def action_turn(self, step: int) -> None:
        self.arms.action_turn(step)

    async def action_stop(self) -> None:
        current = self.current
        if current is None:
            return

        def stop() -> bool:
            self.registry.request_stop(current.id)
            return True

        if await self.ask(stop):
            self._asked.add(current.id)
            self.draw()

    async def action_resume(self) -> None:
        """Go on with one that was stopped or died; of a finished one make the figures anew."""
        current = self.current
        if current is not None:
            await self._launch(partial(resume_evaluation, current.id, self.app.config.home))

    def action_share(self) -> None:
        self._shared = not self._shared
        self.draw()

    def action_read(self) -> None:
        current = self.current
        if current is not None:
            self.app.push_screen(ReportPage(current.directory))

    async def action_delete(self) -> None:
        current = self.current
        if current is None:
            return
        deleted = await self.delete(lambda: self.registry.delete(current.id))
        if deleted:
            self._feeds.pop(deleted, None)
            await self.look()

    async def action_restore(self) -> None:
        await self.restore(self.registry.restore)

    def action_leave(self) -> None:
        if self.arms.has_focus:
            self.table.focus()
        else:
            self.app.places.go("Explore")


def _check_and_start(plan: Plan, home: Path) -> Path:
    """Start the process, unless the rows it would ask cannot be read."""
    read_set(plan.set, data_directory(), external_directory(home), plan.limit)
    return start_evaluation(plan, home)


def _arms(feed: EvaluationFeed) -> list[dict[str, Any]]:
    """The arms with their figures; before there are any, with how much each has answered."""
    arms = feed.results.get("arms")
    if isinstance(arms, list) and arms:
        return [arm for arm in arms if isinstance(arm, dict)]
    answered = feed.answered()
    return [{"name": arm.name, "answers": answered[arm.name]} for arm in feed.record.plan.arms]
