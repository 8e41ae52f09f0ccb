"""What can go wrong in the engine, as exceptions with a kind and a message for a reader.

Role: the engine's modules raise these; the worker and the command line turn them into ``Failed``
or an exit code.  The message always says what to do.
"""

from __future__ import annotations

from diffdx_tui.domain.events import FailureKind


class EngineError(Exception):
    """Base of all; ``kind`` names the class of failure."""

    kind = FailureKind.INTERNAL


class ModelUnavailable(EngineError):
    """The model's files are missing, unreadable or of an unsupported kind."""

    kind = FailureKind.MODEL_UNAVAILABLE


class BadAdapter(EngineError):
    """The adapter was made for another base, or its files are damaged."""

    kind = FailureKind.BAD_ADAPTER


class InputTooLong(EngineError):
    """Prompt, echo and answer do not fit into the model's context."""

    kind = FailureKind.INPUT_TOO_LONG


class BudgetTooSmall(EngineError):
    """``max_new_tokens`` is below what closing the document costs."""

    kind = FailureKind.BAD_SETTING


class NonFiniteLogits(EngineError):
    """The forward pass gave NaN or infinity, a sign of overflow in half precision."""

    kind = FailureKind.NON_FINITE


class OutOfMemory(EngineError):
    """The device or the machine is too small for the model."""

    kind = FailureKind.OUT_OF_MEMORY
