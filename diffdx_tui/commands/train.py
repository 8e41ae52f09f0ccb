"""``diffdx-tui train``: start tuning an adapter.

Role: makes a recipe of file, ablation and flags, checks what can be checked at once, and starts the
run's process.  The run's id is the only data on standard output, unless it is followed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from diffdx_tui.commands.console import emit_json, emit_line, tell
from diffdx_tui.commands.exits import CommandError, Exit
from diffdx_tui.commands.libraries import quiet_libraries
from diffdx_tui.commands.run_follow import follow_run
from diffdx_tui.commands.settings import settings_of
from diffdx_tui.domain.recipe import Recipe, ablation, describe, read_recipe
from diffdx_tui.launch import find_files, start_run
from diffdx_tui.store.run_registry import RunRegistry


def run(options: argparse.Namespace) -> int:
    """Start a run; returns the exit code.

    Raises:
        CommandError: the recipe file cannot be read.
        RecipeError: a setting cannot be used.
        ModelUnavailable: the base is not on this machine.
        DataUnavailable: nor is the data.
    """
    quiet_libraries()
    recipe = recipe_of(options)
    if options.dry_run:
        emit_json(recipe.as_dict())
        tell(f"would train {describe(recipe)}")
        return Exit.ANSWERED
    recipe = find_files(recipe)
    home = settings_of(options).home
    if options.prepare:
        return _prepare(RunRegistry(home), recipe)
    run_id = start_run(recipe, home)
    if options.json:
        directory = RunRegistry(home).directory(run_id)
        values = {"id": run_id, "directory": str(directory), "recipe": recipe.as_dict()}
        emit_json(values, indent=None if options.follow else 2)
    else:
        emit_line(run_id)
    tell(f"training {describe(recipe)}, in a process of its own")
    if options.follow:
        return follow_run(RunRegistry(home), run_id, as_json=options.json)
    tell(f"`diffdx-tui runs follow {run_id}` shows how it goes")
    return Exit.ANSWERED


def _prepare(registry: RunRegistry, recipe: Recipe) -> int:
    """Several processes on one run are started by a launcher of their own."""
    directory = registry.directory(registry.create(recipe).id)
    emit_line(str(directory))
    tell(f"not started: `torchrun --nproc-per-node N -m trainer tune {directory}` trains it")
    return Exit.ANSWERED


def recipe_of(options: argparse.Namespace) -> Recipe:
    """Flags over ablation over file over defaults.

    Raises:
        CommandError: the file cannot be read.
        RecipeError: a setting cannot be used.
    """
    values: dict[str, Any] = read_recipe_file(options.recipe) if options.recipe else {}
    if options.ablation:
        values |= ablation(options.ablation)
    return read_recipe(values | given_settings(options))


def given_settings(options: argparse.Namespace) -> dict[str, Any]:
    """The recipe's settings among the flags that were given; ``none`` is no value."""
    given = {name: getattr(options, name) for name in Recipe.model_fields if hasattr(options, name)}
    optional = {name for name, field in Recipe.model_fields.items() if field.default is None}
    return {
        name: None if value == "none" and name in optional else value
        for name, value in given.items()
    }


def read_recipe_file(name: str) -> dict[str, Any]:
    """Settings from a JSON file, or from the ``run.json`` of a run; ``-`` is standard input.

    Raises:
        CommandError: it cannot be read, or holds no settings.
    """
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        values = json.loads(text)
    except OSError as error:
        message = f"{name} cannot be read: {error.strerror}"
        raise CommandError(message, Exit.USAGE) from error
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{name} is no JSON: {error}", Exit.USAGE) from error
    # A run.json holds the recipe of its run.
    recipe = values.get("recipe", values) if isinstance(values, dict) else None
    if not isinstance(recipe, dict):
        raise CommandError(f"{name} holds no recipe: a JSON object of settings", Exit.USAGE)
    return dict(recipe)
