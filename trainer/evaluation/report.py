"""An evaluation's report: ``report.md``, ``report.html`` and drawings, from ``results.json`` alone.

Role: says what the figures are, beside what they can be held against, and what they cannot say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.metrics import LOWER_IS_BETTER, MEANS, Metric
from diffdx_tui.store.evaluation_records import PAGE_FILE, REPORT_FILE
from diffdx_tui.store.run_files import write_whole
from trainer.evaluation.decodings import decoding_text
from trainer.evaluation.reference import reference_figure
from trainer.interval_drawing import Whisker, draw_intervals
from trainer.pages import (
    Block,
    Code,
    Drawing,
    Heading,
    Items,
    Paragraph,
    Table,
    render_html,
    render_markdown,
)

PLOTS_FOLDER = "plots"
DRAWN = (Metric.SCH_STRICT, Metric.ECHO, Metric.ACC1, Metric.MNM_RECALL)
TESTED = (Metric.SCH_STRICT, Metric.ECHO, Metric.ACC1, Metric.MNM_RECALL)
"""Metrics whose tests the report lists; ``results.json`` has all."""
_MOST_NAMES = 25
_ADHERENCE = frozenset({Metric.SCH_STRICT, Metric.SCH_LENIENT, Metric.ECHO, Metric.ECHO_WORDS})
READING = (
    "An interval is Wilson's 95 % interval of k of n; of means, and of several answers a case, the "
    "bootstrap's over groups of cases. With 25 cases it is about 20 points wide on either side.",
    "Adherence (SCH, ECHO) says that the form is kept, not that anything in it is right. In guided "
    "mode form and echo are given by construction: 100 % there is no evidence of learning.",
    "Two arms differ where McNemar's test says so, not where two intervals fail to overlap. p is "
    "corrected by Holm's method within a metric and a table, not across metrics.",
    "A diagnosis that no list of names holds counts as wrong; those names are listed. ACC, ANY4 "
    "and MNM are therefore lower bounds, and so are NEG and UNG, which count only what the finding "
    "reader understands.",
    f"Lower is better for {', '.join(sorted(LOWER_IS_BETTER))}.",
)


def write_report(directory: Path, results: Mapping[str, Any]) -> list[Path]:
    """Write both pages and the drawings into *directory*; the paths written.

    Raises:
        StoreError: they cannot be written.
    """
    blocks = build_report(results)
    plots = directory / PLOTS_FOLDER
    plots.mkdir(mode=0o700, exist_ok=True)
    pages = {
        directory / REPORT_FILE: render_markdown(blocks, PLOTS_FOLDER),
        directory / PAGE_FILE: render_html(blocks),
        **{plots / one.file: one.svg for one in blocks if isinstance(one, Drawing)},
    }
    for path, text in pages.items():
        write_whole(path, text.encode())
    return list(pages)


def build_report(results: Mapping[str, Any]) -> list[Block]:
    """The whole report."""
    about = results["set"]
    blocks: list[Block] = [
        Heading(f"Evaluation on {about['name']}, {about['rows']} rows", 1),
        Paragraph(results["notice"]),
        Items(tuple(results["notes"])),
    ]
    if not results["complete"]:
        blocks.append(Paragraph("Incomplete: the evaluation was stopped, figures are of a part."))
    blocks += [*_reference(results), *_arms(results), *_figures(results)]
    blocks += [*_over_seeds(results), *_drawings(results), *_tests(results)]
    blocks += [*_invariance(results), *_domains(results)]
    blocks += [*_unmatched(results), Heading("How to read it"), Items(READING)]
    return blocks + _provenance(results)


def show_figure(metric: str, figure: Mapping[str, Any], samples: int = 1) -> str:
    """``7/25, 28 % (14 to 48)``; a mean without its sum."""
    if figure["value"] is None:
        return "not asked"
    low, high = figure["low"], figure["high"]
    if metric in MEANS:
        return f"{figure['value']:.2f} ({low:.2f} to {high:.2f})"
    span = f"{100 * figure['value']:.0f} % ({100 * low:.0f} to {100 * high:.0f})"
    return span if samples > 1 else f"{figure['k']:.0f}/{figure['n']}, {span}"


# -------------------------------------------------------------------------- sections


def _models(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [arm for arm in results["arms"] if arm["kind"] == "model"]


def _plain(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All arms but those that were told the cases otherwise."""
    return [arm for arm in results["arms"] if arm["kind"] != "perturbed"]


def _reference(results: Mapping[str, Any]) -> list[Block]:
    table = results["reference"]
    if table is None:
        return []
    metric = str(Metric.SCH_STRICT)
    rows = tuple(
        (
            f"{row['label']}: {row['meaning']}" + _seed_text(row, table["rows"]),
            show_figure(metric, row["reference"]),
            row["decoded"],
            show_figure(metric, row["ours"]),
        )
        for row in table["rows"]
    )
    head = ("arm", "reference (k/n)", "ours, decoded", f"ours, {results['set']['name']}")
    return [
        Heading("The reference's table beside ours: strict schema adherence"),
        Table(head, rows),
        Paragraph(table["caveat"]),
        Paragraph(table["citation"]),
    ]


