"""The Explore screen: a vignette in, tokens and tiers out.

Role: lays out the panes and draws what :class:`~diffdx_tui.ui.answering.Answering` knows; decides
nothing about answers itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen

from diffdx_tui.domain.decoding import REFERENCE_FREE, Mode
from diffdx_tui.domain.differential import Slot
from diffdx_tui.domain.events import State
from diffdx_tui.domain.vignette import VignetteRefused
from diffdx_tui.ui.answering import Drained
from diffdx_tui.ui.case import Case, same_case
from diffdx_tui.ui.chrome import Key, KeyBar, TabsRow
from diffdx_tui.ui.editor import EditorFailed
from diffdx_tui.ui.live_answer import LiveAnswer, SlotProgress
from diffdx_tui.ui.red_flag_banner import RedFlagBanner
from diffdx_tui.ui.status_line import StatusLine, describe_model
from diffdx_tui.ui.tier_panels import TierPanels
from diffdx_tui.ui.token_stream import TokenStream
from diffdx_tui.ui.vignette_pane import VignettePane

if TYPE_CHECKING:
    from diffdx_tui.store import Answer
    from diffdx_tui.ui.app import DiffdxApp

_STATUS_EVERY = 3  # drawings of the panes to one of the status line


class ExploreScreen(Screen[None]):
    """The first screen."""

    app: DiffdxApp
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (118, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall"), (42, "-very-tall")]  # noqa: RUF012
    AUTO_FOCUS = "VignettePane"
    DEFAULT_CSS = """
    ExploreScreen { background: $background; }
    ExploreScreen #body { height: 1fr; layout: vertical; }
    ExploreScreen #input { height: auto; width: 1fr; }
    ExploreScreen VignettePane { height: 6; }
    ExploreScreen.-tall VignettePane { height: 8; }
    ExploreScreen.-very-tall VignettePane { height: 12; }
    ExploreScreen TokenStream { display: none; height: 1fr; }
    ExploreScreen.-tokens TokenStream { display: block; }
    ExploreScreen.-tokens.-narrow #input { height: 1fr; }
    ExploreScreen.-tokens.-narrow TierPanels { display: none; }
    ExploreScreen #answer { height: 1fr; width: 1fr; layout: vertical; }
    ExploreScreen.-tokens.-narrow #answer { height: auto; }
    ExploreScreen.-tall RedFlagBanner { max-height: 3; }
    ExploreScreen.-very-tall RedFlagBanner { max-height: 3; }
    ExploreScreen.-flagged.-short.-narrow VignettePane { height: 5; }
    ExploreScreen.-wide #body { layout: horizontal; }
    ExploreScreen.-wide #input { width: 9fr; min-width: 58; height: 1fr; }
    ExploreScreen.-wide #answer { width: 11fr; margin: 0 0 0 1; padding: 1 0 0 0; }
    ExploreScreen.-wide TokenStream { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5,ctrl+r", "run", "Run", priority=True),
        Binding("escape", "stop", "Stop", priority=True),
        Binding("f2", "swap_panes", "Tokens/tiers", priority=True),
        Binding("f3", "toggle_mode", "Guided/free", priority=True),
        Binding("f4", "pick_model", "Model", priority=True),
        Binding("f6", "explain_flags", "Why flagged", priority=True),
        Binding("f7", "run_again", "Another seed", priority=True),
        Binding("f8", "edit_settings", "Settings", priority=True),
        Binding("ctrl+n", "new_case", "New case", priority=True),
        Binding("ctrl+o", "pick_vignette", "Examples", priority=True),
        Binding("ctrl+g", "edit_outside", "Editor", priority=True),
    ]
    KEYS = (
        Key("F5", "run", "screen.run"),
        Key("Esc", "stop", "screen.stop"),
        Key("F2", "tokens", "screen.swap_panes"),
        Key("F3", "free", "screen.toggle_mode"),
        Key("F4", "model", "screen.pick_model"),
        Key("F9", "sessions", "app.turn_place(1)"),
        Key("^P", "palette", "app.palette"),
        Key("F1", "help", "app.help"),
        Key("F6", "why flagged", "screen.explain_flags"),
        Key("F7", "another seed", "screen.run_again"),
        Key("F8", "settings", "screen.edit_settings"),
        Key("^O", "examples", "screen.pick_vignette"),
        Key("^N", "new case", "screen.new_case"),
        Key("^Q", "quit", "app.quit"),
    )

    def compose(self) -> ComposeResult:
        glyphs = self.app.glyphs
        yield TabsRow("Explore")
        with Container(id="body"):
            with Container(id="input"):
                yield VignettePane()
                yield TokenStream()
            with Container(id="answer"):
                yield RedFlagBanner(glyphs)
                yield TierPanels(glyphs)
        yield StatusLine(glyphs)
        yield KeyBar(*self.KEYS)

    def on_mount(self) -> None:
        self._history_at = 0
        self._until_status = 0
        self.show_state()
        self.call_after_refresh(self.app.begin_work)

    def on_screen_resume(self) -> None:
        self.show_state()

    @property
    def pane(self) -> VignettePane:
        return self.query_one(VignettePane)

    @property
    def tiers(self) -> TierPanels:
        return self.query_one(TierPanels)

    @property
    def banner(self) -> RedFlagBanner:
        return self.query_one(RedFlagBanner)

    @property
    def tokens(self) -> TokenStream:
        return self.query_one(TokenStream)

    # Drawing

    def show_state(self) -> None:
        """Draw the one-line widgets anew."""
        if not self.query(TabsRow):
            return  # a last tick while the screen is taken down
        answering = self.app.answering
        self.query_one(TabsRow).show_right(describe_model(answering, self.app.glyphs))
        self.query_one(StatusLine).show(answering)
        # Keys that switch are named by what they switch to.
        names = {
            "F2": "tiers" if self.has_class("-tokens") else "tokens",
            "F3": "guided" if answering.choices.decoding.mode is Mode.FREE else "free",
        }
        keys = (replace(key, label=names.get(key.name, key.label)) for key in self.KEYS)
        self.query_one(KeyBar).show_keys(*keys)

    def follow(self, drained: Drained) -> None:
        """Draw what a drain changed, and only that."""
        live = self.app.answering.live
        if drained.answer and live is not None:
            flags = live.take_flags()
            if flags is not None:
                self.banner.show(flags)
            self.tokens.append(live.take_tokens())
            changed = live.take_changes()
            if changed or drained.ended:
                self._draw_tiers(live, changed)
            if drained.ended:
                self.tokens.settle()
        # The figures change with every token: a few times a second is all an eye can read.
        self._until_status -= 1
        if self._until_status <= 0 or drained.ended or drained.model:
            self._until_status = _STATUS_EVERY
            self.show_state()

    def _draw_tiers(self, live: LiveAnswer, changed: set[Slot]) -> None:
        if not live.running:
            self._draw_note(live)
        self.tiers.show(live.slots, live.variant, streaming=live.running, changed=changed)

    def _draw_note(self, live: LiveAnswer) -> None:
        note = self.tiers.note
        if live.not_saved:
            note.say("This answer could not be saved", [live.not_saved])
        elif live.failure is not None:
            note.say(f"{live.failure.kind}", [live.failure.message])
        elif live.verdict is not None and live.verdict.violations:
            lines = [
                f"{v.name.replace('_', ' ')}: {v.detail}"
                + ("" if v.position is None else f" (at character {v.position})")
                for v in live.verdict.violations
            ]
            note.say("The output does not follow the schema", lines)
        else:
            note.hide()

    def _begin(self, live: LiveAnswer) -> None:
        """Empty panels for the answer to come; its flags come at once."""
        self._leave_flags(self.app.answering.asked[-1])
        self.tokens.clear()
        self.tiers.clear(live.variant)
        self._history_at = len(self.app.answering.asked) - 1  # the one in the pane
        self._note_case()
        self.show_state()
        self.app.watch_events()

    def _note_case(self) -> None:
        case = self.app.answering.case
        self.pane.note_case(f"answer {case.answers} of this case" if case.answers > 1 else "")

    def show_saved(self, answer: Answer, answers: int) -> None:
        """Put a saved answer on the desk; the next run derives from it."""
        case = Case(answer.session_id, answers, answer.id, answer.vignette)
        self.app.answering.reopen(case)
        self.pane.replace_text(answer.vignette)
        variant = answer.model.variant
        slots = {
            slot: SlotProgress(
                text, True, not answer.stats or slot.name not in answer.stats.unfinished
            )
            for slot, text in answer.texts.items()
        }
        # Its events, if any are still to come, go elsewhere: here it stays as far as it was read.
        state = State.INTERRUPTED if answer.state is State.STREAMING else answer.state
        live = LiveAnswer(
            answer.id,
            variant,
            answer.decoding,
            state=state,
            model=answer.model,
            verdict=answer.verdict,
            stats=answer.stats,
            raw=answer.raw,
            differential=answer.differential,
        )
        live.slots.update(slots)
        if answer.stats is not None:
            live.sampled = answer.stats.tokens_sampled
            live.forced = answer.stats.tokens_forced
        self.app.answering.live = live
        self.tokens.clear()
        self.tokens.append([(answer.raw, False)])
        self._draw_tiers(live, set(live.slots))
        self.banner.show(None)
        self.run_worker(self._flag_saved(live, answer.vignette), exit_on_error=False)
        self._note_case()
        self.show_state()

    async def _flag_saved(self, live: LiveAnswer, vignette: str) -> None:
        """The red flags of a saved answer; off the loop, because the rules may have to be read."""
        from diffdx_tui.domain.red_flags import announce_red_flags

        live.flags = await asyncio.to_thread(announce_red_flags, live.answer_id, vignette)
        if self.app.answering.live is live:
            self.banner.show(live.flags)

    def _leave_flags(self, text: str) -> None:
        """Take the banner away unless *text* is an edit of what it speaks of."""
        found = self.banner.found
        if found is not None and not same_case(found.vignette, text):
            self.banner.show(None)

    # Actions

    def _after_typing(self, act: Callable[[], object]) -> None:
        """Act once the pane has taken in every key that came before.

        Priority keys overtake those that wait in the pane; over a slow line, where typing and F5
        arrive in one burst, half a vignette would be asked.
        """
        self.pane.call_later(act)

    def action_run(self) -> None:
        self._after_typing(self._run)

    def action_run_again(self) -> None:
        self._after_typing(self._run_again)

    def _run(self) -> None:
        try:
            live = self.app.answering.ask(self.pane.text)
        except VignetteRefused as refusal:
            self.app.tell(str(refusal), severity="warning")
            self.pane.focus()
            return
        self._begin(live)

    def _run_again(self) -> None:
        try:
            live = self.app.answering.ask_again(self.pane.text)
        except VignetteRefused as refusal:
            self.app.tell(str(refusal), severity="warning")
            return
        self._begin(live)

    def action_stop(self) -> None:
        if self.app.answering.cancel():
            live = self.app.answering.live
            if live is not None and not live.running:  # it had only waited
                self._draw_tiers(live, set(live.slots))
            self.show_state()
        else:
            self.pane.focus()

    def action_swap_panes(self) -> None:
        if self.has_class("-wide"):
            target = self.tiers if self.tokens.has_focus else self.tokens
            target.focus()
            return
        self.toggle_class("-tokens")
        self.show_state()

    def action_toggle_mode(self) -> None:
        self.app.answering.choices.toggle_mode()
        decoding = self.app.answering.choices.decoding
        self.show_state()
        if decoding.mode is Mode.GUIDED:
            self.app.tell("guided: valid JSON by construction")
            return
        reference = decoding == replace(REFERENCE_FREE, seed=decoding.seed)
        whose = "the reference's" if reference else "your"
        self.app.tell(f"free: the model by itself, with {whose} settings")

    def action_pick_model(self) -> None:
        from diffdx_tui.ui.explore_dialogs import pick_model

        pick_model(self.app)

    def action_explain_flags(self) -> None:
        live = self.app.answering.live
        if live is None or live.flags is None:
            self.app.tell("red flags are looked for when a vignette is run: F5")
            return
        from diffdx_tui.ui.red_flag_dialog import RedFlagDialog

        differential = None if live.running else live.differential
        self.app.push_screen(RedFlagDialog(live.flags, differential, self.app.glyphs))

    def action_edit_settings(self) -> None:
        from diffdx_tui.ui.explore_dialogs import edit_settings

        edit_settings(self.app)

    def action_new_case(self) -> None:
        self._after_typing(self._new_case)

    def _new_case(self) -> None:
        self.app.answering.new_case()
        self.pane.replace_text("")
        self.tokens.clear()
        self.banner.show(None)
        self.tiers.clear(self.app.answering.choices.spec.variant)
        self._note_case()
        self.show_state()
        self.pane.focus()

    def put_vignette(self, text: str) -> None:
        """Put another case's text in the pane."""
        self.pane.replace_text(text)
        self._leave_flags(text)
        self.pane.focus()

    def action_pick_vignette(self) -> None:
        from diffdx_tui.ui.explore_dialogs import pick_vignette

        pick_vignette(self.app, self.put_vignette)

    def action_edit_outside(self) -> None:
        try:
            text = self.app.edit_outside(self.pane.text)
        except EditorFailed as failure:
            self.app.tell(str(failure), severity="error")
            return
        if text != self.pane.text:
            self.pane.replace_text(text)

    def action_walk_history(self, step: int) -> None:
        asked = self.app.answering.asked
        if not asked:
            self.app.tell("no earlier vignette yet: Ctrl+O has examples")
            return
        self._history_at = min(max(self._history_at + step, 0), len(asked) - 1)
        self.pane.replace_text(asked[self._history_at])
        self._leave_flags(asked[self._history_at])

    # Messages of the panes

    @on(VignettePane.HistoryWanted)
    def _walk(self, message: VignettePane.HistoryWanted) -> None:
        self.action_walk_history(message.step)

    @on(VignettePane.PasteRefused)
    def _refused(self, message: VignettePane.PasteRefused) -> None:
        self.app.tell(message.reason, severity="warning")
