"""Ids of answers, sessions, runs and evaluations: short, sortable by time, safe as a file's name.

Role: the one place that makes an id and that says whether a text is one.  A folder is only ever
named by an id that passed :func:`is_id`, so no text from outside becomes a path.
"""

from __future__ import annotations

import re
import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_STAMP, _RANDOM = 10, 8
_ID = re.compile(rf"[{_ALPHABET}]{{{_STAMP + _RANDOM}}}")


def new_id() -> str:
    """A short id that sorts by time: milliseconds in base 32, then randomness."""
    milliseconds = time.time_ns() // 1_000_000
    stamp = "".join(
        _ALPHABET[milliseconds >> shift & 31] for shift in range(5 * (_STAMP - 1), -1, -5)
    )
    return stamp + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))


def is_id(text: str) -> bool:
    """Whether *text* has the form of an id."""
    return _ID.fullmatch(text) is not None
