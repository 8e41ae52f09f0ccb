"""Phrases as a graph of words: thousands of surface forms matched in one pass over the tokens.

Role: what the lexicon's little pattern language compiles to.  A clinician reads and writes it:

``stiff neck``
    these words, in any case, British or American spelling, with or without hyphens;
``SOB``
    capitals match only capitals, so that shorthand is not found inside ordinary words;
``(can't|cannot) breathe``
    one of these; an alternative may have several words and brackets of its own;
``(very)? stiff neck``, ``very? stiff neck``
    may be left out; but ``eyelids?`` is singular or plural;
``vomit*``
    a word that starts so;
``pain .. neck``
    up to three other words between; ``...`` up to six.  A gap never crosses the end of a clause
    or a word such as *no* or *but*.

Alternatives rejoin one path after their bracket, so a pattern costs about as many nodes as it has
words, however many phrases it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from diffdx_tui.domain.clauses import Break, Token, split_words

Payload = TypeVar("Payload")

_LEXEME = re.compile(r"\s+|(?P<gap>\.{2,3})(?=\s|$)|(?P<mark>[()|])|(?P<word>[^\s()|]+)")
_GAPS = {"..": 3, "...": 6}
# A gap may not swallow these: what lies beyond them is another statement.
_GAP_STOPS = frozenset(
    [
        "no",
        "not",
        "without",
        "denies",
        "denied",
        "nil",
        "never",
        "nor",
        "but",
        "however",
        "w/o",
        "clear",
    ]
)
_MIN_STEM = 3


class PatternError(ValueError):
    """A pattern of the lexicon cannot be read; the message shows it."""


@dataclass(slots=True, eq=False)
class _Node(Generic[Payload]):
    words: dict[str, _Node[Payload]] = field(default_factory=dict)
    stems: dict[str, _Node[Payload]] = field(default_factory=dict)
    stem_lengths: list[int] = field(default_factory=list)
    gaps: dict[int, _Node[Payload]] = field(default_factory=dict)
    joins: list[_Node[Payload]] = field(default_factory=list)
    payloads: list[Payload] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Match(Generic[Payload]):
    """A phrase found: its payload and the half-open range of tokens it covers."""

    payload: Payload
    first: int
    stop: int


class PhraseTrie(Generic[Payload]):
    """All phrases of a lexicon with what each stands for."""

    def __init__(self) -> None:
        self._root: _Node[Payload] = _Node()

    def add(self, pattern: str, payload: Payload) -> None:
        """Enter a pattern.

        Raises:
            PatternError: it cannot be read, may be empty, or starts or ends with a gap.
        """
        parts = _Parser(pattern).parse()
        end = _build(self._root, parts)
        if payload not in end.payloads:
            end.payloads.append(payload)

    def find(self, tokens: Sequence[Token]) -> list[Match[Payload]]:
        """Every match, from each token on the longest one per payload, in reading order."""
        walk: _Walk[Payload] = _Walk(tokens)
        found: list[Match[Payload]] = []
        for first in range(len(tokens)):
            ends = walk.from_token(self._root, first)
            found += [Match(payload, first, stop) for payload, stop in ends.items()]
        return found


@dataclass(slots=True)
class _View(Generic[Payload]):
    """The part of a node that this text can use; most of the lexicon falls away."""

    payloads: list[Payload]
    joins: list[_Node[Payload]]
    gaps: list[tuple[int, _Node[Payload]]]
    goes_on: bool

    @property
    def alive(self) -> bool:
        return bool(self.payloads or self.joins or self.gaps) or self.goes_on


class _Walk(Generic[Payload]):
    """One search over one text."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._words = {token.word for token in tokens} | {token.capitals for token in tokens}
        self._prefixes = {
            word[:length] for word in self._words for length in range(_MIN_STEM, len(word) + 1)
        }
        self._views: dict[_Node[Payload], _View[Payload]] = {}
        self._first = 0
        self._ends: dict[Payload, int] = {}

    def from_token(self, root: _Node[Payload], first: int) -> dict[Payload, int]:
        """The longest end of every phrase that starts at *first*."""
        self._first, self._ends = first, {}
        self._arrive(root, first, first)
        return self._ends

    def _step(self, node: _Node[Payload], at: int) -> None:
        """Follow the token at *at*; the end of a clause inside a phrase stops it."""
        if at >= len(self._tokens):
            return
        token = self._tokens[at]
        if at > self._first and token.before is Break.CLAUSE:
            return
        following = node.words.get(token.word)
        if following is not None:
            self._arrive(following, at + 1, at + 1)
        if token.capitals:
            following = node.words.get(token.capitals)
            if following is not None:
                self._arrive(following, at + 1, at + 1)
        for length in node.stem_lengths:
            following = node.stems.get(token.word[:length])
            if following is not None:
                self._arrive(following, at + 1, at + 1)

    def _arrive(self, node: _Node[Payload], at: int, end: int) -> None:
        """What may end here, and every way on; *end* is one past the last word matched."""
        view = self._views.get(node) or self._look(node)
        for payload in view.payloads:
            if end > self._ends.get(payload, 0):
                self._ends[payload] = end
        for join in view.joins:
            self._arrive(join, at, end)
        for limit, beyond in view.gaps:
            for index in _gap_ends(self._tokens, at, limit):
                self._arrive(beyond, index, end)
        if view.goes_on:
            self._step(node, at)

    def _look(self, node: _Node[Payload]) -> _View[Payload]:
        """Work out the view of *node* once per text."""

        def alive(other: _Node[Payload]) -> bool:
            return (self._views.get(other) or self._look(other)).alive

        view = _View(
            payloads=node.payloads,
            joins=[join for join in node.joins if alive(join)],
            gaps=[(limit, beyond) for limit, beyond in node.gaps.items() if alive(beyond)],
            goes_on=not (
                self._words.isdisjoint(node.words) and self._prefixes.isdisjoint(node.stems)
            ),
        )
        self._views[node] = view
        return view


