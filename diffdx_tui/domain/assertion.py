"""Is a finding there? Negation, history, family, fear and doubt, read from the words around it.

Role: :func:`judge` decides for one stretch of tokens whether the text says it is present, absent
or unknown, in the manner of the published NegEx and ConText rules, with our own cue lists:
cues before and after, a scope that ends at a clause, at *but* and its kin, or where a new subject
begins, and look-alikes (*not only*, *no relief*) that negate nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from diffdx_tui.domain.clauses import Break, Token
from diffdx_tui.domain.cues import (
    CUES,
    ENDS_SCOPE,
    NEW_SUBJECT,
    ONGOING,
    PEOPLE,
    REPORTS,
    Cue,
)
from diffdx_tui.domain.phrase_trie import Match, PhraseTrie


class Doubt(StrEnum):
    """Why a mention is neither present nor absent."""

    NONE = ""
    HISTORICAL = "historical"
    FAMILY = "family"
    HYPOTHETICAL = "hypothetical"
    UNCERTAIN = "uncertain"


_NEGATIONS = frozenset({Cue.NO, Cue.NOT, Cue.DENIES})
_SCOPE = {
    Cue.NO: 6,
    Cue.NOT: 5,
    Cue.DENIES: 9,
    Cue.HISTORY: 7,
    Cue.FAMILY: 7,
    Cue.FEAR: 9,
    Cue.DOUBT: 4,
}
_DOUBTS = {
    Cue.HISTORY: Doubt.HISTORICAL,
    Cue.FAMILY: Doubt.FAMILY,
    Cue.FEAR: Doubt.HYPOTHETICAL,
    Cue.DOUBT: Doubt.UNCERTAIN,
}
_AFTER = (Cue.AFTER_NO, Cue.AFTER_PAST, Cue.AFTER_DOUBT)
_BARE_NO = frozenset({"no", "none", "nil", "never", "neg", "gone", "absent", "-ve", "unlikely"})
_PATIENT_WORDS = 14  # a relative named so early with "my" is the person the talk is about


def _build(cues: Sequence[Cue]) -> PhraseTrie[Cue]:
    trie: PhraseTrie[Cue] = PhraseTrie()
    for cue in cues:
        for pattern in CUES[cue]:
            trie.add(pattern, cue)
    return trie


_FORWARD_TRIE = _build([cue for cue in CUES if cue not in _AFTER])
_AFTER_TRIE = _build(_AFTER)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the words around a mention make of it."""

    absent: bool = False
    doubt: Doubt = Doubt.NONE


PRESENT = Judgement()


