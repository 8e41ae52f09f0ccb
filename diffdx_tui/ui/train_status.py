"""The two lines under a run or a form: what was asked or said last, and how it stands.

Role: words for the Train screen from a :class:`~diffdx_tui.ui.train_feed.RunFeed`, and the keys
that make sense in its state.
"""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.store.run_records import RunState
from diffdx_tui.ui.chrome import Key
from diffdx_tui.ui.glyphs import UNICODE, Glyphs
from diffdx_tui.ui.train_feed import RunFeed
from diffdx_tui.ui.train_line import Line
from diffdx_tui.ui.train_words import (
    describe_asked,
    describe_confirmed,
    describe_phase,
    describe_prediction,
    describe_progress,
    state_mark,
)

_EVERYWHERE = (
    Key("F1", "help", "app.help"),
    Key("Esc", "back", "screen.leave"),
    Key("^P", "palette", "app.palette"),
    Key("^Q", "quit", "app.quit"),
)
FORM_KEYS = (
    Key("F5", "start", "screen.start"),
    Key("F2", "what is learned", "screen.preview"),
    Key("F3", "pre-flight", "screen.preflight"),
    Key("F4", "base", "screen.pick_base"),
    Key("F6", "ablation", "screen.pick_ablation"),
    *_EVERYWHERE,
)
_CURVE_KEYS = (
    Key("Left/Right", "inspect", "screen.inspect"),
    Key("+/-", "zoom", "screen.zoom_in"),
    Key("[/]", "smooth", "screen.smooth(1)"),
    Key("l", "log", "screen.log"),
    Key("m", "measure", "screen.turn_measure"),
    Key("n", "new", "screen.new_run"),
    Key("F2", "texts", "screen.swap_panes"),
    Key("t", "rows", "screen.show_rows"),
    *_EVERYWHERE,
)
_PAUSE = Key("p", "pause", "screen.pause")
_GO_ON = Key("p", "go on", "screen.pause")
_SAVE = Key("s", "save", "screen.save")
_STOP = Key("x", "stop", "screen.stop")
_EXPLORE = Key("e", "to Explore", "screen.explore")


def live_keys(state: RunState | None) -> tuple[Key, ...]:
    """The keys for a run in *state*; ``None`` before it is known."""
    if state is None:
        return _CURVE_KEYS
    if state is RunState.FINISHED:
        return (_EXPLORE, *_CURVE_KEYS)
    if state is RunState.STOPPED:
        return (_GO_ON, _EXPLORE, *_CURVE_KEYS)
    if not state.is_live:
        return (_GO_ON, *_CURVE_KEYS)
    return (_GO_ON if state is RunState.PAUSED else _PAUSE, _SAVE, _STOP, *_CURVE_KEYS)


class TrainStatus(Vertical):
    """The last word, and the state with its figures."""

    DEFAULT_CSS = """
    TrainStatus { height: 2; width: 1fr; }
    TrainStatus Line { background: $surface; }
    """

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        yield Line(id="word")
        yield Line(id="status")

    def say(self, text: str) -> None:
        """What goes on where no run is shown."""
        self.query_one("#status", Line).show(Content(text))

    def complain(self, text: str) -> None:
        """What is wrong with the form; nothing clears it."""
        words = Content.styled(make_visible_line(text), "$error")
        self.query_one("#word", Line).show(words)

    def show(self, feed: RunFeed) -> None:
        """Draw how the run stands."""
        self.query_one("#word", Line).show(self._last_word(feed))
        status = feed.status
        if status is None:
            return
        line = feed.lines[-1] if feed.lines else None
        mark = state_mark(status.state, self._glyphs)
        parts: list[Content | str] = [mark, describe_phase(status)]
        parts += describe_progress(status, line)
        self.query_one("#status", Line).show_parts(parts, self._glyphs.dot)

    def _last_word(self, feed: RunFeed) -> Content:
        """What was asked and not yet confirmed; else why it ended, what it noticed or obeyed."""
        status = feed.status
        asked = feed.asked | set(status.pending if status else ())
        if asked:
            words = describe_asked(sorted(asked), self._glyphs.ellipsis)
            return Content.styled(words, "bold $accent")
        if status is not None and status.message:
            bad = status.state in (RunState.FAILED, RunState.DEAD)
            colour = "$error" if bad else "$warning"
            return Content.styled(make_visible_line(status.message), colour)
        if not feed.is_live and feed.record is not None:
            predicted, measured = map(feed.record.facts.get, ("predicted", "measured"))
            if isinstance(predicted, dict):
                measured = measured if isinstance(measured, dict) else {}
                return Content(describe_prediction(predicted, measured, feed.lines))
        if feed.confirmed is not None:
            return Content(describe_confirmed(*feed.confirmed))
        return Content(feed.notices[-1] if feed.notices else "")
