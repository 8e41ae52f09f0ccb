"""Which tokens may come next: the answer's grammar as a token mask.

Role: the guided mode's lawmaker.  The grammar is derived from the domain's skeleton and covers
everything from the first tier's text to the closing brace; what stands before (skeleton and echo)
is prefilled.  llguidance computes the masks; tokens that span a slot's end and the punctuation
after it are allowed, so guided text is tokenised just as the model would write it freely.
"""

from __future__ import annotations

import json

import torch
from llguidance import LLMatcher

from diffdx_tui.domain.differential import Variant, skeleton_of
from diffdx_tui.engine.tokenizer import Tokenizer

# A slot's text: one character that is not white space, then any; escapes without \\u, because
# text is written as itself, and without the needless \\/.  C0, DEL and C1 controls are left out:
# JSON or terminals refuse them.
_FIRST = r'[^"\\\s\x00-\x20\x7f-\x9f]|\\["\\]'
_OTHER = r'[^"\\\x00-\x1f\x7f-\x9f]|\\["\\bfnrt]'


def grammar_of(variant: Variant) -> str:
    """The Lark grammar of an answer after its head."""
    slot = f"/({_FIRST})({_OTHER})*/"
    rules = [r"start: SLOT " + " SLOT ".join(map(json.dumps, skeleton_of(variant)[2:]))]
    return "\n".join([*rules, f"SLOT: {slot}"])


class Guide:
    """The grammar's state along one answer.

    Raises:
        RuntimeError: from :meth:`advance`, when a token is refused; the loop never offers one.
    """

    def __init__(self, tokenizer: Tokenizer, variant: Variant, width: int) -> None:
        """*width* is the logits' width, which may exceed the vocabulary."""
        grammar = LLMatcher.grammar_from_lark(grammar_of(variant))
        self._matcher = LLMatcher(tokenizer.guide, grammar)
        if self._matcher.is_error():
            raise RuntimeError(self._matcher.get_error())
        self._bits = torch.zeros((tokenizer.vocab_size + 31) // 32, dtype=torch.int32)
        self._shifts = torch.arange(32, dtype=torch.int32)
        self._allowed = torch.zeros(width, dtype=torch.bool)
        added = [id for id in tokenizer.added.values() if id < width]
        self._added = torch.tensor(added, dtype=torch.long)
        self._vocab_size = min(tokenizer.vocab_size, width)

    def allowed(self) -> torch.Tensor:
        """Mask over the logits: shape ``(width,)``, true where a token may come next."""
        self._matcher.unsafe_compute_mask_ptr(
            self._bits.data_ptr(), self._bits.numel() * self._bits.element_size()
        )
        bits = (self._bits.unsqueeze(1) >> self._shifts) & 1
        self._allowed[: self._vocab_size] = bits.view(-1)[: self._vocab_size].bool()
        self._allowed[self._added] = False
        return self._allowed

    def advance(self, ids: list[int]) -> None:
        """Follow *ids*."""
        if ids and not self._matcher.consume_tokens(ids):
            raise RuntimeError(f"the grammar refuses {ids}: {self._matcher.get_error()}")

    def retreat(self, count: int) -> None:
        """Forget the last *count* tokens."""
        if count:
            self._matcher.rollback(count)
