"""Copying text out of a terminal, honestly.

Role: OSC 52, wrapped for tmux and screen, and a file beside it.  Whether the terminal obeyed cannot
be known, so the message says what was done, never that it worked.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from pathlib import Path

_LIMIT = 74_994  # bytes of base64 that common terminals accept in one sequence
_SCREEN_PIECE = 700


def clipboard_sequence(text: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """The escape sequence that offers *text* to the terminal, or ``None`` when it is too long."""
    encoded = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    if len(encoded) > _LIMIT:
        return None
    sequence = f"\x1b]52;c;{encoded}\x07"
    if environ.get("TMUX"):
        # tmux obeys the bare form with set-clipboard on, the wrapped one with allow-passthrough.
        return sequence + "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if environ.get("TERM", "").startswith("screen"):
        pieces = [
            sequence[start : start + _SCREEN_PIECE]
            for start in range(0, len(sequence), _SCREEN_PIECE)
        ]
        return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
    return sequence


def copy_text(text: str, write: Callable[[str], object] | None, file: Path | None) -> str:
    """Offer *text* to the terminal and keep it in *file*; returns what to tell the person.

    *file* is ``None`` when nothing may be saved.
    """
    done = []
    sequence = clipboard_sequence(text)
    if sequence is not None and write is not None:
        write(sequence)
        done.append("sent to the terminal")
    if file is not None and _write_private(file, text):
        done.append(f"written to {file}")
    if not done:
        return "not copied: the text is too long for a terminal's clipboard"
    return " and ".join(done)


def _write_private(path: Path, text: str) -> bool:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError:
        return False
    return True
