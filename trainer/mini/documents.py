"""The base model's reading: cases discussed, listed, asked about, copied, and facts recalled.

Role: writes document number *n* of a seed, always the same one: a few turns of conversation with a
loss weight for every piece of text.  The project's five-field schema, its system prompt and its
curated cases are in none of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from diffdx_tui.domain.knowledge import Condition
from trainer.mini import drills
from trainer.mini.cases import Case, Casebook
from trainer.mini.chatter import draw_chatter
from trainer.mini.contrasts import Contrasts
from trainer.mini.prose import UnwritableCase
from trainer.mini.reasoning import Argument, Reasoner, cite, display_name
from trainer.mini.shapes import (
    FRAME,
    LEADING,
    OTHER,
    REASON,
    Piece,
    ask_for,
    draw_shape,
    fill,
    in_order,
    weighed,
)
from trainer.mini.telling import Told, tell

READ, READ_SHARE = 0.15, 0.35
"""Loss weight of a vignette's tokens, and in what share of documents they count at all: language
is learned from them, and every token that counts costs a row of the output matrix."""
THINNED, THINNED_JSON, THINNEST = 0.8, 0.2, 0.7
"""How many of the cases of which only the name is asked, and of those told in JSON, lose words, and
up to what share of them.

What wordings are there is soon known by heart; a name then hangs on one of them and not on what
all of the text says: 87 % of names right, 38 % in wordings never seen (``docs/LOG.md``).
"""
SHUFFLED = 0.3
"""How many of those of which only the name is asked lose the order of their words, too."""

CHATTY, LONGEST_CHATTER = 0.4, 500
"""Share of requests in a system turn that come after chatter, and its characters."""

_OPEN_ASKS = (
    "What is going on?",
    "What is the diagnosis?",
    "Discuss this case.",
    "What do you make of this?",
    "Differential?",
    "How would you think about this one?",
)
_NAME_ASKS = (
    "Name the leading diagnosis.",
    "Diagnosis in as few words as possible.",
    "One diagnosis, no reasons.",
    "What is it, in a word?",
    "Just the name, please.",
)
_DISCUSS = (
    "You discuss cases with students.",
    "Discuss the case.",
    "Think aloud about the case.",
    "Explain the diagnosis in plain sentences.",
    "",
)
_LISTS = (
    "List the diagnoses in order, the dangerous one and the tests.",
    "Give a numbered differential.",
    "Answer as a short list.",
    "Numbered list, please.",
)
_LETTERS = (
    "Write a short reply to the referrer.",
    "Answer with a letter.",
    "Draft the clinic letter.",
)
_FINDINGS = (
    "List what the case states and what it denies.",
    "Which findings are there, which are absent?",
    "Extract the findings.",
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the conversation."""

    role: Literal["system", "user", "assistant"]
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """What the turn says."""
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Document:
    """A conversation.

    Attributes:
        kind: which writer made it.
        told: the case it is about, if it is about one.
        told_turn: index of the turn whose text opens with the case.
    """

    kind: str
    turns: tuple[Turn, ...]
    told: Told | None = None
    told_turn: int = 0


