"""Varies a finished vignette: other words, shorthand, spelling, slips of the keyboard.

Role: the last step of :mod:`trainer.mini.prose`.  A small model knows a word only from the text it
was trained on, so the more ways there are to say a thing, the better it reads a stranger's prose.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict

from trainer.mini.cases import Register
from trainer.mini.synonyms import ABBREVIATIONS, CONTRACTIONS, GROUPS, SPELLINGS

_MEMBERS: dict[str, list[str]] = defaultdict(list)
for _group in GROUPS:
    for _word in _group:
        _MEMBERS[_word.lower()] += [other for other in _group if other != _word]

_ANY_MEMBER = re.compile(
    r"(?<![\w-])("
    + "|".join(sorted(map(re.escape, _MEMBERS), key=len, reverse=True))
    + r")(?![\w-])",
    re.IGNORECASE,
)
_DROPPABLE = frozenset(
    {
        "she",
        "and",
        "her",
        "in",
        "with",
        "there",
        "was",
        "also",
        "an",
        "on",
        "his",
        "that",
        "has",
        "it",
        "the",
        "a",
        "he",
        "been",
        "to",
        "of",
        "very",
        "is",
    }
)
_KEYS = {
    "a": "sq",
    "b": "vn",
    "c": "xv",
    "d": "sf",
    "e": "wr",
    "f": "dg",
    "g": "fh",
    "h": "gj",
    "i": "uo",
    "j": "hk",
    "k": "jl",
    "l": "k",
    "m": "n",
    "n": "bm",
    "o": "ip",
    "p": "o",
    "r": "et",
    "s": "ad",
    "t": "ry",
    "u": "yi",
    "v": "cb",
    "w": "qe",
    "x": "zc",
    "y": "tu",
}


def reword(text: str, rng: random.Random) -> str:
    """Swap words for others of their group, at a rate that differs from text to text."""
    rate = rng.choice((0.0, 0.15, 0.3, 0.5))

    def swap(match: re.Match[str]) -> str:
        found = match[0]
        if rng.random() >= rate:
            return found
        other = rng.choice(_MEMBERS[found.lower()])
        return (
            other[:1].upper() + other[1:] if found[0].isupper() and not found.isupper() else other
        )

    if rate:
        text = _ANY_MEMBER.sub(swap, text)
    if rng.random() < 0.35:
        for british, american in SPELLINGS:
            text = text.replace(british, american)
    return text


def roughen(text: str, rng: random.Random, register: Register) -> str:
    """Contractions, shorthand, dropped words, typos, case and punctuation."""
    text = _contract(text, rng, register)
    shorthand = {"triage": 0.6, "clinical": 0.2, "narrative": 0.15, "lay": 0.05}[register]
    if rng.random() < shorthand:
        for long, short in ABBREVIATIONS:
            if rng.random() < 0.4:
                text = re.sub(rf"(?<!\w){re.escape(long)}(?!\w)", short, text)
    if rng.random() < 0.2:
        words = text.split(" ")
        text = " ".join(w for w in words if not (w in _DROPPABLE and rng.random() < 0.3))
    if rng.random() < 0.15:
        words = text.split(" ")
        text = " ".join(w for w in words if rng.random() > 0.06)
    if rng.random() < 0.3:
        text = _mistype(text, rng, rng.choice((0.01, 0.02, 0.05)))
    shape = rng.random()
    if shape < 0.08:
        text = text.lower()
    elif shape < 0.10:
        text = text.upper()
    if rng.random() < 0.06:
        text = text.replace(",", "")
    if rng.random() < 0.05:
        text = text.replace("'", "")
    if rng.random() < 0.1:
        text = text.replace("'", "\u2019")
    if rng.random() < 0.1:
        text = text.replace(". ", ".\n", 1) if rng.random() < 0.5 else text.replace(". ", "\n")
    return text.strip()


def jitter_numbers(wording: str, rng: random.Random) -> str:
    """A measurement's figures moved a little, within what keeps their meaning."""

    def move(match: re.Match[str]) -> str:
        value, decimals, percent = int(match[1]), match[2], match[3] or ""
        if decimals:
            tenths = max(0, min(9, int(decimals[1:2]) + rng.choice((-1, 0, 1))))
            return f"{value}.{tenths}{percent}"
        if percent:
            return f"{max(70, min(99, value + rng.choice((-1, 0, 1))))}{percent}"
        if value < 30:
            return match[0]
        return f"{value + rng.choice((-4, -2, 0, 0, 2, 3, 4))}"

    return re.sub(r"(?<![\w.])(\d{2,3})(\.\d)?(%)?(?![\w.]\d)", move, wording)


def _contract(text: str, rng: random.Random, register: Register) -> str:
    shape = rng.random()
    expand = shape < (0.1 if register == "lay" else 0.3)
    contract = shape > (0.6 if register == "lay" else 0.85)
    for long, short in CONTRACTIONS:
        if expand:
            text = re.sub(rf"\b{re.escape(short)}\b", long, text)
        elif contract:
            text = re.sub(rf"\b{re.escape(long)}\b", short, text)
    return text


def _mistype(text: str, rng: random.Random, rate: float) -> str:
    characters = list(text)
    for index in range(1, len(characters) - 1):
        if not characters[index].isalpha() or rng.random() >= rate:
            continue
        slip = rng.random()
        if slip < 0.3:
            characters[index], characters[index + 1] = characters[index + 1], characters[index]
        elif slip < 0.6:
            characters[index] = ""
        elif slip < 0.8:
            characters[index] *= 2
        else:
            characters[index] = rng.choice(_KEYS.get(characters[index].lower(), characters[index]))
    return "".join(characters)
