"""From logits to one token.

Role: temperature, nucleus, repetition penalty and seed, and what to report of the choice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.engine.failures import NonFiniteLogits


@dataclass(frozen=True, slots=True)
class Choice:
    """A chosen token.

    Attributes:
        id: the token.
        logprob: natural log of its probability under the model itself, before penalty,
            temperature and mask.
        alternatives: likeliest (id, logprob) under the model itself, best first.
    """

    id: int
    logprob: float
    alternatives: tuple[tuple[int, float], ...]


class Sampler:
    """Chooses tokens by the settings; holds the random state of one answer."""

    def __init__(self, decoding: Decoding, prompt: list[int]) -> None:
        self._decoding = decoding
        self._generator = torch.Generator().manual_seed(decoding.seed)
        self._seen: set[int] = set()
        self.note_given(prompt)

    def note_chosen(self, ids: list[int]) -> None:
        """Count *ids* as written, for the repetition penalty."""
        if self._decoding.repetition_penalty != 1.0:
            self._seen.update(ids)

    def note_given(self, ids: list[int]) -> None:
        """Count prompt or forced *ids*, only if the settings penalise what was not chosen."""
        if self._decoding.penalise_prompt:
            self.note_chosen(ids)

    def choose(self, logits: Tensor, allowed: Tensor | None) -> Choice:
        """Choose from fp32 *logits* of shape ``(vocabulary,)`` where *allowed* is true.

        Raises:
            NonFiniteLogits: the logits hold NaN or infinity.
        """
        normaliser = float(torch.logsumexp(logits, dim=0))
        if not math.isfinite(normaliser):
            raise NonFiniteLogits(
                "the model gave NaN or infinite logits: load it in another precision (fp32)"
            )
        scores = self._penalised(logits)
        if allowed is not None:
            scores = scores.masked_fill(~allowed.to(scores.device), -math.inf)
        id = int(scores.argmax()) if self._decoding.temperature == 0 else self._sample(scores)
        return Choice(id, float(logits[id]) - normaliser, self._alternatives(logits, normaliser))

    def _penalised(self, logits: Tensor) -> Tensor:
        """The repetition penalty of Keskar et al. 2019, as transformers applies it."""
        penalty = self._decoding.repetition_penalty
        if penalty == 1.0 or not self._seen:
            return logits
        seen = torch.tensor(sorted(self._seen), device=logits.device)
        values = logits[seen]
        values = torch.where(values > 0, values / penalty, values * penalty)
        return logits.index_copy(0, seen, values)

    def _sample(self, scores: Tensor) -> int:
        """Temperature, top k, nucleus, one draw, in transformers' order; on the CPU, so that
        devices agree."""
        relative = (scores - scores.max()).cpu().double()  # a tiny temperature must not overflow
        probabilities = torch.softmax(relative / self._decoding.temperature, dim=0)
        if 0 < self._decoding.top_k < len(probabilities):
            kept = probabilities.topk(self._decoding.top_k).indices
            chosen = torch.zeros_like(probabilities).index_copy(0, kept, probabilities[kept])
            probabilities = chosen / chosen.sum()
        if self._decoding.top_p < 1.0:
            ranked, order = probabilities.sort(descending=True)
            outside = ranked.cumsum(0) - ranked >= self._decoding.top_p
            probabilities = probabilities.index_fill(0, order[outside], 0.0)
        return int(torch.multinomial(probabilities, 1, generator=self._generator))

    def _alternatives(self, logits: Tensor, normaliser: float) -> tuple[tuple[int, float], ...]:
        count = self._decoding.alternatives
        if not count:
            return ()
        values, ids = logits.topk(count)
        return tuple(
            (id, value - normaliser)
            for id, value in zip(ids.tolist(), values.tolist(), strict=True)
        )
