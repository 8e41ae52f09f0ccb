"""A card says what the run's files and its evaluations say, and nothing of the machine."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from diffdx_tui.domain.decoding import Mode
from diffdx_tui.domain.evaluation import Plan
from diffdx_tui.domain.recipe import read_recipe
from diffdx_tui.evaluation_plan import decodings_for, plan_runs
from diffdx_tui.store.evaluation_records import RESULTS_FILE
from diffdx_tui.store.evaluations import EvaluationRegistry
from diffdx_tui.store.run_files import write_json
from diffdx_tui.store.run_records import ADAPTER_FOLDER, RunState, StepMetrics
from diffdx_tui.store.run_registry import RunRegistry
from diffdx_tui.store.run_writer import RunWriter
from tests.trainer.evaluation_material import HOSTILE, gold_answers, write_answers
from trainer.cards import main, write_card
from trainer.evaluation.command import make_files


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Path:
    """A run that has learnt a little, with paths of this machine in its recipe."""
    registry = RunRegistry(home)
    recipe = read_recipe({"base": str(tmp_path / "bases" / "small"), "rank": 4})
    directory = registry.directory(registry.create(recipe).id)
    (directory / ADAPTER_FOLDER).mkdir()
    (directory / ADAPTER_FOLDER / "adapter_config.json").write_text("{}", encoding="utf-8")
    with RunWriter(directory) as writer:
        writer.add_facts(sha256={"data": "d" * 64}, rows={"train": 200, "validation": 25})
        for step in range(1, 9):
            loss = float("nan") if step == 4 else 8.0 / step
            writer.record_step(StepMetrics(step=step, loss=loss, seconds=step, tokens_per_s=9.0))
        writer.record_validation(4, 2.5)
        writer.record_validation(8, 1.25)
        for step, raw in ((0, "before"), (8, f"after {HOSTILE}")):
            answers = [{"id": "case-1", "raw": raw, "strict": False, "stopped": True}]
            writer.record_probe(step, strict=0, n=1, stopped=1, answers=answers)
        writer.end(RunState.FINISHED)
    return directory


def test_a_card_tells_what_happened(run: Path, home: Path, tmp_path: Path) -> None:
    text = write_card(run).read_text(encoding="utf-8")
    for words in (
        "Not a medical device",
        "1.2500 at step 8",
        "200 rows",
        "rank 4",
        "0/1",
        "Before, the base alone:\n\n",
        "Step 8:\n\n",
    ):
        assert words in text, words
    assert "Not evaluated yet" in text and "HAI-DiffDx-0.5B" in text
    assert str(tmp_path) not in text and str(home) not in text
    assert 'base_model: "small"' in text.split("---")[1]
    assert "\x1b" not in text
    assert "<script" not in re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    curves = (run / ADAPTER_FOLDER / "curves.svg").read_text(encoding="utf-8")
    assert "(./curves.svg)" in text
    assert ElementTree.fromstring(curves).tag.endswith("svg")


def test_an_evaluation_renews_it(run: Path, home: Path) -> None:
    arms = plan_runs(
        RunRegistry(home), [run.name], "test", decodings_for([Mode.FREE], ["greedy"]), "A"
    )
    directory = EvaluationRegistry(home).create(Plan(set="test", arms=tuple(arms))).directory
    write_answers(directory, {arms[0].name: gold_answers()})
    make_files(directory)
    text = (run / ADAPTER_FOLDER / "README.md").read_text(encoding="utf-8")
    assert "Evaluation on test, 25 rows" in text and "25/25, 100 % (87 to 100)" in text
    assert "Not evaluated yet" not in text
    assert str(home) not in text
    # An evaluation older than a metric is no reason to have no card.
    results = json.loads((directory / RESULTS_FILE).read_text(encoding="utf-8"))
    for values in (results["definitions"], *(one["metrics"] for one in results["arms"])):
        del values["FLIP"]
    write_json(directory / RESULTS_FILE, results)
    older = write_card(run).read_text(encoding="utf-8")
    assert "FLIP" in text and "FLIP" not in older and "25/25, 100 % (87 to 100)" in older
    # The run went on and wrote other weights: the figures are not theirs.
    weights = run / ADAPTER_FOLDER / "adapter_model.safetensors"
    weights.write_bytes(b"")
    later = time.time() + 60
    os.utime(weights, (later, later))
    assert "Not evaluated yet" in write_card(run).read_text(encoding="utf-8")


def test_a_smoke_test_is_no_evaluation(run: Path, home: Path) -> None:
    decodings = decodings_for([Mode.FREE], ["greedy"])
    arms = plan_runs(RunRegistry(home), [run.name], "test", decodings)
    plan = Plan(set="test", arms=tuple(arms), limit=25)
    directory = EvaluationRegistry(home).create(plan).directory
    write_answers(directory, {arms[0].name: gold_answers()})
    make_files(directory)
    assert "Not evaluated yet" in (run / ADAPTER_FOLDER / "README.md").read_text(encoding="utf-8")


def test_an_interrupted_run_has_a_card_too(run: Path) -> None:
    (run / "metrics.jsonl").write_text("", encoding="utf-8")
    values = json.loads((run / "run.json").read_text(encoding="utf-8"))
    write_json(run / "run.json", {key: values[key] for key in values if key != "rows"})
    assert "?" in write_card(run).read_text(encoding="utf-8")


def test_no_adapter_no_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 3
    assert "no adapter" in capsys.readouterr().err
