"""``diffdx-tui bench``: the reference's usage against this engine, printed as a table.

Role: floor 4; measures nothing itself.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from diffdx_tui.commands.libraries import quiet_libraries
from diffdx_tui.commands.settings import settings_of, spec_of

_ROWS = (
    ("seconds per answer, end to end", "answer_s", "{:.2f}"),
    ("seconds to first sampled token", "ttft_s", "{:.3f}"),
    ("tokens sampled per answer", "tokens_sampled", "{:.0f}"),
    ("tokens forced per answer", "tokens_forced", "{:.0f}"),
    ("sampled tokens per second", "sampled_per_s", "{:.1f}"),
    ("answer tokens per second", "answer_tokens_per_s", "{:.1f}"),
    ("peak memory, MB", "peak_mb", "{:.0f}"),
)


def run(options: argparse.Namespace) -> int:
    """Measure and print; returns the exit code."""
    # The reference's usage waits as OpenMP does by default; our considerate way would slow it down.
    os.environ.setdefault("OMP_WAIT_POLICY", "active")
    quiet_libraries()
    from diffdx_tui.engine.benchmark import compare
    from diffdx_tui.engine.failures import EngineError

    spec = spec_of(settings_of(options))
    print("measuring, this takes a while; leave the machine alone meanwhile", file=sys.stderr)
    try:
        result = compare(spec, options.answers, options.max_new_tokens)
    except EngineError as error:
        print(f"diffdx-tui: {error}", file=sys.stderr)
        return 4
    result["model"] |= {key: _shown(result["model"][key]) for key in ("base", "adapter")}
    result["machine"] = machine()
    print(json.dumps(result, indent=2) if options.json else _table(result))
    return 0


def _shown(place: str | None) -> str | None:
    """A directory by its last part: results are kept and shared, folders of a machine are not."""
    return Path(place).name if place and Path(place).is_absolute() else place


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import psutil

    return {
        "processor": _processor(),
        "cores": psutil.cpu_count(logical=False),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - not a user's path
            return next(
                line.split(":")[1].strip() for line in file if line.startswith("model name")
            )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _table(result: dict[str, Any]) -> str:
    model = result["model"]
    lines = [
        f"{model['name']} in {model['precision']} on {model['device']} ({model['reason']}), "
        f"{result['answers']} answers a side, medians",
        "",
        f"{'':34}{'reference':>12}{'engine':>12}",
    ]
    for label, key, form in _ROWS:
        reference, engine = (form.format(result[side][key]) for side in ("reference", "engine"))
        lines.append(f"{label:34}{reference:>12}{engine:>12}")
    lines += [
        "",
        f"end to end            {result['ratio_end_to_end']:.1f}x faster",
        f"sampled tokens/s      {result['ratio_tokens_per_s']:.1f}x",
        f"first token           {result['ratio_ttft']:.1f}x sooner",
        f"peak memory           {result['ratio_peak_memory']:.2f}x",
    ]
    return "\n".join(lines)
