"""What has been written so far: tokens to text to events, and the counts.

Role: shared by the guided and the free loop, so that both report tokens, times and raw text alike.
"""

from __future__ import annotations

import codecs
import time

from diffdx_tui.domain.events import Stats, TokenSampled
from diffdx_tui.engine.sampling import Choice
from diffdx_tui.engine.tokenizer import Tokenizer


class Transcript:
    """Collects the raw text of one answer and times it.

    Attributes:
        raw: the text so far, complete characters only.
        sampled: number of tokens chosen by the model.
        forced: number of tokens that were not a choice.
    """

    def __init__(self, tokenizer: Tokenizer, answer_id: str, prompt_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._answer_id = answer_id
        self._prompt_tokens = prompt_tokens
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._parts: list[str] = []
        self._start = time.perf_counter()
        self._first: float | None = None
        self._last = self._start
        self.sampled = 0
        self.forced = 0

    @property
    def raw(self) -> str:
        """Everything written so far."""
        return "".join(self._parts)

    def clock(self) -> None:
        """Note that a token was chosen now."""
        self._last = time.perf_counter()
        if self._first is None:
            self._first = self._last

    def write_forced(self, id: int) -> TokenSampled:
        """Write a token that was no choice."""
        self.forced += 1
        return TokenSampled(self._answer_id, id, self._write(id), 0.0, forced=True)

    def write_sampled(self, choice: Choice) -> TokenSampled:
        """Write a chosen token."""
        self.sampled += 1
        alternatives = tuple(
            (self._tokenizer.decode([id]), logprob) for id, logprob in choice.alternatives
        )
        text = self._write(choice.id)
        return TokenSampled(
            self._answer_id,
            choice.id,
            text,
            choice.logprob,
            forced=False,
            alternatives=alternatives,
        )

    def finish(self) -> str:
        """Close the text; a character cut off by the end shows as ``\\ufffd``."""
        rest = self._decoder.decode(b"", final=True)
        self._parts.append(rest)
        return rest

    def stats(self, unfinished: list[str]) -> Stats:
        """The costs so far."""
        first = self._first or self._last
        span = self._last - first
        return Stats(
            ttft_s=first - self._start,
            total_s=time.perf_counter() - self._start,
            tokens_prompt=self._prompt_tokens,
            tokens_sampled=self.sampled,
            tokens_forced=self.forced,
            tokens_per_s=(self.sampled - 1) / span if span > 0 and self.sampled > 1 else 0.0,
            unfinished=tuple(unfinished),
        )

    def _write(self, id: int) -> str:
        text = self._decoder.decode(self._tokenizer.token_bytes(id))
        self._parts.append(text)
        return text
