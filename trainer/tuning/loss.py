"""Cross-entropy of the scored tokens, in pieces, so that all logits never exist at once.

Role: the output head is frozen, so the loss's gradient with respect to the hidden states can be
taken piece by piece in the forward pass; a vocabulary of 152 thousand then costs a few megabytes
instead of gigabytes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

PIECE_BYTES, LEAST_ROWS = 8 * 2**20, 128
"""A piece's fp32 logits should stay in the cache, but few rows do not pay for reading the head."""


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Sum of the scored tokens' cross-entropy, and each of them apart (without gradient)."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, head: Tensor, targets: Tensor, piece: int
    ) -> tuple[Tensor, Tensor]:
        each = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
        gradient = None
        if ctx.needs_input_grad[0]:
            # fp32: with a scaled loss, half precision could overflow in backward.
            gradient = torch.empty(hidden.shape, dtype=torch.float32, device=hidden.device)
        for start in range(0, len(targets), piece):
            part = slice(start, start + piece)
            logits = functional.linear(hidden[part], head).float()
            normaliser = logits.logsumexp(dim=-1, keepdim=True)
            place = targets[part, None]
            each[part] = (normaliser - logits.gather(1, place))[:, 0]
            if gradient is not None:
                slope = logits.sub_(normaliser).exp_()
                slope.scatter_add_(1, place, torch.full_like(slope[:, :1], -1.0))
                gradient[part] = slope.to(head.dtype) @ head
        ctx.mark_non_differentiable(each)
        ctx.save_for_backward(gradient)
        ctx.dtype = hidden.dtype
        return each.sum(), each

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return (gradient * outer[0]).to(ctx.dtype), None, None, None


def scored_loss(hidden: Tensor, head: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Summed and single cross-entropies of *targets*.

    Args:
        hidden: final hidden states where a token is scored, shape ``(scored, width)``.
        head: output weights without gradient, shape ``(vocabulary, width)``.
        targets: shape ``(scored,)``.

    Returns:
        The sum (a scalar, with gradient), and each token's, shape ``(scored,)``, fp32.
    """
    piece = max(LEAST_ROWS, PIECE_BYTES // (4 * head.shape[0]))
    total, each = _ChunkedCrossEntropy.apply(hidden, head, targets, piece)
    return total, each
