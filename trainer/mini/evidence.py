"""What each token says about the condition, learned before the first step by a bag of tokens.

Role: a linear classifier over the mean of token vectors (Joulin et al. 2017, fastText) reads
ninety thousand generated vignettes in two minutes and names the condition of most; the transformer
alone took most of an hour to get half as far.  Vectors and classifier become a part of the model's
own weights (:mod:`trainer.mini.reader`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from diffdx_tui.engine.tokenizer import Tokenizer
from trainer.mini.documents import Author
from trainer.mini.prose import UnwritableCase
from trainer.mini.shapes import ask_for, draw_shape
from trainer.mini.telling import tell

ASKED = 0.7
"""Share of vignettes read behind a request, whose words say nothing of the condition."""

MARGIN, MARGIN_WEIGHT = 8.0, 0.1
"""A condition's score is above the margin where it is the right one and below it elsewhere: so the
few that are possible are positive, and nearly all others are not."""


@dataclass(frozen=True, slots=True)
class EvidenceRecipe:
    """How token vectors are learned.

    Attributes:
        size: dimensions of a token's evidence.
        vignettes: how many are drawn, evenly over the conditions.
        hidden: largest share of a vignette's tokens left out when it is read: no verdict may hang
            on a word or two.
        noisy: share of texts with chatter before them, up to *noise* characters: a long request, in
            words that no vignette has, must not weigh as if it were a case.
    """

    size: int = 60
    vignettes: int = 90_000
    steps: int = 2500
    together: int = 128
    rate: float = 5e-3
    decay: float = 0.3
    hidden: float = 0.6
    noisy: float = 0.85
    noise: int = 800


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the tokens.

    The mean of a text's vectors, brought to length :attr:`scale`, gives by its product with
    *verdict* a score of every condition, and with *constant* about one.

    Attributes:
        vectors: ``(tokens, size)``.
        verdict: ``(conditions, size)``.
        constant: ``(size,)``.
        usual: mean score of the right condition.
    """

    vectors: Tensor
    verdict: Tensor
    constant: Tensor
    usual: float

    def save(self, path: Path) -> None:
        """Write *path* whole."""
        fresh = path.with_suffix(".new")
        parts = {"vectors": self.vectors, "verdict": self.verdict, "constant": self.constant}
        save_file(parts | {"usual": torch.tensor(self.usual)}, fresh)
        fresh.replace(path)

    @classmethod
    def load(cls, path: Path) -> Evidence:
        """What :meth:`save` wrote."""
        parts = load_file(path)
        usual = float(parts["usual"])
        return cls(parts["vectors"], parts["verdict"], parts["constant"], usual)


_CHARACTERS = 5
"""Of a token of chatter, roughly."""

Read = tuple[list[int], int]
"""Token ids of a request and a vignette, and the number of the condition."""


def draw_reads(author: Author, tokenizer: Tokenizer, count: int, seed: int) -> Iterator[Read]:
    """*count* generated vignettes as token ids, the conditions in turn."""
    conditions = author.book.conditions
    for number in range(count):
        place = number % len(conditions)
        rng = random.Random(f"{seed}/evidence/{number}")
        case = author.contrasts.mislead(author.book.draw(rng, conditions[place]), rng)
        try:
            text = f"user\n{tell(author.book, case, rng).text}"
        except UnwritableCase:
            continue
        if rng.random() < ASKED:
            text = f"system\n{ask_for(draw_shape(rng), rng)}\n{text}"
        yield tokenizer.encode(text), place


def learn_evidence(
    reads: list[Read],
    tokenizer: Tokenizer,
    scale: float,
    recipe: EvidenceRecipe,
    seed: int,
    chatter: Sequence[str] = (),
) -> Evidence:
    """Vectors and verdict for all tokens; *scale* is the length a mean is brought to."""
    torch.manual_seed(seed)
    sentences = [tokenizer.encode(f" {sentence}") for sentence in chatter]
    longest = recipe.noise // _CHARACTERS

    def before(rng: random.Random) -> list[int]:
        ids: list[int] = []
        wanted = rng.randint(1, longest) if sentences and rng.random() < recipe.noisy else 0
        while len(ids) < wanted:
            ids += rng.choice(sentences)
        return ids[:wanted]

    rng = random.Random(f"{seed}/evidence")
    vectors = nn.EmbeddingBag(tokenizer.vocab_size, recipe.size, mode="mean")
    nn.init.normal_(vectors.weight, std=0.1)
    verdict = nn.Linear(recipe.size, 1 + max(place for _, place in reads), bias=False)
    parameters = [*vectors.parameters(), *verdict.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=recipe.rate, weight_decay=recipe.decay)
    for step in range(recipe.steps):
        left = (recipe.steps - step) / recipe.steps
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * min(1.0, 1.5 * left)
        chosen = [rng.choice(reads) for _ in range(recipe.together)]
        texts = [
            before(rng) + _thinned(ids, rng.random() * recipe.hidden, rng) for ids, _ in chosen
        ]
        scores = verdict(_pool(vectors, texts, scale))
        torch.autograd.backward(_loss(scores, torch.tensor([place for _, place in chosen])))
        optimiser.step()
        optimiser.zero_grad()
    return _settled(vectors, verdict, reads[:5000], scale)


def _loss(scores: Tensor, told: Tensor) -> Tensor:
    one = functional.one_hot(told, scores.shape[1]).float()
    apart = functional.binary_cross_entropy_with_logits(scores - MARGIN, one, reduction="none")
    return functional.cross_entropy(scores, told) + MARGIN_WEIGHT * apart.sum(1).mean()


@torch.no_grad()
def _settled(
    vectors: nn.EmbeddingBag, verdict: nn.Linear, reads: list[Read], scale: float
) -> Evidence:
    pooled = _pool(vectors, [ids for ids, _ in reads], scale)
    constant = torch.linalg.lstsq(pooled, torch.ones(len(pooled), 1)).solution[:, 0]
    right = verdict(pooled)[range(len(reads)), [place for _, place in reads]]
    return Evidence(vectors.weight.detach(), verdict.weight.detach(), constant, float(right.mean()))


def _thinned(ids: list[int], share: float, rng: random.Random) -> list[int]:
    return [id for id in ids if rng.random() >= share] or ids


def _pool(vectors: nn.EmbeddingBag, texts: list[list[int]], scale: float) -> Tensor:
    """The mean of every text's vectors at length *scale*, ``(texts, size)``."""
    starts: list[int] = []
    flat: list[int] = []
    for ids in texts:
        starts.append(len(flat))
        flat += ids
    mean = vectors(torch.tensor(flat), torch.tensor(starts))
    pooled: Tensor = scale * functional.normalize(mean)
    return pooled
