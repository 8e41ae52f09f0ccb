"""Attention over a packed sequence: each row sees the shared prefix and itself.

Role: the attention function that the model calls during training (registered with transformers
under :data:`NAME`), so that one forward pass over a flat sequence computes what separate rows
would.  The prefix's keys and values stay in the graph, so the adapter's gradients are those of
separate rows, to rounding.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention.bias import causal_lower_right
from transformers import AttentionInterface

from diffdx_tui.engine.failures import ModelUnavailable
from trainer.tuning.batches import Layout

NAME = "diffdx_packed"


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    layout: Layout | None = None,
    sliding_window: int | None = None,
    **ignored: Any,
) -> tuple[Tensor, None]:
    """Causal attention; shapes ``(1, heads, tokens, width)`` in, ``(1, tokens, heads, width)`` out.

    Args:
        layout: how the sequence is packed; without one it is a single text, perhaps the
            continuation of a cached one.
    """
    if sliding_window is not None:
        raise ModelUnavailable("models with a sliding window cannot be trained here")
    if layout is None:
        output = _causal(query, key, value, scaling)
        return output.transpose(1, 2).contiguous(), None
    head = slice(0, layout.prefix)
    parts: list[Tensor] = []
    for start, end in layout.spans():
        # The prefix's queries run again with each row: a plain causal product skips what is hidden,
        # which saves more than the few queries cost.
        row = [
            torch.cat((part[:, :, head], part[:, :, start:end]), dim=2)
            for part in (query, key, value)
        ]
        output = _causal(row[0], row[1], row[2], scaling)
        parts.append(output if not parts else output[:, :, layout.prefix :])
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None


def _causal(query: Tensor, key: Tensor, value: Tensor, scaling: float | None) -> Tensor:
    """The last query sees all keys, the one before all but one, and so on."""
    queries, keys = query.shape[2], key.shape[2]
    grouped = query.shape[1] != key.shape[1]
    if queries == keys:
        return functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scaling, enable_gqa=grouped
        )
    mask = causal_lower_right(queries, keys)
    return functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, scale=scaling, enable_gqa=grouped
    )


AttentionInterface.register(NAME, attend)
