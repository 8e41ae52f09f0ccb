"""Where in the document a byte stream stands.

Role: the guided loop's map.  Fed with the bytes of sampled and forced tokens it says which slot
they add text to, where a slot closes, and what literal text must follow.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from diffdx_tui.domain.differential import Slot, Variant, skeleton_of, slots_of

_QUOTE, _BACKSLASH = 0x22, 0x5C


@dataclass(frozen=True, slots=True)
class Addition:
    """Decoded text for *slot*; ``closed`` says that the slot's closing quote came."""

    slot: Slot
    text: str
    closed: bool = False


class DocumentTracker:
    """Follows an answer from the first tier's opening quote to the closing brace."""

    def __init__(self, variant: Variant) -> None:
        self._slots = slots_of(variant)[1:]
        self._literals = [piece.encode() for piece in skeleton_of(variant)[2:]]
        self._index = 0
        self._offset: int | None = None  # position in the literal, None inside a slot
        self._partial = b""  # bytes of an incomplete character or escape
        self.has_text = False

    @property
    def slot(self) -> Slot | None:
        """The slot that is open, or ``None`` inside literal text and at the end."""
        return self._slots[self._index] if self._offset is None else None

    @property
    def index(self) -> int:
        """Position of the current slot, or of the slot the current literal follows."""
        return self._index

    @property
    def rest(self) -> str:
        """The literal text that must come next; empty inside a slot and at the end."""
        if self._offset is None or self.done:
            return ""
        return self._literals[self._index][self._offset :].decode()

    @property
    def done(self) -> bool:
        """Whether the closing brace has come."""
        return self._offset is not None and self._index == len(self._slots)

    def feed(self, data: bytes) -> list[Addition]:
        """Follow *data*, which the grammar has accepted."""
        additions: list[Addition] = []
        text: list[str] = []
        for byte in data:
            if self._offset is not None:
                self._step_literal()
                continue
            slot = self._slots[self._index]
            if byte == _QUOTE and not self._partial:
                additions.append(Addition(slot, "".join(text), closed=True))
                text = []
                self._offset = 0
                self._step_literal()
                continue
            text.append(self._decode(byte))
        if self._offset is None and any(text):
            additions.append(Addition(self._slots[self._index], "".join(text)))
        return additions

    def _step_literal(self) -> None:
        assert self._offset is not None
        self._offset += 1
        if self._offset < len(self._literals[self._index]):
            return
        self._index += 1
        if self._index < len(self._slots):
            self._offset, self.has_text = None, False

    def _decode(self, byte: int) -> str:
        """The character that *byte* completes, or nothing yet."""
        self._partial += bytes([byte])
        if self._partial[0] == _BACKSLASH:
            if len(self._partial) == 1:
                return ""
            character: str = json.loads(b'"' + self._partial + b'"')
        else:
            try:
                character = self._partial.decode("utf-8")
            except UnicodeDecodeError:
                return ""
        self._partial = b""
        self.has_text = True
        return character
