"""Starts processes of the trainer: runs that outlive the program, and short questions.

Role: floor 2.  Screens and commands train only through here; neither imports the trainer.  A run
has a session of its own and no terminal: closing the app or the SSH line ends nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from diffdx_tui.domain.evaluation import Plan
from diffdx_tui.domain.recipe import CURATED, Recipe, read_recipe
from diffdx_tui.engine.catalogue import (
    CATALOGUE,
    EMBEDDED,
    NO_ADAPTER,
    ModelSpec,
    locate,
    locate_file,
)
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.evaluations import EvaluationRegistry
from diffdx_tui.store.owner import owner_of
from diffdx_tui.store.run_checkpoints import find_checkpoint
from diffdx_tui.store.run_files import explain_os, write_json
from diffdx_tui.store.run_records import CONSOLE_FILE, LAUNCH_FILE
from diffdx_tui.store.run_registry import RunRegistry
from diffdx_tui.store.shelf import RunStateError

# -P: the folder that the person is in must not be where modules are looked for.
TRAINER: tuple[str, ...] = (sys.executable, "-P", "-m", "trainer")
"""The trainer's command line, to which a command and its arguments are added."""

# A terminal's, which the process has not; another training's, whose workers it would wait for;
# and credentials, which it does not need: it reads local files only.
_DROPPED = frozenset(
    {
        *("TERM", "COLUMNS", "LINES", "COLORTERM", "SSH_TTY", "GPG_TTY"),
        *("RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"),
        *("MASTER_ADDR", "MASTER_PORT"),
        *("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
    }
)
_DROPPED_PREFIXES = ("TORCHELASTIC_", "ACCELERATE_")
_POLL_SECONDS = 0.05


class TrainerFailed(Exception):
    """A process of the trainer's ended badly; the message is its own last word.

    Attributes:
        code: its exit code, as the command line documents them; negative for a signal.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class DataUnavailable(Exception):
    """The rows to learn from cannot be read; the message says why."""


class TrainerCancelled(Exception):
    """The question was taken back."""


def find_files(recipe: Recipe) -> Recipe:
    """The recipe with paths that hold in any folder, for the process to be started.

    Raises:
        ModelUnavailable: the base is not on this machine.
        DataUnavailable: nor is the data.
    """
    located = locate(ModelSpec(recipe.base, NO_ADAPTER))
    changes: dict[str, str] = {}
    if recipe.base not in CATALOGUE and Path(recipe.base).expanduser().is_dir():
        changes["base"] = str(located.base_directory.resolve())
    if recipe.data != CURATED:
        changes["data"] = _found("data", recipe.data)
    if recipe.wording is not None:
        found = _found("wording", str(locate_file(recipe.wording)))
        if not recipe.wording.startswith(EMBEDDED):
            changes["wording"] = found
    return read_recipe({**recipe.as_dict(), **changes})


def _found(what: str, name: str) -> str:
    try:
        path = Path(name).expanduser().resolve()
        with path.open("rb"):
            return str(path)
    except (OSError, RuntimeError, ValueError) as error:  # nobody's home; no file's name
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataUnavailable(f"{what} {name} cannot be read: {reason}") from error


def start_run(
    recipe: Recipe,
    home: Path,
    predicted: Mapping[str, Any] | None = None,
    *,
    trainer: Sequence[str] = TRAINER,
) -> str:
    """Make a run of *recipe* and start its process; returns its id at once.

    Args:
        recipe: with paths that hold in any folder, as :func:`find_files` makes them.
        home: the home folder, where runs live.
        predicted: what a pre-flight of the recipe said, if there was one.
        trainer: the program to run as ``... tune DIRECTORY``.

    Raises:
        StoreError: the folder cannot be written, or the process not started.
    """
    registry = RunRegistry(home)
    record = registry.create(recipe, [*trainer, "tune"], predicted)
    _tune(registry.directory(record.id), home, trainer)
    return record.id


def resume_run(
    run_id: str,
    home: Path,
    changes: Mapping[str, Any] | None = None,
    *,
    trainer: Sequence[str] = TRAINER,
) -> str:
    """Start a process that goes on with a run whose process ended; returns the run's id at once.

    Args:
        run_id: of a run that was stopped, failed or died; it goes on from its last complete
            checkpoint, or from the beginning if there is none.
        changes: settings to change, such as half the ``rate`` after a loss that was not finite.

    Raises:
        RunStateError: it still runs, or has finished.
        RecipeError: a setting cannot be changed now.
        StoreError: the files cannot be written, or the process not started.
    """
    registry = RunRegistry(home)
    directory = registry.directory(run_id)
    checkpoint = find_checkpoint(directory)
    registry.change(run_id, changes or {}, int(checkpoint.name) if checkpoint else 0)
    _tune(directory, home, trainer)
    return directory.name


def start_evaluation(
    plan: Plan,
    home: Path,
    directory: Path | None = None,
    facts: Mapping[str, Any] | None = None,
    *,
    trainer: Sequence[str] = TRAINER,
) -> Path:
    """Make an evaluation of *plan* and start its process; returns its folder at once.

    Args:
        directory: make it here instead of under the home folder.
        facts: what is known already, such as the ``command``.

    Raises:
        StoreError: the folder cannot be written, or the process not started.
    """
    made = EvaluationRegistry(home).create(plan, directory, facts)
    _evaluate(made.directory, home, trainer)
    return made.directory


def resume_evaluation(name: str, home: Path, *, trainer: Sequence[str] = TRAINER) -> Path:
    """Start a process that goes on with an evaluation; returns its folder at once.

    What is answered already is not asked again; of a finished one, the figures are made anew.

    Raises:
        RunStateError: it still runs.
        StoreError: the process cannot be started.
    """
    found = EvaluationRegistry(home).read(name)
    if found.status.state.is_live:
        raise RunStateError(f"evaluation {found.id} is {found.status.state}: it goes on already")
    _evaluate(found.directory, home, trainer)
    return found.directory


def spawn_detached(
    arguments: Sequence[str], directory: Path, home: Path, *, trainer: Sequence[str] = TRAINER
) -> int:
    """Start ``trainer ARGUMENTS`` as a process that outlives this one; returns its id.

    What it prints goes to ``console.log`` in *directory*, and ``launched.json`` there says which
    process it is.

    Raises:
        StoreError: it cannot be started.
    """
    # Before the start: whatever the process says of itself is then later.
    now = time.time()
    try:
        with (directory / CONSOLE_FILE).open("ab") as console:
            process = subprocess.Popen(
                [*trainer, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=clean_environment(home),
                start_new_session=True,
                umask=0o077,
            )
    except OSError as error:
        raise explain_os(error, directory / CONSOLE_FILE) from error
    launched = {"t": now, "pid": process.pid, "owner": owner_of(process.pid)}
    # Should it end before this program does, somebody has to take notice of it.
    threading.Thread(target=process.wait, name=f"child {process.pid}", daemon=True).start()
    write_json(directory / LAUNCH_FILE, launched)
    return process.pid


def ask_trainer(
    arguments: Sequence[str],
    home: Path,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    trainer: Sequence[str] = TRAINER,
) -> dict[str, Any]:
    """Run ``trainer ARGUMENTS`` to its end and return the JSON object that it prints.

    For previews, pre-flights and the like; it blocks, so screens call it from a thread.

    Args:
        cancelled: looked at twenty times a second; when true the process is killed.

    Raises:
        TrainerFailed: it ended badly, or printed something else.
        TrainerCancelled: *cancelled* said so.
        StoreError: it cannot be started.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            process = subprocess.Popen(
                [*trainer, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=clean_environment(home),
                start_new_session=True,  # so that its own children can be killed with it
            )
        except OSError as error:
            raise StoreError(f"the trainer cannot be started: {error.strerror}") from error
        try:
            while process.poll() is None:
                if cancelled():
                    raise TrainerCancelled
                time.sleep(_POLL_SECONDS)
        finally:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return _reply(process.returncode, _content(out), _content(err))


def clean_environment(home: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a process of the trainer's finds in its environment."""
    kept = {
        name: value
        for name, value in environ.items()
        if name not in _DROPPED and not name.startswith(_DROPPED_PREFIXES)
    }
    return {
        **kept,
        "DIFFDX_HOME": str(home.absolute()),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",  # a crash of a library leaves its place in console.log
        "PYTHONUTF8": "1",
    }


def _tune(directory: Path, home: Path, trainer: Sequence[str]) -> None:
    spawn_detached(["tune", str(directory.absolute())], directory, home, trainer=trainer)


def _evaluate(directory: Path, home: Path, trainer: Sequence[str]) -> None:
    spawn_detached(["evaluate", str(directory.absolute())], directory, home, trainer=trainer)


def _reply(code: int, out: str, err: str) -> dict[str, Any]:
    if code != 0:
        lines = [line.strip() for line in err.splitlines() if line.strip()]
        raise TrainerFailed(lines[-1] if lines else f"the trainer ended with code {code}", code)
    try:
        reply = json.loads(out)
    except (ValueError, RecursionError):
        reply = None
    if not isinstance(reply, dict):
        raise TrainerFailed("the trainer's reply cannot be read", code)
    return reply


def _content(file: Any) -> str:
    file.seek(0)
    text: str = file.read().decode("utf-8", errors="replace")
    return text
