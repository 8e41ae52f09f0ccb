"""The gated MLP and the norm, keeping less for the backward pass.

Role: the library's versions keep four vectors of the inner width and two fp32 copies of the hidden
state for every token; these keep two and none, and compute the rest again.  The values are the
same; no matrix product is done twice.
"""

from __future__ import annotations

from types import MethodType
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional


def slim(model: nn.Module) -> None:
    """Put the lean versions into *model* wherever a block is of the kind they compute."""
    for module in model.modules():
        if _is_gated_mlp(module):
            module.forward = MethodType(_gated_mlp, module)
        elif type(module).__name__ == "Qwen2RMSNorm":
            module.forward = MethodType(_norm, module)


def _is_gated_mlp(module: nn.Module) -> bool:
    names = ("gate_proj", "up_proj", "down_proj", "act_fn")
    if not all(hasattr(module, name) for name in names):
        return False
    return type(module.act_fn).__name__ in ("SiLU", "SiLUActivation")


def _gated_mlp(module: Any, x: Tensor) -> Tensor:
    gate, up = module.gate_proj(x), module.up_proj(x)
    if not torch.is_grad_enabled():
        return cast(Tensor, module.down_proj(functional.silu(gate) * up))
    inner = _Gated.apply(gate, up)
    place = inner.data_ptr()

    def keep(saved: Tensor) -> Any:
        return None if saved.data_ptr() == place else saved

    def bring(kept: Any) -> Tensor:
        return functional.silu(gate.detach()) * up.detach() if kept is None else kept

    with saved_tensors_hooks(keep, bring):
        return cast(Tensor, module.down_proj(inner))


def _norm(module: Any, x: Tensor) -> Tensor:
    output: Tensor = _RootMeanSquare.apply(x, module.weight, module.variance_epsilon)
    return output


class _Gated(torch.autograd.Function):
    """``silu(gate) * up``."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        ctx.save_for_backward(gate, up)
        return functional.silu(gate) * up

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, Tensor]:
        gate, up = ctx.saved_tensors
        slope_gate = torch.ops.aten.silu_backward(outer[0] * up, gate)
        return slope_gate, outer[0] * functional.silu(gate)


class _RootMeanSquare(torch.autograd.Function):
    """``weight * x / rms(x)`` in fp32, rounded as the library rounds; the weight is frozen."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        wide = x.float()
        scale = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + epsilon)
        ctx.save_for_backward(x, weight, scale)
        return weight * (wide * scale).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None, None]:
        x, weight, scale = ctx.saved_tensors
        slope = (outer[0] * weight).float()
        normal = x.float() * scale
        along = (slope * normal).mean(-1, keepdim=True)
        return ((slope - normal * along) * scale).to(x.dtype), None, None
