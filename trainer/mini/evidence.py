"""What each token says about the condition, learned before the first step by a bag of tokens.

Role: a linear classifier over the mean of token vectors (Joulin et al. 2017, fastText) reads a
hundred thousand generated vignettes in a minute and names the condition of most; the transformer
alone took most of an hour to get half as far.  Its token vectors become a part of the model's own
(:mod:`trainer.mini.reader`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from diffdx_tui.engine.tokenizer import Tokenizer
from trainer.mini.documents import Author
from trainer.mini.prose import UnwritableCase
from trainer.mini.telling import tell

GAIN = 10.0
"""The mean of many token vectors is short: the classifier reads it so many times longer."""


@dataclass(frozen=True, slots=True)
class EvidenceRecipe:
    """How token vectors are learned.

    Attributes:
        size: dimensions of a token's evidence.
        vignettes: how many are drawn, evenly over the conditions.
        hidden: largest share of a vignette's tokens left out when it is read: no verdict may hang
            on a word or two.
    """

    size: int = 60
    vignettes: int = 90_000
    steps: int = 2500
    together: int = 128
    rate: float = 5e-3
    decay: float = 0.1
    hidden: float = 0.6


Read = tuple[list[int], int]
"""Token ids of a user turn and the number of its condition."""


def draw_reads(author: Author, tokenizer: Tokenizer, count: int, seed: int) -> Iterator[Read]:
    """*count* generated vignettes as token ids, the conditions in turn."""
    conditions = author.book.conditions
    for number in range(count):
        place = number % len(conditions)
        rng = random.Random(f"{seed}/evidence/{number}")
        case = author.contrasts.mislead(author.book.draw(rng, conditions[place]), rng)
        try:
            yield tokenizer.encode(f"user\n{tell(author.book, case, rng).text}"), place
        except UnwritableCase:
            continue


def learn_evidence(reads: list[Read], tokens: int, recipe: EvidenceRecipe, seed: int) -> Tensor:
    """One vector per token, ``(tokens, recipe.size)``."""
    torch.manual_seed(seed)
    rng = random.Random(f"{seed}/evidence")
    vectors = nn.EmbeddingBag(tokens, recipe.size, mode="mean")
    nn.init.normal_(vectors.weight, std=0.1)
    verdict = nn.Linear(recipe.size, 1 + max(place for _, place in reads))
    parameters = [*vectors.parameters(), *verdict.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=recipe.rate, weight_decay=recipe.decay)
    for step in range(recipe.steps):
        left = (recipe.steps - step) / recipe.steps
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * min(1.0, 1.5 * left)
        chosen = [rng.choice(reads) for _ in range(recipe.together)]
        texts = [_thinned(ids, rng.random() * recipe.hidden, rng) for ids, _ in chosen]
        guess = verdict(_pool(vectors, texts))
        told = torch.tensor([place for _, place in chosen])
        torch.autograd.backward(functional.cross_entropy(guess, told))
        optimiser.step()
        optimiser.zero_grad()
    return vectors.weight.detach()


def _thinned(ids: list[int], share: float, rng: random.Random) -> list[int]:
    return [id for id in ids if rng.random() >= share] or ids


def _pool(vectors: nn.EmbeddingBag, texts: list[list[int]]) -> Tensor:
    """The long mean of every text's vectors, ``(texts, size)``."""
    starts: list[int] = []
    flat: list[int] = []
    for ids in texts:
        starts.append(len(flat))
        flat += ids
    pooled: Tensor = GAIN * vectors(torch.tensor(flat), torch.tensor(starts))
    return pooled
