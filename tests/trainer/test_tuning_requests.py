"""Requests that come at an awkward moment: in a micro-batch, in a probe, in a pause."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from diffdx_tui.domain.recipe import Recipe
from diffdx_tui.store.run_checkpoints import find_checkpoint
from diffdx_tui.store.run_reader import RunReader
from diffdx_tui.store.run_records import Control, Probe, RunState, StepMetrics, Validation
from diffdx_tui.store.run_registry import RunRegistry
from diffdx_tui.store.run_writer import RunWriter
from tests.trainer.tuning_material import (
    learned,
    new_run,
    small_recipe,
    start,
    state_of,
    wait_for,
    write_rows,
)
from trainer.__main__ import main
from trainer.tuning import loop as loop_module
from trainer.tuning.base import Base
from trainer.tuning.checkpoints import Progress
from trainer.tuning.distributed import Ranks
from trainer.tuning.journal import Journal
from trainer.tuning.learner import Learner
from trainer.tuning.loop import Loop
from trainer.tuning.tune import prepare


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.jsonl", 14)


def run_loop(
    directory: Path, recipe: Recipe, before: Callable[[Base, RunWriter], None]
) -> tuple[RunState, Progress]:
    """The run's loop in this process; *before* may put hooks on the base."""
    ready = prepare(recipe, Journal(None))
    with RunWriter(directory) as writer:
        learner = Learner(ready.base, recipe, ready.prefix, 2, Ranks())
        before(ready.base, writer)
        loop = Loop(recipe, ready.material, learner, Journal(writer), Progress(micro_batch=2))
        state = loop.run()
        writer.end(state)
    return state, loop.progress


@pytest.mark.parametrize("direction", ["forward", "back"])
def test_a_stop_is_seen_between_layers_and_costs_nothing(
    home: Path, tiny_model: Path, data: Path, direction: str
) -> None:
    recipe = small_recipe(tiny_model, data, max_steps=3, dropout=0.1)
    whole, broken = new_run(home, recipe), new_run(home, recipe)
    assert main(["tune", str(whole)]) == 0
    passed: list[int] = []

    def watch(base: Base, writer: RunWriter) -> None:
        def note(number: int) -> None:
            passed.append(number)
            if passed.count(number) == 4:  # the second step's second half
                RunRegistry(home).request(broken.name, Control.STOP)

        def on_the_way_back(number: int) -> Callable[..., None]:
            def hook(module: Any, inputs: Any, output: torch.Tensor) -> None:
                if output.requires_grad:
                    output.register_hook(lambda slope: note(number))

            return hook

        for number, layer in enumerate(base.layers()):
            if direction == "forward":
                layer.register_forward_hook(lambda *_, number=number: note(number))
            else:
                layer.register_forward_hook(on_the_way_back(number))

    state, progress = run_loop(broken, recipe, watch)
    assert (state, progress.step) == (RunState.STOPPED, 1)
    first, second = (0, 1) if direction == "forward" else (1, 0)
    assert (passed.count(first), passed.count(second)) == (4, 3), "it left between the two"
    assert main(["tune", str(broken)]) == 0
    assert learned(broken) == learned(whole)


