"""One answer while it arrives: events in, what can be shown out.

Role: the reducer between the engine's events and any view of them (panels, status line, plain
lines).  Knows no widget, so it is tested without a screen.  Late events of another answer change
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.differential import (
    ECHO,
    AnyDifferential,
    Slot,
    Variant,
    slots_of,
    texts_of,
)
from diffdx_tui.domain.events import (
    AnswerEvent,
    Cancelled,
    Failed,
    Finished,
    ModelInfo,
    NotSaved,
    RedFlagsFound,
    SlotClosed,
    SlotText,
    Started,
    State,
    Stats,
    TokenSampled,
)
from diffdx_tui.domain.verdict import Verdict


@dataclass(slots=True)
class SlotProgress:
    """A slot's text so far, and whether it is complete."""

    text: str = ""
    closed: bool = False
    finished: bool = True


@dataclass(slots=True)
class LiveAnswer:
    """Everything known about the answer on the screen.

    Attributes:
        answer_id: events of any other answer are dropped.
        submitted_at: clock reading of the request; the time to the first token counts from here.
        saved: whether the store records it.
        not_saved: why the store could not write it, though it should have.
        state: ``None`` while the request waits for the model.
        flags: what the red-flag rules say of its vignette, as soon as they have.
        fresh_flags: whether they came since the last :meth:`take_flags`.
        changed: slots touched since the last :meth:`take_changes`.
        fresh_tokens: tokens since the last :meth:`take_tokens`, as (text, forced).
    """

    answer_id: str
    variant: Variant
    decoding: Decoding
    submitted_at: float = 0.0
    saved: bool = True
    state: State | None = None
    model: ModelInfo | None = None
    slots: dict[Slot, SlotProgress] = field(default_factory=dict)
    sampled: int = 0
    forced: int = 0
    first_token_at: float | None = None
    last_token_at: float = 0.0
    verdict: Verdict | None = None
    differential: AnyDifferential | None = None
    stats: Stats | None = None
    raw: str = ""
    failure: Failed | None = None
    not_saved: str = ""
    flags: RedFlagsFound | None = None
    fresh_flags: bool = False
    changed: set[Slot] = field(default_factory=set)
    fresh_tokens: list[tuple[str, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._prepare(self.variant)

    def _prepare(self, variant: Variant) -> None:
        self.variant = variant
        self.slots = {slot: SlotProgress() for slot in slots_of(variant)}
        self.changed = set(self.slots)

    @property
    def running(self) -> bool:
        """Whether more events are to come."""
        return self.state in (None, State.STREAMING)

    @property
    def ttft(self) -> float | None:
        """Seconds to the first sampled token: the engine's figure, before it comes our own."""
        if self.stats is not None and self.stats.ttft_s:
            return self.stats.ttft_s
        if self.first_token_at is None:
            return None
        return self.first_token_at - self.submitted_at

    @property
    def tokens_per_s(self) -> float | None:
        """Sampled tokens per second after the first."""
        if self.stats is not None and self.stats.tokens_per_s:
            return self.stats.tokens_per_s
        if self.first_token_at is None or self.last_token_at <= self.first_token_at:
            return None
        return (self.sampled - 1) / (self.last_token_at - self.first_token_at)

    def apply(self, event: AnswerEvent, at: float = 0.0) -> bool:
        """Take in *event*, received at clock reading *at*; false when it is not ours."""
        if event.answer_id != self.answer_id:
            return False
        match event:
            case TokenSampled():
                self._count(event, at)
            case SlotText(slot=slot, text=text):
                self.slots.setdefault(slot, SlotProgress()).text += text
                self.changed.add(slot)
            case SlotClosed(slot=slot, finished=finished):
                progress = self.slots.setdefault(slot, SlotProgress())
                progress.closed, progress.finished = True, finished
                self.changed.add(slot)
            case RedFlagsFound():
                self.flags, self.fresh_flags = event, True
            case Started():
                self._start(event)
            case Finished():
                self._end(event, State.FINISHED)
            case Cancelled():
                self._end(event, State.CANCELLED)
            case NotSaved(message=message):
                self.saved, self.not_saved = False, message
            case Failed():
                self.failure = event
                self.state = State.FAILED
                self.changed.update(self.slots)
        return True

    def _start(self, event: Started) -> None:
        self.state, self.model, self.decoding = State.STREAMING, event.model, event.decoding
        self.sampled = self.forced = 0
        self.first_token_at = None
        self.fresh_tokens.clear()
        self._prepare(event.model.variant)

    def _count(self, event: TokenSampled, at: float) -> None:
        if event.forced:
            self.forced += 1
        else:
            self.sampled += 1
            self.last_token_at = at
            if self.first_token_at is None:
                self.first_token_at = at
        self.fresh_tokens.append((event.text, event.forced))

    def _end(self, event: Finished | Cancelled, state: State) -> None:
        self.state = state
        self.verdict, self.stats, self.raw = event.verdict, event.stats, event.raw
        self.differential = event.differential
        self.sampled = event.stats.tokens_sampled or self.sampled
        self.forced = event.stats.tokens_forced or self.forced
        for name in event.stats.unfinished:
            progress = self.slots.get(Slot.parse(name))
            if progress is not None:
                progress.finished = False
        if event.differential is not None:
            # The parsed document is the truth; the stream only led there.
            for slot, text in texts_of(event.differential).items():
                progress = self.slots.setdefault(slot, SlotProgress())
                progress.text, progress.closed = text, True
        self.changed.update(self.slots)

    def take_changes(self) -> set[Slot]:
        """The slots touched since the last call, the echo left out: nobody reads it twice."""
        changed, self.changed = self.changed, set()
        return changed - {ECHO}

    def take_flags(self) -> RedFlagsFound | None:
        """What the rules found, once."""
        fresh, self.fresh_flags = self.fresh_flags, False
        return self.flags if fresh else None

    def take_tokens(self) -> list[tuple[str, bool]]:
        """The tokens since the last call."""
        tokens, self.fresh_tokens = self.fresh_tokens, []
        return tokens


def describe_verdict(verdict: Verdict) -> str:
    """A verdict in a few words."""
    if verdict.strict:
        return "valid"
    if verdict.lenient:
        return "valid inside other text"
    if not verdict.violations:
        return "not valid"
    first = verdict.violations[0].name.replace("_", " ")
    more = len(verdict.violations) - 1
    return f"not valid: {first}" + (f" +{more}" if more else "")