def _seed_text(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    seeds = {one["seed"] for one in rows} - {None}
    return f" (seed {row['seed']})" if len(seeds) > 1 and row["seed"] is not None else ""


def _arms(results: Mapping[str, Any]) -> list[Block]:
    rows = []
    for arm in _models(results):
        cost = arm["cost"]
        rows.append(
            (
                arm["name"],
                arm["model"],
                "five, one a fold" if _has_folds(results, arm) else arm["adapter"] or "its own",
                arm["variant"],
                f"{arm['mode']}: {decoding_text(Decoding.from_dict(arm['decoding']))}",
                f"{arm['answers']} ({arm['samples']} a case)",
                f"{arm['cut']} cut off, {len(arm['failures'])} not askable",
                f"{cost['seconds_median']:.2f} s, {cost['tokens_median']} tokens" if cost else "",
            )
        )
    head = ("arm", "base", "adapter", "variant", "decoding", "answers", "ended badly", "median")
    return [Heading("Arms"), Table(head, tuple(rows))]


def _has_folds(results: Mapping[str, Any], arm: Mapping[str, Any]) -> bool:
    planned = {one["name"]: one for one in results["config"]["arms"]}
    return bool(planned[arm["name"]]["folds"])


def _figures(results: Mapping[str, Any]) -> list[Block]:
    """A table for each way of decoding, simple baselines beside the arms."""
    blocks: list[Block] = []
    baselines = [arm for arm in results["arms"] if arm["kind"] == "baseline"]
    for (mode, way), arms in _by_decoding(_models(results)).items():
        columns = [*arms, *baselines]
        blocks.append(Heading(f"Figures: {mode}, {way}"))
        blocks.append(_figure_table(results, columns, "metrics"))
        others = [arm for arm in arms if arm["variant"] != "A"]
        if others:
            blocks.append(Paragraph("The same, graded only on the fields that all variants have:"))
            blocks.append(_figure_table(results, arms, "shared"))
        for arm in arms:
            if "any_of_samples" in arm:
                blocks.append(Paragraph(_any_of(arm)))
    return blocks


def _any_of(arm: Mapping[str, Any]) -> str:
    shown = "; ".join(
        f"{metric} {show_figure(metric, figure)}"
        for metric, figure in arm["any_of_samples"].items()
    )
    return (
        f"{arm['name']}: cases that at least one of {arm['samples']} answers has: {shown}. "
        "Intervals: bootstrap over groups."
    )


def _figure_table(
    results: Mapping[str, Any], arms: Sequence[Mapping[str, Any]], which: str
) -> Table:
    rows = []
    for metric, definition in results["definitions"].items():
        if which == "shared" and metric in _ADHERENCE:
            continue
        cells = []
        for arm in arms:
            shown = show_figure(metric, arm[which][metric], arm["samples"])
            if metric in _ADHERENCE and arm["kind"] == "baseline":
                shown = "given"
            elif metric in _ADHERENCE and arm["mode"] == "guided":
                shown += ", by construction"
            cells.append(shown)
        rows.append((f"{metric}: {definition}", *cells))
    return Table(("metric", *(arm["name"] for arm in arms)), tuple(rows))


def _by_decoding(arms: Sequence[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    tables: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for arm in arms:
        tables.setdefault((arm["mode"], arm["way"]), []).append(arm)
    return tables


def _over_seeds(results: Mapping[str, Any]) -> list[Block]:
    if not results["over_seeds"]:
        return []
    metrics = [str(metric) for metric in DRAWN]
    rows = tuple(
        (
            one["label"],
            f"{one['mode']}, {one['way']}",
            ", ".join(map(str, one["seeds"])),
            ", ".join(f"{100 * share:.0f} %" for share in one["adherence_by_seed"]),
            *(show_figure(metric, one["metrics"][metric], 2) for metric in metrics),
        )
        for one in results["over_seeds"]
    )
    head = ("arm", "decoding", "seeds", "SCH-strict by seed", *metrics)
    return [
        Heading("Over the seeds of training"),
        Paragraph("Means over cases of each case's mean over seeds; bootstrap over groups."),
        Table(head, rows),
    ]


def _drawings(results: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = [Heading("Plots")]
    for metric in DRAWN:
        rows = [
            _whisker(arm, str(metric))
            for arm in _plain(results)
            if arm["metrics"][metric]["value"] is not None
            and not (arm["kind"] == "baseline" and metric in _ADHERENCE)
        ]
        if metric is Metric.SCH_STRICT:
            labels = dict.fromkeys(arm["label"] for arm in _models(results))
            rows += [row for label in labels if (row := _reference_whisker(label)) is not None]
        if rows:
            title = f"{metric}: {results['definitions'][metric]}"
            blocks.append(Drawing(f"{metric.lower()}.svg", title, draw_intervals(title, rows)))
    return blocks


def _whisker(arm: Mapping[str, Any], metric: str) -> Whisker:
    figure = arm["metrics"][metric]
    words = show_figure(metric, figure, arm["samples"])
    return Whisker(arm["name"], figure["value"], figure["low"], figure["high"], words, arm["kind"])


def _reference_whisker(label: str) -> Whisker | None:
    figure = reference_figure(label)
    if figure is None or figure.value is None:
        return None
    words = show_figure("SCH-strict", figure.as_dict())
    name = f"{label}, the reference's"
    return Whisker(name, figure.value, figure.low, figure.high, words, "reference")


def _tests(results: Mapping[str, Any]) -> list[Block]:
    kinds = {
        "models": "Arms against each other",
        "decodings": "Ways of decoding against each other",
        "baselines": "Arms against simple baselines",
    }
    blocks: list[Block] = []
    for kind, title in kinds.items():
        rows = tuple(
            (
                test["table"],
                test["metric"] + (" (shared fields)" if test["fields"] == "shared" else ""),
                test["first"],
                test["second"],
                f"{test['only_first']} : {test['only_second']} of {test['n']}",
                _p(test["p"]),
                f"{_p(test['p_holm'])} ({test['tests']} tests)",
            )
            for test in results["comparisons"]
            if test["kind"] == kind and test["metric"] in TESTED
        )
        if rows:
            head = ("table", "metric", "first", "second", "only first : only second", "p", "Holm")
            blocks += [Heading(f"{title}: exact McNemar tests"), Table(head, rows)]
    return blocks


def _invariance(results: Mapping[str, Any]) -> list[Block]:
    rows = tuple(
        (
            row["arm"],
            f"{row['perturbation']}: {row['about']}",
            show_figure("ACC1", row["same"]),
            *(_changes(row) if row["perturbed"] else ("", "", "")),
        )
        for row in results.get("invariance", ())
    )
    if not rows:
        return []
    head = ("arm", "told otherwise", "same leading diagnosis", "right, plain", "right, otherwise")
    return [
        Heading("Cases told otherwise"),
        Paragraph(
            "The same cases, changed by rule in what should not matter. Left out are cases that a "
            "rule does not change and cases without a leading diagnosis to begin with. An answer "
            "that stays the same may be wrong both times."
        ),
        Table((*head, "only plain : only otherwise right, p"), rows),
    ]


def _changes(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return (
        show_figure("ACC1", row["right_plain"]),
        show_figure("ACC1", row["right_perturbed"]),
        f"{row['only_plain']} : {row['only_perturbed']}, {_p(row['p'])}",
    )


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _domains(results: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = []
    for arm in _plain(results):
        if not arm["domains"]:
            continue
        metrics = list(next(iter(arm["domains"].values())))
        rows = tuple(
            (domain, *(_short(metric, figures[metric], arm["samples"]) for metric in metrics))
            for domain, figures in arm["domains"].items()
        )
        blocks += [Heading(f"By domain: {arm['name']}", 3), Table(("domain", *metrics), rows)]
    return [Heading("By domain"), *blocks] if blocks else []


def _short(metric: str, figure: Mapping[str, Any], samples: int) -> str:
    """So few rows have no use for an interval; k of n says it."""
    if not figure["n"]:
        return ""
    if samples > 1:
        return f"{100 * figure['value']:.0f} % of {figure['n']}"
    return f"{figure['k']:.0f}/{figure['n']}"


def _unmatched(results: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = []
    for arm in results["arms"]:
        names = arm["unmatched"]
        if not names:
            continue
        shown = [f"{name} ({number})" if number > 1 else name for name, number in names]
        more = len(shown) - _MOST_NAMES
        items = [*shown[:_MOST_NAMES], *([f"and {more} more"] if more > 0 else [])]
        blocks += [Heading(arm["name"], 3), Items(tuple(items))]
    unknown = results["set"]["unknown_diagnoses"]
    if unknown:
        blocks.append(
            Paragraph(
                f"Of {results['set']['rows']} rows, {len(unknown)} have a right diagnosis that no "
                "list of names holds: only the very same words count as right there."
            )
        )
    return [Heading("Names that no list holds"), *blocks] if blocks else []


def _provenance(results: Mapping[str, Any]) -> list[Block]:
    lines = [
        f"evaluation   {results['evaluation']}, {results['created']}",
        f"command      {' '.join(results.get('command', []))}",
        f"rows         sha256 {results['set']['sha256']}",
    ]
    for name, model in results.get("models", {}).items():
        lines.append(f"model        {name}")
        lines += [f"  {key:10} {value}" for key, value in model.items()]
    lines += [f"{name:12} {value}" for name, value in results.get("versions", {}).items()]
    lines += [f"{name:12} {value}" for name, value in results.get("hardware", {}).items()]
    return [
        Heading("Where it comes from"),
        Paragraph(
            "All figures, settings, seeds and hashes are in results.json, all outputs in "
            "outputs.jsonl; `diffdx-tui evaluate rescore` computes the first from the "
            "second."
        ),
        Code("\n".join(lines)),
    ]
