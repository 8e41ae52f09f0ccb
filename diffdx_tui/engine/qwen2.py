"""The Qwen2 decoder, written for one sequence at a time.

Role: the forward pass of the engine.  Same mathematics as transformers' ``Qwen2ForCausalLM``
(pinned by a test), with what a single stream allows: one preallocated key-value cache that is cut
and extended in place, queries, keys and values from one matrix product, logits for the last
position only.  On a small model most of a step's time is overhead per operation, so fewer
operations are the speed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from diffdx_tui.engine.projection import Projection


@dataclass(frozen=True, slots=True)
class Qwen2Shape:
    """Sizes of a model, from its ``config.json``."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    context: int
    rope_theta: float
    norm_epsilon: float


@dataclass(frozen=True, slots=True)
class Qwen2Layer:
    """Weights of one decoder layer."""

    input_norm: Tensor
    qkv: Projection
    output: Projection
    mlp_norm: Tensor
    gate_up: Projection
    down: Projection


class Qwen2:
    """Model, cache and position; holds the state of one sequence.

    Attributes:
        length: number of tokens in the cache.
        shape: the sizes.
    """

    def __init__(
        self,
        shape: Qwen2Shape,
        embedding: Tensor,
        layers: list[Qwen2Layer],
        final_norm: Tensor,
        head: Projection,
    ) -> None:
        """*embedding* has shape ``(vocabulary, hidden)``."""
        self.shape = shape
        self.length = 0
        self._embedding, self._layers = embedding, layers
        self._final_norm, self._head = final_norm, head
        # torch's bfloat16 attention of one row takes eight times its fp32 one on a CPU.
        on_cpu = embedding.device.type == "cpu"
        self._attention_dtype = torch.float32 if on_cpu else embedding.dtype
        self._cos, self._sin = _rotary_tables(shape, self._attention_dtype, embedding.device)
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []
        self._reserve(256)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._embedding.device

    def memory_bytes(self) -> int:
        """Bytes of weights and cache held."""
        total = self._embedding.nbytes + self._final_norm.nbytes + self._head.memory_bytes()
        for layer in self._layers:
            projections = (layer.qkv, layer.output, layer.gate_up, layer.down)
            total += sum(projection.memory_bytes() for projection in projections)
            total += layer.input_norm.nbytes + layer.mlp_norm.nbytes
        return total + sum(cache.nbytes for cache in (*self._keys, *self._values))

    def truncate(self, length: int) -> None:
        """Keep the first *length* tokens of the cache."""
        self.length = min(self.length, length)

    @torch.inference_mode()
    def forward(self, ids: list[int]) -> Tensor:
        """Append *ids* to the sequence.

        Returns:
            Logits after the last of them, fp32, shape ``(vocabulary,)``.
        """
        count, start = len(ids), self.length
        end = start + count
        self._reserve(end)
        x = F.embedding(torch.tensor(ids, device=self.device), self._embedding)
        cos, sin = self._cos[start:end], self._sin[start:end]
        mask = _causal_mask(count, start, x.device)
        for index, layer in enumerate(self._layers):
            x = x + self._attend(index, layer, x, cos, sin, mask)
            if index == len(self._layers) - 1:
                x = x[-1:]  # only the last position is asked for
            gate, up = layer.gate_up(self._norm(x, layer.mlp_norm)).chunk(2, dim=-1)
            x = x + layer.down(F.silu(gate) * up)
        self.length = end
        return self._head(self._norm(x[-1:], self._final_norm))[0].float()

    def _attend(
        self,
        index: int,
        layer: Qwen2Layer,
        x: Tensor,
        cos: Tensor,
        sin: Tensor,
        mask: Tensor | None,
    ) -> Tensor:
        """Self-attention of layer *index*: ``(tokens, hidden)`` to ``(tokens, hidden)``."""
        shape, start, count = self.shape, self.length, x.shape[0]
        qkv = layer.qkv(self._norm(x, layer.input_norm)).to(self._attention_dtype)
        qkv = qkv.view(count, -1, shape.head_dim)
        rotated = shape.heads + shape.kv_heads
        qk, value = qkv[:, :rotated], qkv[:, rotated:]
        qk = torch.addcmul(qk * cos, qk.roll(shape.head_dim // 2, dims=-1), sin)
        keys, values = self._keys[index], self._values[index]
        keys[:, start : start + count] = qk[:, shape.heads :].transpose(0, 1)
        values[:, start : start + count] = value.transpose(0, 1)
        attended = F.scaled_dot_product_attention(
            qk[:, : shape.heads].transpose(0, 1).unsqueeze(0),
            keys[:, : start + count].unsqueeze(0),
            values[:, : start + count].unsqueeze(0),
            attn_mask=mask,
            enable_gqa=shape.heads != shape.kv_heads,
        )
        return layer.output(attended[0].transpose(0, 1).reshape(count, -1).to(x.dtype))

    def _norm(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(x, (self.shape.hidden,), weight, self.shape.norm_epsilon)

    def _reserve(self, length: int) -> None:
        """Grow the caches to hold *length* tokens, doubling so that growth is rare."""
        held = self._keys[0].shape[1] if self._keys else 0
        if length <= held:
            return
        size = min(max(length, 2 * held), max(length, self.shape.context))
        for caches in (self._keys, self._values):
            for index in range(self.shape.layers):
                fresh = torch.empty(
                    (self.shape.kv_heads, size, self.shape.head_dim),
                    dtype=self._attention_dtype,
                    device=self.device,
                )
                if held:
                    fresh[:, : self.length] = caches[index][:, : self.length]
                    caches[index] = fresh
                else:
                    caches.append(fresh)


def _rotary_tables(
    shape: Qwen2Shape, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Cosine and signed sine per position, shape ``(context, 1, head_dim)`` (Su et al. 2021).

    The sine's first half is negative, so that a plain roll by half the width does the rotation.
    """
    exponents = torch.arange(0, shape.head_dim, 2, dtype=torch.float32) / shape.head_dim
    frequencies = 1.0 / shape.rope_theta**exponents
    angles = torch.outer(torch.arange(shape.context, dtype=torch.float32), frequencies)
    cos = torch.cat((angles.cos(), angles.cos()), dim=-1).unsqueeze(1)
    sin = torch.cat((-angles.sin(), angles.sin()), dim=-1).unsqueeze(1)
    return cos.to(device, dtype), sin.to(device, dtype)


def _causal_mask(count: int, start: int, device: torch.device) -> Tensor | None:
    """True where a new token may look: all of the past and itself; ``None`` for one token."""
    if count == 1:
        return None
    return torch.ones((count, start + count), dtype=torch.bool, device=device).tril(start)
