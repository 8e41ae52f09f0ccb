"""JSON answers in a handful of forms: their keys, in their order, and the sentence that asks.

Role: the embedded base model learns that a request names a form and an answer fills it.  The
project's own schema is not among the forms, nor is any of its key names: the model that meets it
first is the adapter.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diffdx_tui.domain.differential import escape
from trainer.mini.reasoning import Argument, Weighed

LEADING, OTHER, REASON, FRAME = 5.0, 2.0, 1.0, 1.01
"""Loss weights: the leading name, other names, reasons, keys and what is around them.  All differ,
also from those of copies and vignettes, because the loop's figures tell tokens apart by them."""

ECHO, ECHO_START, ECHO_FIRST, ECHO_END = 0.2, 4.0, 30.0, 20.0
START_LENGTH, FIRST_LENGTH = 24, 8
"""Loss weights of a copy, of its first characters, of the very first and of the quote that ends it.
Nothing precedes the first that could be looked up, and a copy that starts wrong goes astray; one
that does not end where the text does goes round in circles.  What JSON escapes and the characters
after it weigh as much as a start: there the copy is not what the text has."""

_ESCAPED = re.compile(r'["\\\n].{,6}')


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text of an answer and what a token of it weighs in the loss."""

    text: str
    weight: float


Value = Sequence[Piece] | Sequence[Sequence[Piece]]


@dataclass(frozen=True, slots=True)
class Shape:
    """One form: roles with the key each goes by, and how many alternatives."""

    name: str
    roles: tuple[tuple[str, str], ...]
    alternatives: int
    flat: bool = False
    indent: int = 2

    def has(self, role: str) -> bool:
        """Whether the form has a key for *role*."""
        return any(name == role for name, _ in self.roles)


def _form(name: str, keys: str, alternatives: int, flat: bool = False, indent: int = 2) -> Shape:
    pairs = (part.split(":") for part in keys.split())
    return Shape(name, tuple((role, key) for role, key in pairs), alternatives, flat, indent)


FORMS = (
    _form(
        "ward form", "case:case leading:diagnosis others:others danger:do_not_miss tests:tests", 3
    ),
    _form("clinic form", "case:note leading:impression danger:exclude others:alternatives", 2),
    _form("night form", "case:story leading:first danger:danger tests:next", 1),
    _form("seminar form", "case:text leading:leading present:found denied:denied others:rivals", 2),
    _form("letter form", "case:input leading:conclusion others:could_be tests:plan", 2, flat=True),
    _form("triage form", "urgency:urgency leading:main danger:worst_case tests:next_step", 1),
    _form("short form", "leading:primary others:also_consider tests:investigations", 1, indent=0),
    _form("round form", "system:area leading:diagnosis others:differential danger:must_exclude", 2),
)
"""A handful, each always the same: with keys drawn for every document, a model of this size did not
look at the request after three million tokens, and got a quarter of keys and brackets wrong."""

_ASKS = (
    "Fill in the {name}.",
    "{name}, please.",
    "Use the {name}.",
    "Write the {name} for this case.",
    "JSON, {name}.",
    "{name}: {keys}.",
    "Fill in the {name} ({keys}).",
    "Answer as JSON in the {name}, with {keys}.",
)


def draw_shape(rng: random.Random, echo: float = 0.55) -> Shape:
    """A form, in a share of *echo* one that copies the case."""
    copies = rng.random() < echo
    return rng.choice([form for form in FORMS if form.has("case") == copies])


def ask_for(shape: Shape, rng: random.Random) -> str:
    """The request for *shape* by its name, with or without its keys."""
    keys = ", ".join(key for _, key in shape.roles)
    ask = rng.choice(_ASKS).format(name=shape.name, keys=keys)
    return ask[:1].upper() + ask[1:]


def fill(shape: Shape, case: str, argument: Argument, area: str, urgency: str) -> list[Piece]:
    """The answer in *shape*, piece by piece."""
    fields: list[tuple[str, Value]] = []
    for role, key in shape.roles:
        fields.append((key, _value(role, shape, case, argument, area, urgency)))
    return write_json(fields, shape.indent)


def _value(
    role: str, shape: Shape, case: str, argument: Argument, area: str, urgency: str
) -> Value:
    if role == "case":
        return copied(case)
    if role == "leading":
        return weighed(argument.leading, LEADING)
    if role == "danger":
        return weighed(argument.danger, OTHER)
    if role == "tests":
        return [Piece(in_order(argument.tests[:3]), REASON)]
    if role == "others":
        chosen = [weighed(other, OTHER) for other in argument.others[: shape.alternatives]]
        if not shape.flat:
            return chosen
        return [piece for other in chosen for piece in (*other, Piece(" ", FRAME))][:-1]
    if role == "present":
        return [[Piece(finding, REASON)] for finding in argument.present]
    if role == "denied":
        return [[Piece(finding, REASON)] for finding in argument.denied]
    return [Piece(urgency if role == "urgency" else area, REASON)]


def copied(text: str) -> list[Piece]:
    """*text* as a copy."""
    return [
        Piece(text[:FIRST_LENGTH], ECHO_FIRST),
        Piece(text[FIRST_LENGTH:START_LENGTH], ECHO_START),
        *_rest(text),
    ]


def _rest(text: str) -> Iterator[Piece]:
    place = START_LENGTH
    for found in _ESCAPED.finditer(text, START_LENGTH):
        yield Piece(text[place : found.start()], ECHO)
        yield Piece(found.group(), ECHO_START)
        place = found.end()
    yield Piece(text[place:], ECHO)


def weighed(one: Weighed, weight: float) -> list[Piece]:
    """``Name - reason``."""
    return [Piece(one.name, weight), Piece(f" - {one.reason}.", REASON)]


def in_order(tests: Sequence[str]) -> str:
    """Tests as one sentence."""
    text = tests[0] if len(tests) == 1 else f"{', '.join(tests[:-1])}, then {tests[-1]}"
    return text[:1].upper() + text[1:] + "."


def write_json(fields: Sequence[tuple[str, Value]], indent: int) -> list[Piece]:
    """*fields* as ``json.dumps(..., ensure_ascii=False, indent=indent or None)`` writes them."""
    pieces: list[Piece] = []
    outer = "\n" + " " * indent if indent else ""
    inner = "\n" + " " * 2 * indent if indent else ""
    comma = "," if indent else ", "

    after = FRAME  # the weight of what ends the value before

    def put(text: str, weight: float = FRAME) -> None:
        pieces.append(Piece(text, weight))

    def put_string(parts: Sequence[Piece], end: float = FRAME) -> None:
        put('"')
        pieces.extend(Piece(escape(part.text), part.weight) for part in parts)
        put('"', end)

    put("{")
    for number, (key, value) in enumerate(fields):
        if number:  # a quote and the comma after it are mostly one token
            put(comma, after)
        put(f'{outer}"{key}": ')
        after = FRAME
        if value and isinstance(value[0], Piece):
            after = ECHO_END if value[-1].weight == ECHO else FRAME  # type: ignore[union-attr]
            put_string(value, after)  # type: ignore[arg-type]
            continue
        put("[")
        for place, parts in enumerate(value):
            put((comma if place else "") + inner)
            put_string(parts)  # type: ignore[arg-type]
        put((outer if value else "") + "]")
    put("\n}" if indent else "}")
    return pieces
