"""Linear maps of the model, dense or 4-bit, with an optional adapter.

Role: hides from the forward pass how a weight is stored.  The merge policy lives here:

* Dense weights (fp32, bf16, fp16): the adapter is merged, in fp32, when the model is loaded.  The
  result differs from the unmerged sum by rounding only, and costs nothing at run time.
* NF4 weights: the adapter stays beside them.  Merging would need either a requantisation, which
  rounds most of the adapter away, or dense weights, which give up the 4-bit memory.
  ``docs/LOG.md`` has the measurement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class LowRank:
    """An adapter's update of one weight: ``delta = scale * up @ down``.

    Attributes:
        down: shape ``(rank, in)``.
        up: shape ``(out, rank)``.
        scale: ``alpha / rank`` (or ``alpha / sqrt(rank)`` for rsLoRA).
    """

    down: Tensor
    up: Tensor
    scale: float

    def delta(self) -> Tensor:
        """The dense update in fp32, shape ``(out, in)``."""
        return self.scale * (self.up.float() @ self.down.float())


@dataclass(frozen=True, slots=True)
class Weight:
    """One linear layer as read from disk: weight ``(out, in)``, bias ``(out,)``, adapter."""

    matrix: Tensor
    bias: Tensor | None
    update: LowRank | None


class Projection(Protocol):
    """A linear map; several layers with the same input are computed as one."""

    def __call__(self, x: Tensor) -> Tensor: ...

    def memory_bytes(self) -> int: ...


class Dense:
    """Several layers side by side as one matrix product, adapters merged.

    On x86 CPUs the matrix is kept in oneDNN's packed layout: for the one-row products of decoding
    that is several times faster than ``F.linear`` (``diffdx-tui bench`` shows it).
    """

    def __init__(self, weights: list[Weight], dtype: torch.dtype, device: torch.device) -> None:
        matrices = []
        for weight in weights:
            matrix = weight.matrix
            if weight.update is not None:
                matrix = matrix.float() + weight.update.delta()
            matrices.append(matrix.to(dtype))
        matrix = torch.cat(matrices).to(device).contiguous()
        self._bytes = matrix.nbytes
        self._packed = _pack(matrix)
        self._matrix = matrix if self._packed is None else None
        has_bias = any(weight.bias is not None for weight in weights)
        biases = [_bias_of(weight).to(dtype) for weight in weights]
        self._bias = torch.cat(biases).to(device) if has_bias else None

    def __call__(self, x: Tensor) -> Tensor:
        """Shape ``(..., in)`` to ``(..., sum of out)``."""
        if self._packed is None:
            return F.linear(x, cast(Tensor, self._matrix), self._bias)
        product: Tensor = torch.ops.mkldnn._linear_pointwise(
            x, self._packed, self._bias, "none", [], ""
        )
        return product

    def memory_bytes(self) -> int:
        """Bytes of weights held."""
        return self._bytes + (self._bias.nbytes if self._bias is not None else 0)


class Nf4:
    """Several layers in bitsandbytes' 4-bit NormalFloat with double quantisation.

    Each is quantised on its own, as transformers does, so that the block constants are the
    reference's; adapters run beside them in the compute type.
    """

    def __init__(self, weights: list[Weight], dtype: torch.dtype, device: torch.device) -> None:
        self._layers = [_quantised(weight, dtype, device) for weight in weights]
        self._updates = [
            None
            if weight.update is None
            else (
                weight.update.down.to(device, dtype),
                (weight.update.up.float() * weight.update.scale).to(device, dtype),
            )
            for weight in weights
        ]

    def __call__(self, x: Tensor) -> Tensor:
        """Shape ``(..., in)`` to ``(..., sum of out)``."""
        outputs = []
        for layer, update in zip(self._layers, self._updates, strict=True):
            y = layer(x)
            if update is not None:
                down, up = update
                y = y + F.linear(F.linear(x, down), up)
            outputs.append(y)
        return torch.cat(outputs, dim=-1) if len(outputs) > 1 else outputs[0]

    def memory_bytes(self) -> int:
        """Bytes of packed weights, quantisation constants and adapters held."""
        total = 0
        for layer, update in zip(self._layers, self._updates, strict=True):
            state = layer.weight.quant_state
            total += layer.weight.data.nbytes + state.absmax.nbytes
            total += 0 if layer.bias is None else layer.bias.nbytes
            total += 0 if update is None else sum(part.nbytes for part in update)
        return total


def _quantised(weight: Weight, dtype: torch.dtype, device: torch.device) -> Any:
    """A ``Linear4bit`` in the reference's configuration."""
    import bitsandbytes as bnb

    out_features, in_features = weight.matrix.shape
    layer = bnb.nn.Linear4bit(
        in_features,
        out_features,
        bias=weight.bias is not None,
        compute_dtype=dtype,
        compress_statistics=True,
        quant_type="nf4",
        device="meta",
    )
    layer.weight = bnb.nn.Params4bit(
        weight.matrix.to(dtype), requires_grad=False, compress_statistics=True, quant_type="nf4"
    )
    if weight.bias is not None:
        layer.bias = torch.nn.Parameter(weight.bias.to(dtype), requires_grad=False)
    return layer.to(device).eval()


def _pack(matrix: Tensor) -> Tensor | None:
    """*matrix* in oneDNN's layout, or ``None`` where that is not to be had."""
    usable = (
        matrix.device.type == "cpu"
        and matrix.dtype in (torch.float32, torch.bfloat16)
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )
    if not usable or (matrix.dtype == torch.bfloat16 and not _packs_bfloat16()):
        return None
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(matrix, 1)
    return packed


def _packs_bfloat16() -> bool:
    supported: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return supported


def _bias_of(weight: Weight) -> Tensor:
    return weight.bias if weight.bias is not None else torch.zeros(weight.matrix.shape[0])
