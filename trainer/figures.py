"""README's measured figures, written from the results files and nowhere else.

Role: ``python -m trainer figures`` replaces what stands between README's markers; a test compares.
No figure in README is typed by hand.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from diffdx_tui.domain.metrics import MEANS

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
BASELINES_BEGIN, BASELINES_END = "<!-- baselines: begin -->", "<!-- baselines: end -->"

ABLATION_BEGIN, ABLATION_END = "<!-- ablation: begin -->", "<!-- ablation: end -->"
ABLATION_FILE = "ablation.json"
ABLATION_COMMAND = f"diffdx-tui ablate --out docs/results/{ABLATION_FILE}"

Row = tuple[str, str, str, str]


def render(results: Path) -> str:
    """The Markdown table of all figures in *results*."""
    rows = [
        *_bench(results, "bench_mini.json", "`mini`", "diffdx-tui bench --json"),
        *_bench(
            results,
            "bench_standin_nf4.json",
            "stand-in, NF4",
            "diffdx-tui bench --model DIR --adapter DIR --precision nf4 --json",
        ),
        *_bench_train(results),
        *_screen(results),
        *_train_screen(results),
        *_held_out(results),
        *_bag(results),
        *_red_flags(results),
    ]
    lines = ["| what | figure | command | file |", "|---|---|---|---|"]
    for what, figure, command, file in rows:
        lines.append(f"| {what} | {figure} | `{command}` | [{file}](docs/results/{file}) |")
    return "\n".join([BEGIN, *lines, END])


def _bench(results: Path, file: str, name: str, command: str) -> list[Row]:
    run = _read(results / file)
    ours, theirs = run["engine"], run["reference"]
    precision = run["model"]["precision"]
    return [
        (
            f"{name}: one answer, end to end, against the reference's usage ({precision})",
            f"**{run['ratio_end_to_end']:.1f}x** faster ({ours['answer_s']:.2f} s, "
            f"{theirs['answer_s']:.2f} s)",
            command,
            file,
        ),
        (
            f"{name}: sampled tokens per second",
            f"{run['ratio_tokens_per_s']:.1f}x ({ours['sampled_per_s']:.0f}, "
            f"{theirs['sampled_per_s']:.0f})",
            command,
            file,
        ),
        (
            f"{name}: seconds to the first token",
            f"{ours['ttft_s']:.2f} s ({theirs['ttft_s']:.2f} s)",
            command,
            file,
        ),
        (
            f"{name}: peak memory of the process",
            f"{run['ratio_peak_memory']:.2f}x ({ours['peak_mb']:.0f} MB, "
            f"{theirs['peak_mb']:.0f} MB)",
            command,
            file,
        ),
    ]


def _bench_train(results: Path) -> list[Row]:
    file = "bench_train.json"
    run = _read(results / file)
    ours = run["ours"]
    rows = []
    for side, words in (
        ("trl", "TRL's `SFTTrainer`, whole batch at once (its default)"),
        ("trl_rows_apart", "the same, one row at a time"),
    ):
        theirs = run[side]
        figure = (
            f"**{run[f'speed_ratio_{side}']:.1f}x** tokens/s ({ours['tokens_per_s']:.0f}, "
            f"{theirs['tokens_per_s']:.0f}), {run[f'memory_ratio_{side}']:.2f}x peak memory "
            f"({ours['peak_mb']:.0f} MB, {theirs['peak_mb']:.0f} MB)"
        )
        rows.append((f"QLoRA on the stand-in against {words}", figure, "make bench-train", file))
    return rows


def _screen(results: Path) -> list[Row]:
    file = "screen.json"
    run = _read(results / file)
    command = run["command"]
    rows = [
        ("first paint, median", f"{run['first_paint_s']['median']:.2f} s"),
        (
            "`ask --json` cold, whole process, median",
            f"{run['ask_json_cold_s']['median']:.1f} s",
        ),
        (
            "lag of the screen's loop while generating, 99th percentile",
            f"{run['loop_lag_s']['p99'] * 1e3:.0f} ms",
        ),
        (
            "bytes to the terminal in the busiest second, 80x24",
            f"{run['bytes_in_busiest_second']['max'] / 1e3:.0f} kB",
        ),
        ("bytes to the terminal in 3 idle seconds", f"{run['bytes_in_3_idle_seconds']}"),
    ]
    return [(what, figure, command, file) for what, figure in rows]


def _train_screen(results: Path) -> list[Row]:
    file = "screen_train.json"
    run = _read(results / file)
    sizes = [(size, run[size]) for size in ("80x24", "160x50")]
    lags = ", ".join(f"{one['loop_lag_s']['p99'] * 1e3:.0f} ms at {size}" for size, one in sizes)
    busiest = ", ".join(
        f"{one['bytes_in_busiest_second'] / 1e3:.0f} kB at {size}" for size, one in sizes
    )
    rows = [
        ("Train screen, 50 steps a second: lag of its loop, 99th percentile", lags),
        ("Train screen, 50 steps a second: bytes in the busiest second", busiest),
        ("from Start to the first loss on screen, `mini`", f"{run['start_to_first_loss_s']:.1f} s"),
        ("from Stop to a saved run, `mini`", f"{run['stop_to_saved_s']:.1f} s"),
    ]
    return [(what, figure, run["command"], file) for what, figure in rows]


def _held_out(results: Path) -> list[Row]:
    file = "mini_held_out.json"
    run = _read(results / file)
    figure = f"{run['k']}/{run['n']} (95 % interval {run['low']:.0%} to {run['high']:.0%})"
    what = "`mini`: names the right condition first, hand-written held-out vignettes"
    return [(what, figure, "python -m trainer mini score", file)]


def _bag(results: Path) -> list[Row]:
    file = "mini_bag.json"
    run = _read(results / file)
    cv = run["sets"]["cv"]
    rows = []
    for what, one in (
        ("names the right condition first, the same held-out vignettes", run["held_out"]),
        ("ACC1, 250 curated cases, none of them learnt", cv["ACC1"]),
        ("must-not-miss recall on them, by the knowledge base's list", cv["MNM-recall"]),
    ):
        figure = f"{one['k']:.0f}/{one['n']} ({one['low']:.0%} to {one['high']:.0%})"
        rows.append((f"a bag of tokens instead of a model: {what}", figure, run["command"], file))
    return rows


_FLAGGED_SETS = {
    "semigran": "45 Semigran vignettes",
    "held_out": "50 held-out vignettes",
    "curated_read": "130 curated cases read while the rules were written",
    "curated_unread": "the other 120 curated cases",
}


def _red_flags(results: Path) -> list[Row]:
    file = "red_flags.json"
    run = _read(results / file)
    rows = []
    for name, words in _FLAGGED_SETS.items():
        found = run["sets"][name]
        hit, false = _share(found["sensitivity"]), _share(found["false_alarm_rate"])
        figure = f"in emergencies {hit}, in others {false}"
        rows.append((f"a red-flag rule fires, {words}", figure, run["command"], file))
    return rows


def _share(one: dict[str, Any]) -> str:
    low, high = one["wilson95"]
    return f"{one['k']}/{one['n']} ({low:.0%} to {high:.0%})"


def render_baselines(results: Path) -> str:
    """The Markdown table of what the simplest answers score."""
    run = _read(results / "baselines.json")
    arms = [(name, arm) for name in ("test", "cv") for arm in run["sets"][name]]
    heads = [f"{arm}, {_SETS[name]}" for name, arm in arms]
    lines = [f"| metric | {' | '.join(heads)} |", "|---" * (len(arms) + 1) + "|"]
    for metric, definition in run["definitions"].items():
        if metric.startswith(("SCH", "ECHO")):  # given to both
            continue
        figures = [run["sets"][name][arm]["metrics"][metric] for name, arm in arms]
        cells = " | ".join(_baseline_cell(figure, metric in MEANS) for figure in figures)
        lines.append(f"| **{metric}** {definition} | {cells} |")
    return "\n".join([BASELINES_BEGIN, *lines, BASELINES_END])


_SETS = {"test": "25 test rows", "cv": "250 rows, five folds"}


def _baseline_cell(figure: dict[str, Any], is_mean: bool) -> str:
    """``7/25 (14% to 48%)``; of a mean only the mean."""
    if is_mean:
        return f"{figure['value']:.2f} ({figure['low']:.2f} to {figure['high']:.2f})"
    return f"{figure['k']}/{figure['n']} ({figure['low']:.0%} to {figure['high']:.0%})"


def render_ablation(results: Path) -> str:
    """The reference's table beside ours, free mode; a sentence until it has been measured."""
    path = results / ABLATION_FILE
    if not path.is_file():
        body = f"Not measured yet: `{ABLATION_COMMAND}`."
        return "\n".join([ABLATION_BEGIN, body, ABLATION_END])
    run = _read(path)
    heads = ["arm", "the reference", "decoding of ours", "ours"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in run["reference"]["rows"]:
        if row["decoded"].startswith("free"):
            cells = [
                f"{row['arm']}: {row['meaning']}",
                _baseline_cell(row["reference"], False),
                row["decoded"],
                _baseline_cell(row["ours"], False),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    told = (
        f"Strict schema adherence, k/n and 95 % interval, {run['set']['rows']} rows of "
        f"`{run['set']['name']}`, base `{run['arms'][0]['model']}`. {run['reference']['caveat']} "
        f"Command: `{ABLATION_COMMAND}`, results: [{ABLATION_FILE}](docs/results/{ABLATION_FILE})."
    )
    return "\n".join([ABLATION_BEGIN, told, "", *lines, ABLATION_END])


def _read(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def replaced(readme: str, results: Path) -> str:
    """*readme* with the tables between its markers made anew."""
    readme = _between(readme, BEGIN, END, render(results))
    readme = _between(readme, BASELINES_BEGIN, BASELINES_END, render_baselines(results))
    return _between(readme, ABLATION_BEGIN, ABLATION_END, render_ablation(results))


def _between(text: str, begin: str, end: str, block: str) -> str:
    """*text* with what stands from *begin* to *end* replaced by *block*.

    Raises:
        ValueError: a marker is missing.
    """
    if begin not in text or end not in text:
        raise ValueError(f"README lacks the marker {begin} or {end}")
    head, _, rest = text.partition(begin)
    return f"{head}{block}{rest.partition(end)[2]}"


def main(arguments: list[str]) -> int:
    """``python -m trainer figures``."""
    argparse.ArgumentParser(prog="python -m trainer figures", description=__doc__).parse_args(
        arguments
    )
    path = ROOT / "README.md"
    try:
        text = replaced(path.read_text(encoding="utf-8"), ROOT / "docs" / "results")
    except (OSError, KeyError, ValueError) as error:
        print(f"figures: {error}", file=sys.stderr)
        return 5
    path.write_text(text, encoding="utf-8")
    return 0