class Author:
    """Writes documents about the conditions of a casebook."""

    def __init__(
        self,
        book: Casebook,
        entries: Iterable[Condition],
        seed: int | str,
        chatter: Sequence[str] = (),
        tokens: Sequence[str] = (),
    ) -> None:
        """Nothing is written yet.

        Args:
            entries: everything the reasons may draw on, the casebook's conditions included.
            chatter: sentences that stand before a request now and then.
            tokens: strings of the vocabulary, for text that means nothing.
        """
        self.book, self.seed, self.chatter, self.tokens = book, seed, chatter, tokens
        self.reasoner = Reasoner(entries)
        self.contrasts = Contrasts(book, self.reasoner)
        self._kinds: dict[Callable[[Told, random.Random], Document], int] = {
            self._as_name: 70,
            self._as_json: 70,
            self._as_discussion: 8,
            self._as_list: 6,
            self._as_letter: 3,
            self._as_findings: 6,
            self._as_questions: 8,
            self._as_copy: 14,
        }

    def write(self, number: int) -> Document:
        """Document *number*; two in eight are halves of a minimal pair."""
        rng = random.Random(f"{self.seed}/{number}")
        group, place = divmod(number, 8)
        if place < 2 and self.contrasts.pairs:
            shared = random.Random(f"{self.seed}/pair/{group}")
            case = self.contrasts.draw_pair(shared)[place]
            told = self._tell_case(case, shared)
            if told is None:
                return drills.recall(self.book, rng)
            # What tells the halves apart has to be read, so nothing is left out.
            return self._as_json(told, rng, echo=0.3, thinning=0)
        share = rng.random()
        if share < 0.06:
            return drills.recall(self.book, rng)
        if share < 0.13:
            return drills.repeat(rng, self.tokens)
        case = self.contrasts.mislead(self.book.draw(rng, rng.choice(self.book.conditions)), rng)
        told = self._tell_case(case, rng)
        if told is None:
            return drills.recall(self.book, rng)
        kind = rng.choices(list(self._kinds), list(self._kinds.values()))[0]
        document = kind(told, rng)
        if document.told is not told or rng.random() >= 0.12:
            return document
        return self._go_on(document, told, rng)

    def _tell_case(self, case: Case, rng: random.Random) -> Told | None:
        try:
            return tell(self.book, case, rng)
        except UnwritableCase:
            return None

    # -- kinds ---------------------------------------------------------------------------------

    def _as_json(
        self, told: Told, rng: random.Random, echo: float = 0.6, thinning: float = THINNED_JSON
    ) -> Document:
        shape = draw_shape(rng, echo if len(told.text) < 900 else 0.1)
        condition = told.case.condition
        argument = self.reasoner.argue(told, rng)
        thinned = thin(told, rng) if rng.random() < thinning else told
        pieces = fill(shape, thinned.text, argument, condition.domain.value, condition.acuity)
        if thinned is not told:  # the reasons may cite what has been left out
            pieces = [replace(p, weight=0.0) if p.weight == REASON else p for p in pieces]
        return self._converse("json", thinned, ask_for(shape, rng), pieces, rng)

    def _as_name(self, told: Told, rng: random.Random) -> Document:
        """The name alone: the most reading for the fewest tokens, mostly with words left out."""
        if rng.random() < THINNED:
            told = thin(told, rng, SHUFFLED)
        name = display_name(told.case.condition.name)
        pieces = [Piece(name, LEADING), Piece(rng.choice((".", "")), FRAME)]
        return self._converse("name", told, rng.choice(_NAME_ASKS), pieces, rng)

    def _as_discussion(self, told: Told, rng: random.Random) -> Document:
        argument = self.reasoner.argue(told, rng)
        pieces = _discuss(argument, rng)
        return self._converse("discussion", told, rng.choice(_DISCUSS), pieces, rng)

    def _as_list(self, told: Told, rng: random.Random) -> Document:
        argument = self.reasoner.argue(told, rng)
        pieces = [Piece("1. ", FRAME), *weighed(argument.leading, LEADING)]
        for number, other in enumerate(argument.others[: rng.choice((1, 2, 2, 3))], start=2):
            pieces += [Piece(f"\n{number}. ", FRAME), *weighed(other, OTHER)]
        if rng.random() < 0.8:
            label = rng.choice(("Do not miss: ", "Exclude: ", "Danger: "))
            pieces += [Piece(f"\n{label}", FRAME), *weighed(argument.danger, OTHER)]
        if rng.random() < 0.7:
            label = rng.choice(("Tests: ", "Next: ", "First: "))
            pieces += [Piece(f"\n{label}", FRAME), Piece(in_order(argument.tests[:3]), REASON)]
        return self._converse("list", told, rng.choice(_LISTS), pieces, rng)

    def _as_letter(self, told: Told, rng: random.Random) -> Document:
        argument = self.reasoner.argue(told, rng)
        pieces = [
            Piece(rng.choice(("Dear colleague,\n\n", "Dear doctor,\n\n", "Thank you. ")), FRAME),
            *_discuss(argument, rng),
            Piece(rng.choice(("\n\nKind regards", "\n\nWith thanks", "")), FRAME),
        ]
        return self._converse("letter", told, rng.choice(_LETTERS), pieces, rng)

    def _as_findings(self, told: Told, rng: random.Random) -> Document:
        there = [cite(told, finding, rng) for finding in told.case.present]
        absent = [cite(told, negative, rng) for negative in told.case.denied]
        glue = rng.choice(("; ", "\n- "))
        lead = "\n- " if glue.startswith("\n") else " "
        pieces = [Piece("Present:", FRAME), Piece(lead + glue.join(there), REASON)]
        if absent:
            pieces += [Piece("\nDenied:", FRAME), Piece(lead + glue.join(absent), REASON)]
        else:
            pieces.append(Piece("\nDenied: nothing", REASON))
        if rng.random() < 0.5:
            leading = self.reasoner.argue(told, rng).leading
            pieces += [Piece("\nSo: ", FRAME), Piece(leading.name, LEADING), Piece(".", FRAME)]
        return self._converse("findings", told, rng.choice(_FINDINGS), pieces, rng)

    def _as_questions(self, told: Told, rng: random.Random) -> Document:
        turns = [Turn("user", (_read(told, rng),))]
        questions = drills.questions(told, self.book, self.reasoner.argue(told, rng), rng)
        for number, (question, answer) in enumerate(questions):
            if number == 0:
                turns[0] = Turn("user", (_read(told, rng), Piece(f"\n\n{question}", 0.0)))
            else:
                turns.append(Turn("user", (Piece(question, 0.0),)))
            turns.append(Turn("assistant", tuple(answer)))
        return Document("questions", tuple(turns), told, 0)

    def _as_copy(self, told: Told, rng: random.Random) -> Document:
        ask, pieces = drills.copy(told.text, rng)
        return self._converse("copy", told, ask, pieces, rng)

    def _go_on(self, document: Document, told: Told, rng: random.Random) -> Document:
        """A second request about the same case, asked after the first is answered."""
        if rng.random() < 0.5:
            ask, pieces = drills.copy(told.text, rng)
        else:
            shape, condition = draw_shape(rng, 0.5), told.case.condition
            ask, argument = ask_for(shape, rng), self.reasoner.argue(told, rng)
            pieces = fill(shape, told.text, argument, condition.domain.value, condition.acuity)
        asked = Turn("user", (Piece(rng.choice(("Now: ", "Next. ", "")) + ask, 0.0),))
        turns = (*document.turns, asked, Turn("assistant", tuple(pieces)))
        return replace(document, turns=turns)

    def _converse(
        self, kind: str, told: Told, ask: str, pieces: list[Piece], rng: random.Random
    ) -> Document:
        """The request in the system turn, after the case, or left to be guessed."""
        answer = Turn("assistant", tuple(pieces))
        if not ask:
            ask = rng.choice(_OPEN_ASKS)
        if rng.random() < (0.75 if kind in ("json", "copy") else 0.5):
            user = Turn("user", (_read(told, rng),))
            if self.chatter and rng.random() < CHATTY:
                ask = f"{draw_chatter(self.chatter, rng, rng.randint(40, LONGEST_CHATTER))} {ask}"
            return Document(kind, (Turn("system", (Piece(ask, 0.0),)), user, answer), told, 1)
        user = Turn("user", (_read(told, rng), Piece(f"\n\n{ask}", 0.0)))
        return Document(kind, (user, answer), told, 0)


