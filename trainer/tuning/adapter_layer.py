"""A frozen linear layer with a trained low-rank update beside it, lean in memory and time.

Role: PEFT's layer computes the same, but keeps an fp32 copy and a dropout mask of every input for
the backward pass and draws each mask number by number; on a CPU that costs more than the layer
itself.  Here the input alone is kept; weights are dequantised, and masks drawn, again when needed.
Registered with PEFT as a layer of its own, so names, saving and loading are PEFT's.
"""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.lora import LoraConfig
from peft.tuners.lora.layer import LoraLayer
from torch import Tensor, nn
from torch.nn import functional

from diffdx_tui.engine.projection import LowRank

_STEPS = 65_536  # a mask is drawn from 16-bit numbers, four to a draw of the generator


class LeanLoraLinear(nn.Module, LoraLayer):
    """``y = W x + b + scale * B A dropout(x)``; W and b frozen, A and B multiplied in x's type."""

    def __init__(
        self,
        base_layer: nn.Module,
        adapter_name: str,
        config: LoraConfig,
        r: int = 0,
        lora_alpha: int = 1,
        **ignored: Any,
    ) -> None:
        super().__init__()
        LoraLayer.__init__(self, base_layer)
        self._active_adapter = adapter_name
        self.update_layer(adapter_name, r, lora_alpha=lora_alpha, config=config)

    def forward(self, x: Tensor) -> Tensor:
        """Shape ``(..., in)`` to ``(..., out)``, in the type of *x*."""
        layer = self.get_base_layer()
        if torch.is_autocast_enabled(x.device.type):  # a norm before it may have widened x
            x = x.to(torch.get_autocast_dtype(x.device.type))
        if self.disable_adapters:
            return functional.linear(x, dense_weight(layer, x.dtype), layer.bias)
        name = self.active_adapters[0]
        # Without dropout PEFT puts an identity there, which has no probability.
        dropout = getattr(self.lora_dropout[name], "p", 0.0) if self.training else 0.0
        down, up = self.lora_A[name].weight, self.lora_B[name].weight
        output: Tensor = _Update.apply(x, layer, down, up, self.scaling[name], dropout)
        return output

    def update(self) -> LowRank:
        """The trained update as it is now, apart from the graph."""
        name = self.active_adapters[0]
        down, up = self.lora_A[name].weight, self.lora_B[name].weight
        return LowRank(down.detach(), up.detach(), self.scaling[name])


def dense_weight(layer: Any, dtype: torch.dtype) -> Tensor:
    """The layer's weight, shape ``(out, in)``, dequantised if it is 4-bit."""
    weight = layer.weight
    state = getattr(weight, "quant_state", None)
    if state is None:
        return weight.to(dtype)
    from bitsandbytes.functional import dequantize_4bit

    dense: Tensor = dequantize_4bit(weight.data, state).to(dtype)
    return dense


class _Update(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, layer: Any, down: Tensor, up: Tensor, scale: float, dropout: float
    ) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        ctx.seed = int(torch.randint(2**62, ())) if dropout else None
        inner = _drop(flat, ctx.seed, dropout) @ down.to(x.dtype).t()
        y = functional.linear(flat, dense_weight(layer, x.dtype), layer.bias)
        y.addmm_(inner, up.to(x.dtype).t(), alpha=scale)
        ctx.save_for_backward(x, inner, down, up)
        ctx.layer, ctx.scale, ctx.dropout = layer, scale, dropout
        return y.view(*x.shape[:-1], y.shape[-1])

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        x, inner, down, up = ctx.saved_tensors
        slope = outer[0].reshape(-1, outer[0].shape[-1])
        slope_inner = (slope @ up.to(slope.dtype)).mul_(ctx.scale)
        slope_up = (slope.t() @ inner).mul_(ctx.scale).to(up.dtype)
        mask = _mask(inner.shape[0], x, ctx.seed, ctx.dropout)
        flat = x.reshape(-1, x.shape[-1])
        slope_down = (slope_inner.t() @ (flat if mask is None else flat * mask)).to(down.dtype)
        slope_x = None
        if ctx.needs_input_grad[0]:
            through = slope_inner @ down.to(slope.dtype)
            if mask is not None:
                through *= mask
            slope_x = through.addmm_(slope, dense_weight(ctx.layer, slope.dtype)).view(x.shape)
        return slope_x, None, slope_down, slope_up, None, None


def _drop(x: Tensor, seed: int | None, dropout: float) -> Tensor:
    mask = _mask(x.shape[0], x, seed, dropout)
    return x if mask is None else x * mask


def _mask(rows: int, like: Tensor, seed: int | None, dropout: float) -> Tensor | None:
    """Zeros with probability *dropout*, else its inverse: the same for the same seed."""
    if seed is None:
        return None
    width = like.shape[-1]
    generator = torch.Generator(like.device).manual_seed(seed)
    numbers = -(-rows * width // 4)
    words = torch.empty(numbers, dtype=torch.int64, device=like.device)
    words.random_(-(2**63), None, generator=generator)
    dropped = round(dropout * _STEPS)
    kept = torch.empty(numbers * 4, dtype=like.dtype, device=like.device)
    torch.ge(words.view(torch.int16), dropped - _STEPS // 2, out=kept)
    return kept[: rows * width].view(rows, width).mul_(_STEPS / (_STEPS - dropped))
