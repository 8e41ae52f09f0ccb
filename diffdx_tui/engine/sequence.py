"""One growing token sequence over a decoder with a cache.

Role: keeps what the tokens are apart from what the model has seen of them.  Tokens are appended or
dropped freely; the model is fed only when logits are asked for, in one pass for all that is new.
A new prompt reuses the longest common prefix with what is cached (the system prompt always, the
whole prompt on a re-run).
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Decoder(Protocol):
    """What a model must offer; :class:`~diffdx_tui.engine.qwen2.Qwen2` is the fast one."""

    @property
    def length(self) -> int: ...

    def truncate(self, length: int) -> None: ...

    def forward(self, ids: list[int]) -> Tensor: ...

    def memory_bytes(self) -> int: ...


class Sequence:
    """The tokens of one answer, prompt included."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._cached: list[int] = []  # what the decoder's cache holds
        self._ids: list[int] = []

    def __len__(self) -> int:
        return len(self._ids)

    def begin(self, ids: list[int]) -> None:
        """Start anew with *ids*."""
        self._ids = list(ids)

    def append(self, ids: list[int]) -> None:
        """Add chosen or forced tokens."""
        self._ids.extend(ids)

    def drop(self, count: int) -> None:
        """Take back the last *count* tokens."""
        if count:
            del self._ids[-count:]

    def logits(self) -> Tensor:
        """Logits for the next token, fp32, shape ``(vocabulary,)``."""
        # At least the last token is fed again: its logits are not kept.
        shared = min(_common_prefix(self._cached, self._ids), len(self._ids) - 1)
        self._decoder.truncate(shared)
        fresh = self._ids[shared:]
        del self._cached[shared:]
        logits = self._decoder.forward(fresh)
        self._cached.extend(fresh)
        return logits


def _common_prefix(first: list[int], second: list[int]) -> int:
    limit = min(len(first), len(second))
    if first[:limit] == second[:limit]:  # the usual case, compared in C
        return limit
    return next(index for index in range(limit) if first[index] != second[index])
