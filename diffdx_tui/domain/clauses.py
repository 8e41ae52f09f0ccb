"""Words and clauses: a text cut into tokens that know where they stand and what ends before them.

Role: the ground of the finding reader.  Tokens keep their place in the original text, so every
finding can be shown where it was read; spelling is folded (British and American, apostrophes,
case) on both sides, text and lexicon, by the same function :func:`fold`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

# A line shorter than this that ends without a full stop is a list item, not a wrapped sentence.
_WRAPPED_LINE = 50

_TOKEN = re.compile(
    r"""
    (?P<shorthand>(?<![^\W_])[A-Za-z]{1,2}/[A-Za-z]{1,2}(?![\w/]))   # c/o  r/o  N/V  y/o  w/o
  | (?P<sign>(?<!\w)[+-]ve(?!\w))                                   # -ve  +ve
  | (?P<number>\d+(?:[.,]\d+)?)
  | (?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)
  | (?P<mark>[.!?;,:()\[\]\n–—]|(?<=\s)-(?=\s))
    """,
    re.VERBOSE,
)
_ISE = re.compile(r"([iy])s(e|ed|es|ing|ation)$")
# A line that ends so is not finished, however short.
_HANGING = re.compile(r"\b(?:any|no|not|or|and|of|with|without|denies|the|an?|nor)\s*$", re.I)
_FULL_STOPS = frozenset(".!?;")


class Break(IntEnum):
    """What stands between a token and the one before it."""

    NONE = 0
    COMMA = 1
    CLAUSE = 2


@dataclass(frozen=True, slots=True)
class Token:
    """One word or number.

    Attributes:
        word: folded form, by which it is matched.
        capitals: the word as written when it is all capitals (shorthand such as ``HA``), else "".
        start: first character in the text.
        end: one past the last character.
        before: the strongest break between the previous token and this one.
        asked: a question mark stands directly before it, as in ``?PE``.
        question: a question mark ended the clause before it, as in ``Fever? No.``
    """

    word: str
    capitals: str
    start: int
    end: int
    before: Break
    asked: bool
    question: bool


@lru_cache(maxsize=8192)
def fold(word: str) -> str:
    """One spelling for a word however it was written: ``Haemorrhage`` is ``hemorrhage``."""
    folded = word.lower().replace("'", "").replace("’", "")
    if len(folded) >= 6:
        folded = folded.replace("ae", "e").replace("oe", "e")
        if folded.endswith("our"):
            folded = folded[:-3] + "or"
    return _ISE.sub(r"\1z\2", folded) if len(folded) >= 8 else folded


def split_words(phrase: str) -> list[str]:
    """The folded words of a lexicon phrase; what is all capitals stays so and matches only so."""
    return [
        _capitals_key(match.group()) or fold(match.group())
        for match in _TOKEN.finditer(phrase)
        if match.lastgroup != "mark"
    ]


def _capitals_key(word: str) -> str:
    """``=HA`` for shorthand in capitals, "" for anything else (also for ``I``)."""
    return f"={word}" if len(word) > 1 and word.isupper() else ""


def tokenise(text: str) -> tuple[Token, ...]:
    """Cut *text* into tokens; works on any string."""
    tokens: list[Token] = []
    before = Break.CLAUSE
    question = False
    line_start = 0
    for match in _TOKEN.finditer(text):
        piece, start = match.group(), match.start()
        if match.lastgroup == "mark":
            strength = _strength(text, piece, start, start - line_start)
            if piece == "\n":
                line_start = match.end()
            if strength > before:
                before = strength
            if piece == "?" and strength is Break.CLAUSE:
                question = True
            continue
        tokens.append(
            Token(
                word=piece.replace(",", ".") if match.lastgroup == "number" else fold(piece),
                capitals=_capitals_key(piece),
                start=start,
                end=match.end(),
                before=before,
                asked=_asked(text, start),
                question=question,
            )
        )
        before, question = Break.NONE, False
    return tuple(tokens)


def _asked(text: str, start: int) -> bool:
    """``?PE`` or ``? PE``: the question mark belongs to the word after it."""
    at = start - 1
    if at >= 1 and text[at] == " ":
        at -= 1
    return at >= 0 and text[at] == "?" and (at == 0 or text[at - 1] in " \n(,;:")


def _strength(text: str, mark: str, at: int, line_length: int) -> Break:
    following = text[at + 1 : at + 2]
    if mark == "\n":
        hanging = _HANGING.search(text, max(0, at - 12), at) is not None
        wrapped = hanging or (line_length >= _WRAPPED_LINE and following.islower())
        return Break.NONE if wrapped else Break.CLAUSE
    if mark in _FULL_STOPS:
        if mark == "?" and (at == 0 or text[at - 1] in " \n(,;:"):
            return Break.NONE  # a query before a word, not the end of a sentence
        abbreviation = mark == "." and following.isalnum()
        return Break.NONE if abbreviation else Break.CLAUSE
    return Break.COMMA
