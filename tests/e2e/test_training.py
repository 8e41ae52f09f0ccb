"""Training through the screen as a person does it: a real terminal, the real trainer and model."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from diffdx_tui.config import data_directory
from diffdx_tui.store.run_files import read_json
from diffdx_tui.store.run_reader import RunReader, judge
from diffdx_tui.store.run_records import LAUNCH_FILE, RunState
from tests.e2e.terminal import Terminal, environment

APP = [sys.executable, "-m", "diffdx_tui"]
TRAIN, DOWN, BACKSPACE = "\x1b4", "\x1b[B", "\x7f"

pytestmark = [
    pytest.mark.alone,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not (data_directory() / "model" / "mini" / "model.safetensors").is_file(),
        reason="the embedded model is not in this checkout",
    ),
]


@pytest.fixture
def runs(home: Path) -> Iterator[Path]:
    """The folder of runs; none outlives the test."""
    yield home / "runs"
    for path in (home / "runs").glob(f"*/{LAUNCH_FILE}"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int((read_json(path) or {})["pid"]), signal.SIGKILL)


def wait_for_steps(directory: Path, steps: int) -> None:
    end = time.monotonic() + 120
    while judge(directory).step < steps:
        assert time.monotonic() < end, judge(directory)
        time.sleep(0.1)


def test_a_run_outlives_its_terminal_and_is_found_again(home: Path, runs: Path) -> None:
    terminal = Terminal(APP, environment(home))
    terminal.wait_for("ready", seconds=120)
    terminal.press(TRAIN)
    terminal.wait_for("F5 start")
    for _ in range(6):
        terminal.press(DOWN)
    terminal.press("500", DOWN, BACKSPACE, "1")  # most steps, and rows a step
    terminal.read(0.5)
    terminal.press("f5")
    terminal.wait_for("importing libraries", "loading", "running", seconds=30)
    terminal.wait_for("smooth", seconds=120)
    (directory,) = runs.iterdir()
    terminal.hang_up()
    assert terminal.wait(20) in (129, -signal.SIGHUP)
    assert judge(directory).state is RunState.RUNNING
    wait_for_steps(directory, judge(directory).step + 3)
    with Terminal(APP, environment(home)) as again:
        again.wait_for("ready", seconds=120)
        again.press(TRAIN)
        again.wait_for("running", seconds=30)
        again.wait_for("val", "smooth", seconds=30)
        again.press("x")
        again.wait_for("stopped", seconds=60)
        again.press("ctrl+q")
        assert again.wait() == 0
    steps = [line.step for line in RunReader(directory).read_all().steps]
    assert steps == list(range(1, len(steps) + 1))
    assert judge(directory).state is RunState.STOPPED
