"""Several processes on one run: who computes which rows, and how their sums meet.

Role: plain data parallelism under ``torchrun`` or ``accelerate launch``.  Each process takes its
share of every batch's rows; the summed gradients are added up once a step.  As the loss is divided
by the batch's scored tokens, not averaged over processes, the sum is the one-process gradient.

Why not torch's ``DistributedDataParallel``: it exchanges gradients inside ``backward``, so all
processes must make the same backward calls.  Here one may have fewer rows than the others or none,
leave a step whose loss is not finite, or halve its micro-batch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

T = TypeVar("T")

_PATIENCE = timedelta(days=7)
"""The others wait while the first is paused or probing."""


class Ranks:
    """This process among all; without ``torchrun`` it is alone and everything is free of cost.

    Attributes:
        rank: of this process; 0 writes.
        world: number of processes.
    """

    def __init__(self) -> None:
        self.rank = int(os.environ.get("RANK", "0"))
        self.world = int(os.environ.get("WORLD_SIZE", "1"))

    def __enter__(self) -> Ranks:
        if self.world > 1:
            backend = "nccl" if torch.cuda.is_available() else "gloo"
            if backend == "nccl":  # or what is exchanged goes through the first GPU for all
                torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
            distributed.init_process_group(backend, timeout=_PATIENCE)
        return self

    def __exit__(self, *error: object) -> None:
        if self.world > 1:
            distributed.destroy_process_group()

    @property
    def writes(self) -> bool:
        """Whether this process writes the run's files."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> list[T]:
        """This process's part of *items*, every so-manieth: of sorted rows, alike parts."""
        return list(items[self.rank :: self.world])

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace *tensors* by their sums over all processes."""
        if self.world == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        distributed.all_reduce(flat)
        start = 0
        for tensor in tensors:
            end = start + tensor.numel()
            tensor.copy_(flat[start:end].view_as(tensor))
            start = end

    def gather(self, item: T) -> list[T]:
        """Every process's *item*, in order of rank, in every process."""
        if self.world == 1:
            return [item]
        items: list[Any] = [None] * self.world
        distributed.all_gather_object(items, item)
        return items

    def agree(self, item: T) -> T:
        """What the first process says."""
        if self.world == 1:
            return item
        items: list[Any] = [item]
        distributed.broadcast_object_list(items, src=0)
        agreed: T = items[0]
        return agreed
