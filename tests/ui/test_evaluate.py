"""The Evaluate screen by keyboard, on real evaluation directories."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from diffdx_tui import launch
from diffdx_tui.domain.evaluation import Plan
from diffdx_tui.domain.metrics import Metric
from diffdx_tui.store.evaluation_writer import EvaluationWriter
from diffdx_tui.store.evaluations import EvaluationRegistry
from diffdx_tui.store.run_files import read_json, write_json
from diffdx_tui.store.run_records import RunState
from diffdx_tui.ui import evaluate
from diffdx_tui.ui.evaluate_table import cell
from tests.ui.evaluated import answer, create
from tests.ui.test_hostile_text import HOSTILE, assert_harmless
from tests.ui.trained import finished_run
from trainer.evaluation.command import make_files

SIZES = [(80, 24), (160, 50)]


def finish(directory: Path, hostile: str = "") -> None:
    with EvaluationWriter(directory) as writer:
        answer(writer, 3, hostile)
        make_files(directory)
        writer.end(RunState.FINISHED)


async def open_evaluate(hands: Any) -> None:
    hands.app.places.go("Evaluate")
    await hands.sees("[Evaluate]")


def test_a_figure_has_its_n_and_its_interval() -> None:
    figure = {"k": 5, "n": 25, "value": 0.2, "low": 0.089, "high": 0.391}
    assert cell(Metric.ACC1, figure) == "5/25 9-39%"
    mean = {"k": 10.25, "n": 25, "value": 0.41, "low": 0.3, "high": 1.0}
    assert cell(Metric.MRR, mean) == "0.41 .30-1.00"
    assert cell(Metric.ACC1, None) == cell(Metric.ACC1, {"k": 0, "n": 0}) == "-"


@pytest.mark.parametrize("size", SIZES)
async def test_from_the_list_to_a_case(start: Any, config: Any, size: Any) -> None:
    finish(create(config.home))
    async with start(size=size) as hands:
        await open_evaluate(hands)
        await hands.sees("finished", "mini A free", "2/3 21-94%", "nearest (baseline)", "6/6")
        await hands.press("enter", "right")
        await hands.sees("DANGER-MISS↓" if size[0] > 80 else "ACC1")
        await hands.press("home", "enter")
        await hands.sees("right", "wrong", "Gold (not clinician-validated)")
        gold = str(hands.app.screen.query_one("VerticalScroll Static").visual).partition("Gold")[2]
        assert "\nOutput\n" in gold
        assert [line[:16].strip() for line in gold.splitlines()[1:7]] == [
            *("most likely", "possible", "possible", "also accepted"),
            *("must not miss", "also accepted"),
        ]
        await hands.press("end")
        await hands.sees("no object", "not the gold one")
        await hands.press("w")
        await hands.until(lambda: "✓ right" not in hands.text)
        await hands.press("escape")
        await hands.press("v")
        await hands.sees("Report", "With plots")
        await hands.press("escape", "s")
        await hands.sees("on shared fields")
        await hands.press("end", "enter")
        await hands.sees("answers are not kept")


async def test_progress_stop_and_resume(start: Any, config: Any, monkeypatch: Any) -> None:
    started: list[Path] = []

    def resume(name: str, home: Path) -> Path:
        started.append(home / name)
        return home / name

    directory = create(config.home)
    with EvaluationWriter(directory) as writer:
        async with start() as hands:
            answer(writer, 2)
            await open_evaluate(hands)
            await hands.sees("running", "4/6", "2 answered, not scored yet", "30 s left")
            await hands.press("x")
            await hands.sees("asked to stop")
            assert writer.stop_requested()
            writer.end(RunState.STOPPED, "asked to stop")
            await hands.sees("stopped")
            monkeypatch.setattr(evaluate, "resume_evaluation", resume)
            await hands.press("p")
            await hands.until(lambda: started == [config.home / directory.name])


async def test_a_new_one_is_planned_and_started(
    start: Any, config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = (sys.executable, "-c", "import time; time.sleep(1)")
    monkeypatch.setattr(
        evaluate, "start_evaluation", partial(launch.start_evaluation, trainer=child)
    )
    run = finished_run(config.home, 1)
    learnt_folds = finished_run(config.home, 2, fold=0)
    async with start(size=(120, 40)) as hands:
        await open_evaluate(hands)
        await hands.sees("no evaluations yet")
        await hands.press("n")
        await hands.sees("New evaluation", "mini", "run 00000001", "fold 0")
        await hands.press("enter")
        await hands.sees("choose who answers")
        form = hands.app.screen
        form.query_one(f"#run-{learnt_folds.name}").choose("yes")
        await hands.press("enter")
        await hands.sees("it can only be asked cv")
        form.query_one(f"#run-{learnt_folds.name}").choose("no")
        form.query_one("#limit").value = "none"
        form.query_one("#model-0").choose("yes")
        form.query_one(f"#run-{run.name}").choose("yes")
        await hands.press("enter")
        await hands.sees("no whole number")
        form.query_one("#limit").value = "4"
        await hands.press("enter")
        await hands.sees("mini A", "test")
    (found,) = EvaluationRegistry(config.home).list().evaluations
    plan: Plan = found.record.plan
    assert plan.limit == 4 and plan.set == "test"
    assert [(arm.adapter, str(arm.mode)) for arm in plan.arms] == [
        ("none", "free"),
        ("none", "guided"),
        (str(run / "adapter"), "free"),
        (str(run / "adapter"), "guided"),
    ]


async def test_any_model_with_any_adapter_may_be_named(
    start: Any, config: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    child = (sys.executable, "-c", "import time; time.sleep(1)")
    monkeypatch.setattr(
        evaluate, "start_evaluation", partial(launch.start_evaluation, trainer=child)
    )
    older = create(config.home)
    finish(older)
    base, adapter = tmp_path / "base", tmp_path / "tuned"
    base.mkdir()
    adapter.mkdir()
    async with start() as hands:
        await open_evaluate(hands)
        await hands.press("n")
        await hands.sees("Another model", "Its adapter", "Schema")
        form = hands.app.screen
        form.query_one("#adapter").focus()
        await hands.press(*"nobody/nothing", "enter")
        await hands.sees("an adapter needs its model")
        form.query_one("#model").focus()
        await hands.press(*"nobody/nowhere", "enter")
        await hands.sees("models pull nobody/nowhere")
        form.query_one("#model").value = str(base)
        await hands.press("enter")
        await hands.sees("models pull nobody/nothing")
        form.query_one("#adapter").value = str(adapter)
        form.query_one("#variant").focus()
        await hands.press("right", "enter")  # B
        await hands.sees("base B tuned")
        found = EvaluationRegistry(config.home).list().evaluations[0]
        assert found.id != older.name
        # The keys now mean the new one.
        await hands.until(lambda: hands.app.screen.table.current == found.id)
    arm = found.record.plan.arms[0]
    assert (arm.model, arm.adapter, arm.variant) == (str(base), str(adapter), "B")


async def test_rows_that_are_not_here_are_told_before_anything_starts(
    start: Any, config: Any
) -> None:
    async with start() as hands:
        await open_evaluate(hands)
        await hands.press("n")
        await hands.sees("New evaluation")
        form = hands.app.screen
        form.query_one("#set").choose("external:avey")
        form.query_one("#model").value = "mini"
        await hands.press("enter")
        await hands.until(lambda: hands.app.screen is not form)
        await hands.sees("avey", "no evaluations yet")
    assert not EvaluationRegistry(config.home).list().evaluations


async def test_at_80_columns_free_is_told_from_guided_and_the_notice_stands(
    start: Any, config: Any
) -> None:
    directory = create(config.home)
    finish(directory)
    path = directory / "results.json"
    values = read_json(path)
    assert values is not None
    for arm in values["arms"]:
        arm["name"] = arm["name"].replace("mini A", "mini A without adapter")
    write_json(path, values | {"complete": False})
    async with start() as hands:
        await open_evaluate(hands)
        await hands.sees("… free", "… guided", "nearest (baseline)", "not clinician-validated")
        await hands.press("s")
        await hands.sees("on shared fields", "not complete", "not clinician-validated")


async def test_deleting_and_undoing(start: Any, config: Any) -> None:
    directory = create(config.home)
    finish(directory)
    async with start() as hands:
        await open_evaluate(hands)
        await hands.sees("finished")
        await hands.press("d")
        await hands.sees("no evaluations yet", "u brings it back")
        assert not directory.exists()
        await hands.press("u")
        await hands.sees("finished", "2/3")


@pytest.mark.parametrize("size", SIZES)
async def test_texts_do_nothing(start: Any, config: Any, size: Any) -> None:
    finish(create(config.home), HOSTILE)
    async with start(size=size) as hands:
        await open_evaluate(hands)
        await hands.sees("finished")
        assert_harmless(hands)
        await hands.press("enter", "home", "enter", "end")
        await hands.sees("no object")
        await hands.press("enter", "pagedown")
        await hands.sees("The patient is ill", "[red]x[/red]")
        assert_harmless(hands)
