"""What a check of ``doctor`` found.

Role: the value that checks give and the report prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """``warn``: it works, with a limit.  ``fail``: something does not work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        level: how bad it is.
        found: what is there.
        advice: what to do about it; empty when there is nothing to do.
    """

    level: Level
    found: str
    advice: str = ""


def ok(found: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, found)


def warn(found: str, advice: str) -> Finding:
    """It works, with a limit."""
    return Finding(Level.WARN, found, advice)


def fail(found: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(Level.FAIL, found, advice)
