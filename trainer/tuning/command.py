"""``python -m trainer tune | preview | preflight``: arguments in, exit codes out.

Role: opens the run before any heavy import, so that the heartbeat speaks at once, and turns every
failure into a sentence and a documented code.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from diffdx_tui.domain.recipe import Recipe, RecipeError, read_recipe
from diffdx_tui.store.directory_writer import RunBusy
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.run_records import CONTROL_FOLDER, Control, RunState
from diffdx_tui.store.run_writer import RunWriter

# Before torch is imported: threads that wait by spinning starve the screen and everybody else;
# beside one busy process one row of the 0.5B stand-in took 26 s instead of 7.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

_USAGE, _REFUSED, _UNAVAILABLE, _FAILED = 2, 3, 4, 5


def tune(arguments: list[str]) -> int:
    """``python -m trainer tune RUN_DIR``, also under torchrun or accelerate launch."""
    parser = argparse.ArgumentParser(prog="python -m trainer tune", description=tune.__doc__)
    parser.add_argument("directory", type=Path, help="a run directory with run.json")
    directory: Path = parser.parse_args(arguments).directory
    try:
        if int(os.environ.get("RANK", "0")):
            from diffdx_tui.store.run_reader import read_record

            # The launcher asks all of them to end; the first one stops the run for all.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            return _train(directory, read_record(directory).recipe, None)
        with RunWriter(directory) as writer:
            _stop_on_signals(directory)
            return _train(directory, writer.recipe, writer)
    except RunBusy as error:
        return _say(str(error), _USAGE)
    except StoreError as error:
        return _say(str(error), _FAILED)


def preview(arguments: list[str]) -> int:
    """``python -m trainer preview --recipe JSON``: prints a JSON object."""
    parser = _question_parser("preview")
    parser.add_argument("--rows", type=int, default=3, help="rows to show token by token")
    options = parser.parse_args(arguments)

    def answer(recipe: Recipe) -> dict[str, Any]:
        from trainer.tuning.preview import preview as look

        return look(recipe, options.rows)

    return _answer(options.recipe, answer)


def preflight(arguments: list[str]) -> int:
    """``python -m trainer preflight --recipe JSON``: prints a JSON object."""
    options = _question_parser("preflight").parse_args(arguments)

    def answer(recipe: Recipe) -> dict[str, Any]:
        from trainer.tuning.preflight import preflight as measure

        return measure(recipe)

    return _answer(options.recipe, answer)


def _train(directory: Path, recipe: Recipe, writer: RunWriter | None) -> int:
    try:
        from trainer.tuning.distributed import Ranks
        from trainer.tuning.tune import tune as run

        with Ranks() as ranks:
            state = run(directory, recipe, writer, ranks)
    except Exception as error:
        message, code = _explain(error)
        if writer is not None:
            writer.end(RunState.FAILED, message)
        return _say(message, code)
    if writer is not None:
        writer.end(state)
    return 0


def _answer(text: str, ask: Callable[[Recipe], dict[str, Any]]) -> int:
    try:
        values = json.loads(text)
        if not isinstance(values, dict):
            return _say("recipe: needs a JSON object of settings", _USAGE)
        reply = ask(read_recipe(values))
    except (json.JSONDecodeError, RecipeError) as error:
        return _say(f"recipe: {error}", _USAGE)
    except Exception as error:
        return _say(*_explain(error))
    print(json.dumps(reply, ensure_ascii=False))
    return 0


def _explain(error: Exception) -> tuple[str, int]:
    """A sentence for a person and the exit code."""
    from diffdx_tui.engine.failures import EngineError
    from trainer.tuning.checkpoints import CheckpointError
    from trainer.tuning.gates import GateError
    from trainer.tuning.rows import RowsError
    from trainer.tuning.trouble import MicroBatchTooLarge, TrainingFailed

    match error:
        case RowsError() | GateError():
            return str(error), _REFUSED
        case EngineError():
            return str(error), _UNAVAILABLE
        case TrainingFailed() | CheckpointError() | StoreError():
            return str(error), _FAILED
        case MemoryError() | MicroBatchTooLarge():
            return "not enough memory: take a smaller base or --precision nf4", _FAILED
    traceback.print_exception(error)  # a mistake of ours: console.log should say where
    reason = (str(error).strip() or "no message").splitlines()[0]
    return f"{type(error).__name__}: {reason}", _FAILED


def _stop_on_signals(directory: Path) -> None:
    """A polite kill is a request to stop: the run is saved first."""

    def ask(number: int, frame: object) -> None:
        (directory / CONTROL_FOLDER / Control.STOP).touch()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)


def _question_parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m trainer {name}")
    parser.add_argument("--recipe", required=True, help="settings as a JSON object")
    return parser


def _say(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code
