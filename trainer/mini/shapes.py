"""JSON answers of many shapes: which keys, in which order, and the sentence that asks for them.

Role: the embedded base model learns that a request names keys and an answer fills them.  The
project's own schema is not among the shapes, nor is any of its key names: the model that meets
it first is the adapter.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from diffdx_tui.domain.differential import escape
from trainer.mini.reasoning import Argument, Weighed

LEADING, OTHER, REASON, FRAME = 5.0, 2.0, 1.0, 1.01
"""Loss weights: the leading name, other names, reasons, keys and what is around them."""

ECHO, ECHO_START, START_LENGTH = 0.2, 4.0, 24
"""Loss weights of a copy and of its first characters: nothing precedes those that could be looked
up, and a copy that starts wrong goes astray."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text of an answer and what a token of it weighs in the loss."""

    text: str
    weight: float


Value = Sequence[Piece] | Sequence[Sequence[Piece]]

KEYS: dict[str, tuple[str, ...]] = {
    "case": ("case", "vignette", "text", "presentation", "story", "input", "note", "report"),
    "leading": ("diagnosis", "leading", "first", "impression", "main", "conclusion", "primary"),
    "others": ("others", "alternatives", "also_consider", "differential", "could_be", "rivals"),
    "danger": ("do_not_miss", "danger", "worst_case", "exclude", "must_exclude", "dangerous"),
    "tests": ("tests", "investigations", "plan", "next_step", "first_tests", "next"),
    "present": ("present", "positives", "findings", "found"),
    "denied": ("denied", "absent", "negatives", "ruled_out_by_history"),
    "urgency": ("urgency", "how_urgent", "triage"),
    "system": ("area", "specialty", "body_system"),
}
MEANINGS = {
    "case": ("the text word for word", "the case as given", "a copy of the text", "the input"),
    "leading": ("the leading diagnosis and why", "the best explanation", "diagnosis - reason"),
    "others": ("alternatives with reasons", "other diagnoses", "what else it might be"),
    "danger": ("the dangerous one to exclude", "what must be excluded", "the worst it might be"),
    "tests": ("what to do first", "first tests", "what to ask for next"),
    "present": ("what the case states", "findings that are there"),
    "denied": ("what is denied", "findings that are absent"),
    "urgency": ("how soon", "emergency, urgent or routine"),
    "system": ("which specialty", "where it belongs"),
}
_ASKS = (
    "Answer in JSON with the keys {keys}.",
    "Reply with one JSON object: {keys}.",
    "Return JSON ({keys}).",
    "Write {keys} as JSON.",
    "JSON only. Keys: {keys}.",
    "Read the case and fill in this object: {keys}.",
    "You help students reason about cases. Give {keys} as a JSON object.",
    "Turn the case into JSON with {keys}.",
)
_DESCRIBED = ("{key} ({meaning})", "{key}: {meaning}", "{key} = {meaning}")


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape: roles with the key each goes by, and how many alternatives."""

    roles: tuple[tuple[str, str], ...]
    alternatives: int
    flat: bool
    indent: int

    def has(self, role: str) -> bool:
        """Whether the shape has a key for *role*."""
        return any(name == role for name, _ in self.roles)


def draw_shape(rng: random.Random, echo: float = 0.4) -> Shape:
    """A random shape, with a copy of the case in a share of *echo*."""
    shares = {"others": 0.8, "danger": 0.8, "tests": 0.7, "present": 0.15, "denied": 0.12}
    shares |= {"urgency": 0.08, "system": 0.08}
    roles = ["leading", *(role for role, share in shares.items() if rng.random() < share)]
    if rng.random() < 0.25:
        rng.shuffle(roles)
    if rng.random() < echo:
        roles.insert(0 if rng.random() < 0.9 else rng.randint(0, len(roles)), "case")
    keyed = tuple((role, rng.choice(KEYS[role])) for role in roles)
    return Shape(
        roles=keyed,
        alternatives=rng.choice((1, 2, 2, 2, 2, 3)),
        flat=rng.random() < 0.12,
        indent=rng.choice((2, 2, 2, 2, 0)),
    )


def ask_for(shape: Shape, rng: random.Random) -> str:
    """The request for *shape*, naming its keys, with or without what they mean."""
    described = rng.random() < 0.4
    parts = []
    for role, key in shape.roles:
        if described:
            meaning = rng.choice(MEANINGS[role])
            parts.append(rng.choice(_DESCRIBED).format(key=key, meaning=meaning))
        elif role == "others" and not shape.flat and rng.random() < 0.5:
            parts.append(f"{key} (a list of {shape.alternatives})")
        else:
            parts.append(key)
    glue = "; " if described else ", "
    return rng.choice(_ASKS).format(keys=glue.join(parts))


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
    return [Piece(text[:START_LENGTH], ECHO_START), Piece(text[START_LENGTH:], ECHO)]


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

    def put(text: str) -> None:
        pieces.append(Piece(text, FRAME))

    def put_string(parts: Sequence[Piece]) -> None:
        put('"')
        pieces.extend(Piece(escape(part.text), part.weight) for part in parts)
        put('"')

    put("{")
    for number, (key, value) in enumerate(fields):
        put(f'{comma if number else ""}{outer}"{key}": ')
        if value and isinstance(value[0], Piece):
            put_string(value)  # type: ignore[arg-type]
            continue
        put("[")
        for place, parts in enumerate(value):
            put((comma if place else "") + inner)
            put_string(parts)  # type: ignore[arg-type]
        put((outer if value else "") + "]")
    put("\n}" if indent else "}")
    return pieces
