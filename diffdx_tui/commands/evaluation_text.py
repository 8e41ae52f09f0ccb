"""Evaluations as lines of text.

Role: the tables that ``evaluate`` and ``ablate`` print; every figure with k of n and its interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from diffdx_tui.commands.run_text import seconds_text, table_lines
from diffdx_tui.domain.metrics import MEANS
from diffdx_tui.store.evaluations import Evaluation

SHOWN = ("SCH-strict", "ECHO", "ACC1", "ANY4", "MNM-recall", "NEG")
_OF_PAIRS = ("PAIR", "FLIP")
_GIVEN = frozenset({"SCH-strict", "ECHO"})


def evaluation_line(one: Evaluation) -> str:
    """Id, date, state, outputs, set and arms."""
    beat, plan = one.status.heartbeat, one.record.plan
    steps = f"{beat.step}/{beat.steps or '?'}" if beat else "0"
    arms = ", ".join(dict.fromkeys(arm.label for arm in plan.arms))
    date = one.record.created.astimezone().strftime("%Y-%m-%d %H:%M")
    return f"{one.id}  {date}  {one.status.state:8}  {steps:>9}  {plan.set}  {arms}"


def progress_text(one: Evaluation) -> str:
    """What it is doing."""
    beat = one.status.heartbeat
    if beat is None:
        return "starting"
    words = [str(beat.phase), f"{beat.step}" + (f"/{beat.steps}" if beat.steps else "")]
    if beat.eta_s is not None:
        words.append(f"{seconds_text(beat.eta_s)} left")
    return ", ".join(words)


def results_lines(results: Mapping[str, Any]) -> Iterator[str]:
    """Arms by some metrics, and where the rest is."""
    about = results["set"]
    yield f"{about['name']}, {about['rows']} rows: k/n and 95 % interval"
    yield ""
    rows = [("arm", list(SHOWN))]
    for arm in results["arms"]:
        rows.append((arm["name"], [_cell(arm, metric) for metric in SHOWN]))
    yield from table_lines(rows)
    yield ""
    yield from _pair_lines(results)
    yield from results["notes"]
    if not results["complete"]:
        yield "Incomplete: these are figures of a part."


def reference_lines(results: Mapping[str, Any]) -> Iterator[str]:
    """The reference's table beside ours, and where arms differ."""
    table = results.get("reference")
    if not table:
        return
    yield "strict schema adherence: the reference's table beside ours"
    yield ""
    rows = [("arm", ["reference", "ours, decoded", f"ours, {results['set']['name']}"])]
    rows += [
        (one["arm"], [_figure(one["reference"]), one["decoded"], _figure(one["ours"])])
        for one in table["rows"]
    ]
    yield from table_lines(rows)
    yield ""
    yield table["caveat"]
    yield ""
    yield from _tests(results)


def _pair_lines(results: Mapping[str, Any]) -> Iterator[str]:
    """Minimal pairs, where the set has whole ones."""
    arms = [arm for arm in results["arms"] if arm["metrics"].get("PAIR", {}).get("n")]
    if not arms:
        return
    yield "minimal pairs: both leading diagnoses right (PAIR), different ones (FLIP)"
    yield ""
    rows = [("arm", list(_OF_PAIRS))]
    rows += [(arm["name"], [_cell(arm, metric) for metric in _OF_PAIRS]) for arm in arms]
    yield from table_lines(rows)
    yield ""


def invariance_lines(results: Mapping[str, Any]) -> Iterator[str]:
    """How often a case told otherwise gets the same leading diagnosis."""
    found = results.get("invariance") or ()
    if not found:
        return
    yield ""
    yield "cases told otherwise: the same leading diagnosis, k/n and 95 % interval"
    yield ""
    rows = [("arm", ["told otherwise", "same", "right, plain", "right, otherwise"])]
    for one in found:
        right = [one.get("right_plain"), one.get("right_perturbed")]
        cells = [_figure(figure) if figure else "" for figure in (one["same"], *right)]
        rows.append((one["arm"], [one["perturbation"], *cells]))
    yield from table_lines(rows)


def _tests(results: Mapping[str, Any]) -> Iterator[str]:
    """Do arms keep the schema differently, and do ways of decoding hurt the echo?"""
    wanted = {("models", "SCH-strict"), ("decodings", "SCH-strict"), ("decodings", "ECHO")}
    tests = [test for test in results["comparisons"] if (test["kind"], test["metric"]) in wanted]
    if not tests:
        return
    yield "exact McNemar tests, Holm-corrected within a table"
    yield ""
    rows = [("metric", ["first", "second", "only first", "only second", "n", "p", "Holm"])]
    for test in tests:
        counts = [str(test[name]) for name in ("only_first", "only_second", "n")]
        ps = [f"{test[name]:.4f}" for name in ("p", "p_holm")]
        rows.append((test["metric"], [test["first"], test["second"], *counts, *ps]))
    yield from table_lines(rows)
    yield ""


def _cell(arm: Mapping[str, Any], metric: str) -> str:
    if arm["kind"] == "baseline" and metric in _GIVEN:
        return "given"
    figure = arm["metrics"].get(metric)  # an evaluation may be older than a metric
    return _figure(figure, arm["samples"], mean=metric in MEANS) if figure else "-"


def _figure(figure: Mapping[str, Any], samples: int = 1, *, mean: bool = False) -> str:
    if figure["value"] is None:
        return "-"
    span = f"{100 * figure['value']:.0f}% ({100 * figure['low']:.0f}-{100 * figure['high']:.0f})"
    return span if mean or samples > 1 else f"{figure['k']:.0f}/{figure['n']} {span}"
