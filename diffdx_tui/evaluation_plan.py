"""From a model or from runs to the arms of an evaluation, never on rows an adapter has learnt.

Role: floor 2, for command line and screens alike.  What a run trained on stands in its recipe, so
a set that it has seen is refused instead of measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diffdx_tui.domain.decoding import Decoding, Mode
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.evaluation import (
    LEARNT_FROM,
    Arm,
    Plan,
    PlanError,
    SetName,
    arms_of,
    decoding_for,
)
from diffdx_tui.domain.recipe import CURATED, Recipe, differences, read_recipe
from diffdx_tui.domain.splits import FOLDS
from diffdx_tui.engine.catalogue import CATALOGUE, EMBEDDED, NO_ADAPTER, ModelSpec, locate
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.run_reader import read_record
from diffdx_tui.store.run_records import ADAPTER_FOLDER, RUN_FILE
from diffdx_tui.store.run_registry import RunRegistry

_LABEL_ID = 10  # characters of a run's id that tell it from others


def decodings_for(
    modes: Sequence[Mode], ways: Sequence[str], changes: dict[str, Any] | None = None
) -> list[tuple[str, Decoding]]:
    """Every way in every mode.

    Raises:
        PlanError: there is no such way.
        DecodingError: a change is out of range.
    """
    return [(way, decoding_for(way, mode, changes)) for way in ways for mode in modes]


def plan_model(
    model: str,
    set_name: SetName,
    decodings: Sequence[tuple[str, Decoding]],
    **settings: Any,
) -> list[Arm]:
    """Arms of a model as ``ask`` loads it.

    Args:
        settings: ``adapter``, ``variant``, ``precision``, ``samples`` of :class:`Arm`.

    Raises:
        PlanError: the adapter was trained on rows of the set.  Of a foreign adapter nobody knows.
    """
    adapter = settings.get("adapter")
    path = Path(model)
    label = path.name if path.is_dir() else model
    label = f"{label} {settings.get('variant', 'A')}"
    if adapter is not None and adapter != NO_ADAPTER:
        recipe = _recipe_of(Path(adapter).expanduser())
        if recipe is not None:
            refuse_seen(recipe, set_name, adapter)
        if Path(adapter).expanduser().is_dir():
            settings["adapter"] = str(Path(adapter).expanduser().resolve())
        label += f" {Path(adapter).name}"
    if adapter == NO_ADAPTER:
        label += " without adapter"
    if adapter is None and _has_embedded(model, settings.get("variant", Variant.A)):
        refuse_seen(read_recipe({}), set_name, f"the adapter of {model}")
    if path.is_dir():
        model = str(path.resolve())
    return arms_of({"label": label, "model": model, **settings}, decodings)


def plan_runs(
    registry: RunRegistry,
    ids: Sequence[str],
    set_name: SetName,
    decodings: Sequence[tuple[str, Decoding]],
    label: str | None = None,
    name: str | None = None,
    **settings: Any,
) -> list[Arm]:
    """Arms of what runs learnt: of one run, or for ``cv`` of five, one a fold.

    Args:
        label: by default the variant and how the run's id begins.
        name: how the arms' names begin; with the label by default.
        settings: ``samples``, ``precision`` of :class:`Arm`; by default the training's precision.

    Raises:
        PlanError: a run has no adapter, or has learnt from rows of the set.
    """
    runs = [registry.read(one) for one in ids]
    for run in runs:
        if not run.has_adapter:
            raise PlanError(f"run {run.id} has no adapter: it has not finished")
    first = runs[0].record.recipe
    adapters = [str(registry.directory(run.id) / ADAPTER_FOLDER) for run in runs]
    if set_name == "cv":
        adapters = _by_fold([run.record.recipe for run in runs], adapters)
        placed: dict[str, Any] = {"folds": tuple(adapters)}
    elif len(runs) == 1:
        refuse_seen(first, set_name, runs[0].id)
        placed = {"adapter": adapters[0]}
    else:
        raise PlanError(f"{set_name} takes one run; {FOLDS} runs, one a fold, are for cv")
    arm = {
        "label": label or f"{first.variant} run {runs[0].id[:_LABEL_ID]}",
        "model": first.base,
        "variant": first.variant,
        "precision": first.precision,
        "seed": first.seed,
        **placed,
        **settings,
    }
    return arms_of(arm, decodings, name)


def locate_models(plan: Plan) -> None:
    """Look for every arm's model and adapters before a process is started.

    Raises:
        EngineError: one is not on this machine; the message says what to do.
    """
    for arm in plan.arms:
        for adapter in arm.folds or (arm.adapter,):
            locate(ModelSpec(arm.model, adapter, arm.variant, arm.precision))


def refuse_seen(recipe: Recipe, set_name: SetName, name: str) -> None:
    """Raise :class:`PlanError` if a training by *recipe* has learnt rows of the set.

    ``train`` may be asked of a run that learnt it: that measures memory and says so.
    """
    if recipe.data != CURATED or set_name not in LEARNT_FROM:
        return
    if set_name == "cv":
        raise PlanError(
            f"{name} has learnt rows of cv: train one run for each fold (--fold 0 to "
            f"{FOLDS - 1}) and name all {FOLDS}, or use `diffdx-tui ablate --cv`"
        )
    if recipe.fold is not None:
        raise PlanError(f"{name} learnt from four folds of all rows: it can only be asked cv")


def _has_embedded(model: str, variant: Variant) -> bool:
    """Whether *model* comes with an adapter of our own, which the curated training rows taught."""
    entry = CATALOGUE.get(model)
    return entry is not None and entry.adapters.get(variant, "").startswith(EMBEDDED)


def _by_fold(recipes: Sequence[Recipe], adapters: Sequence[str]) -> list[str]:
    if sorted(str(recipe.fold) for recipe in recipes) != [str(fold) for fold in range(FOLDS)]:
        raise PlanError(
            f"cv needs {FOLDS} runs, one trained with each --fold 0 to {FOLDS - 1}: a run that "
            "learnt other rows has seen what it would be asked"
        )
    if recipes[0].early_stopping is not None:
        raise PlanError("the folds' runs ended early by the loss on the rows they would be asked")
    for recipe in recipes[1:]:
        apart = [one for one in differences(recipe, recipes[0]) if one != "fold"]
        if apart:
            raise PlanError(f"the runs of the folds differ in more: {', '.join(apart)}")
    by_fold = dict(zip((recipe.fold for recipe in recipes), adapters, strict=True))
    return [by_fold[fold] for fold in range(FOLDS)]


def _recipe_of(adapter: Path) -> Recipe | None:
    """The recipe of the run that left *adapter*; ``None`` if it is not known."""
    for directory in (adapter, adapter.parent):
        if (directory / RUN_FILE).is_file():
            try:
                return read_record(directory).recipe
            except StoreError:
                return None
    return None
