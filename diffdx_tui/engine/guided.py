"""Guided decoding: the answer is valid JSON by construction, at any budget and on cancel.

Role: the default loop.  Skeleton and verbatim echo are forced and prefilled together with the
prompt; only the tiers' text is sampled, under the grammar's mask.  These rules keep the promise:

* Tokens that leave half a character or half an escape are held back until it is complete; only
  complete text is emitted.  If the loop must close before, they are dropped.
* A token is sampled only while the cost of closing everything after it still fits the budget; a
  slot may not spend what the later slots need for a fair share.
* A slot that goes round in circles is closed, as it would be for want of budget.
* A slot closed early says so, in its text and in the statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.differential import ECHO, UNFINISHED, Variant, skeleton_of, slots_of
from diffdx_tui.domain.events import SlotClosed, SlotText, TokenSampled
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.engine.circles import goes_in_circles
from diffdx_tui.engine.failures import BudgetTooSmall
from diffdx_tui.engine.guide import Guide
from diffdx_tui.engine.prompt import head_ids
from diffdx_tui.engine.sampling import Choice, Sampler
from diffdx_tui.engine.sequence import Sequence
from diffdx_tui.engine.tokenizer import Tokenizer
from diffdx_tui.engine.tracker import DocumentTracker
from diffdx_tui.engine.transcript import Transcript

StreamEvent = TokenSampled | SlotText | SlotClosed


@dataclass(frozen=True)
class ClosingCosts:
    """What closing costs in tokens, per tier slot (the echo is prefilled and not counted).

    Attributes:
        bare: close a slot that has no text: marker, then the literal after it.
        worst: close a slot in whatever state it is.
    """

    tokenizer: Tokenizer
    variant: Variant

    @cached_property
    def bare(self) -> tuple[int, ...]:
        return tuple(self._cost(UNFINISHED + literal) for literal in self._literals)

    @cached_property
    def worst(self) -> tuple[int, ...]:
        return tuple(
            max(
                self._cost(UNFINISHED + literal),
                self._cost(f" {UNFINISHED}{literal}"),
                # The model closes the slot itself and stops anywhere inside the literal.
                *(self._cost(literal[offset:]) for offset in range(1, len(literal))),
            )
            for literal in self._literals
        )

    @property
    def minimum(self) -> int:
        """The smallest budget at which the document can be closed."""
        return sum(self.bare)

    @property
    def _literals(self) -> tuple[str, ...]:
        return skeleton_of(self.variant)[2:]

    def _cost(self, text: str) -> int:
        return len(self.tokenizer.encode(text))


class GuidedLoop:
    """One guided answer.

    Attributes:
        unfinished: names of the slots closed by budget or cancel, or going in circles, so far.
        stopped: whether cancel ended it.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        variant: Variant,
        costs: ClosingCosts,
        guide: Guide,
        sequence: Sequence,
        sampler: Sampler,
        transcript: Transcript,
        answer_id: str,
    ) -> None:
        self._tokenizer, self._variant, self._costs = tokenizer, variant, costs
        self._guide, self._sequence, self._sampler = guide, sequence, sampler
        self._transcript, self._answer_id = transcript, answer_id
        self._tracker = DocumentTracker(variant)
        self._held: list[Choice] = []
        self._held_bytes = b""
        self._used = 0
        self._written: list[int] = []  # ids of the open slot's text
        self.unfinished: list[str] = []
        self.stopped = False

    def run(
        self, vignette: Vignette, decoding: Decoding, cancelled: Callable[[], bool]
    ) -> Iterator[StreamEvent]:
        """Generate the answer.

        Raises:
            BudgetTooSmall: ``max_new_tokens`` is below the cost of closing.
        """
        budget = decoding.max_new_tokens
        if budget < self._costs.minimum:
            raise BudgetTooSmall(
                f"max_new_tokens is {budget}, but a valid answer of this model takes at least "
                f"{self._costs.minimum}"
            )
        yield from self._write_head(vignette)
        while not self._tracker.done:
            if self._tracker.rest:
                yield from self._force(self._tracker.rest)
                continue
            self.stopped = self.stopped or cancelled()
            circles = goes_in_circles(self._written)
            if self.stopped or circles or not self._affordable(budget):
                yield from self._close_early()
            else:
                yield from self._sample()

    def _write_head(self, vignette: Vignette) -> Iterator[StreamEvent]:
        head = head_ids(self._tokenizer, self._variant, vignette.text)
        self._sequence.append(head)
        self._sampler.note_given(head)
        yield from map(self._transcript.write_forced, head)
        yield SlotText(self._answer_id, ECHO, vignette.text)
        yield SlotClosed(self._answer_id, ECHO)

    def _affordable(self, budget: int) -> bool:
        """Whether one more token leaves room to close, and its share to every later slot."""
        index = self._tracker.index
        count = len(slots_of(self._variant)) - 1
        later = count - index - 1
        spare = max(budget - sum(self._costs.worst), 0)
        share = spare // (2 * count)
        after = self._used + len(self._held) + 1
        closing = self._costs.worst[index] + sum(self._costs.bare[index + 1 :])
        return after + closing + share * later <= budget

    def _sample(self) -> Iterator[StreamEvent]:
        choice = self._sampler.choose(self._sequence.logits(), self._guide.allowed())
        self._transcript.clock()
        self._guide.advance([choice.id])
        self._sequence.append([choice.id])
        self._held.append(choice)
        self._held_bytes += self._tokenizer.token_bytes(choice.id)
        if _ends_clean(self._held_bytes):
            yield from self._release()

    def _release(self) -> Iterator[StreamEvent]:
        """Emit the held tokens; they end at a complete character."""
        for choice in self._held:
            yield self._transcript.write_sampled(choice)
        self._sampler.note_chosen([choice.id for choice in self._held])
        self._used += len(self._held)
        index, ids = self._tracker.index, [choice.id for choice in self._held]
        data, self._held, self._held_bytes = self._held_bytes, [], b""
        yield from self._follow(data)
        self._written = self._written + ids if self._tracker.index == index else []

    def _close_early(self) -> Iterator[StreamEvent]:
        """Close the open slot with the marker, dropping what is held back."""
        self._guide.retreat(len(self._held))
        self._sequence.drop(len(self._held))
        self._held, self._held_bytes = [], b""
        slot = self._tracker.slot
        assert slot is not None
        self.unfinished.append(slot.name)
        marker = f" {UNFINISHED}" if self._tracker.has_text else UNFINISHED
        literal = skeleton_of(self._variant)[2 + self._tracker.index]
        yield from self._force(marker + literal, finished=False)

    def _force(self, text: str, *, finished: bool = True) -> Iterator[StreamEvent]:
        ids = self._tokenizer.encode(text)
        self._guide.advance(ids)
        self._sequence.append(ids)
        self._sampler.note_given(ids)
        self._used += len(ids)
        self._written = []
        yield from map(self._transcript.write_forced, ids)
        yield from self._follow(text.encode(), finished=finished)

    def _follow(self, data: bytes, *, finished: bool = True) -> Iterator[StreamEvent]:
        for addition in self._tracker.feed(data):
            if addition.text:
                yield SlotText(self._answer_id, addition.slot, addition.text)
            if addition.closed:
                yield SlotClosed(self._answer_id, addition.slot, finished)


def _ends_clean(data: bytes) -> bool:
    """Whether *data*, begun at a clean point, ends with no half character and no half escape."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return (len(text) - len(text.rstrip("\\"))) % 2 == 0
