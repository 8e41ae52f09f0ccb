"""Training rows: prompt and gold completion as token ids, each token with its loss weight.

Role: renders with the engine's own functions, so that training and inference see the same ids, and
decides what is worth learning.  The diagnosis names weigh most, the reasoning counts in full, the
echo half (guided decoding forces it, free mode has to copy it, and copying is learned late or
never at less), the vignette little, the system prompt nothing.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import accumulate

from diffdx_tui.domain.diagnosis import split_tier
from diffdx_tui.domain.differential import Slot, Variant, escape, skeleton_of, slots_of
from diffdx_tui.engine.prompt import completion_ids, prompt_ids
from diffdx_tui.engine.tokenizer import Tokenizer
from trainer.mini.answers import gold_answer
from trainer.mini.cases import Casebook
from trainer.mini.prose import write_vignette

LEADING_NAME, OTHER_NAME, REASONING, SKELETON, ECHO_WEIGHT, VIGNETTE = 6.0, 2.0, 1.0, 0.3, 0.5, 0.1


@dataclass(frozen=True, slots=True)
class Example:
    """One row.

    Attributes:
        ids: the whole conversation.
        weights: loss weight of *predicting* each id (the first is never predicted).
        condition: index of the condition in the casebook.
        vignette_start, vignette_end: the user turn's tokens.
        answer_start: the first token after the forced head (skeleton and echo).
    """

    ids: list[int]
    weights: list[float]
    condition: int
    vignette_start: int
    vignette_end: int
    answer_start: int


class ExampleMaker:
    """Makes example number *n* of a seed, always the same one."""

    def __init__(self, book: Casebook, tokenizer: Tokenizer, seed: int) -> None:
        self.book, self.tokenizer, self.seed = book, tokenizer, seed
        self._numbers = {condition.id: n for n, condition in enumerate(book.conditions)}
        # The frame around the user turn, from the one function that renders it.
        self._before = prompt_ids(tokenizer, Variant.A, "")
        self._after = len(
            [
                tokenizer.im_end,
                *tokenizer.encode("\n"),
                tokenizer.im_start,
                *tokenizer.encode("assistant\n"),
            ]
        )

    def make(self, number: int) -> Example:
        """Example *number*: chance comes from the seed and the number alone."""
        rng = random.Random(f"{self.seed}/{number}")
        case = self.book.draw(rng)
        vignette = write_vignette(self.book, case, rng)
        texts = gold_answer(case, vignette, rng)
        return self._weigh(vignette, texts, self._numbers[case.condition.id])

    def _weigh(self, vignette: str, texts: dict[Slot, str], condition: int) -> Example:
        prompt = prompt_ids(self.tokenizer, Variant.A, vignette)
        completion = completion_ids(self.tokenizer, Variant.A, texts)
        start = len(self._before) - self._after
        end = len(prompt) - self._after
        weights = [0.0] * start + [VIGNETTE] * (end - start) + [0.0] * self._after
        spans = answer_spans(texts)
        head = spans[0][0]
        ends = list(accumulate(len(self.tokenizer.token_bytes(id)) for id in completion[:-1]))
        starts = [0, *ends[:-1]]
        answer_start = len(prompt) + next(n for n, stop in enumerate(ends) if stop > head)
        echo_end = head - len(skeleton_of(Variant.A)[1].encode())
        echo_start = len(skeleton_of(Variant.A)[0].encode())
        for begin, stop in zip(starts, ends, strict=True):
            if echo_start <= begin < echo_end:
                weights.append(ECHO_WEIGHT)
                continue
            # A token counts as what its last byte belongs to.
            weights.append(next((w for low, high, w in spans if low < stop <= high), SKELETON))
        weights.append(REASONING)  # the closing <|im_end|>
        return Example([*prompt, *completion], weights, condition, start, end, answer_start)


def answer_spans(texts: dict[Slot, str]) -> list[tuple[int, int, float]]:
    """Byte spans of the tiers' parts in the rendered document, with their weights, in order."""
    pieces, slots = skeleton_of(Variant.A), slots_of(Variant.A)
    spans: list[tuple[int, int, float]] = []
    offset = len(pieces[0].encode())
    for slot, piece in zip(slots, pieces[1:], strict=True):
        text = escape(texts[slot])
        size = len(text.encode())
        if slot.field == "recommended_workup":
            spans.append((offset, offset + size, REASONING))
        elif slot.field != "symptoms":
            name = len(escape(split_tier(texts[slot]).diagnosis).encode())
            weight = LEADING_NAME if slot.field == "most_likely" else OTHER_NAME
            spans.append((offset, offset + name, weight))
            spans.append((offset + name, offset + size, REASONING))
        offset += size + len(piece.encode())
    return spans
