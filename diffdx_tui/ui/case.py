"""The case on the desk: which session the next answer belongs to, and what it derives from.

Role: decides, without any widget, whether a run opens a new case, repeats one, or re-asks an
edited one.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field, replace

from diffdx_tui.answer import Request
from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.identity import new_id
from diffdx_tui.domain.vignette import Vignette

_SAME_CASE = 0.6  # share of the shorter text's content words that an edit of it still has
_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+")
_AGE = re.compile(r"\b(\d{1,3})[\s-]*(year|month|week|day)s?[\s-]*old\b|\b(\d{1,3})[\s-]*y/?o\b")
# What any two patients share: grammar, age and sex, and the words that tell a history.
_NOT_CONTENT_TEXT = """
a about after again all also although an and any are as at be because been before began being
between both but by can cannot could did do does during each for from had has have having he
her hers him his i if in into is it its just last like more most my no nor not now of off on
once one only or other out over own s same she since so some such t than that the their them
then there these they this those three through to today two under until up was were what when
where which while who will with without would yesterday
age aged boy child female gentleman girl lady male man old patient person woman year years
day days hour hours minute minutes month months morning night week weeks
complains describes feels history presents reports says
"""
_NOT_CONTENT = frozenset(_NOT_CONTENT_TEXT.split())


@dataclass(slots=True)
class Case:
    """One case being worked on.

    Attributes:
        session_id: the session its answers go to.
        answers: how many answers it has had on this screen, or had when it was opened.
        parent_id: the newest saved answer; the next one derives from it.
        text: the vignette of the newest answer.
        saved: whether its session is in the store.
    """

    session_id: str = field(default_factory=new_id)
    answers: int = 0
    parent_id: str | None = None
    text: str = ""
    saved: bool = True


def next_request(
    case: Case, vignette: Vignette, decoding: Decoding, *, ephemeral: bool
) -> tuple[Case, Request]:
    """The request for *vignette*, and the case it belongs to.

    A different text opens a new case; so does a change between saved and ephemeral, because an
    answer in the store must not derive from one that is not.
    """
    if case.answers and (not same_case(case.text, vignette.text) or case.saved == ephemeral):
        case = Case()
    request = Request(vignette, decoding, session_id=case.session_id, parent_id=case.parent_id)
    following = replace(
        case,
        answers=case.answers + 1,
        text=vignette.text,
        saved=not ephemeral,
        parent_id=None if ephemeral else request.answer_id,
    )
    return following, request


def same_case(first: str, second: str) -> bool:
    """Whether *second* reads as an edit of *first* rather than as another case."""
    one, two = _content_words(first), _content_words(second)
    if not one or not two:
        return first.casefold().split() == second.casefold().split()
    ages = _age(first), _age(second)
    if None not in ages and ages[0] != ages[1]:
        return False
    return len(one & two) / min(len(one), len(two)) >= _SAME_CASE


def _content_words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold())) - _NOT_CONTENT


def _age(text: str) -> tuple[str, str] | None:
    """The first age the text states, as number and unit."""
    found = _AGE.search(text.casefold())
    return (found[1] or found[3], found[2] or "year") if found else None


def another_seed(decoding: Decoding) -> Decoding:
    """The same settings with a fresh seed; greedy gets a temperature, or nothing would differ."""
    seed = secrets.randbelow(1_000_000)
    return replace(decoding, seed=seed, temperature=decoding.temperature or 0.7)
