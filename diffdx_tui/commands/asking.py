"""Asking a model without a screen, as ``ask`` and ``batch`` both do.

Role: opens the store, loads the engine with progress on standard error, and follows one answer to
its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from diffdx_tui.answer import Request, answer
from diffdx_tui.commands.console import PassingLine, report
from diffdx_tui.commands.exits import CommandError, Exit
from diffdx_tui.commands.interruption import Interruption
from diffdx_tui.commands.libraries import quiet_libraries
from diffdx_tui.commands.settings import spec_of
from diffdx_tui.config import Config
from diffdx_tui.document import Outcome
from diffdx_tui.domain.events import AnswerEvent, NotSaved
from diffdx_tui.store import SessionStore, StoreError

if TYPE_CHECKING:
    from diffdx_tui.engine.local import LocalEngine


def open_recorder(config: Config) -> SessionStore:
    """The saved sessions, or a store in memory when nothing is to be saved.

    Raises:
        CommandError: the saved sessions cannot be opened; better told before the work than after.
    """
    if config.ephemeral:
        return SessionStore.in_memory()
    try:
        store = SessionStore.open(config.database)
    except StoreError as error:
        message = f"{error} (--ephemeral answers without saving)"
        raise CommandError(message, Exit.FAILED) from error
    if store.notice:
        report(store.notice)
    return store


def load_engine(config: Config) -> LocalEngine:
    """Load the model that the configuration asks for.

    Raises:
        CommandError: it cannot be had on this machine.
    """
    from diffdx_tui.engine.catalogue import locate
    from diffdx_tui.engine.failures import EngineError

    spec = spec_of(config)
    quiet_libraries()
    with PassingLine() as line:
        line.show(f"loading {spec.model}")
        try:
            locate(spec)  # before torch is imported: a wrong name is told at once
            from diffdx_tui.engine.local import LocalEngine

            return LocalEngine.load(
                spec,
                lambda stage, share: line.show(f"loading {spec.model}: {stage} {share:.0%}"),
            )
        except EngineError as error:
            raise CommandError(str(error), Exit.NO_MODEL) from error


def follow_answer(
    request: Request,
    engine: LocalEngine,
    store: SessionStore,
    interruption: Interruption,
    show: Callable[[AnswerEvent], None],
    *,
    announce: bool = True,
) -> Outcome:
    """Answer *request*, show its events and say what came of it.

    With *announce* false its red flags are not among them: they were shown before.
    Whatever stops it, a signal or a reader that went away, the answer ends in order and is kept.
    """
    outcome = Outcome(
        id=request.answer_id,
        session_id=request.session_id,
        vignette=request.vignette.text,
        model=engine.info,
        decoding=request.decoding,
    )
    with interruption.gently():
        for event in answer(request, engine, store, interruption.requested, announce=announce):
            outcome.follow(event)
            if isinstance(event, NotSaved):
                report(f"not saved: {event.message}")
            if interruption.code == Exit.PIPE_CLOSED:
                continue
            try:
                show(event)
            except BrokenPipeError:
                interruption.request(Exit.PIPE_CLOSED)
    return outcome
