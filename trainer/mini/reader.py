"""Initial weights that already read: two heads take the mean of everything said so far.

Role: starts the model with the tokens' evidence (:mod:`trainer.mini.evidence`) gathered at every
place.  A query of nothing looks at every earlier token alike; the heads beside the copier's
matching heads share their values, which hold all the evidence, and write its mean into dimensions
of the residual stream that only the layer below needed.  What is to be said about it is left to
training.
"""

from __future__ import annotations

import torch
from transformers import Qwen2ForCausalLM

from trainer.mini.copier import Kept, held

LAYER = 1


@torch.no_grad()
def make_reader(model: Qwen2ForCausalLM, size: int, gain: float = 1.0) -> list[Kept]:
    """Let the second head of each group write the mean of the first *size* dimensions.

    Args:
        model: a copier made with evidence of *size* dimensions.
        gain: how many times longer the mean is written than it was read.

    Returns:
        The weights to keep after every step.
    """
    config = model.config
    groups, width = config.num_key_value_heads, config.hidden_size // config.num_attention_heads
    attention = model.model.layers[LAYER].self_attn
    place = slice(config.hidden_size - size, config.hidden_size)
    kept = []
    for group in range(2):
        head = group * (config.num_attention_heads // groups) + 1
        looks = slice(head * width, (head + 1) * width)
        values = attention.v_proj.weight[group * width : (group + 1) * width]
        attention.q_proj.weight[looks] = 0
        attention.q_proj.bias[looks] = 0
        attention.o_proj.weight[:, looks] = 0
        attention.o_proj.weight[place, looks] = gain * values[:, :size].T
        kept.append(held(attention.q_proj.weight, (looks,)))
        kept.append(held(attention.q_proj.bias, (looks,)))
        kept.append(held(attention.o_proj.weight, (slice(None), looks)))
    return kept
