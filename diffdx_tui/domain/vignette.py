"""The vignette: the text a person enters, made safe to carry and refused with a reason.

Role: the only door by which case text comes in.  Everything past it may rely on: valid Unicode,
``\\n`` line ends, no control characters but newline and tab, 1 to 4,000 characters.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_CHARACTERS = 4_000

# What is stripped from both ends: white space and byte-order marks, in any order.
_OUTER = "".join(filter(str.isspace, map(chr, range(0x10000)))) + "\ufeff"
# C0 controls and DEL become their visible symbols (U+2400 block), so that nobody wonders where a
# byte went; C1 controls have no symbols and are removed.
_CONTROL_TABLE: dict[int, int | None] = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"},
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0)),
}


class VignetteRefused(ValueError):
    """The text cannot be answered; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Vignette:
    """A case description that passed the door.

    Attributes:
        text: the normalised text; echoed verbatim in the answer's ``symptoms``.
    """

    text: str

    @classmethod
    def parse(cls, raw: str) -> Vignette:
        """Normalise *raw* and check it.

        Raises:
            VignetteRefused: empty, only white space, too long, or not valid Unicode.
        """
        text = normalise(raw)
        if not text:
            raise VignetteRefused("the vignette is empty: describe the symptoms in a few sentences")
        if len(text) > MAX_CHARACTERS:
            raise VignetteRefused(
                f"the vignette has {len(text):,} characters, the limit is {MAX_CHARACTERS:,}: "
                "shorten it to the facts that matter"
            )
        return cls(text)

    @classmethod
    def decode(cls, data: bytes) -> Vignette:
        """Decode UTF-8 *data* (a byte-order mark is dropped) and parse it.

        Raises:
            VignetteRefused: not UTF-8 (the message gives the byte offset), or as :meth:`parse`.
        """
        try:
            return cls.parse(data.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise VignetteRefused(
                f"the input is not valid UTF-8: byte {data[error.start]:#04x} at offset "
                f"{error.start}: save it as UTF-8 and try again"
            ) from None


def normalise(raw: str) -> str:
    """Line ends to ``\\n``, controls made visible or removed, outer white space stripped.

    Raises:
        VignetteRefused: *raw* holds a lone surrogate (bytes that were not UTF-8).
    """
    for offset, character in enumerate(raw):
        if "\ud800" <= character <= "\udfff":
            raise VignetteRefused(
                f"the input is not valid UTF-8 (character {offset}): save it as UTF-8 and try again"
            )
    text = raw.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROL_TABLE)
    return text.strip(_OUTER)