class Context:
    """The cues of one text and how far each reaches.

    Args:
        tokens: the text.
        phrases: token ranges of the findings; a cue inside one (*no appetite*) is no cue, and
            words of findings do not use up a cue's reach.
    """

    def __init__(self, tokens: Sequence[Token], phrases: Sequence[tuple[int, int]]) -> None:
        self._tokens = tokens
        self._covered = [False] * len(tokens)
        self._starts = [False] * len(tokens)
        for first, stop in phrases:
            self._starts[first] = True
            for index in range(first, stop):
                self._covered[index] = True
        self._patients = _patient_kin(tokens)
        self._judged: list[set[Cue]] = [set() for _ in tokens]
        for match in _longest(_FORWARD_TRIE.find(tokens)):
            if match.payload in _SCOPE and not self._inside(match, phrases):
                self._reach(match)
        self._after: dict[int, list[Match[Cue]]] = {}
        for match in _longest(_AFTER_TRIE.find(tokens)):
            self._after.setdefault(match.first, []).append(match)

    @staticmethod
    def _inside(match: Match[Cue], phrases: Sequence[tuple[int, int]]) -> bool:
        return any(first <= match.first and match.stop <= stop for first, stop in phrases)

    def judge(self, first: int, stop: int) -> Judgement:
        """Present, absent or in doubt: the mention at tokens *first* to *stop*."""
        cues = self._judged[first] | self._after_cues(first, stop)
        for cue in (Cue.FAMILY, Cue.FEAR):
            if cue in cues:
                return Judgement(doubt=_DOUBTS[cue])
        if cues & _NEGATIONS or Cue.AFTER_NO in cues:
            return Judgement(absent=True)
        if cues & {Cue.HISTORY, Cue.AFTER_PAST}:
            return Judgement(doubt=Doubt.HISTORICAL)
        if self._tokens[first].asked or cues & {Cue.DOUBT, Cue.AFTER_DOUBT}:
            return Judgement(doubt=Doubt.UNCERTAIN)
        return PRESENT

    # ----------------------------------------------------------- forward cues

    def _reach(self, match: Match[Cue]) -> None:
        cue, tokens = match.payload, self._tokens
        if cue is Cue.FAMILY and self._is_witness(match):
            return
        if cue is Cue.HISTORY and self._ongoing(match.first - 4, match.stop):
            return
        left = _SCOPE[cue]
        for index in range(match.stop, len(tokens)):
            token = tokens[index]
            if token.before is Break.CLAUSE or self._ends(cue, index, match.stop):
                return
            if index > match.stop and token.before is Break.COMMA:
                if not self._list_goes_on(match, index):
                    return
                left = _SCOPE[cue]
            if token.word in ("and", "or", "nor", "&"):
                if self._new_statement(index + 1):
                    return
                left = _SCOPE[cue]
            elif not self._covered[index]:
                left -= 1
            if left < 0:
                return
            self._judged[index].add(cue)

    def _ends(self, cue: Cue, index: int, start: int) -> bool:
        word = self._tokens[index].word
        if self._covered[index] or word not in ENDS_SCOPE:
            return False
        pronoun = word in ("he", "she", "they", "we")
        return not (pronoun and (cue is Cue.FEAR or index == start))

    def _new_statement(self, index: int) -> bool:
        """A new subject or verb follows: *no fever and **his** neck is stiff*."""
        if index >= len(self._tokens):
            return False
        return self._tokens[index].word in NEW_SUBJECT and not self._starts[index]

    def _list_goes_on(self, match: Match[Cue], index: int) -> bool:
        """Whether a comma continues what the cue began."""
        cue = match.payload
        if cue is Cue.HISTORY:
            named = {token.word for token in self._tokens[match.first : match.stop]}
            return bool(named & {"history", "pmh", "pmhx"}) and not self._new_statement(index)
        if cue not in _NEGATIONS or (self._new_statement(index)):
            return False
        if cue is Cue.DENIES:
            return True
        return self._alternative_follows(index) or self._bare_list(match)

    def _alternative_follows(self, index: int) -> bool:
        """An *or* or *nor* joins the list before the clause ends."""
        for at in range(index, min(index + 24, len(self._tokens))):
            token = self._tokens[at]
            if at > index and token.before is Break.CLAUSE:
                return False
            if token.word in ("or", "nor"):
                return True
            ends = token.word in ENDS_SCOPE or (
                token.before is Break.COMMA and self._new_statement(at)
            )
            if ends and not self._covered[at]:
                return False
        return False

    def _bare_list(self, match: Match[Cue]) -> bool:
        """*No fever, cough, rash.*: three or more findings and nothing else up to the full stop."""
        tokens = self._tokens
        if tokens[match.first].before is not Break.CLAUSE:
            return False
        items = 1
        for at in range(match.stop, len(tokens)):
            if at > match.stop and tokens[at].before is Break.CLAUSE:
                break
            if not self._covered[at]:
                return False
            items += tokens[at].before is Break.COMMA
        return items >= 3

    def _is_witness(self, match: Match[Cue]) -> bool:
        """The relative tells the story, or is the patient: *mum says*, *my dad has gone grey*."""
        named = {token.word for token in self._tokens[match.first : match.stop]}
        following = set()
        for token in self._tokens[match.stop : match.stop + 2]:
            if token.before is not Break.NONE:
                break
            following.add(token.word)
        return bool((named | following) & REPORTS) or bool(named & self._patients)

    def _ongoing(self, first: int, stop: int) -> bool:
        return any(token.word in ONGOING for token in self._tokens[max(0, first) : stop])

    # ------------------------------------------------------------- cues after

    def _after_cues(self, first: int, stop: int) -> set[Cue]:
        found: set[Cue] = set()
        tokens = self._tokens
        for at in range(stop, min(stop + 7, len(tokens))):
            token = tokens[at]
            if token.before is Break.CLAUSE:
                if at == stop and token.question and token.word in _BARE_NO:
                    found.add(Cue.AFTER_NO)
                break
            for match in self._after.get(at, ()):
                if self._after_holds(match, stop, first):
                    found.add(match.payload)
            if token.before is Break.COMMA and at > stop:
                break
            if token.word == "in" and at + 1 < len(tokens) and _is_year(tokens[at + 1].word):
                found.add(Cue.AFTER_PAST)
            if self._starts[at] or token.word in ENDS_SCOPE:
                break
        return found

    def _after_holds(self, match: Match[Cue], stop: int, first: int) -> bool:
        distance = match.first - stop
        last = self._tokens[match.stop - 1].word
        followed = (
            match.stop >= len(self._tokens) or self._tokens[match.stop].before is not Break.NONE
        )
        if match.payload is Cue.AFTER_PAST:
            near = distance <= 5 and self._tokens[stop].before is Break.NONE
            closed = last not in ("gone", "cleared", "settled", "resolved") or followed
            return near and closed and not self._ongoing(first - 3, match.stop)
        if match.payload is Cue.AFTER_NO and last in _BARE_NO:
            return distance <= 1 and followed
        return distance <= 1


def _is_year(word: str) -> bool:
    return len(word) == 4 and word.isdigit() and 1930 <= int(word) <= 2030


def _patient_kin(tokens: Sequence[Token]) -> frozenset[str]:
    """Relatives who are the patient: named early with *my*, or opening the text (*Dad's 83*)."""
    opening = [token.word for token in tokens[:_PATIENT_WORDS]]
    named = {
        word.removesuffix("s")
        for before, word in itertools.pairwise(opening)
        if before == "my" and word.removesuffix("s") in PEOPLE
    }
    if opening and opening[0].endswith("s") and opening[0][:-1] in PEOPLE:
        named.add(opening[0][:-1])
    return frozenset(named)


def _longest(matches: Sequence[Match[Cue]]) -> list[Match[Cue]]:
    """Of overlapping cues the longer, then the earlier; look-alikes win ties."""
    order = sorted(
        matches,
        key=lambda match: (
            match.first - match.stop,
            match.payload not in (Cue.NONE, Cue.DURATION),
            match.first,
        ),
    )
    taken: set[int] = set()
    kept = []
    for match in order:
        span = range(match.first, match.stop)
        if not taken.intersection(span):
            taken.update(span)
            kept.append(match)
    return sorted(kept, key=lambda match: match.first)
