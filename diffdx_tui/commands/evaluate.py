"""``diffdx-tui evaluate``: score what a model answers, in a process of its own, and follow it.

Role: makes a plan of the flags, checks what can be checked at once, starts the evaluator and shows
its figures.  Ctrl+C asks it to stop; a closed terminal does not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from diffdx_tui.commands.console import PassingLine, emit_json, emit_line, tell
from diffdx_tui.commands.evaluation_text import (
    evaluation_line,
    invariance_lines,
    progress_text,
    results_lines,
)
from diffdx_tui.commands.exits import CommandError, Exit
from diffdx_tui.commands.libraries import quiet_libraries
from diffdx_tui.commands.settings import settings_of
from diffdx_tui.config import Config, data_directory
from diffdx_tui.domain.decoding import Mode
from diffdx_tui.domain.evaluation import Arm, Plan, perturbed_arms, read_plan
from diffdx_tui.domain.evaluation_sets import UNREADABLE, read_set
from diffdx_tui.evaluation_plan import decodings_for, locate_models, plan_model, plan_runs
from diffdx_tui.launch import TRAINER, clean_environment, resume_evaluation, start_evaluation
from diffdx_tui.store.evaluations import EvaluationRegistry, read_evaluation
from diffdx_tui.store.external_sets import external_directory
from diffdx_tui.store.run_records import RunState
from diffdx_tui.store.run_registry import RunRegistry
from diffdx_tui.store.shelf import RunStateError

_POLL_SECONDS = 0.2
_CHANGES = ("seed", "temperature", "top_p", "repetition_penalty", "max_new_tokens")


def run(options: argparse.Namespace) -> int:
    """Evaluate, or do what ``options.action`` says; returns the exit code."""
    quiet_libraries()
    config = settings_of(options)
    if options.action:
        return _ACTIONS[options.action](EvaluationRegistry(config.home), options, config)
    plan = plan_of(options, config)
    check_plan(plan, config.home)
    out = Path(options.out).expanduser().absolute() if options.out else None
    command = {"command": ["diffdx-tui", *sys.argv[1:]]}
    directory = start_evaluation(plan, config.home, out, command)
    if options.detach:
        emit_line(str(directory))
        return Exit.ANSWERED
    return follow(directory, config.home, as_json=options.json)


def plan_of(options: argparse.Namespace, config: Config) -> Plan:
    """The plan that the flags ask for.

    Raises:
        PlanError: it cannot be evaluated like this.
        DecodingError: a setting is out of range.
    """
    modes = [Mode.FREE, Mode.GUIDED] if options.mode == "both" else [Mode(options.mode)]
    given = {name: getattr(options, name) for name in _CHANGES}
    changes = {name: value for name, value in given.items() if value is not None}
    decodings = decodings_for(modes, options.decoding, changes)
    if options.runs:
        for flag in ("model", "adapter", "variant"):
            if hasattr(options, flag):
                message = f"--runs says what is evaluated: leave --{flag} out"
                raise CommandError(message, Exit.USAGE)
        settings: dict[str, Any] = {"samples": options.samples}
        if hasattr(options, "precision"):
            settings["precision"] = options.precision
        registry, ids = RunRegistry(config.home), options.runs.split(",")
        arms: list[Arm] = plan_runs(registry, ids, options.set, decodings, **settings)
    else:
        arms = plan_model(
            config.model,
            options.set,
            decodings,
            adapter=config.adapter,
            variant=config.variant,
            precision=config.precision,
            samples=options.samples,
        )
    arms += perturbed_arms(arms, options.perturb)
    external = Path(options.external).expanduser().absolute() if options.external else None
    return read_plan(
        {
            "set": options.set,
            "arms": [arm.model_dump() for arm in arms],
            "limit": options.limit,
            "external": str(external) if external else None,
        }
    )


def check_plan(plan: Plan, home: Path) -> None:
    """Look for models and rows before a process is started.

    Raises:
        EngineError: a model is not on this machine.
        CommandError: the rows cannot be read.
    """
    locate_models(plan)
    try:
        read_set(plan.set, data_directory(), Path(plan.external or external_directory(home)))
    except UNREADABLE as error:
        raise CommandError(str(error), Exit.REFUSED) from error


def follow(directory: Path, home: Path, *, as_json: bool) -> int:
    """Show progress until the evaluation ends, then its figures; the exit code."""
    registry, asked = EvaluationRegistry(home), False
    with PassingLine() as line:
        while True:
            try:
                found = read_evaluation(directory)
                if not found.status.state.is_live:
                    break
                line.show(progress_text(found))
                time.sleep(_POLL_SECONDS)
            except KeyboardInterrupt:
                line.clear()
                if asked:
                    tell("no longer waiting; it ends by itself")
                    return Exit.CANCELLED
                asked = True
                try:
                    registry.request_stop(str(directory))
                    tell("stopping; Ctrl+C again does not wait for it")
                except RunStateError:  # it ended meanwhile
                    continue
    status = found.status
    name = found.id if directory.parent == registry.folder else str(directory)
    if status.state is RunState.FINISHED:
        _show_results(directory, as_json=as_json)
        tell(f"{directory} has the report, the outputs and all figures")
        return Exit.ANSWERED
    if status.state is RunState.STOPPED:
        tell(f"stopped; `diffdx-tui evaluate resume {name}` goes on")
        return Exit.CANCELLED
    message = f"the evaluation is {status.state}: {status.message or 'see console.log'}"
    raise CommandError(
        f"{message}; `diffdx-tui evaluate resume {name}` goes on ({directory})", Exit.FAILED
    )


def _show_results(directory: Path, *, as_json: bool) -> None:
    results = EvaluationRegistry(directory.parent).reader(str(directory)).results()
    if results is None:
        tell("there are no figures yet")
    elif as_json:
        emit_json(results)
    else:
        for line in [*results_lines(results), *invariance_lines(results)]:
            emit_line(line)


def _list(registry: EvaluationRegistry, options: argparse.Namespace, config: Config) -> int:
    found = registry.list()
    shown = found.evaluations[: options.limit]
    if options.json:
        emit_json(
            [
                {
                    "id": one.id,
                    "created": one.record.created.isoformat(),
                    "state": str(one.status.state),
                    "directory": str(one.directory),
                    "plan": one.record.plan.as_dict(),
                }
                for one in shown
            ]
        )
    else:
        for one in shown:
            emit_line(evaluation_line(one))
    for note in found.notes:
        tell(note)
    if not found.evaluations:
        tell("there are no evaluations yet")
    return Exit.ANSWERED


def _show(registry: EvaluationRegistry, options: argparse.Namespace, config: Config) -> int:
    found = registry.read(options.id)
    if not options.json:
        emit_line(evaluation_line(found))
    _show_results(found.directory, as_json=options.json)
    return Exit.ANSWERED


def _resume(registry: EvaluationRegistry, options: argparse.Namespace, config: Config) -> int:
    found = registry.read(options.id)
    check_plan(found.record.plan, config.home)
    directory = resume_evaluation(str(found.directory), config.home)
    return follow(directory, config.home, as_json=options.json)


def _stop(registry: EvaluationRegistry, options: argparse.Namespace, config: Config) -> int:
    registry.request_stop(options.id)
    tell("asked to stop; it ends after the token at hand")
    return Exit.ANSWERED


def _by_trainer(
    action: str,
) -> Callable[[EvaluationRegistry, argparse.Namespace, Config], int]:
    """An action that the trainer does, without a model."""

    def do(registry: EvaluationRegistry, options: argparse.Namespace, config: Config) -> int:
        directory = registry.directory(options.id)
        done = subprocess.run(
            [*TRAINER, "evaluate", action, str(directory)],
            stdin=subprocess.DEVNULL,
            env=clean_environment(config.home),
            check=False,
        )
        if done.returncode < 0:
            raise CommandError(f"ended by signal {-done.returncode}", Exit.FAILED)
        return done.returncode

    return do


def _delete(registry: EvaluationRegistry, options: argparse.Namespace, config: Config) -> int:
    name = registry.delete(options.id)
    tell(f"deleted; `diffdx-tui evaluate restore {name}` brings it back within 30 days")
    return Exit.ANSWERED


def _restore(registry: EvaluationRegistry, options: argparse.Namespace, config: Config) -> int:
    tell(f"restored {registry.restore(options.id)}")
    return Exit.ANSWERED


_ACTIONS: dict[str, Callable[[EvaluationRegistry, argparse.Namespace, Config], int]] = {
    "list": _list,
    "show": _show,
    "resume": _resume,
    "stop": _stop,
    "rescore": _by_trainer("rescore"),
    "report": _by_trainer("report"),
    "delete": _delete,
    "restore": _restore,
}
