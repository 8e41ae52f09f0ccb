"""The case on the desk: which session the next answer belongs to, and what it derives from.

Role: decides, without any widget, whether a run opens a new case, repeats one, or re-asks an
edited one.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace

from diffdx_tui.answer import Request, new_id
from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.vignette import Vignette

_SAME_CASE = 0.3  # share of words two texts must have in common to be one case edited


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
    one, two = set(first.casefold().split()), set(second.casefold().split())
    if not one or not two:
        return not one and not two
    return len(one & two) / min(len(one), len(two)) >= _SAME_CASE


def another_seed(decoding: Decoding) -> Decoding:
    """The same settings with a fresh seed; greedy gets a temperature, or nothing would differ."""
    seed = secrets.randbelow(1_000_000)
    return replace(decoding, seed=seed, temperature=decoding.temperature or 0.7)
