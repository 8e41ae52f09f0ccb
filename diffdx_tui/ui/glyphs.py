"""The signs the screens draw with, each with an ASCII twin.

Role: the one place that decides between Unicode and ASCII.  A sign never stands alone for a
meaning: the word beside it says the same.
"""

from __future__ import annotations

import locale
import os
from collections.abc import Mapping
from dataclasses import dataclass

from diffdx_tui.config import Config


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of signs; every sign is one cell wide."""

    dot: str
    running: str
    idle: str
    done: str
    failed: str
    waiting: str
    unfinished: str
    danger: str
    arrow: str
    left: str
    right: str
    up: str
    down: str
    ellipsis: str
    bar: str
    rule: str
    checked: str
    moved: str
    border: str
    side: str


UNICODE = Glyphs(
    dot="·",
    running="●",
    idle="○",
    done="✓",
    failed="✗",
    waiting="◌",
    unfinished="◌",
    danger="!",
    arrow="→",
    left="‹",
    right="›",
    up="↑",
    down="↓",
    ellipsis="…",
    bar="━",
    rule="─",
    checked="✓",
    moved="↕",
    border="round",
    side="outer",
)

ASCII = Glyphs(
    dot="|",
    running="*",
    idle="-",
    done="+",
    failed="x",
    waiting=".",
    unfinished="~",
    danger="!",
    arrow=">",
    left="<",
    right=">",
    up="^",
    down="v",
    ellipsis="~",
    bar="=",
    rule="-",
    checked="+",
    moved="~",
    border="ascii",
    side="ascii",
)


def terminal_speaks_utf8(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the locale promises UTF-8.

    No locale at all counts as UTF-8: Python then coerces to it, and bare containers look like that.
    """
    wanted = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    if not wanted:
        return True
    name, _, codeset = wanted.partition(".")
    if name in ("C", "POSIX") and not codeset:
        return False
    if not codeset:
        codeset = locale.getpreferredencoding(False)
    return codeset.partition("@")[0].lower().replace("-", "") == "utf8"


def choose_glyphs(config: Config) -> Glyphs:
    """ASCII when asked for, or when the terminal's locale has nothing else."""
    return ASCII if config.ascii or not terminal_speaks_utf8() else UNICODE
