"""Real runs for tests: started as the program does it, ended at the latest with the test."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from diffdx_tui.domain.recipe import DEFAULT, Recipe
from diffdx_tui.launch import start_run
from diffdx_tui.store.run_files import read_json
from diffdx_tui.store.run_reader import RunStatus, judge
from diffdx_tui.store.run_records import LAUNCH_FILE, RunState
from diffdx_tui.store.run_registry import RunRegistry

CHILD = (sys.executable, str(Path(__file__).with_name("training_child.py")))


class Runs:
    """The runs of one test."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.registry = RunRegistry(home)

    def start(self, recipe: Recipe = DEFAULT) -> str:
        return start_run(recipe, self.home, trainer=CHILD)

    def directory(self, run_id: str) -> Path:
        return self.registry.directory(run_id)

    def status(self, run_id: str) -> RunStatus:
        return judge(self.directory(run_id))

    def wait(self, run_id: str, *states: RunState) -> RunStatus:
        """Until it is in one of *states*."""
        wait_until(lambda: self.status(run_id).state in states)
        return self.status(run_id)

    def wait_for_step(self, run_id: str, step: int) -> None:
        wait_until(lambda: self.status(run_id).step >= step)

    def pid(self, run_id: str) -> int:
        launched = read_json(self.directory(run_id) / LAUNCH_FILE)
        assert launched is not None
        return int(launched["pid"])

    def kill(self, run_id: str) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid(run_id), signal.SIGKILL)


@contextlib.contextmanager
def runs_in(home: Path) -> Iterator[Runs]:
    """Runs of which none outlives the block."""
    runs = Runs(home)
    try:
        yield runs
    finally:
        for run in runs.registry.list().runs:
            if run.status.state.is_live:
                runs.kill(run.id)


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
