"""How many rows fit into memory at once.

Role: a first guess for the micro-batch from the model's shape and the free memory.  A guess that
is too high is mended by the loop, which halves; one that is too low costs little, because rows are
packed without padding and a few thousand tokens keep any device busy.
"""

from __future__ import annotations

from typing import Any

import psutil
import torch

from trainer.tuning.base import Base

_SHARE_OF_FREE = 0.5
_MOST_BYTES = {"cpu": 2**30, "cuda": 2**36}
"""A CPU is busy with a few hundred tokens: more at once would only cost memory."""


def bytes_per_token(config: Any, dtype: torch.dtype) -> int:
    """Memory that one token's activations hold until the backward pass, by the model's shape.

    Counted per layer: the gate and the way up of the inner width; and of the hidden width two
    residuals, two norms' outputs, queries, keys, values and the attention's output twice.
    """
    size = torch.finfo(dtype).bits // 8
    layer = (2 * config.intermediate_size + 10 * config.hidden_size) * size
    return int(config.num_hidden_layers * layer)


def choose_micro_batch(base: Base, batch: int, longest: int) -> int:
    """Rows a forward pass: the most that surely fit and still bring speed, at least one.

    Args:
        batch: rows a step.
        longest: tokens of the longest row.
    """
    device = base.placement.device
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
    else:
        free = psutil.virtual_memory().available
    each = bytes_per_token(base.model.config, base.placement.dtype)
    room = min(_SHARE_OF_FREE * free, _MOST_BYTES[device.type])
    return max(1, min(batch, int(room / each) // longest))
