"""The application: puts screens, worker and terminal together.

Role: composition, keys that hold everywhere, the timer that drains events, and a clean end.  What a
screen shows is the screen's affair; what an answer is, :mod:`diffdx_tui.ui.answering`'s.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

# Before textual: it sets what textual reads from the environment.
from diffdx_tui.ui.terminal import NoTerminal, Terminal, driver_for

# isort: split
from textual.app import App
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.screen import ModalScreen, Screen
from textual.timer import Timer

from diffdx_tui.config import Config
from diffdx_tui.domain.visible import make_visible
from diffdx_tui.ui.answering import Answering, Choices
from diffdx_tui.ui.clipboard import copy_text
from diffdx_tui.ui.explore import ExploreScreen
from diffdx_tui.ui.glyphs import ASCII, Glyphs, choose_glyphs, terminal_speaks_utf8
from diffdx_tui.ui.pacing import Pace
from diffdx_tui.ui.places import MOVES, Navigator, place_bindings
from diffdx_tui.ui.saved_work import SavedWork, SelectiveRecorder
from diffdx_tui.ui.terminal_signals import (
    ENDING_SIGNALS,
    on_ending_signals,
    wake_on_signals,
    watch_for_hang_up,
)
from diffdx_tui.ui.themes import BARE_CSS, install_themes, tier_defaults
from diffdx_tui.ui.worker_link import WorkerFactory, WorkerLink

if TYPE_CHECKING:
    from diffdx_tui.engine.catalogue import ModelSpec
    from diffdx_tui.store import Answer, SessionStore

FLUSHES_PER_SECOND = 15
_LAST_SECONDS = 4.0  # how long the end waits for the worker to save


class DiffdxApp(App[int]):
    """One app; its screens stand in :mod:`diffdx_tui.ui.places`."""

    TITLE = "diffdx-tui"
    ENABLE_COMMAND_PALETTE = False  # ours is quieter and knows no markup
    CSS = (
        """
        Toast {
            background: $panel; color: $foreground; padding: 0 1; margin-top: 0;
            width: auto; max-width: 90%;
        }
        ToastRack { margin-bottom: 2; padding: 0; }
        """
        + BARE_CSS
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", priority=True),
        Binding("ctrl+z", "suspend_process", "Suspend", priority=True),
        Binding("ctrl+p", "palette", "Commands", priority=True),
        Binding("f1", "help", "Help", priority=True),
        Binding("f12", "toggle_ephemeral", "Ephemeral", priority=True),
        *place_bindings(),
    ]
    _UNDER_DIALOGS = frozenset({"palette", "help", "toggle_ephemeral"}) | MOVES

    def __init__(
        self,
        config: Config,
        *,
        worker_factory: WorkerFactory | None = None,
        terminal: Terminal | None = None,
    ) -> None:
        driver: type[Driver] | None = driver_for(terminal) if terminal else None
        # Textual's own answer to NO_COLOR is shades of grey; with native colours it sends none.
        colourless = True if "NO_COLOR" in os.environ else None
        super().__init__(driver_class=driver, ansi_color=colourless)
        self.config = config
        self.terminal = terminal
        self.glyphs: Glyphs = choose_glyphs(config)
        self.animation_level = "none"
        self.places = Navigator(self)
        self.saved_work = SavedWork(config)
        self.deleted_sessions: list[str] = []  # in this run, the latest last; can be restored
        link = WorkerLink(worker_factory, self._open_recorder)
        self.answering = Answering(link, Choices.of(config))
        self._link = link
        self._drain_timer: Timer | None = None
        self._pace = Pace()
        self._ending = False
        self._stop_waking: Callable[[], None] | None = None
        self.set_class(self.glyphs is ASCII, "-ascii")
        self.set_class(self.no_color, "-bare")
        install_themes(self, config.theme)

    def _open_recorder(self) -> SelectiveRecorder:
        return SelectiveRecorder(self.saved_work.open, self.answering.is_ephemeral)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {**super().get_theme_variable_defaults(), **tier_defaults(self)}

    def get_default_screen(self) -> Screen[None]:
        return ExploreScreen()

    @property
    def explore(self) -> ExploreScreen:
        """The Explore screen, shown or not."""
        screen = self.screen_stack[0]
        assert isinstance(screen, ExploreScreen)
        return screen

    # Start and events

    def on_mount(self) -> None:
        # After fg the terminal shows the shell's lines; nothing of ours has changed, so textual
        # would draw nothing.
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        if self.terminal is not None:
            self._stop_waking = wake_on_signals(asyncio.get_running_loop())
            code = ENDING_SIGNALS[signal.SIGHUP]
            watch_for_hang_up(self.terminal.file.fileno(), lambda: self.end_by_signal(code))

    def on_unmount(self) -> None:
        if self._stop_waking is not None:
            self._stop_waking()

    def begin_work(self) -> None:
        """After the first paint: the worker and its model."""
        self._link.start()
        self.answering.load(self.answering.choices.spec)
        self.watch_events()

    def watch_events(self) -> None:
        """Drain events from now on, until nothing more is to come."""
        self._link.wake = None
        if self._drain_timer is None:
            self._drain_timer = self.set_interval(1 / FLUSHES_PER_SECOND, self._drain_events)
        else:
            self._drain_timer.resume()

    def _drain_events(self) -> None:
        if self.terminal is not None:
            written, cells = self.terminal.file.bytes_written, self.size.area
            if not self._pace.may_draw(written, time.monotonic(), cells):
                return  # a tick later; the events wait
        drained = self.answering.drain()
        if drained.answer or drained.model:
            self.explore.follow(drained)
        if drained.failed_model is not None:
            self.tell(drained.failed_model.message, severity="error", seconds=12)
        self._tell_notice()
        if not self.answering.active and self._drain_timer is not None:
            # Everything that came was drawn above: the last flush is this one.
            self._drain_timer.pause()
            self._link.wake = self._wake
            if self._link.has_events:  # came between the drain and now
                self.watch_events()

    def _wake(self) -> None:
        """Called on the worker's thread: an event nobody was waiting for."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.watch_events)

    def tell(
        self,
        message: str,
        *,
        severity: Literal["information", "warning", "error"] = "information",
        seconds: float = 5,
    ) -> None:
        """Show a message for a while; never markup."""
        self.notify(make_visible(message), severity=severity, timeout=seconds, markup=False)

    # Keys that hold everywhere

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action not in self._UNDER_DIALOGS or not isinstance(self.screen, ModalScreen)

    def action_go(self, name: str) -> None:
        self.places.go(name)

    def action_turn_place(self, step: int) -> None:
        self.places.turn(step)

    def action_help(self) -> None:
        from diffdx_tui.ui.help import HelpScreen

        self.push_screen(HelpScreen(self.places.present.name))

    def action_palette(self) -> None:
        from diffdx_tui.ui.commands import palette_items
        from diffdx_tui.ui.picker import Picker

        async def act(action: str | None) -> None:
            if action:
                await self.run_action(action)

        self.push_screen(Picker("Commands", palette_items(self.places.present.name)), act)

    def action_pick_theme(self) -> None:
        from diffdx_tui.ui.themes import pick_theme

        pick_theme(self)

    def action_toggle_ephemeral(self) -> None:
        choices = self.answering.choices
        choices.ephemeral = not choices.ephemeral
        self.tell(
            "ephemeral: the next answers leave no trace"
            if choices.ephemeral
            else "saved: the next answers are written to your sessions"
        )
        self.explore.show_state()

    # What dialogs decide

    def load_model(self, spec: ModelSpec) -> None:
        """Load or switch the model."""
        self.answering.load(spec)
        self.explore.show_state()
        self.watch_events()

    def edit_outside(self, text: str) -> str:
        """Hand the terminal to the person's editor; the answer goes on meanwhile.

        Raises:
            EditorFailed: no text came back.
        """
        from textual.app import SuspendNotSupported

        from diffdx_tui.ui.editor import EditorFailed, edit_text

        output = self.terminal.original_output if self.terminal else None
        try:
            with self.suspend():
                edited = edit_text(text, output)
        except SuspendNotSupported:
            raise EditorFailed("this terminal cannot be handed to an editor") from None
        return edited

    # Saved work

    def open_store(self) -> SessionStore | None:
        """A handle on the saved sessions for this thread, or a message and none."""
        from diffdx_tui.store import StoreError

        try:
            store = self.saved_work.open_to_read()
        except StoreError as error:
            self.tell(str(error), severity="error", seconds=12)
            return None
        self._tell_notice()
        return store

    def _tell_notice(self) -> None:
        """Say once what opening the database found, whoever opened it."""
        notice = self.saved_work.take_notice()
        if notice:
            self.tell(notice, severity="warning", seconds=15)

    def open_in_explore(self, answer: Answer, answers: int) -> None:
        """Show a saved answer where it can be worked on."""
        self.places.go("Explore")
        self.explore.show_saved(answer, answers)

    # Clipboard

    def copy_to_clipboard(self, text: str) -> None:
        self._clipboard = text  # what Ctrl+V pastes within the program
        self._copy(text)

    def action_copy_answer(self) -> None:
        live = self.answering.live
        texts = [(slot, p.text) for slot, p in live.slots.items() if p.text] if live else []
        if not texts:
            self.tell("nothing to copy yet", severity="warning")
            return
        self._copy("\n\n".join(f"{slot.name}: {text}" for slot, text in texts))

    def action_copy_raw(self) -> None:
        live = self.answering.live
        text = (live.raw or self.explore.tokens.text) if live else ""
        if not text:
            self.tell("nothing to copy yet", severity="warning")
            return
        self._copy(text)

    def _copy(self, text: str) -> None:
        live = self.answering.live
        # The text may be of an answer asked before the switch was turned back.
        ephemeral = self.answering.choices.ephemeral or (
            live is not None and self.answering.is_ephemeral(live.answer_id)
        )
        file = None if ephemeral else self.config.home / "copied.txt"
        write = self._driver.write if self._driver else None
        self.tell(f"Copy: {copy_text(text, write, file)}")

    # The end

    async def action_quit(self) -> None:
        await self.end(0)

    async def end(self, code: int) -> None:
        """Cancel, save, leave with *code*; a second call does not wait again."""
        if self._ending:
            return
        self._ending = True
        if self._drain_timer is not None:
            self._drain_timer.stop()
        # Off the loop: the worker may need seconds to stop, and the store to write.
        await asyncio.to_thread(self.answering.close, _LAST_SECONDS)
        await asyncio.to_thread(self.saved_work.close)
        self.exit(code, return_code=code)

    def let_go(self) -> None:
        """After an unclean end: stop the threads that would keep the process or abort it."""
        if not self._ending:
            self.answering.close(_LAST_SECONDS)
            self.saved_work.close()
        if self._driver is not None:
            self._driver.disable_input()
            self._driver.close()

    def end_by_signal(self, code: int) -> None:
        """The same from a signal handler, whatever the loop is doing."""
        if self.terminal is not None:
            self.terminal.file.finish_soon()
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(lambda: loop.create_task(self.end(code)))

    def action_suspend_process(self) -> None:
        if self._driver is None or not self._driver.can_suspend:
            return
        self._suspend_signal()
        # The whole group, as Ctrl+Z does: behind make or a wrapper script the shell would
        # otherwise never get the terminal back.
        os.killpg(os.getpgrp(), signal.SIGTSTP)

    def _fatal_error(self) -> None:
        """Write the traceback to the log without locals: they hold what people typed."""
        traceback.print_exc(file=sys.__stderr__)
        self._close_messages_no_wait()


def run_app(config: Config, *, worker_factory: WorkerFactory | None = None) -> int:
    """Run the app in this terminal; returns the exit code."""
    try:
        terminal = Terminal(
            config.home / "app.log",
            ascii_only=choose_glyphs(config) is ASCII,
            encoding="utf-8" if terminal_speaks_utf8() else "ascii",
        )
    except NoTerminal as problem:
        print(f"diffdx-tui: {problem}: use --plain, or `ask`", file=sys.stderr)
        return 2
    with terminal:
        logging.basicConfig(stream=sys.__stderr__, level=logging.WARNING)  # into the log file
        app = DiffdxApp(config, worker_factory=worker_factory, terminal=terminal)
        undo = on_ending_signals(app.end_by_signal)
        try:
            result = app.run()
        finally:
            undo()
            app.let_go()
    if result is None or app.return_code not in (0, result):
        print(
            f"diffdx-tui stopped because of an internal error; saved work is kept. "
            f"Details: {config.home / 'app.log'}",
            file=sys.stderr,
        )
        return 5
    return result
