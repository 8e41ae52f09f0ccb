"""Measures what a person at a terminal waits for; the source of README's screen figures.

Run as ``python -m tests.e2e.measure_screen docs/results/screen.json`` on a quiet machine.  Every
figure is of the real app on the embedded model in a real pseudo-terminal of 80x24.  With
``--train`` (and ``docs/results/screen_train.json``) it is the Train screen instead, at both sizes,
while another process writes a run of fifty steps a second, which no model here trains as fast as.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from diffdx_tui.commands.bench import machine
from diffdx_tui.domain.recipe import Recipe
from diffdx_tui.store.run_reader import judge
from diffdx_tui.store.run_records import RunState
from diffdx_tui.store.run_registry import RunRegistry
from tests.e2e.terminal import Terminal, environment

VIGNETTE = (
    "A 58-year-old smoker has crushing chest pain for forty minutes that spreads to the jaw. He is "
    "sweating and grey. Pulse 104, blood pressure 98/60."
)
RUNS = 10
SIZES = ((80, 24), (160, 50))
STEP_SECONDS = 0.02
WATCHED_SECONDS = 20.0
APP = [sys.executable, "-m", "diffdx_tui"]


def measure(folder: Path) -> dict[str, Any]:
    """All figures; seconds and bytes."""
    paints = [_first_paint(folder / f"paint-{run}") for run in range(RUNS)]
    asks = [_ask(folder / f"ask-{run}") for run in range(RUNS)]
    streams = [_stream(folder / f"stream-{run}") for run in range(RUNS // 2)]
    lags = sorted(lag for stream in streams for lag in stream["lags"])
    return {
        "command": "python -m tests.e2e.measure_screen",
        "machine": machine(),
        "runs": RUNS,
        "first_paint_s": _spread(paints),
        "ask_json_cold_s": _spread(asks),
        "loop_lag_s": {
            "samples": len(lags),
            "p50": lags[len(lags) // 2],
            "p99": lags[int(len(lags) * 0.99)],
            "max": lags[-1],
        },
        "bytes_in_busiest_second": _spread([stream["busiest"] for stream in streams]),
        "bytes_in_3_idle_seconds": max(stream["idle"] for stream in streams),
    }


def _first_paint(home: Path) -> float:
    with Terminal(APP, environment(home)) as terminal:
        return terminal.wait_for("Vignette")


def _ask(home: Path) -> float:
    started = time.perf_counter()
    command = [*APP, "ask", VIGNETTE, "--json"]
    subprocess.run(command, env=_whole(home), check=True, capture_output=True)
    return time.perf_counter() - started


def _stream(home: Path) -> dict[str, Any]:
    home.mkdir(parents=True)
    path = home / "lags.json"
    command = [sys.executable, "-m", "tests.e2e.probed_app", str(path)]
    with Terminal(command, environment(home)) as terminal:
        terminal.wait_for("ready")
        terminal.paste(VIGNETTE)
        terminal.wait_for("98/60")
        terminal.read(0.5)
        began = time.monotonic()
        terminal.press("f5")
        terminal.wait_for("finished")
        terminal.read(1.5)
        idle = terminal.read(3.0)
        terminal.press("ctrl+q")
        terminal.wait()
        moments = [moment for moment, _ in terminal.received if moment >= began]
        busiest = max(terminal.bytes_between(moment, moment + 1.0) for moment in moments)
    return {"lags": json.loads(path.read_text()), "busiest": busiest, "idle": idle}


def measure_train(folder: Path) -> dict[str, Any]:
    """The Train screen while a run is written: seconds and bytes, by size of the terminal."""
    return {
        "command": "python -m tests.e2e.measure_screen --train",
        "machine": machine(),
        "steps_per_s": 1 / STEP_SECONDS,
        "seconds": WATCHED_SECONDS,
        **{f"{columns}x{rows}": _watch(folder, columns, rows) for columns, rows in SIZES},
        **_start_and_stop(folder / "start"),
    }


def _start_and_stop(home: Path) -> dict[str, float]:
    """A real run of the default recipe on the embedded model, started and stopped by keys."""
    with Terminal(APP, environment(home)) as terminal:
        terminal.wait_for("ready")
        terminal.press("\x1b4")  # Alt+4
        terminal.wait_for("F5 start")
        began = time.monotonic()
        terminal.press("f5")
        terminal.wait_for("· loss ", seconds=120)  # the line of the last step
        first_loss = time.monotonic() - began
        (directory,) = (home / "runs").iterdir()
        terminal.read(5.0)
        asked = time.monotonic()
        terminal.press("x")
        while judge(directory).state is not RunState.STOPPED:
            assert time.monotonic() < asked + 60, judge(directory)
            terminal.read(0.02)
        stopped = time.monotonic() - asked
        terminal.press("ctrl+q")
        terminal.wait()
    return {"start_to_first_loss_s": first_loss, "stop_to_saved_s": stopped}


def _watch(folder: Path, columns: int, rows: int) -> dict[str, Any]:
    home = folder / f"train-{columns}"
    registry = RunRegistry(home)
    run = registry.create(Recipe(max_steps=100_000))
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.ui.writing_run", "tune", str(registry.directory(run.id))],
        env=_whole(home) | {"WRITER_STEP_SECONDS": str(STEP_SECONDS)},
    )
    path = home / "lags.json"
    command = [sys.executable, "-m", "tests.e2e.probed_app", str(path)]
    try:
        with Terminal(command, environment(home), columns, rows) as terminal:
            terminal.wait_for("ready")
            terminal.press("\x1b4")  # Alt+4
            terminal.wait_for("running")
            terminal.read(3.0)
            began = time.monotonic()
            while time.monotonic() < began + WATCHED_SECONDS:
                terminal.read(0.5)
            terminal.press("ctrl+q")
            terminal.wait()
            end = began + WATCHED_SECONDS
            moments = [moment for moment, _ in terminal.received if began <= moment < end - 1]
            busiest = max(terminal.bytes_between(moment, moment + 1.0) for moment in moments)
            mean = terminal.bytes_between(began, end) / WATCHED_SECONDS
    finally:
        writer.kill()
        writer.wait()
    lags = sorted(json.loads(path.read_text()))
    return {
        "loop_lag_s": {
            "samples": len(lags),
            "p50": lags[len(lags) // 2],
            "p99": lags[int(len(lags) * 0.99)],
            "max": lags[-1],
        },
        "bytes_per_s": mean,
        "bytes_in_busiest_second": busiest,
    }


def _whole(home: Path) -> dict[str, str]:
    return dict(os.environ) | environment(home)


def _spread(values: list[float]) -> dict[str, float]:
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def main() -> None:
    """Measure what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, help="where the figures go")
    parser.add_argument("--train", action="store_true", help="the Train screen")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="diffdx-screen-") as folder:
        figures = (measure_train if options.train else measure)(Path(folder))
    text = json.dumps(figures, indent=2)
    options.path.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
