"""Runs for the screens: whole ones, one that goes on, and processes that write them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diffdx_tui.domain.recipe import read_recipe
from diffdx_tui.store.run_files import read_json, write_json
from diffdx_tui.store.run_records import RUN_FILE, Phase
from diffdx_tui.store.run_registry import RunRegistry
from diffdx_tui.store.run_writer import RunWriter
from tests.ui import writing_run

ROOT = Path(__file__).parents[2]
TRAINER = (sys.executable, "-m", "tests.ui.writing_run")
"""What stands in for ``python -m trainer``: the same files, no model."""


def fixed_run(home: Path, number: int, **changes: Any) -> Path:
    """The folder of a new run with an id and a date that are the same every time."""
    registry = RunRegistry(home)
    record = registry.create(read_recipe(changes))
    directory = registry.folder / f"01m0000000000000{number:02d}"
    registry.directory(record.id).rename(directory)
    values = read_json(directory / RUN_FILE)
    assert values is not None
    values |= {"id": directory.name, "created": f"2020-03-0{number}T05:06:07+00:00"}
    write_json(directory / RUN_FILE, values)
    return directory


def finished_run(
    home: Path, number: int, environ: dict[str, str] | None = None, **changes: Any
) -> Path:
    """A run that was written to its end."""
    directory = fixed_run(home, number, **changes)
    wanted = {"WRITER_STEP_SECONDS": "0", "WRITER_PHASE_SECONDS": "0", **(environ or {})}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        writing_run.tune(directory)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    return directory


@contextmanager
def running_run(home: Path, number: int, steps: int, **changes: Any) -> Iterator[RunWriter]:
    """A run that this process writes: *steps* of 60 done."""
    with RunWriter(fixed_run(home, number, **changes)) as writer:
        writer.enter_phase(Phase.STEP)
        for step in range(1, steps + 1):
            writing_run.write_step(writer, step, writing_run.STEPS)
        yield writer
