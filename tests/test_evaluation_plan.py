"""Nothing is measured on what it has learnt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from diffdx_tui.domain.decoding import Mode
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.evaluation import Plan, PlanError
from diffdx_tui.domain.recipe import read_recipe
from diffdx_tui.engine.catalogue import CATALOGUE, EMBEDDED
from diffdx_tui.engine.failures import EngineError
from diffdx_tui.evaluation_plan import decodings_for, locate_models, plan_model, plan_runs
from diffdx_tui.store.run_records import ADAPTER_FOLDER
from diffdx_tui.store.run_registry import RunRegistry

FREE = decodings_for([Mode.FREE], ["greedy"])


@pytest.fixture
def registry(home: Path) -> RunRegistry:
    return RunRegistry(home)


def finished(registry: RunRegistry, **settings: Any) -> str:
    record = registry.create(read_recipe(settings))
    adapter = registry.directory(record.id) / ADAPTER_FOLDER
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}", encoding="utf-8")
    return record.id


def test_a_run_is_asked_as_it_was_trained(registry: RunRegistry) -> None:
    run = finished(registry, variant="B", precision="bf16", seed=7)
    (arm,) = plan_runs(registry, [run], "test", FREE)
    assert (arm.model, arm.variant, arm.precision, arm.seed) == ("mini", "B", "bf16", 7)
    assert arm.adapter == str(registry.directory(run) / ADAPTER_FOLDER)
    (other,) = plan_runs(registry, [run], "test", FREE, "B", "B again", samples=1)
    assert (other.label, other.name) == ("B", "B again free")


@pytest.mark.parametrize(
    ("recipe", "set_name"),
    [({}, "cv"), ({"fold": 0}, "test"), ({"fold": 0}, "val"), ({"fold": 0}, "cv")],
)
def test_rows_that_were_learnt_are_refused(
    registry: RunRegistry, recipe: dict[str, Any], set_name: Any
) -> None:
    run = finished(registry, **recipe)
    with pytest.raises(PlanError):
        plan_runs(registry, [run], set_name, FREE)
    with pytest.raises(PlanError, match="learnt"):
        adapter = str(registry.directory(run) / ADAPTER_FOLDER)
        plan_model("mini", set_name, FREE, adapter=adapter)


@pytest.mark.parametrize("set_name", ["external:avey", "external:semigran", "regression"])
def test_other_peoples_rows_may_be_asked_of_any_run(registry: RunRegistry, set_name: Any) -> None:
    assert plan_runs(registry, [finished(registry, fold=2)], set_name, FREE)


def test_cv_takes_one_run_a_fold_in_any_order(registry: RunRegistry) -> None:
    runs = {fold: finished(registry, fold=fold) for fold in (3, 1, 0, 4, 2)}
    (arm,) = plan_runs(registry, list(runs.values()), "cv", FREE)
    wanted = [str(registry.directory(runs[fold]) / ADAPTER_FOLDER) for fold in range(5)]
    assert list(arm.folds) == wanted and arm.adapter is None


def test_cv_refuses_folds_that_do_not_fit(registry: RunRegistry) -> None:
    runs = [finished(registry, fold=fold) for fold in (0, 1, 2, 3)]
    with pytest.raises(PlanError, match="--fold"):
        plan_runs(registry, [*runs, finished(registry, fold=3)], "cv", FREE)
    with pytest.raises(PlanError, match="rank"):
        plan_runs(registry, [*runs, finished(registry, fold=4, rank=4)], "cv", FREE)


def test_cv_refuses_runs_that_chose_by_its_rows(registry: RunRegistry) -> None:
    runs = [finished(registry, fold=fold, early_stopping=2) for fold in range(5)]
    with pytest.raises(PlanError, match="ended early"):
        plan_runs(registry, runs, "cv", FREE)


def test_a_run_without_an_adapter_is_refused(registry: RunRegistry) -> None:
    run = registry.create(read_recipe({})).id
    with pytest.raises(PlanError, match="no adapter"):
        plan_runs(registry, [run], "test", FREE)


def test_a_bare_base_may_be_asked_everything(tmp_path: Path) -> None:
    (arm,) = plan_model("mini", "cv", FREE, adapter="none")
    assert arm.adapter == "none" and arm.label == "mini A without adapter"
    base = tmp_path / "base"
    base.mkdir()
    (arm,) = plan_model(str(base), "test", FREE, variant="C")
    assert arm.model == str(base.resolve()) and arm.label == "base C"


def test_our_own_adapter_is_not_asked_rows_it_has_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    mini = replace(CATALOGUE["mini"], adapters={Variant.A: f"{EMBEDDED}mini/A"})
    monkeypatch.setitem(CATALOGUE, "mini", mini)
    with pytest.raises(PlanError, match="mini has learnt rows of cv"):
        plan_model("mini", "cv", FREE)
    assert plan_model("mini", "test", FREE)
    assert plan_model("mini", "cv", FREE, adapter="none")
    assert plan_model("mini", "cv", FREE, variant=Variant.B)  # has none of its own


def test_models_and_adapters_that_are_not_here_are_named(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    base = str(tmp_path / "base")
    locate_models(Plan(set="test", arms=tuple(plan_model(base, "test", FREE))))
    for model, adapter in ((base, "nobody/nothing"), ("nobody/nothing", "none")):
        arms = plan_model(model, "test", FREE, adapter=adapter)
        with pytest.raises(EngineError, match="nobody/nothing is not on this machine"):
            locate_models(Plan(set="test", arms=tuple(arms)))
