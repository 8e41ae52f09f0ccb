"""Data on standard output, messages on standard error, both harmless to the terminal.

Role: the only place of the command line that knows about terminals: width, colour, and what a
terminal would obey.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
from typing import Any

from diffdx_tui.domain.visible import make_visible

# What a terminal may obey or hide and JSON leaves as it is: DEL and C1 controls, bidirectional
# controls, line separators, half surrogate pairs.  Escaped, the document stays exact.
_UNSAFE_IN_JSON = re.compile(
    "[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_WIDEST = 100  # longer lines are hard to read


def emit(text: str) -> None:
    """Write *text*, which is harmless already, to standard output at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def emit_line(text: str) -> None:
    """Write *text* of any origin to standard output."""
    emit(make_visible(text) + "\n")


def tell(text: str) -> None:
    """Write a message to standard error; nobody listening, or no room, is no error."""
    with contextlib.suppress(OSError):
        print(make_visible(text), file=sys.stderr, flush=True)


def report(text: str) -> None:
    """Tell about trouble, under the program's name."""
    tell(f"diffdx-tui: {text}")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """*value* as JSON that can be shown by any terminal and is exact all the same."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    ascii_only = not encoding.startswith("utf")
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent, allow_nan=False)
    return _UNSAFE_IN_JSON.sub(_escape, text)


def escape_json(text: str) -> str:
    """JSON *text* with the same characters escaped."""
    return _UNSAFE_IN_JSON.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def emit_json(value: Any, *, indent: int | None = 2) -> None:
    """Write *value* as JSON to standard output."""
    emit(json_text(value, indent=indent) + "\n")


def output_width() -> int | None:
    """Columns to wrap to; ``None`` when standard output is no terminal: lines stay whole."""
    if not sys.stdout.isatty():
        return None
    return max(20, min(shutil.get_terminal_size().columns, _WIDEST))


def has_colour() -> bool:
    """Whether standard output may carry colour."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") in (None, "", "dumb")
    return sys.stdout.isatty() and not plain


def messages_are_watched() -> bool:
    """Whether standard error is a terminal on which a line can be overwritten."""
    return sys.stderr.isatty() and os.environ.get("TERM") not in (None, "", "dumb")


class PassingLine:
    """One line of progress on standard error, overwritten in place; silent without a terminal."""

    def __init__(self) -> None:
        self._watched = messages_are_watched()
        self._shown = False

    def show(self, text: str) -> None:
        """Replace the line."""
        if self._watched:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f"\r\x1b[K{make_visible(text)[:width]}")
            sys.stderr.flush()
            self._shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False

    def __enter__(self) -> PassingLine:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()
