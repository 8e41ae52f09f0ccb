"""``diffdx-tui ablate``: the reference's table, with the reference's recipe, on a base of ours.

Role: hands the flags to :mod:`diffdx_tui.ablation`, tells what it does, and prints its table.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from diffdx_tui.ablation import Ablation, AblationFailed, AblationStopped, Ablator
from diffdx_tui.commands.console import emit_json, emit_line, tell
from diffdx_tui.commands.evaluation_text import invariance_lines, reference_lines, results_lines
from diffdx_tui.commands.exits import CommandError, Exit
from diffdx_tui.commands.interruption import Interruption
from diffdx_tui.commands.libraries import quiet_libraries
from diffdx_tui.commands.settings import settings_of
from diffdx_tui.commands.train import read_recipe_file
from diffdx_tui.domain.decoding import Mode
from diffdx_tui.domain.evaluation_sets import UNREADABLE
from diffdx_tui.domain.recipe import DEFAULT
from diffdx_tui.store.evaluations import EvaluationReader
from diffdx_tui.store.run_files import write_json

_RECIPE = ("base", "epochs", "max_steps", "rate", "batch", "rank", "alpha", "precision")


def run(options: argparse.Namespace) -> int:
    """Train and evaluate what is missing and print the tables; returns the exit code.

    Raises:
        CommandError: a training or the evaluation ended badly.
        PlanError, RecipeError: it cannot be done like this.
    """
    quiet_libraries()
    home = settings_of(options).home
    ablation = ablation_of(options)
    with Interruption() as interruption, interruption.gently():
        ablator = Ablator(ablation, home, tell, interruption.requested)
        try:
            directory = ablator.run(["diffdx-tui", *sys.argv[1:]])
        except AblationStopped as ending:
            tell(str(ending))
            return interruption.code or Exit.CANCELLED
        except AblationFailed as error:
            raise CommandError(str(error), Exit.FAILED) from error
        except UNREADABLE as error:
            raise CommandError(str(error), Exit.REFUSED) from error
    results = EvaluationReader(directory).results()
    if results is None:
        raise CommandError(f"{directory} has no figures: see console.log", Exit.FAILED)
    if options.out:
        write_results(Path(options.out).expanduser(), results)
    if options.json:
        emit_json(results)
    else:
        lines = [*reference_lines(results), *results_lines(results), *invariance_lines(results)]
        for line in lines:
            emit_line(line)
    tell(f"{directory} has the report, the outputs and all figures")
    return Exit.ANSWERED


def ablation_of(options: argparse.Namespace) -> Ablation:
    """What the flags ask for.

    Raises:
        CommandError: the recipe's file cannot be used.
    """
    given = {name: getattr(options, name, None) for name in _RECIPE}
    settings = read_recipe_file(options.recipe) if options.recipe else {}
    settings |= {name: value for name, value in given.items() if value is not None}
    return Ablation(
        labels=tuple(options.variants),
        recipe=settings,
        seeds=tuple(options.seeds or (settings.get("seed", DEFAULT.seed),)),
        modes=tuple(map(Mode, options.modes)),
        ways=tuple(options.decoding),
        samples=options.samples,
        perturbations=tuple(options.perturb),
        set="cv" if options.cv else options.set,
        limit=options.limit,
        external=options.external and str(Path(options.external).expanduser().absolute()),
    )


def write_results(path: Path, results: dict[str, Any]) -> None:
    """The results as a file of the documentation: no path of this machine in it.

    Raises:
        StoreError: it cannot be written.
    """
    write_json(path, json.loads(_without_folders(json.dumps(results))))


def _without_folders(text: str) -> str:
    """Folders of runs by the run's id, others by their last part."""
    text = re.sub(r'"[^"]*/runs/([0-9a-z]{18})/adapter"', r'"run \1"', text)
    return re.sub(r'"(--[a-z-]+=)?/[^"]*/([^"/]+)"', r'"\1\2"', text)
