"""Rows packed into one sequence, and the order in which they come.

Role: a micro-batch is one flat sequence, the shared prefix first and then each row's own tokens;
nothing is padded.  Which rows come when is a pure function of lengths, seed and epoch, so a place
in it is two numbers.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor

from trainer.tuning.rows import Row

T = TypeVar("T")

SORTED_BATCHES = 8
"""Batches drawn together and sorted by length, so that rows of one batch are alike."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand in a packed sequence.

    Attributes:
        prefix: tokens at the start that every row sees.
        lengths: each row's own tokens, in order.
    """

    prefix: int
    lengths: tuple[int, ...]

    def spans(self) -> Iterator[tuple[int, int]]:
        """Start and end of each row's own tokens."""
        start = self.prefix
        for length in self.lengths:
            yield start, start + length
            start += length


@dataclass(frozen=True, slots=True)
class Packed:
    """A micro-batch.

    Attributes:
        names: ids of the rows.
        ids, positions: shape ``(1, tokens)``; positions count on from the prefix in every row.
        places: flat places whose next token is scored, shape ``(scored,)``.
        targets: those next tokens.
        owners: which row each scored token belongs to.
    """

    names: tuple[str, ...]
    layout: Layout
    ids: Tensor
    positions: Tensor
    places: Tensor
    targets: Tensor
    owners: Tensor

    @property
    def tokens(self) -> int:
        """Positions computed."""
        return self.ids.numel()

    @property
    def scored(self) -> int:
        """Number of scored tokens."""
        return len(self.targets)

    def to(self, device: torch.device) -> Packed:
        """The same on *device*."""
        return Packed(
            self.names,
            self.layout,
            self.ids.to(device),
            self.positions.to(device),
            self.places.to(device),
            self.targets.to(device),
            self.owners.to(device),
        )


def pack(rows: Sequence[Row], prefix: int) -> Packed:
    """*rows* as one sequence, their first *prefix* tokens, which must be equal, only once.

    With ``prefix == 0`` each row stands whole.
    """
    shared = rows[0].ids[:prefix]
    ids, positions = list(shared), list(range(prefix))
    places: list[int] = []
    targets: list[int] = []
    owners: list[int] = []
    for number, row in enumerate(rows):
        if row.ids[:prefix] != shared or prefix >= len(row.prompt):
            raise ValueError(f"row {row.id} does not share {prefix} tokens")
        # The token before the completion's first one predicts it.
        first = len(ids) + len(row.prompt) - prefix - 1
        places.extend(first + place for place in row.scored)
        targets.extend(row.completion[place] for place in row.scored)
        owners.extend([number] * len(row.scored))
        ids.extend(row.ids[prefix:])
        positions.extend(range(prefix, len(row)))
    return Packed(
        names=tuple(row.id for row in rows),
        layout=Layout(prefix, tuple(len(row) - prefix for row in rows)),
        ids=torch.tensor([ids]),
        positions=torch.tensor([positions]),
        places=torch.tensor(places),
        targets=torch.tensor(targets),
        owners=torch.tensor(owners),
    )


def order_batches(lengths: Sequence[int], batch: int, seed: int, epoch: int) -> list[list[int]]:
    """The row numbers of every batch of *epoch*, each row once; only the last drawn may be short.

    Rows are shuffled, sorted by length within groups of some batches, and the batches shuffled.
    """
    rng = random.Random(f"{seed}/{epoch}/order")
    numbers = list(range(len(lengths)))
    rng.shuffle(numbers)
    batches: list[list[int]] = []
    group = SORTED_BATCHES * batch
    for start in range(0, len(numbers), group):
        drawn = sorted(numbers[start : start + group], key=lambda number: lengths[number])
        batches += [drawn[place : place + batch] for place in range(0, len(drawn), batch)]
    rng.shuffle(batches)
    return batches


def split(rows: Sequence[T], micro_batch: int) -> list[list[T]]:
    """*rows* in parts of at most *micro_batch*, as even as can be."""
    parts = -(-len(rows) // micro_batch)
    ends = [round(len(rows) * part / parts) for part in range(parts + 1)] if parts else [0]
    return [list(rows[start:end]) for start, end in pairwise(ends)]
