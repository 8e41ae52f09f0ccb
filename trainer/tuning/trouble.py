"""What can go wrong in a step, and where it began.

Role: exceptions that the loop turns into a failed run with advice, and the search for the first
module that gave NaN or infinity.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

_ALLOCATOR_WORDS = ("can't allocate memory", "not enough memory")


class TrainingFailed(Exception):
    """The run cannot go on; the message says why and what to do."""


class MicroBatchTooLarge(Exception):
    """A micro-batch did not fit into memory."""


@contextmanager
def memory_errors_named() -> Iterator[None]:
    """Turn every way of running out of memory into :class:`MicroBatchTooLarge`."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise MicroBatchTooLarge from error
    except RuntimeError as error:  # the CPU's allocator has no class of its own
        if any(words in str(error) for words in _ALLOCATOR_WORDS):
            raise MicroBatchTooLarge from error
        raise


@contextmanager
def first_bad_module(model: nn.Module) -> Iterator[list[str]]:
    """Inside the block, note the modules whose output is not finite; the first is the culprit."""
    found: list[str] = []
    handles = []
    for name, module in model.named_modules():
        if not name:
            continue

        def check(module: nn.Module, inputs: Any, output: Any, name: str = name) -> None:
            values = output[0] if isinstance(output, tuple) else output
            if isinstance(values, Tensor) and not bool(torch.isfinite(values).all()):
                found.append(name)

        handles.append(module.register_forward_hook(check))
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def describe_nonfinite(
    step: int, what: str, rows: tuple[str, ...], module: str | None, rate: float
) -> str:
    """The sentence for a loss or gradient that is NaN or infinite, with the way out.

    Args:
        rate: the run's peak rate; half of it is proposed.
    """
    where = f"; first bad module: {module}" if module else ""
    return (
        f"the {what} of step {step} is not finite on rows {', '.join(rows)}{where}. Go on "
        "from the last good checkpoint with half the rate (`diffdx-tui runs resume ID --rate "
        f"{rate / 2:g}`) or in full precision (`--precision fp32`)"
    )
