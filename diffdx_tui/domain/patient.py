"""Who the text is about: age, sex and pregnancy, as far as the text says.

Role: the bounds of the red-flag rules need them.  What is not said stays unknown; nothing is
guessed from a diagnosis or an occupation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Sex = Literal["female", "male"]
_DAYS_PER_YEAR = 365.25
_PER_YEAR = {"y": 1.0, "m": 12.0, "w": 52.18, "d": _DAYS_PER_YEAR, "h": _DAYS_PER_YEAR * 24}

_ONES = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_BELOW_TWENTY = "|".join(reversed(_ONES))
NUMBER_WORD = rf"(?:(?:{'|'.join(_TENS)})(?:[\s-](?:{'|'.join(_ONES[:9])}))?|{_BELOW_TWENTY})(?!-)"
"""Pattern of a number in words, one to ninety-nine."""
_NUMBER = rf"(?P<n>\d{{1,3}}(?![.\d]\d)|{NUMBER_WORD})"
_FEMALE_NOUNS = r"woman|lady|girl|female|schoolgirl|housewife|mrs|miss|ms|waitress|nun|grandmother"
_MALE_NOUNS = r"man|gentleman|boy|male|schoolboy|mr|lad|bloke|guy|grandfather|chap"
_PERSON = rf"(?:{_FEMALE_NOUNS}|{_MALE_NOUNS}|baby|infant|child|toddler|patient|person|student)"
_AGE_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # 67-year-old, 6 week old, 3-month-old, 67 yo, 67 y/o, 5 yr old, 4yo
        rf"\b{_NUMBER}[\s-]?(?P<u>years?|yrs?|months?|mths?|weeks?|wks?|days?|hours?)[\s-]?"
        r"(?:old|of\sage|o\b)",
        rf"\b{_NUMBER}[\s-]?(?P<u>y)[\s/.]?o\b",
        rf"\b{_NUMBER}[\s-]?(?P<u>mo)\b(?:\s(?:old|baby|infant|boy|girl|[mf]\b))",
        # 67F, 58 M, 67-F; F 34, M34, 34 female
        r"(?<![\d./-])\b(?P<n>\d{1,3})\s?-?(?P<u>)(?:(?-i:[MF])\b(?!/)|female\b|male\b)",
        r"(?<!['’])\b(?:(?-i:[MF])|female|male)\s?,?\s?(?P<n>\d{1,3})(?P<u>)(?![\d./%]|\s?(?:mg|bpm))\b",
        # aged 67, age 67, age: 67
        rf"\bage[d]?\s?(?:[:=]|is|of)?\s?{_NUMBER}(?P<u>)\b"
        r"(?!\s?(?:months?|weeks?|days?|/12|/52|/7))",
        rf"\bage[d]?\s?[:=]?\s?{_NUMBER}\s?(?P<u>months?|weeks?|days?)\b",
        # 6/12 old, 3/52, 2/7 old; only with old or as an age
        r"\b(?P<n>\d{1,2})/(?P<u>12|52|7)\s?(?:old|of\sage|boy|girl|baby|infant|male|female|[MF]\b)",
        r"\bage[d]?\s?[:=]?\s?(?P<n>\d{1,2})/(?P<u>12|52|7)\b",
        # a man of 67, a woman of sixty
        rf"\b{_PERSON}\s(?:of|aged)\s{_NUMBER}(?P<u>)\b",
        # I'm 26, she is 67, he's forty; Mrs X is 67; X, 52, says
        rf"\b(?:I['’]?m|I\sam|(?:she|he|who)(?:['’]s|\sis)|(?:mrs?|ms|miss|mr)\.?\s[A-Z]\w+\sis|"
        r"my\s(?:wife|husband|partner|mum|dad|sister|brother)\s(?-i:[A-Z])\w+\sis)"
        rf"\s(?:now\s|only\s|just\s|nearly\s)?{_NUMBER}(?P<u>)\b"
        r"(?!\s?(?:%|/|weeks?|months?|days?|minutes?|hours?|per|cm|kg|lb|stone|st\b|times|into))",
        rf"\bmy\s(?:son|daughter|baby|child|boy|girl|little\s\w+|mum|dad|wife|husband)"
        rf"\s?(?:,|is)\s?{_NUMBER}(?P<u>)\b(?!\s?(?:weeks?|months?|days?|%|/|hours?))",
        rf"\b(?:is|was|just|nearly)\s{_NUMBER}\s(?P<u>weeks|months|days)\b\s?(?:old|now)?(?=[,.;])",
        # a 74 year retired (dropped "old"); a 6 week baby
        rf"\b(?:an?|this)\s{_NUMBER}[\s-](?P<u>years?|months?|weeks?|days?)[\s-]"
        rf"(?={_PERSON}\b)",
        # a retired roofer of 69, the line cook is 26
        rf"\b(?:an?|this|the|our)\s(?:[\w-]+\s){{1,4}}(?:of|is)\s{_NUMBER}(?P<u>)\b"
        r"(?!\s?(?:%|/|weeks?|months?|days?|minutes?|hours?|mg|kg|per|to|years?\s(?:ago|of)))",
    )
)
# ", 52," or "(64)" or "Seventy-one, ": taken only where nothing clearer is said
_BARE_AGE = re.compile(
    rf"(?:(?<=[,.:]\s)|(?<=^)|(?<=\())(?P<n>[2-9]\d|1[4-9]|(?:{'|'.join(_TENS)})(?:-\w+)?)(?=[,.)]\s)",
    re.IGNORECASE | re.MULTILINE,
)
_SMALL_AGE = re.compile(
    rf"\b(?:she|he|daughter|son|baby)(?:['’]s|\sis)\s{_NUMBER}\s(?P<u>days|weeks|months)\b",
    re.IGNORECASE,
)
_PREGNANT = re.compile(r"pregnan|gestation|gravid|/40\b|trimester|antenatal|midwife", re.IGNORECASE)
_DECADE = re.compile(
    r"\bin\s(?:his|her|my|their|the)\s(?P<part>early|mid|late)?[\s-]?"
    rf"(?P<t>{'|'.join(('teens', *(t[:-1] + 'ies' for t in _TENS)))}|\d0['’]?s)\b",
    re.IGNORECASE,
)
_NEWBORN = re.compile(r"\b(?:newborn|neonate|neonatal)\b", re.IGNORECASE)
_FEMALE = re.compile(
    rf"\b(?:{_FEMALE_NOUNS})\b|\b\d{{1,3}}\s?-?(?-i:F)\b|\b(?-i:F)\s?,?\s?\d\d\b", re.IGNORECASE
)
_MALE = re.compile(
    rf"\b(?:{_MALE_NOUNS})\b|\b\d{{1,3}}\s?-?(?-i:M)\b|(?<!['’])\b(?-i:M)[\s/]?,?\s?\d\d\b",
    re.IGNORECASE,
)
# Someone else of the case: her nouns must not decide the patient's sex.
_OTHERS = re.compile(
    r"\b(?:an?|the|another|old|young)\s(?:man|woman|lady|boy|girl)\s(?:next|at|in\sthe)\b|"
    r"\bmen\b|\bwomen\b",
    re.IGNORECASE,
)
_SHE = re.compile(r"\b(?:she|herself|daughter)\b", re.IGNORECASE)
_HE = re.compile(r"\b(?:he|himself|son)\b", re.IGNORECASE)
_FEMALE_ONLY = re.compile(
    r"\b(?:I['’]?m|I\sam|she['’]?s|she\sis)\s(?:\w+\s){0,3}pregnant\b|\bweeks\spregnant\b|"
    r"\bmy\s(?:last\s|usual\s|monthly\s)?period\b|\bgravid|\bG\dP\d\b|\bLMP\b|\bpostpartum\b",
    re.IGNORECASE,
)
# Who speaks of herself: the pronouns that follow are other people's.
_FIRST_PERSON = re.compile(r".{0,80}?\b(?:I['’]?m|I|my|I['’]ve)\b", re.DOTALL)
_PARENT = re.compile(r".{0,80}?\b(?:son|daughter|baby|toddler)\b", re.DOTALL | re.IGNORECASE)
_GESTATION = re.compile(
    r"\b(?P<w>\d{1,2})(?:\+\d)?\s?(?:/\s?40\b|(?:[\s-]?(?:weeks?|wks?)\b['’]?)"
    r"(?=[\s-](?:pregnant|gestation|gravid|into\s(?:her|my|the)\spregnancy|"
    r"with\s(?:my|her)\s(?:first|second|third|baby))))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Patient:
    """What the text says of the person: ``None`` where it does not say.

    Attributes:
        age: years; fractions for infants.
        gestation: completed weeks of a present pregnancy.
    """

    age: float | None = None
    sex: Sex | None = None
    gestation: int | None = None


def read_patient(text: str) -> Patient:
    """Age, sex and weeks of gestation as *text* states them."""
    match = _GESTATION.search(text)
    weeks = int(match["w"]) if match else None
    gestation = weeks if weeks is not None and 2 <= weeks <= 44 else None
    sex = _read_sex(text)
    if sex is None and gestation is not None:
        sex = "female"
    return Patient(age=_read_age(text), sex=sex, gestation=gestation)


def _read_age(text: str) -> float | None:
    patterns = _AGE_PATTERNS if _PREGNANT.search(text) else (*_AGE_PATTERNS, _SMALL_AGE)
    best: tuple[int, float] | None = None
    for pattern in patterns:
        match = pattern.search(text)
        if match:
            years = _years(match["n"], match["u"])
            if years <= 112 and (best is None or (match.start(), years) < best):
                best = (match.start(), years)
    if best is not None:
        return best[1]
    decade = _DECADE.search(text)
    if decade:
        return _decade_years(decade["t"].lower(), (decade["part"] or "").lower())
    if _NEWBORN.search(text):
        return 0.02
    bare = _BARE_AGE.search(text)
    return _years(bare["n"], "") if bare else None


def _years(number: str, unit: str) -> float:
    value = float(number) if number[0].isdigit() else float(number_of_words(number))
    per_year = {"12": 12.0, "52": 52.18, "7": _DAYS_PER_YEAR}.get(unit)
    if per_year is None:
        per_year = _PER_YEAR.get(unit[:1].lower(), 1.0)
    return round(value / per_year, 3)


def number_of_words(words: str) -> int:
    """The value of a match of :data:`NUMBER_WORD`, 1 to 99: *forty-five* is 45."""
    total = 0
    for word in re.split(r"[\s-]", words.lower()):
        if word in _TENS:
            total += 20 + 10 * _TENS.index(word)
        elif word in _ONES:
            total += _ONES.index(word) + 1
    return total


def _decade_years(decade: str, part: str) -> float:
    if decade == "teens":
        base = 13
    elif decade[0].isdigit():
        base = int(decade[:2])
    else:
        base = next(20 + 10 * n for n, ten in enumerate(_TENS) if decade.startswith(ten[:-1]))
    return float(base + {"early": 2, "mid": 5, "late": 8}.get(part, 5))


def _read_sex(text: str) -> Sex | None:
    """The first noun decides; without one, the pronoun used more often."""
    clean = _OTHERS.sub(lambda match: " " * len(match.group()), text)
    female, male = _FEMALE.search(clean), _MALE.search(clean)
    if female or male:
        if female and male:
            return "female" if female.start() < male.start() else "male"
        return "female" if female else "male"
    if _FEMALE_ONLY.search(text):
        return "female"
    if _FIRST_PERSON.match(text) and not _PARENT.match(text):
        return None
    she, he = len(_SHE.findall(text)), len(_HE.findall(text))
    if she == he:
        return None
    return "female" if she > he else "male"
