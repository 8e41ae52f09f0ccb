"""One line that says what is going on, in words, and what it cost.

Role: composes the line from the answer and the model; no clock and no animation, so it costs
nothing while nothing happens.
"""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from diffdx_tui.domain.decoding import Mode
from diffdx_tui.domain.events import State
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.ui.answering import Answering, ModelPhase
from diffdx_tui.ui.glyphs import UNICODE, Glyphs
from diffdx_tui.ui.live_answer import LiveAnswer, describe_verdict

_BRIEFEST = 2  # the line is worded in three lengths; the longest that fits is drawn


class StatusLine(Widget):
    """State, time to the first token, speed, tokens, verdict, saved or not."""

    DEFAULT_CSS = """
    StatusLine { height: 1; width: 1fr; padding: 0 1; color: $text-muted; background: $surface; }
    """

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._content = Content("")

    def show(self, answering: Answering) -> None:
        """Draw the present state, if it differs from what is drawn."""
        for brevity in range(_BRIEFEST + 1):
            content = self._joined(self._parts(answering, brevity))
            if content.cell_length <= self.content_size.width:
                break
        if not content.is_same(self._content):
            self._content = content
            self.refresh()

    def _joined(self, parts: list[Content]) -> Content:
        # In the line's own colour: each further change of colour costs forty bytes a drawing.
        return Content(f" {self._glyphs.dot} ").join([part for part in parts if part])

    @property
    def text(self) -> str:
        """The line as plain text."""
        return self._content.plain

    def render(self) -> Content:
        return self._content

    def _parts(self, answering: Answering, brevity: int) -> list[Content]:
        live = answering.live
        saved = not answering.choices.ephemeral if live is None else live.saved
        keeping = Content("saved" if saved else "ephemeral")
        if live is not None and live.not_saved:
            keeping = Content.styled("NOT SAVED", "bold $error")
        if live is None:
            settings = Content(describe_choices(answering))
            return [self._idle(answering), settings, Content("" if saved else "ephemeral")]
        if live.state is None and answering.model.phase is ModelPhase.LOADING:
            return [self._state(self._glyphs.waiting, "queued", "$accent"), self._load(answering)]
        state = self._answer_state(live)
        if not live.running and answering.model.phase is ModelPhase.LOADING:
            return [self._load(answering), state]
        return [state, *self._costs(live, brevity), self._verdict(live, brevity), keeping]

    def _state(self, glyph: str, word: str, colour: str) -> Content:
        return Content.styled(f"{glyph} {word}", f"bold {colour}")

    def _idle(self, answering: Answering) -> Content:
        model = answering.model
        if model.phase is ModelPhase.LOADING:
            return self._load(answering)
        if model.phase is ModelPhase.FAILED:
            word = f"model failed: {make_visible_line(model.message)}"
            room = max(self.content_size.width - 2, 10)
            clipped = Content(word).truncate(room, ellipsis=True).plain
            return self._state(self._glyphs.failed, clipped, "$error")
        if model.phase is ModelPhase.READY:
            return self._state(self._glyphs.idle, "ready", "$success")
        return self._state(self._glyphs.idle, "starting", "$foreground-muted")

    def _load(self, answering: Answering) -> Content:
        model = answering.model
        width = 10
        done = round(max(0.0, min(model.share, 1.0)) * width)
        bar = self._glyphs.bar * done + self._glyphs.rule * (width - done)
        stage = make_visible_line(f"{model.name}: {model.stage}")[:40]
        return Content.assemble(
            (f"{self._glyphs.waiting} loading ", "bold $accent"),
            (bar, "$accent"),
            f" {model.share:.0%} {stage}",
        )

    def _answer_state(self, live: LiveAnswer) -> Content:
        glyphs = self._glyphs
        match live.state:
            case None:
                return self._state(glyphs.waiting, "queued", "$accent")
            case State.STREAMING:
                return self._state(glyphs.running, "streaming", "$accent")
            case State.FINISHED:
                return self._state(glyphs.done, "finished", "$success")
            case State.FAILED:
                kind = str(live.failure.kind) if live.failure else ""
                return self._state(glyphs.failed, f"failed: {kind}", "$error")
            case _:
                return self._state(glyphs.unfinished, str(live.state), "$warning")

    def _costs(self, live: LiveAnswer, brevity: int) -> list[Content]:
        parts = []
        if live.ttft is not None:
            parts.append(Content(f"{'first' if brevity else 'first token'} {live.ttft:.2f} s"))
        if live.tokens_per_s is not None:
            parts.append(Content(f"{live.tokens_per_s:.0f} tok/s"))
        if live.sampled or live.forced:
            counts = f"{live.sampled} sampled + {live.forced} forced"
            if brevity == _BRIEFEST:
                counts = f"{live.sampled}+{live.forced} forced"
            parts.append(Content(counts))
        return parts

    def _verdict(self, live: LiveAnswer, brevity: int) -> Content:
        if live.verdict is None:
            return Content("")
        words = make_visible_line(describe_verdict(live.verdict))
        if brevity == _BRIEFEST:
            words = words.partition(":")[0]
        return Content.styled(words, "$success" if live.verdict.strict else "$warning")


def describe_choices(answering: Answering) -> str:
    """How the next answer will be decoded, in a few words."""
    decoding = answering.choices.decoding
    how = "greedy" if decoding.temperature == 0 else f"temperature {decoding.temperature:g}"
    mode = "guided" if decoding.mode is Mode.GUIDED else "free"
    return f"{mode}, {how}, seed {decoding.seed}"


def describe_model(answering: Answering, glyphs: Glyphs = UNICODE) -> str:
    """Model, device and precision for the end of the tabs row."""
    info = answering.model.info
    spec = answering.choices.spec
    mode = str(answering.choices.decoding.mode)
    if info is None:
        words = [spec.model, spec.precision, mode]
    else:
        words = [info.name, info.device, info.precision, mode]
    return f" {glyphs.dot} ".join(words)
