"""One vignette, answered: red flags, engine, store, as a stream of events.

Role: floor 2.  Command line, screens, batch and evaluator all call :func:`answer`; none of them
talks to engine and store separately, so every answer anywhere is recorded the same way, and the
red flags of its vignette come before anything the model says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.events import AnswerEvent, ModelInfo, NotSaved
from diffdx_tui.domain.identity import new_id
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.store import StoreError


@dataclass(frozen=True, slots=True)
class Request:
    """What to answer.

    Attributes:
        vignette: the checked text.
        decoding: the settings.
        answer_id: id of the answer to come; every event carries it.
        session_id: the case it belongs to; opened when the store does not know it yet.
        parent_id: the answer it was derived from (re-run, edit, what-if), if any.
    """

    vignette: Vignette
    decoding: Decoding = field(default_factory=Decoding)
    answer_id: str = field(default_factory=new_id)
    session_id: str = field(default_factory=new_id)
    parent_id: str | None = None


class Engine(Protocol):
    """What this module needs of an engine."""

    @property
    def info(self) -> ModelInfo: ...

    def generate(
        self,
        vignette: Vignette,
        decoding: Decoding,
        answer_id: str,
        cancelled: Callable[[], bool],
    ) -> Iterator[AnswerEvent]: ...


class Recorder(Protocol):
    """What this module needs of a store; :class:`diffdx_tui.store.SessionStore` fits."""

    def start_answer(
        self,
        *,
        answer_id: str,
        session_id: str,
        parent_id: str | None,
        vignette: Vignette,
        model: ModelInfo,
        decoding: Decoding,
    ) -> None: ...

    def record(self, event: AnswerEvent) -> None: ...


def answer(
    request: Request,
    engine: Engine,
    recorder: Recorder,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    announce: bool = True,
) -> Iterator[AnswerEvent]:
    """Answer *request*; each event is recorded before it is passed on.

    The first event is ``RedFlagsFound``; with *announce* false it is left out, for callers that
    showed it before the model was there.

    Exhausting the iterator is the caller's job: the last event is ``Finished``, ``Cancelled`` or
    ``Failed``.  When the store fails, one ``NotSaved`` says so and the answer goes on unrecorded: a
    full disk must not cost the person the text on the screen.
    """
    if announce:
        from diffdx_tui.domain.red_flags import announce_red_flags  # not before the first paint

        yield announce_red_flags(request.answer_id, request.vignette.text)
    try:
        recorder.start_answer(
            answer_id=request.answer_id,
            session_id=request.session_id,
            parent_id=request.parent_id,
            vignette=request.vignette,
            model=engine.info,
            decoding=request.decoding,
        )
        recording = True
    except StoreError as error:
        recording = False
        yield NotSaved(request.answer_id, str(error))
    events = engine.generate(request.vignette, request.decoding, request.answer_id, cancelled)
    for event in events:
        if recording:
            try:
                recorder.record(event)
            except StoreError as error:
                recording = False
                yield NotSaved(request.answer_id, str(error))
        yield event
