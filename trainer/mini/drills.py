"""Short exercises: copy this text, repeat this string, answer about this case, recall this fact.

Role: the parts of :mod:`trainer.mini.documents` that teach one skill at a time.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING

from trainer.mini import frames
from trainer.mini.cases import NON_SPECIFIC, Casebook
from trainer.mini.reasoning import Argument, cite, display_name, listed
from trainer.mini.shapes import (
    FRAME,
    LEADING,
    OTHER,
    REASON,
    Piece,
    copied,
    in_order,
    weighed,
    write_json,
)
from trainer.mini.telling import Told

if TYPE_CHECKING:
    from trainer.mini.documents import Document

_COPY_ASKS = (
    "Quote the text word for word.",
    "Copy the text exactly.",
    "Repeat what was said, verbatim.",
    "Give back the text unchanged.",
)
_COPY_KEYS = ("quote", "copy", "verbatim", "text", "original", "record", "content")
TOKENS_ALONE = 0.7
"""Share of meaningless texts that are random tokens."""
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;:!?'\"/+-()%&\n"


def copy(text: str, rng: random.Random) -> tuple[str, list[Piece]]:
    """A request to copy *text* and the copy, plain or in JSON."""
    ask = rng.choice(_COPY_ASKS)
    if rng.random() < 0.4:
        return ask, copied(text)
    key = rng.choice(_COPY_KEYS) if rng.random() < 0.5 else _made_up(rng)
    ask += rng.choice((f" Use JSON with the key {key}.", f" JSON, one key: {key}.", f" ({key})"))
    return ask, write_json([(key, copied(text))], rng.choice((2, 0)))


def _made_up(rng: random.Random) -> str:
    """A key that is no word: how a copy begins must not depend on the key before it."""
    parts = rng.choice((1, 1, 2, 3))
    size = rng.randint(3, 8)
    return "_".join("".join(rng.choices(ascii_lowercase, k=size)) for _ in range(parts))


def repeat(rng: random.Random, tokens: Sequence[str] = ()) -> Document:
    """Meaningless text to be repeated: nothing but copying helps.

    Args:
        tokens: strings of the vocabulary.  Those no document has would all come to mean the same,
            "not this one", and one would be copied as another.
    """
    from trainer.mini.documents import Document, Turn  # the other module builds on this one

    if tokens and rng.random() < TOKENS_ALONE:
        text = "".join(rng.choices(tokens, k=rng.randint(10, 80))).strip() or "x"
    else:
        text = " ".join(_babble(rng) for _ in range(rng.randint(8, 60)))
    ask, pieces = copy(text, rng)
    turns = (
        Turn("system", (Piece(ask, 0.0),)),
        Turn("user", (Piece(text, 0.0),)),
        Turn("assistant", tuple(pieces)),
    )
    return Document("repeat", turns)


def _babble(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return rng.choice(rng.choice((frames.OCCUPATIONS, frames.SOCIAL_LAY)))
    return "".join(rng.choice(_LETTERS) for _ in range(rng.randint(1, 7))).strip() or "x"


def questions(
    told: Told, book: Casebook, argument: Argument, rng: random.Random
) -> list[tuple[str, list[Piece]]]:
    """Two to four questions about a case, with their answers."""
    case = told.case
    pool: list[tuple[str, list[Piece]]] = []
    for finding in rng.sample(case.present, min(2, len(case.present))):
        answer = f"Yes: {cite(told, finding, rng)}."
        pool.append((_is_there(finding.id, rng), [Piece(answer, REASON)]))
    for negative in case.denied[:2]:
        answer = f"No: {cite(told, negative, rng)}."
        pool.append((_is_there(negative.id, rng), [Piece(answer, REASON)]))
    missing = _unstated(told, book, rng)
    if missing:
        pool.append((_is_there(missing, rng), [Piece("Not stated.", REASON)]))
    rng.shuffle(pool)
    pool = pool[: rng.randint(1, 3)]
    pool.append(("What is the leading diagnosis?", weighed(argument.leading, LEADING)))
    if rng.random() < 0.5:
        pool.append(("What must not be missed?", weighed(argument.danger, OTHER)))
    if rng.random() < 0.4:
        other = argument.others[0]
        pool.append(("What else might it be?", weighed(other, OTHER)))
    if rng.random() < 0.3:
        pool.append(("What would you ask for first?", [Piece(in_order(argument.tests[:2]), 1.0)]))
    return pool


def _is_there(finding: str, rng: random.Random) -> str:
    words = finding.replace("-", " ")
    return rng.choice((f"Is there {words}?", f"{display_name(words)}?", f"Any {words}?"))


def _unstated(told: Told, book: Casebook, rng: random.Random) -> str:
    """A common finding nothing in the case comes near."""
    case = told.case
    stated = {f.id for f in case.condition.findings} | {n.id for n in case.condition.negatives}
    if case.extra:
        stated.add(case.extra.id)
    words = {word for name in stated for word in name.split("-")}
    condition = rng.choice(book.conditions)
    free = [f.id for f in condition.findings if words.isdisjoint(f.id.split("-"))]
    free = [name for name in free if name not in NON_SPECIFIC]
    return rng.choice(free) if free else ""


def recall(book: Casebook, rng: random.Random) -> Document:
    """A fact of the knowledge base, asked and told without a case."""
    from trainer.mini.documents import Document, Turn

    condition = rng.choice(book.conditions)
    name = rng.choice((condition.name, condition.name, *condition.synonyms))
    rival = rng.choice((*condition.mimics, *condition.dangerous))
    danger = condition.dangerous[0]
    decisive = [f.rationale for f in condition.findings if f.decisive]
    likely = [f.rationale for f in sorted(condition.findings, key=lambda f: -f.likelihood)]
    question, answer = rng.choice(
        (
            (
                f"What tells {name} from {rival.name}?",
                [Piece(f"{display_name(rival.name)}: {rival.differs}.", REASON)],
            ),
            (
                f"What do {name} and {rival.name} share?",
                [Piece(f"{display_name(rival.fits)}.", REASON)],
            ),
            (
                f"First tests when {name} is suspected?",
                [Piece(in_order([t.name for t in condition.first_tests[:3]]), REASON)],
            ),
            (
                f"What must not be missed when it looks like {name}?",
                [Piece(display_name(danger.name), OTHER), Piece(f" - {danger.fits}.", REASON)],
            ),
            (
                f"What else looks like {name}?",
                [
                    Piece(display_name(listed([m.name for m in condition.mimics[:3]])), OTHER),
                    Piece(".", FRAME),
                ],
            ),
            (f"What points to {name}?", [Piece(f"{display_name(listed(decisive))}.", REASON)]),
            (
                f"How does {name} present?",
                [Piece(f"{display_name(listed(likely[:5]))}.", REASON)],
            ),
            (
                f"Which condition shows {listed(likely[:3])}?",
                [Piece(display_name(condition.name), LEADING), Piece(".", FRAME)],
            ),
            (
                f"Another name for {condition.synonyms[0]}?",
                [Piece(display_name(condition.name), LEADING), Piece(".", FRAME)],
            ),
        )
    )
    turns = (Turn("user", (Piece(question, 0.0),)), Turn("assistant", tuple(answer)))
    return Document("recall", turns)
