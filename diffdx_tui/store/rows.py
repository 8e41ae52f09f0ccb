"""What the store hands out: frozen values, one per kind of row.

Role: the types that screens and command line see, and their form as plain values for JSON.  The
plain form is checked on the way in, as it may come from a file somebody else wrote.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.differential import MODELS, AnyDifferential, Slot
from diffdx_tui.domain.events import FailureKind, ModelInfo, State, Stats
from diffdx_tui.domain.verdict import Verdict
from diffdx_tui.store.search import SnippetPiece

TITLE_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Session:
    """One case.

    Attributes:
        id: sorts by time.
        created: when its first answer was asked for, UTC.
        updated: when an answer or an annotation last changed.
        title: the first words of its first vignette, on one line.
        state: of its newest answer; ``None`` if it has no answer.
        strict: the newest answer's strict verdict; ``None`` while there is none.
        model: name of the newest answer's model, or empty.
        answers: how many there are.
        tags: sorted.
        note: free text of the reader.
        final_diagnosis: what it turned out to be, in the reader's words.
        deleted: when it was deleted; until it is purged it can be restored.
    """

    id: str
    created: datetime
    updated: datetime
    title: str
    state: State | None
    strict: bool | None
    model: str
    answers: int
    tags: tuple[str, ...] = ()
    note: str = ""
    final_diagnosis: str = ""
    deleted: datetime | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a stored answer; the log-probability is ``None`` where it was not finite."""

    id: int
    logprob: float | None
    forced: bool


