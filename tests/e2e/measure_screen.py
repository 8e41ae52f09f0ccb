"""Measures what a person at a terminal waits for; the source of README's screen figures.

Run as ``python -m tests.e2e.measure_screen docs/results/screen.json`` on a quiet machine.  Every
figure is of the real app on the embedded model in a real pseudo-terminal of 80x24.
"""

from __future__ import annotations

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
from tests.e2e.terminal import Terminal, environment

VIGNETTE = (
    "A 58-year-old smoker has crushing chest pain for forty minutes that spreads to the jaw. He is "
    "sweating and grey. Pulse 104, blood pressure 98/60."
)
RUNS = 10
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


def _whole(home: Path) -> dict[str, str]:
    return dict(os.environ) | environment(home)


def _spread(values: list[float]) -> dict[str, float]:
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="diffdx-screen-") as _folder:
        _figures = measure(Path(_folder))
    _text = json.dumps(_figures, indent=2)
    Path(sys.argv[1]).write_text(_text + "\n", encoding="utf-8")
    print(_text)
