"""The reference's ablations, again and ours: train baseline, A, B and C, evaluate every arm.

Role: floor 2, above launching: decides which trainings and answers are still missing, has the
trainer's processes make them one after the other, and waits.  What is finished is recognised by
recipe and hashes and never made twice, so a stopped ablation is continued by running it again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diffdx_tui.config import data_directory
from diffdx_tui.domain.curated import read_curated
from diffdx_tui.domain.decoding import Decoding, Mode
from diffdx_tui.domain.evaluation import (
    ABLATED,
    BASELINE,
    DECODINGS,
    Arm,
    Perturbation,
    Plan,
    SetName,
    arms_of,
    perturbed_arms,
    read_plan,
)
from diffdx_tui.domain.evaluation_sets import read_set
from diffdx_tui.domain.recipe import CURATED, Recipe, describe, read_recipe
from diffdx_tui.domain.splits import FOLDS, rows_sha256, worded_sha256
from diffdx_tui.evaluation_plan import decodings_for, plan_runs
from diffdx_tui.launch import (
    TRAINER,
    find_files,
    resume_evaluation,
    resume_run,
    start_evaluation,
    start_run,
)
from diffdx_tui.store.evaluation_records import EVALUATION_FILE
from diffdx_tui.store.evaluations import EvaluationRegistry
from diffdx_tui.store.external_sets import external_directory
from diffdx_tui.store.run_files import write_whole
from diffdx_tui.store.run_reader import RunStatus, judge
from diffdx_tui.store.run_records import CONTROL_FOLDER, RUN_FILE, Control, RunState
from diffdx_tui.store.run_registry import Run, RunRegistry

_POLL_SECONDS = 0.2
_TELL_SECONDS = 20.0


class AblationFailed(Exception):
    """A training or the evaluation ended badly; the message says which and why."""


class AblationStopped(Exception):
    """Asked to end; what was made is kept."""


@dataclass(frozen=True)
class Ablation:
    """What to train and to evaluate.

    Attributes:
        labels: arms, of :data:`ABLATED`.
        recipe: settings that differ from the defaults, the same for every training.
        seeds: of the trainings.
        modes: free and guided.
        ways: of decoding in free mode; guided mode is greedy, and drawn too with several samples.
        samples: answers a case where the decoding draws.
        perturbations: in which greedy arms are asked again.
        set: ``test``, or ``cv``, which trains five adapters for each of labels and seeds.
    """

    labels: tuple[str, ...] = ABLATED
    recipe: Mapping[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = (1,)
    modes: tuple[Mode, ...] = (Mode.FREE, Mode.GUIDED)
    ways: tuple[str, ...] = ("greedy", "reference", "no-penalty")
    samples: int = 1
    perturbations: tuple[Perturbation, ...] = ()
    set: SetName = "test"
    limit: int | None = None
    external: str | None = None

    def recipes(self) -> dict[tuple[str, int], list[Recipe]]:
        """What has to be trained, by label and seed; for ``cv`` one for each fold.

        Raises:
            RecipeError: a setting cannot be used.
        """
        folds: Sequence[int | None] = range(FOLDS) if self.set == "cv" else (None,)
        return {
            (label, seed): [
                find_files(
                    read_recipe({**self.recipe, "variant": label, "seed": seed, "fold": fold})
                )
                for fold in folds
            ]
            for label in self.labels
            if label != BASELINE
            for seed in self.seeds
        }

    def check(self) -> None:
        """See that the arms can be planned, before hours of training.

        Raises:
            PlanError: they cannot.
        """
        arms = arms_of({"label": BASELINE, "samples": self.samples}, self.decodings())
        perturbed_arms(arms, self.perturbations)

    def decodings(self) -> list[tuple[str, Decoding]]:
        """Ways and settings, free mode first."""
        found = []
        if Mode.FREE in self.modes:
            found += decodings_for([Mode.FREE], self.ways)
        if Mode.GUIDED in self.modes:
            drawn = [way for way in self.ways if DECODINGS[way].temperature]
            found += decodings_for([Mode.GUIDED], ["greedy", *(drawn if self.samples > 1 else [])])
        return found


class Ablator:
    """One ablation under one home folder."""

    def __init__(
        self,
        ablation: Ablation,
        home: Path,
        tell: Callable[[str], None] = lambda text: None,
        cancelled: Callable[[], bool] = lambda: False,
        trainer: Sequence[str] = TRAINER,
    ) -> None:
        self.ablation, self.home, self.trainer = ablation, home, trainer
        self.runs = RunRegistry(home)
        self._tell, self._cancelled = tell, cancelled

    def run(self, command: Sequence[str] = ()) -> Path:
        """Train and evaluate what is missing; the folder of the finished evaluation.

        Raises:
            AblationStopped: asked to.
            AblationFailed: a process ended badly.
            PlanError, RecipeError, EngineError, StoreError: it cannot be done like this.
        """
        self.ablation.check()
        inputs = self._inputs()
        trained = self.train()
        self._expect_wanted()
        plan = self.plan(trained)
        registry = EvaluationRegistry(self.home)
        found = registry.find_same(plan, inputs)
        if found is None:
            facts = {"command": list(command), "inputs": inputs}
            directory = start_evaluation(plan, self.home, facts=facts, trainer=self.trainer)
        elif found.status.state.is_live:
            directory = found.directory
        else:
            directory = resume_evaluation(found.id, self.home, trainer=self.trainer)
        self._tell(f"evaluating {len(plan.arms)} arms on {plan.set}: {directory}")
        self._wait(directory, EVALUATION_FILE, "the evaluation", "outputs")
        return directory

    def train(self) -> dict[tuple[str, int], list[str]]:
        """Runs that are finished, by label and seed, trained where they were missing."""
        wanted = self.ablation.recipes()
        number, total = 0, sum(map(len, wanted.values()))
        trained: dict[tuple[str, int], list[str]] = {}
        for key, recipes in wanted.items():
            trained[key] = []
            for recipe in recipes:
                number += 1
                trained[key].append(self._trained(recipe, f"training {number} of {total}"))
        return trained

    def plan(self, trained: Mapping[tuple[str, int], Sequence[str]]) -> Plan:
        """Every arm of the evaluation.

        Raises:
            PlanError: a run cannot be asked the set.
        """
        ablation, arms = self.ablation, list[Arm]()
        recipe = find_files(read_recipe({**ablation.recipe, "variant": "A"}))
        decodings = ablation.decodings()
        if BASELINE in ablation.labels:
            bare = {
                "label": BASELINE,
                "model": recipe.base,
                "adapter": "none",
                "precision": recipe.precision,
                "samples": ablation.samples,
            }
            arms += arms_of(bare, decodings)
        for (label, seed), runs in trained.items():
            name = f"{label} seed {seed}" if len(ablation.seeds) > 1 else label
            arms += plan_runs(
                self.runs, runs, ablation.set, decodings, label, name, samples=ablation.samples
            )
        arms += perturbed_arms(arms, ablation.perturbations)
        return read_plan(
            {
                "set": ablation.set,
                "arms": [arm.model_dump() for arm in arms],
                "limit": ablation.limit,
                "external": ablation.external,
            }
        )

    def _trained(self, recipe: Recipe, place: str) -> str:
        """The id of a finished run of *recipe*."""
        self._expect_wanted()
        found = self._find(recipe)
        if found is not None and found.status.state is RunState.FINISHED:
            self._tell(f"{place}: {describe(recipe)} is there (run {found.id})")
            return found.id
        if found is None:
            run_id = start_run(recipe, self.home, trainer=self.trainer)
        elif found.status.state.is_live:
            run_id = found.id
        else:
            run_id = resume_run(found.id, self.home, trainer=self.trainer)
        self._tell(f"{place}: {describe(recipe)} (run {run_id})")
        self._wait(self.runs.directory(run_id), RUN_FILE, f"run {run_id}", "steps")
        if not self.runs.read(run_id).has_adapter:
            raise AblationFailed(f"run {run_id} left no adapter")
        return run_id

    def _expect_wanted(self) -> None:
        """Raise :class:`AblationStopped` if the end is asked for: nothing more is started."""
        if self._cancelled():
            raise AblationStopped("stopped: run the same command again to go on")

    def _find(self, recipe: Recipe) -> Run | None:
        """The newest run of *recipe* on today's data, base and template that did not fail."""
        wanted = recipe_hashes(recipe)
        for run in self.runs.list().runs:
            known = run.record.facts.get("sha256", {})
            same = all(known.get(name) == value for name, value in wanted.items())
            if run.record.recipe == recipe and same and run.status.state is not RunState.FAILED:
                return run
        return None

    def _inputs(self) -> dict[str, str]:
        ablation = self.ablation
        external = Path(ablation.external or external_directory(self.home))
        rows = read_set(ablation.set, data_directory(), external, ablation.limit)
        recipe = find_files(read_recipe({**ablation.recipe, "variant": "A"}))
        hashes = recipe_hashes(recipe)
        return {"rows": rows.sha256, "base": hashes["base"], "template": hashes["template"]}

    def _wait(self, directory: Path, record: str, what: str, unit: str) -> None:
        """Until the process of *directory* has ended well.

        Raises:
            AblationStopped: asked to; the process was asked too and has ended.
            AblationFailed: it ended otherwise.
        """
        asked, told = False, time.monotonic()
        while (status := judge(directory, record)).state.is_live:
            if self._cancelled() and not asked:
                asked = True
                self._tell(f"stopping {what}")
                write_whole(directory / CONTROL_FOLDER / Control.STOP, b"", durable=False)
            if time.monotonic() - told > _TELL_SECONDS:
                told = time.monotonic()
                self._tell(_progress(what, status, unit))
            time.sleep(_POLL_SECONDS)
        if status.state is RunState.FINISHED:
            return
        if asked or status.state is RunState.STOPPED:
            raise AblationStopped(f"{what} was stopped: run the same command again to go on")
        message = f"{what} is {status.state}: {status.message or 'see console.log'}"
        raise AblationFailed(f"{message} ({directory})")


