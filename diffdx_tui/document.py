"""One answer as the JSON document that ``ask --json``, ``batch`` and ``sessions show`` print.

Role: floor 2, beside :mod:`diffdx_tui.answer`.  The keys are a contract with other people's
scripts; they are written down here and nowhere else.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from dataclasses import dataclass, field
from typing import Any, Protocol

from diffdx_tui.domain.audit import Audit, audit
from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.differential import AnyDifferential
from diffdx_tui.domain.events import (
    AnswerEvent,
    Cancelled,
    Failed,
    Finished,
    ModelInfo,
    NotSaved,
    RedFlagsFound,
    SlotClosed,
    SlotText,
    Started,
    State,
    Stats,
    TokenSampled,
)
from diffdx_tui.domain.red_flags import RedFlag, announce_red_flags
from diffdx_tui.domain.verdict import Verdict

_LOG = logging.getLogger(__name__)
_MODEL_KEYS = ("name", "base", "adapter", "adapter_sha256", "variant", "precision", "device")
_STATS_KEYS = ("ttft_s", "total_s", "tokens_sampled", "tokens_forced", "tokens_per_s")


class Answered(Protocol):
    """What a document needs to know; :class:`Outcome` and the store's ``Answer`` both fit."""

    @property
    def id(self) -> str: ...
    @property
    def session_id(self) -> str: ...
    @property
    def state(self) -> State: ...
    @property
    def vignette(self) -> str: ...
    @property
    def model(self) -> ModelInfo: ...
    @property
    def decoding(self) -> Decoding: ...
    @property
    def raw(self) -> str: ...
    @property
    def differential(self) -> AnyDifferential | None: ...
    @property
    def verdict(self) -> Verdict | None: ...
    @property
    def stats(self) -> Stats | None: ...


@dataclass(slots=True)
class Outcome:
    """What came of one request so far, gathered from its events.

    Attributes:
        failure: why it failed, in state ``failed``.
        recorded: whether the store could write all of it.
    """

    id: str
    session_id: str
    vignette: str
    model: ModelInfo
    decoding: Decoding
    state: State = State.STREAMING
    differential: AnyDifferential | None = None
    verdict: Verdict | None = None
    stats: Stats | None = None
    failure: Failed | None = None
    recorded: bool = True
    _raw: list[str] = field(default_factory=list)

    @property
    def raw(self) -> str:
        """The exact output as far as it came."""
        return "".join(self._raw)

    def follow(self, event: AnswerEvent) -> None:
        """Take in the next event of this answer."""
        if isinstance(event, Started):  # a second one begins the answer anew
            self.model, self.decoding, self._raw = event.model, event.decoding, []
        elif isinstance(event, TokenSampled):
            self._raw.append(event.text)
        elif isinstance(event, Finished | Cancelled):
            finished = isinstance(event, Finished)
            self.state = State.FINISHED if finished else State.CANCELLED
            self.differential, self.verdict = event.differential, event.verdict
            self.stats, self._raw = event.stats, [event.raw]
        elif isinstance(event, Failed):
            self.state, self.failure = State.FAILED, event
        elif isinstance(event, NotSaved):
            self.recorded = False


def document_of(answer: Answered) -> dict[str, Any]:
    """The document of one answer.  Everything but ``vignette`` and ``raw`` may be ``None``.

    ``red_flags`` and ``audit`` follow from vignette and answer, so they are not stored but worked
    out here, by the rules of this version.  ``red_flags`` is ``None`` when the rules cannot be
    used, ``audit`` when there is no differential to check.
    """
    verdict, stats, model = answer.verdict, answer.stats, answer.model.as_dict()
    found = announce_red_flags(answer.id, answer.vignette)
    checked = audit_of(answer, found)
    return {
        "session_id": answer.session_id,
        "answer_id": answer.id,
        "state": str(answer.state),
        "vignette": answer.vignette,
        "differential": answer.differential.model_dump() if answer.differential else None,
        "verdict": (
            {"strict": verdict.strict, "violations": verdict.as_dict()["violations"]}
            if verdict
            else None
        ),
        "raw": answer.raw,
        "red_flags": None if found.trouble else _flags(found),
        "audit": checked.as_dict() if checked else None,
        "model": {key: model[key] for key in _MODEL_KEYS},
        "decoding": answer.decoding.as_dict(),
        "stats": {key: stats.as_dict()[key] for key in _STATS_KEYS} if stats else None,
    }


def _flags(found: RedFlagsFound) -> list[dict[str, Any]]:
    return [_flag(flag, found.vignette) for flag in found.flags]


def _flag(flag: RedFlag, vignette: str) -> dict[str, Any]:
    """A red flag; ``start`` and ``end`` count characters of the vignette."""
    return {
        "rule": flag.rule,
        "urgency": flag.urgency,
        "wording": flag.wording,
        "danger": flag.danger.model_dump(),
        "spans": [
            {
                "start": one.start,
                "end": one.end,
                "text": vignette[one.start : one.end],
                "finding": one.id,
            }
            for one in flag.findings
        ],
        "citation": flag.citation.model_dump(),
    }


def audit_of(answer: Answered, found: RedFlagsFound) -> Audit | None:
    """The check of an answer; none without a differential, or when its files cannot be used."""
    if answer.differential is None or found.trouble:
        return None
    try:
        return audit(answer.vignette, answer.differential, found.flags)
    except (ValueError, OSError):  # a damaged file: the answer itself is whole
        _LOG.warning("the answer could not be checked", exc_info=True)
        return None


def event_document(event: AnswerEvent) -> dict[str, Any]:
    """One event as plain values: its type's name, then its fields."""
    fields = {f.name: getattr(event, f.name) for f in dataclasses.fields(event)}
    if isinstance(event, RedFlagsFound):
        fields["flags"] = _flags(event)
    elif isinstance(event, Started):
        fields.update(model=event.model.as_dict(), decoding=event.decoding.as_dict())
    elif isinstance(event, TokenSampled):
        fields["logprob"] = _finite(event.logprob)
        fields["alternatives"] = [[text, _finite(logprob)] for text, logprob in event.alternatives]
    elif isinstance(event, SlotText | SlotClosed):
        fields["slot"] = event.slot.name
    elif isinstance(event, Finished | Cancelled):
        fields["differential"] = event.differential.model_dump() if event.differential else None
        fields.update(verdict=event.verdict.as_dict(), stats=event.stats.as_dict())
    elif isinstance(event, Failed):
        fields["kind"] = str(event.kind)
    return {"type": type(event).__name__, **fields}


def _finite(logprob: float) -> float | None:
    """JSON has no infinity, which is the log-probability of what could not be chosen."""
    return logprob if math.isfinite(logprob) else None
