"""A case told otherwise: what a reader would pass over, by rule, and the same every time.

Role: the texts of invariance.  Each rule leaves every finding, denial and value as it is, so the
right answer stays the same; a text that a rule cannot change is ``None``.  What is drawn is drawn
with the case's id.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache

from diffdx_tui.domain.evaluation import Perturbation
from diffdx_tui.domain.measurements import (
    MG_DL_PER_MMOL_L,
    Measure,
    Measurement,
    read_measurements,
)

IRRELEVANT = (
    "The form was filled in with a blue pen.",
    "The clock on the wall was ten minutes fast.",
    "The car park was nearly full.",
    "There was a new poster in the waiting area.",
    "The telephone rang twice in the next room.",
    "The bus stop is across the road.",
    "The window looks out onto the car park.",
    "Somebody had left an umbrella by the door.",
)
"""Sentences about no person; a test holds that none of them is read as a finding."""
MISSPELT_SHARE = 12
"""One word of so many is misspelt, but at least two."""


@cache
def perturb(name: Perturbation, text: str, case: str) -> str | None:
    """*text* told otherwise in the way called *name*; ``None`` where that changes nothing.

    Args:
        case: id of the case, the seed of what is drawn.
    """
    if not text.strip():
        return None
    found = _RULES[name](text, random.Random(f"{name}/{case}"))
    return None if found == text else found


# --------------------------------------------------------------------------- sentences

_OPENING = 40  # characters that stay in front, at least
_END = re.compile(r"[.!?][\"'”’)]*(?=\s)")
_ABBREVIATION = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|prof|st|vs|approx|temp|nos?|e\.g|i\.e|etc|ca|cf|fig|wk|yr|hrs?|mins?|"
    r"tab|dept)|(?<![\w/°])[a-z])\.$",
    re.IGNORECASE,
)
# What begins so leans on the sentence before it and is moved with it.
_LEANING = re.compile(
    r"[\"'“‘(]*(?:it|its|it['’]s|this|that|that['’]s|these|those|they|them|their|then|there|but|and|"
    r"or|so|also|otherwise|since|after|afterwards|later|meanwhile|however|still|both|bloods|neither|"
    r"either|same|another|other|others|not|none|nor|which|who|because|until|before|within|next|"
    r"again|apart|besides|even|yet|instead|first|second|third|now|today|yesterday|tonight|one|two|"
    r"all|each|some|only|just|here|(?:yes|no)(?=[.,!])|too|thereafter|finally|when|if|as|"
    r"repeat|repeated|except|rather|hence|thus|once|such|eventually|soon|nothing|similar)\b",
    re.IGNORECASE,
)


def split_sentences(text: str) -> list[str]:
    """*text* in sentences, each with the white space after it; together they are *text*.

    What stands in quotation marks is not cut, nor is a number or an abbreviation.
    """
    sentences, start = [], 0
    for match in _END.finditer(text):
        piece = text[start : match.end()]
        if _ABBREVIATION.search(piece) or _quotes_open(piece):
            continue
        following = text[match.end() :].lstrip()
        if not following or following[0].islower():
            continue
        end = len(text) - len(following)
        sentences.append(text[start:end])
        start = end
    return [*sentences, text[start:]] if start < len(text) else sentences


def _quotes_open(piece: str) -> bool:
    return piece.count('"') % 2 == 1 or piece.count("“") > piece.count("”")


def _blocks(text: str) -> list[str]:
    """Sentences, each with those that lean on it."""
    blocks: list[str] = []
    for sentence in split_sentences(text):
        if blocks and _LEANING.match(sentence):
            blocks[-1] += sentence
        else:
            blocks.append(sentence)
    return blocks


def _reorder(text: str, rng: random.Random) -> str:
    """The opening says who it is about and stays; the other blocks are shuffled.

    A text of several lines is left alone: its lines are its order.
    """
    blocks = _blocks(text)
    first = ""
    while blocks and len(first) < _OPENING:
        first += blocks.pop(0)
    bare = [block.rstrip() for block in blocks]
    if "\n" in text or len(set(bare)) < 2:
        return text
    shuffled = bare[:]
    while shuffled == bare:
        rng.shuffle(shuffled)
    return " ".join([first.rstrip(), *shuffled])


def _digress(text: str, rng: random.Random) -> str:
    """One of :data:`IRRELEVANT` behind one of the blocks, never before the first."""
    blocks = _blocks(text)
    place = rng.randint(1, len(blocks))
    before, after = "".join(blocks[:place]).rstrip(), "".join(blocks[place:])
    stop = "" if before.endswith((".", "!", "?", '"', "”", ")", "'", "’")) else "."
    return f"{before}{stop} {rng.choice(IRRELEVANT)} {after}".rstrip()


# --------------------------------------------------------------------------- spelling

_WORD = re.compile(r"(?<![\w'’.@/-])[a-z]{5,}(?![\w'’@/-])")
# To misspell a denial could undo it.
_DENIALS = frozenset({"without", "never", "denies", "denied", "absent", "neither", "nothing"})
_REAL = frozenset(
    re.findall(
        r"\w+",
        "three there trial trail quite quiet united untied diary dairy casual causal scared sacred "
        "angel angle loose later latter dinner diner tired tried hopping hoping martial marital "
        "being begin though through",
    )
)
"""Words that a slip makes of other words."""


def _misspell(text: str, rng: random.Random) -> str:
    """Slips in words of five letters or more; numbers, names and denials stay as they are."""
    words = [match for match in _WORD.finditer(text) if match.group() not in _DENIALS]
    if not words:
        return text
    wanted = max(2, len(text.split()) // MISSPELT_SHARE)
    known = set(re.findall(r"\w+", text.casefold())) | _REAL
    chosen = rng.sample(words, min(wanted, len(words)))
    for match in sorted(chosen, key=re.Match.start, reverse=True):
        slip = _slip(match.group(), rng)
        if slip not in known:
            text = text[: match.start()] + slip + text[match.end() :]
    return text


def _slip(word: str, rng: random.Random) -> str:
    """A slip of the fingers: two letters swapped, or one too many; first and last letter stay.

    None is left out, which too often makes another word ("beats", "bets").
    """
    at = rng.randrange(1, len(word) - 2)
    if word[at] != word[at + 1] and rng.random() < 0.5:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[: at + 1] + word[at] + word[at + 1 :]


# --------------------------------------------------------------------------- units

_FEVERISH = (30.0, 43.0)  # 77F is a woman of 77
_NUMBER_AT_END = re.compile(r"(?P<n>\d{1,3}(?:[.,]\d{1,2})?)(?P<after>\D*)$")
_SUGAR = re.compile(r"(?P<n>\d{1,4}(?:[.,]\d{1,2})?)\s*(?:mmol|mg)?$", re.IGNORECASE)
_GLUCOSE_UNIT = re.compile(r"\s{0,2}(?:mmol|mg)(?:\s?/\s?d?l)?", re.IGNORECASE)
_ANOTHER = re.compile(r"\s*(?:[,(]|and|to|then|repeat|second|later|again|now|-|–|\s)*\d")
_BARE_TEMPERATURE = re.compile(r"(?<![\d.,/])(?:3[4-9]|4[0-2])[.,]\d(?![\d.]|\s?(?:kg|%|g|cm|mm))")
_BESIDE = re.compile(r"\d\s?(?:to|-|–|or|and)\s?$")


def _convert(text: str, rng: random.Random) -> str:
    """Celsius and Fahrenheit, mmol/L and mg/dL of glucose: each in the other.

    A measure is left alone where a second number may belong to it ("38.8 to 40.1 °C"): half of a
    pair in another unit would be another case.
    """
    found = read_measurements(text)
    heat = [one for one in found if one.measure is Measure.TEMPERATURE and _is_heat(one)]
    rest = text
    for one in heat:
        rest = rest[: one.start] + " " * (one.end - one.start) + rest[one.end :]
    spans = [] if _BARE_TEMPERATURE.search(rest) else [_heat_span(text, one) for one in heat]
    spans += [_sugar_span(text, one) for one in found if one.measure is Measure.GLUCOSE]
    kept = [span for span in spans if span is not None]
    for start, end, told in sorted(kept, reverse=True):
        text = text[:start] + told + text[end:]
    return text


def _is_heat(one: Measurement) -> bool:
    return _FEVERISH[0] <= one.value <= _FEVERISH[1]


def _heat_span(text: str, one: Measurement) -> tuple[int, int, str] | None:
    """From where to where, and what is told instead."""
    match = _NUMBER_AT_END.search(text[one.start : one.end])
    if match is None or _BESIDE.search(text, 0, one.start + match.start()):
        return None
    number = float(match["n"].replace(",", "."))
    told = f"{number * 9 / 5 + 32:.1f} °F" if number < 50 else f"{one.value:.1f} °C"
    space = text[one.end - 1 : one.end]
    return one.start + match.start(), one.end, told + (" " if space == " " else "")


def _sugar_span(text: str, one: Measurement) -> tuple[int, int, str] | None:
    match = _SUGAR.search(text, one.start, one.end)
    if match is None:
        return None
    start, end = match.span("n")
    unit = _GLUCOSE_UNIT.match(text, end)
    end = unit.end() if unit else end
    if _ANOTHER.match(text, end) or _BESIDE.search(text, 0, start):
        return None
    in_mmol = float(match["n"].replace(",", ".")) == one.value
    told = f"{one.value * MG_DL_PER_MMOL_L:.0f} mg/dL" if in_mmol else f"{one.value:.1f} mmol/L"
    return start, end, told


_RULES: dict[Perturbation, Callable[[str, random.Random], str]] = {
    "order": _reorder,
    "irrelevant": _digress,
    "spelling": _misspell,
    "units": _convert,
}
