"""How the program ends: exit codes, and which error means which.

Role: the contract with shells and scripts.  Every message says what is wrong and what to do.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffdx_tui.domain.events import FailureKind


class Exit(IntEnum):
    """The exit codes."""

    ANSWERED = 0
    UNWELL = 1  # doctor found something that does not work
    USAGE = 2
    REFUSED = 3
    NO_MODEL = 4
    FAILED = 5
    CANCELLED = 130
    PIPE_CLOSED = 141  # as of a program that SIGPIPE ended


class CommandError(Exception):
    """A command cannot go on; the message is for the person, *code* for the shell."""

    def __init__(self, message: str, code: Exit) -> None:
        super().__init__(message)
        self.code = code


class Interrupted(BaseException):
    """A signal ended the command before there was anything to keep."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def exit_of_failure(kind: FailureKind) -> Exit:
    """The exit code for an answer that failed."""
    from diffdx_tui.domain.events import FailureKind

    if kind in (FailureKind.MODEL_UNAVAILABLE, FailureKind.BAD_ADAPTER):
        return Exit.NO_MODEL
    if kind is FailureKind.BAD_SETTING:
        return Exit.USAGE
    return Exit.REFUSED if kind is FailureKind.INPUT_TOO_LONG else Exit.FAILED


def exit_of(error: Exception) -> Exit | None:
    """The exit code for *error*; ``None`` if nobody foresaw it and its text explains nothing."""
    from diffdx_tui.config import ConfigError
    from diffdx_tui.domain.decoding import DecodingError
    from diffdx_tui.domain.evaluation import PlanError
    from diffdx_tui.domain.recipe import RecipeError
    from diffdx_tui.domain.vignette import VignetteRefused
    from diffdx_tui.engine.failures import EngineError
    from diffdx_tui.launch import DataUnavailable
    from diffdx_tui.store.errors import AmbiguousId, StoreError, UnknownId
    from diffdx_tui.store.shelf import RunStateError

    if isinstance(error, CommandError):
        return error.code
    if isinstance(error, ConfigError | DecodingError | PlanError | RecipeError):
        return Exit.USAGE
    if isinstance(
        error, VignetteRefused | UnknownId | AmbiguousId | RunStateError | DataUnavailable
    ):
        return Exit.REFUSED
    if isinstance(error, EngineError):
        return exit_of_failure(error.kind)
    return Exit.FAILED if isinstance(error, StoreError | OSError) else None
