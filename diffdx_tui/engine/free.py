"""Free decoding: what the model does by itself, with nothing repaired.

Role: the mode in which schema adherence is measured.  Plain sampling until a stop token or the
budget; the panels are fed by a reader that shows what parses and guesses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.events import SlotClosed, SlotText, TokenSampled
from diffdx_tui.domain.slot_reader import SlotReader
from diffdx_tui.engine.sampling import Sampler
from diffdx_tui.engine.sequence import Sequence
from diffdx_tui.engine.transcript import Transcript

StreamEvent = TokenSampled | SlotText | SlotClosed


class FreeLoop:
    """One free answer.

    Attributes:
        stopped: whether cancel ended it.
    """

    def __init__(
        self,
        variant: Variant,
        stop_ids: frozenset[int],
        sequence: Sequence,
        sampler: Sampler,
        transcript: Transcript,
        answer_id: str,
    ) -> None:
        self._stop_ids = stop_ids
        self._sequence, self._sampler, self._transcript = sequence, sampler, transcript
        self._answer_id = answer_id
        self._reader = SlotReader(variant)
        self.stopped = False

    def run(self, decoding: Decoding, cancelled: Callable[[], bool]) -> Iterator[StreamEvent]:
        """Generate until a stop token, the budget, or cancel."""
        for _ in range(decoding.max_new_tokens):
            if cancelled():
                self.stopped = True
                break
            choice = self._sampler.choose(self._sequence.logits(), None)
            self._transcript.clock()
            if choice.id in self._stop_ids:
                break
            self._sequence.append([choice.id])
            self._sampler.note_chosen([choice.id])
            token = self._transcript.write_sampled(choice)
            yield token
            yield from self._read(token.text)
        yield from self._read(self._transcript.finish())

    def _read(self, text: str) -> Iterator[StreamEvent]:
        for piece in self._reader.feed(text):
            if piece.text:
                yield SlotText(self._answer_id, piece.slot, piece.text)
            if piece.closed:
                yield SlotClosed(self._answer_id, piece.slot)
