"""Does a raw output follow the schema? Strict and lenient, each violation named and placed.

Role: the one judge of schema adherence, for screen, command line, store and evaluation alike.

*Strict*: one JSON object and nothing else but white space around it, exactly the variant's keys,
the right types, exactly two alternatives, nothing empty.  *Lenient*: the first balanced object
found in the text, judged by the same rules.  *Echo fidelity* (does ``symptoms`` repeat the
vignette?) is a separate question and never part of either.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from diffdx_tui.domain.differential import MODELS, AnyDifferential, Variant, fields_of


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule.

    Attributes:
        name: one of ``not_json``, ``text_before``, ``text_after``, ``no_object``,
            ``not_an_object``, ``duplicate_key``, ``missing_key``, ``unexpected_key``,
            ``wrong_type``, ``possible_count``, ``empty_text``.
        detail: what exactly, for a reader.
        position: character offset in the raw text, where it has one.
    """

    name: str
    detail: str
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of one raw output.

    Attributes:
        strict: the whole output conforms.
        lenient: its first balanced object conforms.
        violations: why not strict; empty exactly when ``strict``.
        echo: similarity of ``symptoms`` to the vignette by words, 0 to 1; ``None`` where there is
            none.
    """

    strict: bool
    lenient: bool
    violations: tuple[Violation, ...] = ()
    echo: float | None = None

    @property
    def echo_exact(self) -> bool:
        """Whether ``symptoms`` is the vignette, character by character."""
        return self.echo == 1.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON and the store."""
        return {
            "strict": self.strict,
            "lenient": self.lenient,
            "violations": [
                {"name": v.name, "detail": v.detail, "position": v.position}
                for v in self.violations
            ],
            "echo": self.echo,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Verdict:
        """The inverse of :meth:`as_dict`."""
        violations = tuple(Violation(**violation) for violation in values["violations"])
        return cls(values["strict"], values["lenient"], violations, values["echo"])


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with what could be parsed: the strict object, else the lenient one, else none."""

    verdict: Verdict
    differential: AnyDifferential | None


class _DuplicateKey(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def judge(raw: str, variant: Variant, vignette: str | None = None) -> Judgement:
    """Judge *raw* against *variant*; *vignette* is what ``symptoms`` ought to repeat.

    Never raises for any text.
    """
    start, end = _object_span(raw)
    framing = _framing_violations(raw, start, end)
    if start is None:
        return Judgement(Verdict(False, False, framing), None)
    value, broken = _parse(raw, start, end)
    content = broken or _content_violations(value, variant, raw, start)
    differential = None
    if not content:
        differential = MODELS[variant].model_validate(value)
    echo = _echo_fidelity(value, vignette)
    violations = (*framing, *content)
    return Judgement(Verdict(not violations, not content, violations, echo), differential)


def _object_span(raw: str) -> tuple[int | None, int]:
    """Start and end of the first balanced ``{...}``; the end is ``len(raw)`` if it never closes."""
    start = raw.find("{")
    if start < 0:
        return None, 0
    depth, in_string, escaped = 0, False, False
    for offset in range(start, len(raw)):
        character = raw[offset]
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return start, offset + 1
    return start, len(raw)


def _framing_violations(raw: str, start: int | None, end: int) -> tuple[Violation, ...]:
    """What stands around the object, or instead of it."""
    if start is None:
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            return (Violation("no_object", "the output holds no JSON object", 0),)
        return (Violation("not_an_object", f"the output is a JSON {_type_name(value)}", 0),)
    found = []
    before = raw[:start]
    if before.strip(" \t\r\n"):
        found.append(Violation("text_before", f"{len(before)} characters before the object", 0))
    if raw[end:].strip(" \t\r\n"):
        found.append(Violation("text_after", f"{len(raw) - end} characters after the object", end))
    return tuple(found)


def _parse(raw: str, start: int, end: int) -> tuple[Any, tuple[Violation, ...]]:
    """The object as Python values, or the violation that says where parsing broke."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                raise _DuplicateKey(key)
        return dict(pairs)

    def refuse_constant(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    try:
        value = json.loads(raw[start:end], object_pairs_hook=unique, parse_constant=refuse_constant)
    except _DuplicateKey as duplicate:
        position = raw.rfind(json.dumps(duplicate.key), start, end)
        detail = f"the key {duplicate.key!r} appears twice"
        return None, (Violation("duplicate_key", detail, max(position, start)),)
    except json.JSONDecodeError as error:
        return None, (Violation("not_json", error.msg, start + error.pos),)
    except (ValueError, RecursionError) as error:
        return None, (Violation("not_json", str(error) or "nested too deeply", start),)
    return value, ()


def _content_violations(
    value: dict[str, Any], variant: Variant, raw: str, start: int
) -> tuple[Violation, ...]:
    """Keys, types and counts, in the schema's order."""

    def place(key: str) -> int:
        position = raw.find(json.dumps(key, ensure_ascii=False), start)
        return position if position >= 0 else start

    found: list[Violation] = []
    expected = fields_of(variant)
    for key in expected:
        if key not in value:
            found.append(Violation("missing_key", f"{key} is missing", start))
        elif MODELS[variant].model_fields[key].annotation is str:
            found.extend(_text_violations(key, value[key], place(key)))
        else:
            found.extend(_pair_violations(key, value[key], place(key)))
    for key in value:
        if key not in expected:
            detail = f"{key!r} is not part of variant {variant}"
            found.append(Violation("unexpected_key", detail, place(key)))
    return tuple(found)


def _text_violations(name: str, value: Any, position: int) -> list[Violation]:
    if not isinstance(value, str):
        detail = f"{name} is a {_type_name(value)}, not a string"
        return [Violation("wrong_type", detail, position)]
    if any("\ud800" <= character <= "\udfff" for character in value):
        return [Violation("not_json", f"{name} holds half of a surrogate pair", position)]
    if not value.strip():
        return [Violation("empty_text", f"{name} is empty", position)]
    return []


def _pair_violations(name: str, value: Any, position: int) -> list[Violation]:
    if not isinstance(value, list):
        detail = f"{name} is a {_type_name(value)}, not a list"
        return [Violation("wrong_type", detail, position)]
    found = []
    if len(value) != 2:
        detail = f"{name} has {len(value)} entries, not 2"
        found.append(Violation("possible_count", detail, position))
    for index, entry in enumerate(value):
        found.extend(_text_violations(f"{name}[{index}]", entry, position))
    return found


def _echo_fidelity(value: Any, vignette: str | None) -> float | None:
    if vignette is None or not isinstance(value, dict):
        return None
    echo = value.get("symptoms")
    if not isinstance(echo, str):
        return None
    if echo == vignette:
        return 1.0
    # Never rounds up to 1.0: only identity is exact.
    return min(_word_similarity(echo.split(), vignette.split()), 0.9999)


def _word_similarity(first: list[str], second: list[str]) -> float:
    """One minus the edit distance in words over the longer length (Levenshtein 1966).

    In words rather than characters, and by this recurrence rather than difflib, because the judge
    must not hold up the worker: difflib takes half a minute on a long repetitive text.
    """
    length = max(len(first), len(second))
    if length == 0:
        return 1.0
    row = list(range(len(second) + 1))
    for index, word in enumerate(first, start=1):
        diagonal, row[0] = row[0], index
        for place, other in enumerate(second, start=1):
            cost = diagonal if word == other else 1 + min(diagonal, row[place], row[place - 1])
            diagonal, row[place] = row[place], cost
    return 1.0 - row[-1] / length


def _type_name(value: Any) -> str:
    names = {dict: "object", list: "list", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")