def _gap_ends(tokens: Sequence[Token], at: int, limit: int) -> Iterator[int]:
    """Where a gap from *at* may end: after 0 to *limit* words of the same clause."""
    for index in range(at, min(at + limit + 1, len(tokens))):
        if tokens[index].before is Break.CLAUSE:
            return
        yield index
        if tokens[index].word in _GAP_STOPS:
            return


# ------------------------------------------------------------------------ patterns


@dataclass(frozen=True, slots=True)
class _Gap:
    limit: int


@dataclass(frozen=True, slots=True)
class _Choice:
    options: tuple[_Parts, ...]


_Parts = tuple["str | _Gap | _Choice", ...]


class _Parser:
    """Reads one pattern, left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._lexemes: list[tuple[str, str]] = [
            (match.lastgroup, match.group())
            for match in _LEXEME.finditer(pattern)
            if match.lastgroup
        ]
        self._at = 0

    def parse(self) -> _Parts:
        parts = self._sequence()
        if self._at < len(self._lexemes):
            raise PatternError(f"pattern {self._pattern!r}: a bracket too many")
        if not parts or isinstance(parts[0], _Gap) or isinstance(parts[-1], _Gap):
            raise PatternError(f"pattern {self._pattern!r} is empty or starts or ends with a gap")
        if _may_be_empty(parts):
            raise PatternError(f"pattern {self._pattern!r} would match nothing at all")
        return parts

    def _peek(self) -> tuple[str, str]:
        return self._lexemes[self._at] if self._at < len(self._lexemes) else ("", "")

    def _sequence(self) -> _Parts:
        parts: list[str | _Gap | _Choice] = []
        while True:
            kind, text = self._peek()
            if not kind or text in (")", "|"):
                return tuple(parts)
            self._at += 1
            if kind == "gap":
                parts.append(_Gap(_GAPS[text]))
            elif text == "(":
                parts.append(self._bracket())
            elif text.endswith("s?") and len(text) > _MIN_STEM + 1:
                parts.append(_Choice((self._words(text[:-2]), self._words(text[:-1]))))
            elif text.endswith("?"):
                parts.append(_Choice((self._words(text[:-1]), ())))
            else:
                parts += self._words(text)

    def _bracket(self) -> _Choice:
        options = [self._sequence()]
        while self._peek()[1] == "|":
            self._at += 1
            options.append(self._sequence())
        if self._peek()[1] != ")":
            raise PatternError(f"pattern {self._pattern!r}: a bracket is not closed")
        self._at += 1
        if self._peek()[1] == "?":
            self._at += 1
            options.append(())
        return _Choice(tuple(options))

    def _words(self, text: str) -> tuple[str, ...]:
        words = split_words(text.removesuffix("*"))
        if not words:
            raise PatternError(f"pattern {self._pattern!r}: {text!r} is no word")
        if text.endswith("*"):
            stem = words[-1].replace("ae", "e").replace("oe", "e")
            if len(stem) < _MIN_STEM:
                raise PatternError(f"pattern {self._pattern!r}: a stem needs three letters")
            words[-1] = stem + "*"
        return tuple(words)


def _may_be_empty(parts: _Parts) -> bool:
    return all(
        isinstance(part, _Gap)
        or (isinstance(part, _Choice) and any(map(_may_be_empty, part.options)))
        for part in parts
    )


def _build(node: _Node[Payload], parts: _Parts) -> _Node[Payload]:
    """Enter *parts* from *node* on; the node where they end."""
    for part in parts:
        if isinstance(part, _Choice):
            join: _Node[Payload] = _Node()
            for option in part.options:
                _build(node, option).joins.append(join)
            node = join
        elif isinstance(part, _Gap):
            node = node.gaps.setdefault(part.limit, _Node())
        elif part.endswith("*"):
            stem = part[:-1]
            if len(stem) not in node.stem_lengths:
                node.stem_lengths.append(len(stem))
            node = node.stems.setdefault(stem, _Node())
        else:
            node = node.words.setdefault(part, _Node())
    return node