def test_a_probe_that_a_pause_interrupts_is_still_made(
    home: Path, tiny_model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked to save, to pause and, in the pause, to pause again; each is confirmed."""
    recipe = small_recipe(tiny_model, data, max_steps=1, probe_cases=1)
    directory = new_run(home, recipe)
    registry, original = RunRegistry(home), loop_module.answer_freely

    def confirmed(control: Control) -> int:
        lines = (directory / "events.jsonl").read_text().splitlines()
        return sum(event.get("control") == control for event in map(json.loads, lines))

    def steer() -> None:
        wait_for(lambda: state_of(directory) is RunState.PAUSED, directory, 20)
        registry.request(directory.name, Control.PAUSE)
        wait_for(lambda: confirmed(Control.PAUSE) == 2, directory, 20)
        registry.request(directory.name, Control.RESUME)

    person = threading.Thread(target=steer)

    def asked(*arguments: Any, **settings: Any) -> Any:
        if not person.ident:
            (directory / "console.log").touch()
            registry.request(directory.name, Control.SAVE)
            registry.request(directory.name, Control.PAUSE)
            person.start()
        return original(*arguments, **settings)

    monkeypatch.setattr(loop_module, "answer_freely", asked)
    state, _ = run_loop(directory, recipe, lambda base, writer: None)
    person.join()
    assert state is RunState.FINISHED
    assert [line["step"] for line in learned(directory) if "probe" in line] == [0, 1]
    assert [confirmed(one) for one in (Control.SAVE, Control.PAUSE, Control.RESUME)] == [1, 2, 1]


def test_a_probe_without_room_is_left_out_and_said(
    home: Path, tiny_model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **settings: Any) -> Any:
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(loop_module, "answer_freely", full)
    recipe = small_recipe(tiny_model, data, max_steps=1, probe_cases=1)
    directory = new_run(home, recipe)
    assert main(["tune", str(directory)]) == 0
    events = RunReader(directory).read_all().events
    notices = [event.details["message"] for event in events if event.kind == "notice"]
    assert any("not enough memory for the probe of step 1" in notice for notice in notices)


def test_the_base_answers_the_first_probe_without_its_adapters(
    tiny_model: Path, data: Path
) -> None:
    recipe = small_recipe(tiny_model, data, precision="fp32", probe_cases=1)
    ready = prepare(recipe, Journal(None))

    def answer(adapted: bool) -> str:
        cases = ready.material.probe
        (one,) = loop_module.answer_freely(
            ready.base, recipe.variant, cases, 8, lambda: False, adapted=adapted
        )
        return one.raw

    bare = answer(adapted=True)  # fresh adapters add nothing
    for name, parameter in ready.base.adapters().items():
        if "lora_B" in name:
            parameter.data.normal_()
    assert answer(adapted=False) == bare != answer(adapted=True)
    assert all(parameter.requires_grad for parameter in ready.base.adapters().values())


def test_a_long_step_does_not_keep_the_last_one_from_being_saved(
    home: Path, tiny_model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small_recipe(tiny_model, data, max_steps=2, checkpoint_seconds=600)
    directory = new_run(home, recipe)
    saved: list[str] = []

    def watch(base: Base, writer: RunWriter) -> None:
        def look(*ignored: Any) -> None:
            found = find_checkpoint(directory)
            saved.append(found.name if found else "")

        base.layers()[1].register_forward_hook(look)

    # As if the time ran out in the second step.
    monkeypatch.setattr(Loop, "_is_save_due", lambda self: len(saved) == 3)
    run_loop(directory, recipe, watch)
    assert saved[:4] == ["", "", "", "1"]


def test_going_back_takes_out_what_will_be_done_again(home: Path) -> None:
    directory = new_run(home, Recipe())
    with RunWriter(directory) as writer:
        writer.record_step(StepMetrics(step=5, loss=2.0))
        writer.record_validation(5, 1.5)
        for step in (0, 5):
            writer.record_probe(step, strict=0, n=1, stopped=0, answers=[])
        writer.end(RunState.STOPPED)

    def kept(evaluated: int, probed: int) -> list[type]:
        with RunWriter(directory) as writer:
            writer.rewind(5, evaluated=evaluated, probed=probed)
            writer.end(RunState.STOPPED)
        news = RunReader(directory).read_all()
        return [type(one) for one in (*news.steps, *news.validations, *news.probes)]

    assert kept(5, 5) == [StepMetrics, Validation, Probe, Probe]
    assert kept(5, 0) == [StepMetrics, Validation, Probe]
    assert kept(4, -1) == [StepMetrics]


def test_a_launcher_that_is_asked_to_end_leaves_a_saved_run(
    home: Path, tiny_model: Path, data: Path
) -> None:
    """torchrun passes the signal on to every process; the run is saved and stopped."""
    recipe = small_recipe(tiny_model, data, epochs=500, precision="fp32", checkpoint_seconds=600)
    directory = new_run(home, recipe)
    process = start(directory, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    reader = RunReader(directory)
    try:
        wait_for(lambda: reader.status().step >= 1 or process.poll() is not None, directory)
        os.kill(process.pid, signal.SIGTERM)
        wait_for(lambda: process.poll() is not None, directory)
    finally:
        process.kill()
        process.wait()
    assert state_of(directory) is RunState.STOPPED, reader.status()
    assert find_checkpoint(directory) is not None
