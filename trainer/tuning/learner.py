"""One optimiser step and one evaluation: everything that touches weights, nothing that waits.

Role: accumulates token-normalised gradients over micro-batches, adds them up over processes, clips
and steps.  It knows no files, no clock and no person.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from diffdx_tui.domain.recipe import Recipe
from trainer.tuning.base import Base
from trainer.tuning.batches import Packed, pack, split
from trainer.tuning.distributed import Ranks
from trainer.tuning.rows import Row
from trainer.tuning.trouble import (
    TrainingFailed,
    describe_nonfinite,
    first_bad_module,
    memory_errors_named,
)


@dataclass(frozen=True, slots=True)
class RowLoss:
    """Mean loss of one row's scored tokens, and how many there are."""

    id: str
    loss: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Stepped:
    """What a step measured.

    Attributes:
        loss: mean negative log-likelihood a scored token, in nats.
        norm: of the gradient, before clipping.
        tokens: of the rows, prompts included, over all processes.
        rows: each row's own loss, as it was trained on.
    """

    loss: float
    norm: float
    tokens: int
    rows: tuple[RowLoss, ...]


class Learner:
    """Adapters, their optimiser, and how to move them.

    Attributes:
        micro_batch: rows a forward pass.
    """

    def __init__(
        self, base: Base, recipe: Recipe, prefix: int, micro_batch: int, ranks: Ranks
    ) -> None:
        """*prefix*: leading tokens that all rows share and a batch computes once."""
        self.base, self.recipe, self.ranks = base, recipe, ranks
        self.prefix, self.micro_batch = prefix, micro_batch
        self.parameters = list(base.adapters().values())
        self.optimiser = torch.optim.AdamW(
            self.parameters, lr=recipe.rate, weight_decay=recipe.weight_decay, fused=True
        )
        half = base.placement.dtype == torch.float16
        self.scaler = torch.amp.GradScaler(base.placement.device.type, enabled=half)

    def learn(
        self, rows: Sequence[Row], rate: float, step: int, between: Callable[[], None]
    ) -> Stepped:
        """One step on *rows* (of all processes) with *rate*.

        Args:
            step: its number, for messages.
            between: called before each micro-batch, and on the CPU, where one may take many
                seconds, also between layers; may raise to leave the step undone.

        Raises:
            TrainingFailed: loss or gradient is not finite; the weights are as before.
            MicroBatchTooLarge: out of memory; the weights are as before.
        """
        self.base.model.train()
        self.optimiser.zero_grad(set_to_none=True)
        scored = sum(len(row.scored) for row in rows)
        mine, losses, trouble = self.ranks.share(rows), list[RowLoss](), ""
        for part in split(mine, self.micro_batch):
            between()
            with memory_errors_named(), self._attending(between):
                batch = self._pack(part)
                loss, each = self.base.loss(batch)
                if not bool(torch.isfinite(loss)):
                    trouble = self._explain(batch, step)
                    break
                torch.autograd.backward(self.scaler.scale(loss / scored))
            losses += _by_row(batch, each)
        # All processes have to leave the step together, and the one that writes has to say why.
        for message in self.ranks.gather(trouble):
            if message:
                raise TrainingFailed(message)
        norm = self._move(rate, rows, step)
        measured = self._in_order(rows, losses)
        mean = sum(one.loss * one.tokens for one in measured) / scored
        return Stepped(mean, norm, sum(map(len, rows)), tuple(measured))

    @torch.no_grad()
    def evaluate(
        self, rows: Sequence[Row], between: Callable[[], None] = lambda: None
    ) -> list[RowLoss]:
        """The loss of each of *rows*, in order, without dropout."""
        self.base.model.eval()
        losses = list[RowLoss]()
        for part in split(self.ranks.share(rows), self.micro_batch):
            between()
            with memory_errors_named(), self._attending(between):
                batch = self._pack(part)
                _, each = self.base.loss(batch)
            losses += _by_row(batch, each)
        return self._in_order(rows, losses)

    def state(self) -> dict[str, Any]:
        """Optimiser and scaler, for a checkpoint."""
        return {"optimiser": self.optimiser.state_dict(), "scaler": self.scaler.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of :meth:`state`."""
        self.optimiser.load_state_dict(state["optimiser"])
        if state["scaler"]:  # empty if the run was in another precision until now
            self.scaler.load_state_dict(state["scaler"])

    @contextmanager
    def _attending(self, between: Callable[[], None]) -> Iterator[None]:
        """Inside the block *between* is called after each layer, on the way back too."""

        def attend(module: nn.Module, inputs: Any, output: Any) -> None:
            between()
            hidden = output[0] if isinstance(output, tuple) else output
            if hidden.requires_grad:
                hidden.register_hook(lambda slope: between())

        slow = self.base.placement.device.type == "cpu"
        handles = [one.register_forward_hook(attend) for one in self.base.layers() if slow]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _move(self, rate: float, rows: Sequence[Row], step: int) -> float:
        """Add up, unscale, clip, step; the gradient's norm."""
        for parameter in self.parameters:  # a process without rows has no gradients
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.ranks.add_up([one.grad for one in self.parameters if one.grad is not None])
        self.scaler.unscale_(self.optimiser)
        limit = self.recipe.clip or math.inf
        norm = float(nn.utils.clip_grad_norm_(self.parameters, limit))
        # With a scaler an overflow at first only means that the scale is too large: it skips the
        # step and halves.  Below 1 that is no longer what is wrong.
        hopeless = not self.scaler.is_enabled() or self.scaler.get_scale() < 1
        if not math.isfinite(norm) and hopeless:
            bad = (n for n, p in self.base.adapters().items() if not _is_finite(p.grad))
            names = tuple(row.id for row in rows)
            raise TrainingFailed(self._describe(step, "gradient", names, next(bad, None)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return norm

    def _in_order(self, rows: Sequence[Row], mine: list[RowLoss]) -> list[RowLoss]:
        """The losses of all processes in the order of *rows*, so that any sum is the same."""
        of = {one.id: one for share in self.ranks.gather(mine) for one in share}
        return [of[row.id] for row in rows]

    def _pack(self, rows: Sequence[Row]) -> Packed:
        return pack(rows, self.prefix).to(self.base.placement.device)

    def _explain(self, batch: Packed, step: int) -> str:
        with torch.no_grad(), first_bad_module(self.base.model) as found:
            self.base.loss(batch)
        module = found[0].removeprefix("base_model.model.") if found else None
        return self._describe(step, "loss", batch.names, module)

    def _describe(self, step: int, what: str, rows: tuple[str, ...], module: str | None) -> str:
        return describe_nonfinite(step, what, rows, module, self.recipe.rate)


def _by_row(batch: Packed, each: torch.Tensor) -> list[RowLoss]:
    """*each* token's loss as means over the rows of *batch*."""
    counts = torch.bincount(batch.owners, minlength=len(batch.names))
    sums = torch.zeros(len(batch.names), device=each.device).index_add_(0, batch.owners, each)
    return [
        RowLoss(name, float(one) / int(count), int(count))
        for name, one, count in zip(batch.names, sums, counts, strict=True)
    ]


def _is_finite(gradient: torch.Tensor | None) -> bool:
    return gradient is None or bool(torch.isfinite(gradient).all())