@dataclass(frozen=True, slots=True)
class Review:
    """Whether the reader agrees with one tier of an answer."""

    slot: Slot
    agrees: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """One generation in a session.

    Attributes:
        parent_id: the answer it was derived from; that one may be gone.
        vignette: the exact text that was asked.
        texts: the slots' texts as far as they came, the echo included.
        raw: the exact output as far as it came.
        differential: the parsed answer, if it conforms.
        failure_kind, failure_message: why it failed, in state ``failed``.
        tokens: every token of a complete answer; empty for an interrupted one.
        reviews: the reader's agreement by tier.
    """

    id: str
    session_id: str
    parent_id: str | None
    state: State
    created: datetime
    updated: datetime
    vignette: str
    model: ModelInfo
    decoding: Decoding
    texts: Mapping[Slot, str]
    raw: str = ""
    differential: AnyDifferential | None = None
    verdict: Verdict | None = None
    stats: Stats | None = None
    failure_kind: FailureKind | None = None
    failure_message: str | None = None
    tokens: tuple[Token, ...] = ()
    reviews: tuple[Review, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the session's id is left to the session."""
        return {
            "id": self.id,
            "parent_id": self.parent_id,
            "state": str(self.state),
            "created": format_time(self.created),
            "updated": format_time(self.updated),
            "vignette": self.vignette,
            "model": self.model.as_dict(),
            "decoding": self.decoding.as_dict(),
            "texts": plain_texts(self.texts),
            "raw": self.raw,
            "differential": self.differential.model_dump() if self.differential else None,
            "verdict": self.verdict.as_dict() if self.verdict else None,
            "stats": self.stats.as_dict() if self.stats else None,
            "failure_kind": str(self.failure_kind) if self.failure_kind else None,
            "failure_message": self.failure_message,
            "tokens": plain_tokens(self.tokens),
            "reviews": {review.slot.name: review.agrees for review in self.reviews},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], session_id: str) -> Answer:
        """The inverse of :meth:`as_dict`.

        Raises:
            ValueError, TypeError, KeyError: *values* is not an answer.
        """
        model = ModelInfo.from_dict(values["model"])
        for name, value in model.as_dict().items():
            expect(value, str if name not in ("adapter", "adapter_sha256") else (str, type(None)))
        parsed = values["differential"]
        texts = {Slot.parse(k): expect(v, str) for k, v in values["texts"].items()}
        reviews = values["reviews"].items()
        return cls(
            id=expect_id(values["id"]),
            session_id=session_id,
            parent_id=None if values["parent_id"] is None else expect_id(values["parent_id"]),
            state=State(values["state"]),
            created=parse_time(values["created"]),
            updated=parse_time(values["updated"]),
            vignette=expect(values["vignette"], str),
            model=model,
            decoding=Decoding.from_dict(values["decoding"]),
            texts=MappingProxyType(texts),
            raw=expect(values["raw"], str),
            differential=(None if parsed is None else MODELS[model.variant].model_validate(parsed)),
            verdict=None if values["verdict"] is None else Verdict.from_dict(values["verdict"]),
            stats=None if values["stats"] is None else Stats.from_dict(values["stats"]),
            failure_kind=(
                None if values["failure_kind"] is None else FailureKind(values["failure_kind"])
            ),
            failure_message=expect(values["failure_message"], (str, type(None))),
            tokens=parse_tokens(values["tokens"]),
            reviews=tuple(Review(Slot.parse(k), expect(v, bool)) for k, v in sorted(reviews)),
        )


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A session that a query found, and the words around the match."""

    session: Session
    snippet: tuple[SnippetPiece, ...]


def session_of(row: sqlite3.Row, tags: tuple[str, ...]) -> Session:
    """A row of :data:`diffdx_tui.store.reading.SESSIONS` as a value."""
    verdict = json.loads(row["verdict"]) if row["verdict"] else None
    return Session(
        id=row["id"],
        created=parse_time(row["created"]),
        updated=parse_time(row["updated"]),
        title=row["title"],
        state=State(row["state"]) if row["state"] else None,
        strict=verdict["strict"] if verdict else None,
        model=json.loads(row["model"])["name"] if row["model"] else "",
        answers=row["answers"],
        tags=tags,
        note=row["note"],
        final_diagnosis=row["final_diagnosis"],
        deleted=parse_time(row["deleted"]) if row["deleted"] else None,
    )


def answer_of(row: sqlite3.Row, reviews: Mapping[str, bool]) -> Answer:
    """A row of ``answers`` (with ``session_id``) as a value."""
    parsed = ("model", "decoding", "slots", "differential", "verdict", "stats", "tokens")
    values = dict(row)
    values.update({name: json.loads(row[name]) if row[name] else None for name in parsed})
    values.update({"texts": values["slots"], "parent_id": row["parent"], "reviews": reviews})
    return Answer.from_dict(values, row["session_id"])


def title_of(vignette: str) -> str:
    """The first words of *vignette*, on one line."""
    line = " ".join(vignette.split())
    if len(line) <= TITLE_CHARACTERS:
        return line
    words = line[:TITLE_CHARACTERS].rpartition(" ")[0] or line[: TITLE_CHARACTERS - 1]
    return f"{words.rstrip()}\u2026"


def format_time(moment: datetime) -> str:
    """UTC, always with microseconds: as text it sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def parse_time(text: str) -> datetime:
    """The inverse of :func:`format_time`; a time without a zone is refused."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the time {text!r} has no time zone")
    return moment.astimezone(UTC)


def plain_texts(texts: Mapping[Slot, str]) -> dict[str, str]:
    """Slot names to texts."""
    return {slot.name: text for slot, text in texts.items()}


def plain_tokens(tokens: tuple[Token, ...] | list[Token]) -> list[list[float | int | None]]:
    """``[id, logprob, forced]`` each, as short as JSON gets."""
    return [[token.id, token.logprob, int(token.forced)] for token in tokens]


def parse_tokens(values: list[list[Any]]) -> tuple[Token, ...]:
    """The inverse of :func:`plain_tokens`."""
    return tuple(
        Token(
            expect(number, int),
            None if logprob is None else finite(expect(logprob, (int, float))),
            bool(forced),
        )
        for number, logprob, forced in values
    )


def finite(logprob: float) -> float | None:
    """Rounded to four places; ``None`` for what JSON has no number for."""
    return round(float(logprob), 4) if math.isfinite(logprob) else None


def expect(value: Any, kind: type | tuple[type, ...]) -> Any:
    """*value*, if it is of *kind*.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        names = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        raise TypeError(f"expected {names}, got {type(value).__name__}")
    return value


def expect_id(value: Any) -> str:
    """*value*, if it can be an id: short, and harmless in a file name and in a terminal.

    Raises:
        ValueError, TypeError: it cannot.
    """
    text: str = expect(value, str)
    allowed = text.isascii() and text.replace("-", "").replace("_", "").isalnum()
    if not allowed or len(text) > 64 or text.startswith("-"):
        raise ValueError(f"{text[:70]!r} is not an id")
    return text