def thin(told: Told, rng: random.Random, shuffled: float = 0.0) -> Told:
    """*told* without some of its words, and with chance *shuffled* without their order.

    What it says of its findings is no longer known.
    """
    words, share = told.text.split(" "), rng.uniform(0.1, THINNEST)
    kept = [word for word in words if rng.random() >= share]
    if rng.random() < shuffled:
        rng.shuffle(kept)
    return replace(told, text=" ".join(kept) or told.text, mentions=())


def _read(told: Told, rng: random.Random) -> Piece:
    """The case as the user writes it."""
    if not told.mentions:
        return Piece(told.text, 0.0)
    return Piece(told.text, READ if rng.random() < READ_SHARE else 0.0)


def _discuss(argument: Argument, rng: random.Random) -> list[Piece]:
    """The argument in sentences."""
    leading, others, danger = argument.leading, argument.others, argument.danger
    opening = rng.choice(("The leading diagnosis is ", "This is most in keeping with ", "I think "))
    verb = " is the answer: " if opening == "I think " else ": "
    pieces = [Piece(opening, FRAME), Piece(leading.name, LEADING)]
    pieces += [Piece(verb, FRAME), Piece(f"{leading.reason}.", REASON)]
    for other in others[: rng.choice((1, 2, 2))]:
        start = rng.choice((" Next comes ", " I would also weigh ", " Another thought is "))
        pieces += [Piece(start, FRAME), Piece(other.name, OTHER), Piece(f": {other.reason}.", 1.0)]
    if rng.random() < 0.75:
        start = rng.choice((" What must not be missed is ", " The dangerous one is ", " Exclude "))
        pieces += [Piece(start, FRAME), Piece(danger.name, OTHER)]
        pieces.append(Piece(f": {danger.reason}.", REASON))
    if rng.random() < 0.7:
        start = rng.choice((" First: ", " Tests: ", " I would ask for: "))
        pieces += [Piece(start, FRAME), Piece(in_order(argument.tests[:3]), REASON)]
    return pieces
