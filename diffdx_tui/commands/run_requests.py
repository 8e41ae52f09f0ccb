"""Asks a run to pause, resume, save or stop, and waits until it says that it has.

Role: a request is only done when the run confirms it; until then nothing is claimed.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from diffdx_tui.commands.console import PassingLine, emit_line, report, tell
from diffdx_tui.commands.exits import Exit
from diffdx_tui.commands.run_arguments import RESUME_SETTINGS
from diffdx_tui.commands.train import given_settings
from diffdx_tui.domain.recipe import RecipeError
from diffdx_tui.launch import find_files, resume_run
from diffdx_tui.store.run_reader import RunReader, RunStatus
from diffdx_tui.store.run_records import Control, EventKind, RunEvent, RunState
from diffdx_tui.store.run_registry import RunRegistry

_POLL_SECONDS = 0.1
_DONE = {
    Control.PAUSE: "paused",
    Control.RESUME: "goes on",
    Control.SAVE: "saved",
}


def ask_run(registry: RunRegistry, run_id: str, control: Control, timeout: float) -> int:
    """Ask, and wait for the effect; the exit code.

    Raises:
        RunStateError: nobody is there to obey.
    """
    reader = registry.reader(run_id)
    name = reader.directory.name
    while reader.poll().more:  # what was confirmed before is no answer
        pass
    registry.request(name, control)
    try:
        return _wait(reader, name, control, timeout)
    except KeyboardInterrupt:
        tell(f"no longer waiting; the request to {control} stays")
        return Exit.CANCELLED


def resume(registry: RunRegistry, options: argparse.Namespace, home: Path) -> int:
    """Let a paused run go on, or start a process that goes on with one that ended; the exit code.

    Raises:
        RunStateError: it has finished.
        RecipeError: a setting cannot be changed now.
        ModelUnavailable: the base is no longer on this machine.
    """
    found = registry.read(options.id)
    changes = {
        name: value for name, value in given_settings(options).items() if name in RESUME_SETTINGS
    }
    if found.status.state.is_live:
        if changes:
            raise RecipeError(
                dict.fromkeys(changes, "cannot change while the run is live: stop it first")
            )
        return ask_run(registry, found.id, Control.RESUME, options.timeout)
    find_files(found.record.recipe)
    resume_run(found.id, home, changes)
    emit_line(found.id)
    tell(f"goes on from its last checkpoint; `diffdx-tui runs follow {found.id}` shows how")
    return Exit.ANSWERED


def _wait(reader: RunReader, name: str, control: Control, timeout: float) -> int:
    deadline = time.monotonic() + timeout
    with PassingLine() as line:
        while True:
            # The status first: the events of an ended run are then all there.
            status = reader.status()
            confirmed = _confirmation(reader, control)
            ended = not status.state.is_live
            # A stop is done when the process has let go, not when it says that it will.
            if ended or (confirmed is not None and control is not Control.STOP):
                break
            if time.monotonic() > deadline:
                line.clear()
                doing = f" (it is {status.phase})" if status.phase else ""
                report(f"run {name} has not confirmed yet{doing}; the request to {control} stays")
                return Exit.FAILED
            line.show(f"asked to {control}; the run is {status.phase or status.state}")
            time.sleep(_POLL_SECONDS)
    if confirmed is not None and control is not Control.STOP:
        tell(f"run {name} {_DONE[control]} at step {confirmed.details.get('step')}")
        return Exit.ANSWERED
    return _tell_end(name, control, status)


def _confirmation(reader: RunReader, control: Control) -> RunEvent | None:
    """The event, new since the last look, that says *control* has been obeyed."""
    found = None
    more = True
    while more:
        news = reader.poll()
        more = news.more
        for event in news.events:
            if event.kind == EventKind.OBEYED and event.details.get("control") == control:
                found = event
    return found


def _tell_end(name: str, control: Control, status: RunStatus) -> int:
    """The run has ended, as it was asked to or not; the exit code."""
    if status.state is RunState.STOPPED and control is Control.STOP:
        tell(f"run {name} stopped at step {status.step}")
        return Exit.ANSWERED
    reason = f": {status.message}" if status.message else ""
    report(f"run {name} is {status.state}{reason}; it did not {control}")
    return Exit.FAILED
