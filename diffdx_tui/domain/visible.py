"""Makes any text harmless to show: no terminal escapes, no invisible reordering.

Role: the last step before text of people, files or models reaches a terminal.  Markup is a matter
of the widget (always ``markup=False``); this module deals with the bytes a terminal would obey.
"""

from __future__ import annotations

import unicodedata

_REPLACEMENT = "\ufffd"
_KEPT = frozenset("\n\t")
# Bidirectional controls can make a denied finding read as a present one; they are shown as a mark.
_BIDI_CONTROLS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def make_visible(text: str) -> str:
    """Replace every character a terminal might act upon by a visible stand-in.

    C0 controls and DEL become their symbols (``ESC`` is shown as ``␛``); C1 controls, bidirectional
    overrides and lone surrogates become ``�``.  Newline and tab are kept.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible_character, text))


def make_visible_line(text: str) -> str:
    """Like :func:`make_visible`, on one line: runs of white space become one space."""
    return make_visible(" ".join(text.split()))


def _visible_character(character: str) -> str:
    code = ord(character)
    if character in _KEPT:
        return character
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if code < 0xA0 and code >= 0x80:
        return _REPLACEMENT
    if character in _BIDI_CONTROLS or unicodedata.category(character) == "Cs":
        return _REPLACEMENT
    if character in "\u2028\u2029":
        return " "
    return character
