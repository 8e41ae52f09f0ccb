"""Does every tier argue with facts of the case?

Role: the checks that read each rationale with the finding lexicon
(:mod:`diffdx_tui.domain.grounding` decides what is a claim about this patient).  What a rationale
asserts must be in the vignette or on the row's ``present`` list and may not be denied there; what
it denies may not be affirmed; and its numbers must be the case's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import product

from diffdx_tui.domain.clauses import Break, Token, tokenise
from diffdx_tui.domain.curated import CuratedCase
from diffdx_tui.domain.diagnosis import split_tier
from diffdx_tui.domain.findings import CaseFacts, Finding, State, read_case
from diffdx_tui.domain.grounding import (
    UNCLAIMED,
    Claim,
    Grounding,
    KnownFacts,
    asserted_findings,
    ground,
    known_facts,
)
from diffdx_tui.domain.lexicon import read_lexicon
from diffdx_tui.domain.patient import NUMBER_WORD, number_of_words
from trainer.data.material import Fault, Material

TIERS = ("most_likely", "possible[0]", "possible[1]", "unlikely_but_serious")
_GENERAL = frozenset(
    re.findall(
        r"\w+",
        "can could may might would should must will cannot usually often typically commonly "
        "classically sometimes rarely usual always never expect expected expects need needs until "
        "if unless whether when or against rather instead unlike give gives cause causes brings "
        "produces presents shows starts begins builds follow follows spreads occurs mimics "
        "imitates resembles hides mask masks masking kills explains precede precedes tends argue "
        "argues barely non normal intact kept nothing people others than from by it that",
    )
)
"""Words before a mention that make it one of the disease, of others, or of what might be."""
_TURNS = frozenset(
    ["but", "although", "though", "yet", "whereas", "while", "because", "since", "however", "so"]
)
_GENERAL_AFTER = re.compile(
    r"[^,.;]{0,25}\b(?:would|can|may be|(?:are|is) often|missing|kept|intact|preserved|improbable"
    r"|unlikely)\b"
)
# What an effect of a disease is denied with ("a seeded spine would not give her a murmur"): no
# statement that the patient lacks it.
_NOT_OF_PATIENT = frozenset(
    re.findall(
        r"\w+",
        "would should could can cannot may might must will do does neither simply only even from "
        "by cause explain than rather however but despite although though yet or",
    )
)
_ATTACHED = frozenset({"on", "in", "at", "with", "without", "behind"})
_NOT_NOW = ("no-", "absent-", "normal-", "previous-", "former-", "family-")
_NUMBER = re.compile(r"(?<![\w.:])\d+(?:[.,]\d+)*(?![\d:])")
_CLOSE = 0.05  # a rounded number: "a sugar of 41" for 41.2
_WORD_NUMBER = re.compile(
    rf"\b(?P<hundred>(?:a|one)\shundred(?:\sand\s)?)?(?P<words>{NUMBER_WORD})\b", re.IGNORECASE
)
_QUARTERS = {"half an hour": 30, "quarter of an hour": 15, "three quarters of an hour": 45}


def rationales(case: CuratedCase) -> Iterator[tuple[str, str]]:
    """Tier and reasoning of the four diagnoses."""
    answer = case.answer
    texts = (answer.most_likely, *answer.possible, answer.unlikely_but_serious)
    for tier, text in zip(TIERS, texts, strict=True):
        yield tier, split_tier(text).reasoning


def claims(case: CuratedCase) -> Iterator[tuple[str, str, Claim, Grounding]]:
    """Tier, rationale, claim and what the case says of it.

    A claim that only adds an onset or a degree to what is stated counts as stated: "new confusion"
    where the case has confusion.
    """
    known = _known(case.vignette, _with_wider(case.present), case.absent)
    implied = read_lexicon().implied
    for tier, text in rationales(case):
        for claim in _asserted(text):
            state = ground(claim, known)
            if state is Grounding.UNSAID and implied[claim.finding] & known.stated:
                state = Grounding.STATED
            yield tier, text, claim, state


def check_asserted(material: Material) -> list[Fault]:
    """``fact-denied`` and ``fact-missing``: findings asserted that the case denies or lacks.

    What is denied is looked for more widely than what merely is not told: a finding that the
    vignette rules out has no place in a rationale but as a comparison.
    """
    faults = []
    for case in material.answered:
        denied = {
            (tier, place.finding): _around(tier, text, place)
            for tier, text, place, state in claims(case)
            if state is Grounding.DENIED
        }
        denied |= {(tier, one.id): _around(tier, text, one) for tier, text, one in _ruled_out(case)}
        for (_, finding), where in denied.items():
            faults.append(Fault(case.id, "fact-denied", f"{finding}: {where}"))
        for tier, text, claim, state in claims(case):
            if state is Grounding.UNSAID:
                where = _around(tier, text, claim)
                faults.append(Fault(case.id, "fact-missing", f"{claim.finding}: {where}"))
    return faults


def _ruled_out(case: CuratedCase) -> Iterator[tuple[str, str, Finding]]:
    """Findings that a rationale mentions as there, and that the case denies."""
    known = _known(case.vignette, _with_wider(case.present), case.absent)
    for tier, text in rationales(case):
        weighed = {one.id for one in read(text).findings if one.state is State.ABSENT}
        for one in read(text).findings:
            plain = one.state is State.PRESENT and not one.implied_by and one.value is None
            if plain and one.id in known.denied - weighed - UNCLAIMED and _is_plain(text, one):
                yield tier, text, one


def _is_plain(text: str, finding: Finding) -> bool:
    """Whether the mention is a statement: no word of doubt or generality before it, or after."""
    tokens = tokenise(text)
    first = next(index for index, token in enumerate(tokens) if token.end > finding.start)
    inside = (token.word for token in tokens[first:] if token.start < finding.end)
    if any(word in _GENERAL or word == "painless" for word in inside):
        return False
    at = first
    while at > 0 and tokens[at].before is not Break.CLAUSE:
        at -= 1
        if tokens[at].word in _GENERAL:
            return False
        if tokens[at].word in _TURNS:
            break
    return _GENERAL_AFTER.match(text, finding.end) is None


def check_denied(material: Material) -> list[Fault]:
    """``fact-affirmed``: findings denied that the case affirms."""
    faults = []
    for case in material.answered:
        affirmed = read(case.vignette).present().keys() | set(case.present)
        affirmed -= set(case.absent)
        for tier, text in rationales(case):
            facts = read(text)
            weighed = facts.present().keys()
            for one in facts.findings:
                denied = one.state is State.ABSENT and one.value is None
                if not denied or one.id not in affirmed or one.id in weighed:
                    continue
                if _is_plain_denial(tokenise(text), one):
                    faults.append(
                        Fault(case.id, "fact-affirmed", f"{one.id}: {_around(tier, text, one)}")
                    )
    return faults


def check_numbers(material: Material) -> list[Fault]:
    """``fact-number``: a number in digits that the vignette does not give.

    As digits or in words, rounded by up to 5 %, as the patient's age, or as the difference of two
    of its numbers.
    """
    faults = []
    for case in material.answered:
        known = {*numbers_in(case.vignette), case.age}
        for tier, text in rationales(case):
            for match in _NUMBER.finditer(text):
                if not _is_known(_value(match.group()), known):
                    faults.append(Fault(case.id, "fact-number", _around(tier, text, match)))
    return faults


@lru_cache(maxsize=4096)
def read(text: str) -> CaseFacts:
    """The findings of *text*, read once."""
    return read_case(text)


@lru_cache(maxsize=4096)
def _asserted(text: str) -> tuple[Claim, ...]:
    return asserted_findings(text)


@lru_cache(maxsize=4096)
def _known(vignette: str, present: tuple[str, ...], absent: tuple[str, ...]) -> KnownFacts:
    return known_facts(vignette, present, absent)


@lru_cache(maxsize=1024)
def _with_wider(present: tuple[str, ...]) -> tuple[str, ...]:
    """And the ids whose words a listed one holds: ``distal-paraesthesia`` is a paraesthesia."""
    listed = [set(one.split("-")) for one in present if not one.startswith(_NOT_NOW)]
    wider = [
        one
        for one in read_lexicon().entries
        if any(set(one.split("-")) < words for words in listed)
    ]
    return (*present, *wider)


def _around(tier: str, text: str, place: Claim | Finding | re.Match[str]) -> str:
    """The tier and the words around *place*, which stands in brackets."""
    start, end = place.span() if isinstance(place, re.Match) else (place.start, place.end)
    before, after = text[max(0, start - 40) : start], text[end : end + 30]
    return f"{tier}: ...{before}[{text[start:end]}]{after}..."


def _is_plain_denial(tokens: tuple[Token, ...], finding: Finding) -> bool:
    """Whether the negation, as far as its clause shows, is of the finding and of this patient."""
    at = next(index for index, token in enumerate(tokens) if token.end > finding.start)
    if any(token.word in _ATTACHED for token in tokens[max(0, at - 2) : at]):
        return False
    while at > 0 and tokens[at].before is not Break.CLAUSE:
        at -= 1
        if tokens[at].word in _NOT_OF_PATIENT:
            return False
    return True


def _value(digits: str) -> float:
    return float(
        digits.replace(",", "") if re.fullmatch(r"\d+,\d{3}", digits) else digits.replace(",", ".")
    )


def numbers_in(text: str) -> set[float]:
    """Every number of *text*, in digits and in words."""
    found = {_value(match.group()) for match in re.finditer(r"\d+(?:[.,]\d+)?", text)}
    for match in _WORD_NUMBER.finditer(text.replace("-odd", " odd")):
        hundred = 100 if match["hundred"] else 0
        found.add(float(hundred + number_of_words(match["words"])))
    found |= {float(value) for words, value in _QUARTERS.items() if words in text.lower()}
    return found


def _is_known(value: float, known: set[float]) -> bool:
    if any(abs(value - one) <= _CLOSE * one for one in known):
        return True
    return any(value == round(one - other, 1) for one, other in product(known, known))
