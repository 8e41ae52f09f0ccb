"""Reads the slots out of JSON text while it is still arriving.

Role: turns the raw stream of a free-mode answer into slot text for the panels, as far as it
parses, without repairing anything.  The verdict is passed on the whole text afterwards; this
reader only decides what can be shown where.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from diffdx_tui.domain.differential import Slot, Variant, slots_of


@dataclass(frozen=True, slots=True)
class SlotPiece:
    """Text to append to *slot*; ``closed`` says the string ended here."""

    slot: Slot
    text: str
    closed: bool


class _Expect(Enum):
    OBJECT = auto()
    KEY = auto()
    VALUE = auto()
    ITEM = auto()
    END = auto()


class SlotReader:
    """An incremental, forgiving reader of one flat JSON object with string and list values.

    Feed it text as it comes; it yields pieces of the slots the variant has, in the order in which
    the text has them.  On anything it cannot follow it goes silent: nothing is guessed.
    """

    def __init__(self, variant: Variant) -> None:
        self._slots = set(slots_of(variant))
        self._expect = _Expect.OBJECT
        self._in_string = False
        self._escape = ""  # an escape sequence still incomplete, e.g. "\\u00"
        self._high_surrogate = ""
        self._string: list[str] = []
        self._key = ""
        self._index: int | None = None

    def feed(self, text: str) -> Iterator[SlotPiece]:
        """Read *text* and yield what it adds to the slots."""
        fresh: list[str] = []
        for character in text:
            if self._expect is _Expect.END:
                return
            if not self._in_string:
                self._structure(character)
                continue
            if character == '"' and not self._escape:
                yield from self._flush(fresh, closed=True)
                fresh = []
                self._close_string()
                continue
            decoded = self._decode(character)
            if decoded:
                self._string.append(decoded)
                fresh.append(decoded)
        if self._in_string:
            yield from self._flush(fresh, closed=False)

    def _flush(self, fresh: list[str], *, closed: bool) -> Iterator[SlotPiece]:
        slot = self._current_slot()
        if slot is not None and (fresh or closed):
            yield SlotPiece(slot, "".join(fresh), closed)

    def _current_slot(self) -> Slot | None:
        if self._expect not in (_Expect.VALUE, _Expect.ITEM):
            return None
        slot = Slot(self._key, self._index)
        return slot if slot in self._slots else None

    def _structure(self, character: str) -> None:
        """Handle one character outside of strings."""
        if character == "{" and self._expect is _Expect.OBJECT:
            self._expect = _Expect.KEY
        elif self._expect is _Expect.OBJECT:
            return  # text before the object
        elif character == '"':
            self._in_string, self._string = True, []
        elif character == ":" and self._expect is _Expect.KEY:
            self._expect = _Expect.VALUE
        elif character == "[" and self._expect is _Expect.VALUE:
            self._expect, self._index = _Expect.ITEM, 0
        elif character == "," and self._expect is _Expect.ITEM:
            self._index = (self._index or 0) + 1
        elif character == "]" and self._expect is _Expect.ITEM:
            self._expect, self._index = _Expect.VALUE, None
        elif character == "," and self._expect is _Expect.VALUE:
            self._expect = _Expect.KEY
        elif character in "{[}":
            self._expect = _Expect.END

    def _close_string(self) -> None:
        self._in_string = False
        if self._expect is _Expect.KEY:
            self._key, self._index = "".join(self._string), None

    def _decode(self, character: str) -> str:
        """The text that *character* completes; empty while an escape is incomplete."""
        if self._escape:
            self._escape += character
            is_unicode = self._escape[1] == "u"
            if is_unicode and len(self._escape) < 6:
                return ""
            sequence, self._escape = self._escape, ""
            return self._unescape(sequence)
        if character == "\\":
            self._escape = character
            return ""
        return character

    def _unescape(self, sequence: str) -> str:
        try:
            decoded: str = json.loads(f'"{self._high_surrogate}{sequence}"')
        except ValueError:
            return ""
        if len(decoded) == 1 and "\ud800" <= decoded <= "\udbff":
            self._high_surrogate = sequence
            return ""
        self._high_surrogate = ""
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in decoded)
