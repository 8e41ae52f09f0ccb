"""Short rows, recipes and run directories for the tests of training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from diffdx_tui.domain.recipe import Recipe
from diffdx_tui.store.run_reader import RunReader
from diffdx_tui.store.run_records import RunState
from diffdx_tui.store.run_registry import RunRegistry

FINDINGS = ("fever", "a rash", "chest pain", "headache", "a cough", "ear ache", "joint pain")


def write_rows(path: Path, count: int = 12) -> Path:
    """A person's own JSONL of *count* short rows of unlike lengths; every tenth validates."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            some = [FINDINGS[(number + step) % len(FINDINGS)] for step in range(1 + number % 4)]
            answer = {
                "most_likely": f"Gout - {some[0]}",
                "possible": [f"Flu - {some[-1]}", "Croup - age"],
                "unlikely_but_serious": "Sepsis - must not be missed",
                "recommended_workup": "Urate",
            }
            row = {"id": f"r{number}", "vignette": f"Case {number}: {', '.join(some)}."}
            file.write(json.dumps({**row, "answer": answer}) + "\n")
    return path


def small_recipe(base: Path, data: Path, **changes: Any) -> Recipe:
    """A run of seconds on a tiny base."""
    settings: dict[str, Any] = {
        "base": str(base),
        "data": str(data),
        "batch": 4,
        "micro_batch": 2,
        "epochs": 2,
        "rate": 2e-3,
        "probe_cases": 0,
    }
    return Recipe(**(settings | changes))


def new_run(home: Path, recipe: Recipe) -> Path:
    """A run directory as the program makes it."""
    registry = RunRegistry(home)
    return registry.directory(registry.create(recipe).id)


def start(directory: Path, *launcher: str) -> subprocess.Popen[bytes]:
    """A trainer's process on *directory*, what it prints in ``console.log``."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path.cwd())}
    with (directory / "console.log").open("ab") as console:
        return subprocess.Popen(
            [sys.executable, *launcher, "-m", "trainer", "tune", str(directory)],
            stdout=console,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment,
        )


def wait_for(condition: Callable[[], bool], directory: Path, seconds: float = 90.0) -> None:
    """Until *condition* holds; shows the console if it never does."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise AssertionError((directory / "console.log").read_text(errors="replace"))
        time.sleep(0.02)


def state_of(directory: Path) -> RunState:
    """What the run last said of itself."""
    return RunReader(directory).status().state


def learned(directory: Path) -> list[dict[str, Any]]:
    """The metrics without what only the clock and the machine decide."""
    unsteady = {"tokens_per_s", "seconds", "rss_mb", "gpu"}
    lines = (directory / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        {name: value for name, value in json.loads(line).items() if name not in unsteady}
        for line in lines
    ]
