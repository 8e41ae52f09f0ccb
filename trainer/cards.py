"""A run's model card, written from the run's files and from the evaluations of its adapter.

Role: ``adapter/README.md`` and ``adapter/curves.svg``; rewritten whenever the adapter has been
evaluated.  A card travels, so it names no folder of this machine.  ``python -m trainer card RUN``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diffdx_tui.domain.curve import smooth, sparkline
from diffdx_tui.domain.recipe import Recipe, describe, differences, show_value
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.evaluations import EvaluationReader, EvaluationRegistry
from diffdx_tui.store.run_checkpoints import BEST, LATEST, find_checkpoint
from diffdx_tui.store.run_files import write_whole
from diffdx_tui.store.run_reader import RunNews, RunReader
from diffdx_tui.store.run_records import ADAPTER_FOLDER, EventKind, RunRecord
from trainer.curve_drawing import Curve, draw_curves
from trainer.evaluation.reference import CITATION
from trainer.evaluation.report import show_figure
from trainer.pages import Block, Code, Drawing, Heading, Items, Paragraph, Table, render_markdown

CARD_FILE, CURVES_FILE = "README.md", "curves.svg"
NOTICE = "Research and education only. Not a medical device. Not clinician-validated."
_SMOOTHING = 0.9
_SHOWN_CASES, _SHOWN_CHARACTERS = 3, 1_200
_LINE_WIDTH = 60
_GIVEN_WHEN_GUIDED = frozenset({"SCH-strict", "SCH-lenient", "ECHO", "ECHO-words"})
LIMITS = (
    "Keeping the schema is not being right: adherence and accuracy are measured apart, and a "
    "validation loss is neither.",
    "The cases are few and written by this project; no clinician has validated them. Intervals "
    "on 25 cases are wide.",
    "The model does not say that it does not know. It names something for any text.",
    "It may give reasons that are not in the vignette (UNG, NEG), which are lower bounds.",
)


def write_card(
    run: Path, folder: Path | None = None, evaluations: Sequence[Mapping[str, Any]] | None = None
) -> Path:
    """Write the card of the run at *run*; its path.

    Args:
        folder: where to; the run's adapter folder by default.
        evaluations: results of evaluations of its adapter; by default those under the same home.

    Raises:
        StoreError: the run cannot be read, or the card not written.
    """
    reader = RunReader(run)
    record, news = reader.record(), reader.read_all()
    folder = folder or run / ADAPTER_FOLDER
    found = find_evaluations(run) if evaluations is None else evaluations
    blocks = build_card(record, news, found, run)
    text = _front_matter(record.recipe) + render_markdown(blocks, ".")
    for block in blocks:
        if isinstance(block, Drawing):
            write_whole(folder / block.file, block.svg.encode())
    write_whole(folder / CARD_FILE, text.encode())
    return folder / CARD_FILE


def find_evaluations(run: Path) -> list[dict[str, Any]]:
    """Results of the newest finished evaluation of the run's adapter on each whole set.

    Those from before the adapter was last written are of other weights.
    """
    adapter = str(run.absolute() / ADAPTER_FOLDER)
    written = _written(run)
    found: dict[str, dict[str, Any]] = {}
    for one in EvaluationRegistry(run.absolute().parent.parent).list().evaluations:
        arms = one.record.plan.arms
        if one.record.plan.limit is not None or one.record.created.timestamp() < written:
            continue
        if one.has_results and any(adapter in (arm.adapter, *arm.folds) for arm in arms):
            results = EvaluationReader(one.directory).results()
            if results is not None and results.get("complete"):
                found.setdefault(one.record.plan.set, _only(results, adapter))
    return list(found.values())


def _written(run: Path) -> float:
    try:
        return (run / ADAPTER_FOLDER / "adapter_model.safetensors").stat().st_mtime
    except FileNotFoundError:
        return 0.0


def build_card(
    record: RunRecord, news: RunNews, evaluations: Sequence[Mapping[str, Any]], run: Path
) -> list[Block]:
    """The whole card below its front matter."""
    recipe = _portable(record.recipe)
    blocks: list[Block] = [
        Heading(f"Adapter {record.id or run.name}: {describe(recipe)}", 1),
        Paragraph(NOTICE),
        Paragraph(
            f"A LoRA adapter for {recipe.base} that answers a symptom vignette with a structured "
            f"differential, schema variant {recipe.variant}. Made by diffdx-tui."
        ),
        *_data(record, recipe),
        *_recipe(recipe),
        *_training(record, news, run),
        *_probes(news),
    ]
    for results in evaluations:
        blocks += _evaluation(results)
    if not evaluations:
        blocks += [
            Heading("Evaluation"),
            Paragraph("Not evaluated yet: `diffdx-tui evaluate --runs ID`."),
        ]
    return [
        *blocks,
        Heading("Limits"),
        Items(LIMITS),
        Heading("Use"),
        Code(
            f"diffdx-tui ask --model {recipe.base} --adapter DIR --variant {recipe.variant} TEXT\n"
            'PeftModel.from_pretrained(base, "DIR")  # Python, with the peft package'
        ),
        Heading("Citation"),
        Paragraph(f"Schema, system prompt and default recipe are the reference's: {CITATION}"),
        *_provenance(record),
    ]


# -------------------------------------------------------------------------- sections


def _front_matter(recipe: Recipe) -> str:
    base = json.dumps(_portable(recipe).base)
    return (
        f"---\nlibrary_name: peft\nbase_model: {base}\n"
        "tags: [lora, qlora, differential-diagnosis, education]\n---\n\n"
    )


def _portable(recipe: Recipe) -> Recipe:
    """With files by their names."""
    data = recipe.data if recipe.data == "curated" else Path(recipe.data).name
    base = Path(recipe.base).name if Path(recipe.base).is_absolute() else recipe.base
    return recipe.model_copy(update={"data": data, "base": base})


def _data(record: RunRecord, recipe: Recipe) -> list[Block]:
    rows = record.facts.get("rows", {})
    what = (
        "the project's curated cases (see data/README.md of diffdx-tui)"
        if recipe.data == "curated"
        else f"{recipe.data}, a file of the person who trained it"
    )
    where = "" if recipe.fold is None else f" Fold {recipe.fold} was held back."
    left_out = rows.get("too_long") or []
    more = f" {len(left_out)} rows were too long and left out." if left_out else ""
    return [
        Heading("Data"),
        Paragraph(
            f"Trained on {rows.get('train', '?')} rows of {what}, validated on "
            f"{rows.get('validation', '?')}.{where}{more} Only the answer's tokens are scored: "
            f"{rows.get('scored_tokens', '?')} of them."
        ),
    ]


def _recipe(recipe: Recipe) -> list[Block]:
    apart = differences(recipe)
    rows = tuple(
        (name.replace("_", " "), show_value(value), "changed" if name in apart else "")
        for name, value in recipe.as_dict().items()
    )
    return [
        Heading("Recipe"),
        Paragraph("QLoRA. Unchanged settings are the defaults, the reference's where it has them."),
        Table(("setting", "value", "against the default"), rows),
    ]


def _training(record: RunRecord, news: RunNews, run: Path) -> list[Block]:
    steps = [step.step for step in news.steps]
    losses = [step.loss for step in news.steps]
    if not steps:
        return []
    curves = [
        Curve("loss", tuple(map(float, steps)), tuple(losses)),
        Curve("smoothed", tuple(map(float, steps)), tuple(smooth(losses, _SMOOTHING))),
        Curve(
            "validation",
            tuple(float(one.step) for one in news.validations),
            tuple(one.loss for one in news.validations),
        ),
    ]
    known = [(one.loss, one.step) for one in news.validations if one.loss is not None]
    last = news.steps[-1]
    measured = record.facts.get("measured", {})
    facts = [
        ("steps", str(last.step)),
        ("weights of", _weights(run, record.recipe)),
        ("training loss, first and last", f"{_loss(losses[0])}, {_loss(losses[-1])}"),
        (
            "best validation loss",
            f"{min(known)[0]:.4f} at step {min(known)[1]}" if known else "none",
        ),
        ("seconds", "?" if last.seconds is None else f"{last.seconds:.0f}"),
        ("tokens a second, last", "?" if not last.tokens_per_s else f"{last.tokens_per_s:.0f}"),
    ]
    if "peak_mb" in measured:
        facts.append(("peak memory", f"{measured['peak_mb']:.0f} MiB"))
    return [
        Heading("Training"),
        Table(("what", "figure"), tuple(facts)),
        Paragraph("Loss in nats a scored token:"),
        Code(sparkline(losses, _LINE_WIDTH)),
        Drawing(CURVES_FILE, "training and validation loss", draw_curves("Loss", curves)),
    ]


def _weights(run: Path, recipe: Recipe) -> str:
    for which, why in ((BEST, "lowest validation loss"), (LATEST, "the last")):
        # A fold's run may not choose by the rows it will be scored on.
        found = find_checkpoint(run, which) if which == LATEST or recipe.fold is None else None
        if found is not None:
            return f"step {found.name}, {why}"
    return "the last step"


def _probes(news: RunNews) -> list[Block]:
    if not news.probes:
        return []
    rows = tuple(
        (str(one.step), f"{one.strict}/{one.n}", f"{one.stopped}/{one.n}") for one in news.probes
    )
    blocks: list[Block] = [
        Heading("Probe: free answers to a few validation cases"),
        Paragraph("So few cases show whether it learns the form, not how good it is."),
        Table(("step", "strictly valid", "ended by itself"), rows),
    ]
    told = [event for event in news.events if event.kind == EventKind.PROBE]
    if not told:
        return blocks
    first, last = told[0], told[-1]
    before = _answers(first.details)
    for case, raw in list(_answers(last.details).items())[:_SHOWN_CASES]:
        blocks.append(Heading(case, 3))
        if first is not last and case in before:
            blocks += [Paragraph(f"{_when(first.details)}:"), Code(_cut(before[case]))]
        blocks += [Paragraph(f"{_when(last.details)}:"), Code(_cut(raw))]
    return blocks


def _when(details: Mapping[str, Any]) -> str:
    step = details.get("step")
    return "Before, the base alone" if step == 0 else f"Step {step}"


def _answers(details: Mapping[str, Any]) -> dict[str, str]:
    listed = details.get("answers")
    if not isinstance(listed, list):
        return {}
    return {
        str(one.get("id", "")): str(one.get("raw", "")) for one in listed if isinstance(one, dict)
    }


def _only(results: dict[str, Any], adapter: str) -> dict[str, Any]:
    """*results* with the arms of *adapter*, the untrained base and the simple baselines."""
    planned = {arm["name"]: arm for arm in results["config"]["arms"]}
    arms = [
        arm
        for arm in results["arms"]
        if arm["kind"] != "perturbed"
        and (
            arm["kind"] == "baseline"
            or arm.get("adapter") in (adapter, "none")
            or adapter in planned.get(arm["name"], {}).get("folds", ())
        )
    ]
    return {**results, "arms": arms}


def _evaluation(results: Mapping[str, Any]) -> list[Block]:
    arms, about = results["arms"], results["set"]
    blocks: list[Block] = [
        Heading(f"Evaluation on {about['name']}, {about['rows']} rows"),
        Items(tuple(results["notes"])),
    ]
    head = ("metric", *(arm["name"] for arm in arms))
    rows = []
    for metric, definition in results["definitions"].items():  # those of its day
        cells = []
        for arm in arms:
            given = arm["kind"] == "baseline" or arm["mode"] == "guided"
            if metric in _GIVEN_WHEN_GUIDED and given:
                cells.append("given")
            else:
                cells.append(show_figure(metric, arm["metrics"][metric], arm["samples"]))
        rows.append((f"{metric}: {definition}", *cells))
    folds = any(arm["folds"] for arm in results["config"]["arms"])
    if folds:
        blocks.append(
            Paragraph("Of five adapters, one a fold, each asked only what it had not seen.")
        )
    return [
        *blocks,
        Table(head, tuple(rows)),
        Paragraph(f"Evaluation {results['evaluation']}, {results['created'][:10]}."),
    ]


def _provenance(record: RunRecord) -> list[Block]:
    lines = [f"{'created':12} {record.created.isoformat()}"]
    for name in ("sha256", "seeds", "placement", "versions", "hardware"):
        values = record.facts.get(name)
        if isinstance(values, Mapping):
            lines += [f"{name:12} {key} {value}" for key, value in values.items()]
    return [Heading("Where it comes from"), Code("\n".join(lines))]


def _loss(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]} …"


def main(arguments: list[str]) -> int:
    """``python -m trainer card RUN``; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m trainer card", description=__doc__)
    parser.add_argument("run", type=Path, help="a run directory with an adapter")
    options = parser.parse_args(arguments)
    if not (options.run / ADAPTER_FOLDER).is_dir():
        print(f"card: {options.run} has no adapter", file=sys.stderr)
        return 3
    try:
        print(write_card(options.run))
    except StoreError as error:
        print(f"card: {error}", file=sys.stderr)
        return 5
    return 0