def recipe_hashes(recipe: Recipe) -> dict[str, str]:
    """What a run of *recipe* would say of its data, base and template."""
    from diffdx_tui.engine.catalogue import NO_ADAPTER, ModelSpec, hash_weights, locate, locate_file
    from diffdx_tui.engine.prompt import system_prompt

    located = locate(ModelSpec(recipe.base, NO_ADAPTER, recipe.variant, recipe.precision))
    if recipe.data == CURATED:
        data = rows_sha256(read_curated(data_directory() / "vignettes.jsonl"))
        if recipe.wording is not None:
            data = worded_sha256(data, locate_file(recipe.wording).read_bytes())
    else:
        data = hashlib.sha256(Path(recipe.data).read_bytes()).hexdigest()
    return {
        "data": data,
        "base": hash_weights(located.base_directory),
        "template": hashlib.sha256(system_prompt(recipe.variant).encode()).hexdigest(),
    }


def _progress(what: str, status: RunStatus, unit: str) -> str:
    beat = status.heartbeat
    if beat is None:
        return f"{what} is {status.state}"
    steps = f"{beat.step} of {beat.steps}" if beat.steps else str(beat.step)
    left = f", about {beat.eta_s:.0f} s left" if beat.eta_s is not None else ""
    return f"{what}: {beat.phase}, {steps} {unit}{left}"
