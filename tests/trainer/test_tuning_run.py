"""Whole runs on a tiny base: what they write, how they are steered, killed and resumed."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from diffdx_tui.commands.arguments import build_parser
from diffdx_tui.domain.recipe import Recipe
from diffdx_tui.store.run_checkpoints import find_checkpoint
from diffdx_tui.store.run_reader import RunReader, read_record
from diffdx_tui.store.run_records import Control, RunState
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
from trainer.tuning.checkpoints import ADAPTER_FILE, find_damage
from trainer.tuning.command import _stop_on_signals
from trainer.tuning.distributed import Ranks
from trainer.tuning.journal import Journal
from trainer.tuning.learner import Learner
from trainer.tuning.loop import Loop
from trainer.tuning.timetable import Timetable
from trainer.tuning.trouble import TrainingFailed
from trainer.tuning.tune import prepare, tune


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.jsonl", 14)


def train(home: Path, recipe: Recipe) -> Path:
    """A whole run in this process."""
    directory = new_run(home, recipe)
    assert main(["tune", str(directory)]) == 0
    return directory


def adapter_of(directory: Path) -> dict[str, torch.Tensor]:
    return load_file(directory / "adapter" / ADAPTER_FILE)


def events(directory: Path, kind: str) -> list[dict[str, Any]]:
    lines = (directory / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["kind"] == kind]


def test_a_run_learns_and_leaves_everything(home: Path, tiny_model: Path, data: Path) -> None:
    recipe = small_recipe(tiny_model, data, epochs=3, eval_every=2, probe_cases=1, rate=1e-2)
    directory = train(home, recipe)
    lines = learned(directory)
    steps = [line for line in lines if "loss" in line]
    assert [line["step"] for line in steps] == list(range(1, 13))
    assert steps[-1]["loss"] < 0.8 * steps[0]["loss"]
    assert [line["step"] for line in lines if "val_loss" in line] == [2, 4, 6, 8, 10, 12]
    assert [line["step"] for line in lines if "probe" in line] == [0, 4, 8, 12]
    tables = events(directory, "examples")
    assert [table["epoch"] for table in tables] == [1, 2, 3]
    assert {one["id"] for one in tables[0]["losses"]} == {f"r{n}" for n in range(14) if n != 9}
    assert events(directory, "probe")[0]["answers"][0]["id"] == "r9"
    record = RunReader(directory).record()
    assert set(record.facts["sha256"]) == {"data", "base", "template", "adapter"}
    assert state_of(directory) is RunState.FINISHED
    best = find_checkpoint(directory, "best")
    assert best is not None and find_damage(best) is None
    card = (directory / "adapter" / "README.md").read_text()
    assert "Not a medical device" in card and str(data.parent) not in card
    assert "Before, the base alone:" in card and "Step 12:" in card


def test_the_adapter_loads_in_plain_peft_with_the_same_logits(
    home: Path, tiny_model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    def refuse(*ignored: Any) -> None:
        raise AssertionError("somebody asks the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    recipe = small_recipe(tiny_model, data, precision="fp32", max_steps=3, rate=1e-2)
    directory = new_run(home, recipe)
    kept: list[Any] = []
    original = Loop.run
    monkeypatch.setattr(
        Loop, "run", lambda self: (kept.append(self.learner.base), original(self))[1]
    )
    with RunWriter(directory) as writer, Ranks() as ranks:
        writer.end(tune(directory, recipe, writer, ranks))
    ids = torch.randint(300, (1, 40))
    with torch.no_grad():
        ours = kept[0].model.eval()(input_ids=ids).logits
        plain = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
        bare = plain(input_ids=ids).logits
        theirs = PeftModel.from_pretrained(plain, directory / "adapter").eval()(ids).logits
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    assert (ours - bare).abs().max() > 1e-2


def test_killed_and_resumed_is_the_uninterrupted_run(
    home: Path, tiny_model: Path, data: Path
) -> None:
    """With dropout, NF4, validation and a checkpoint in the middle; to the last digit."""
    recipe = small_recipe(
        tiny_model, data, epochs=6, eval_every=3, dropout=0.1, checkpoint_seconds=0.01
    )
    whole = train(home, recipe)
    broken = new_run(home, recipe)
    process = start(broken)
    reader = RunReader(broken)
    try:
        wait_for(lambda: reader.status().step >= 5 or process.poll() is not None, broken)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    killed_at = learned(broken)[-1]["step"]
    assert 5 <= killed_at < 24, "killed too late to show anything"
    assert state_of(broken) is RunState.DEAD
    assert main(["tune", str(broken)]) == 0
    assert learned(broken) == learned(whole)
    theirs = adapter_of(whole)
    for name, tensor in adapter_of(broken).items():
        assert torch.equal(tensor, theirs[name]), name


def test_pause_save_resume_and_stop_are_obeyed_and_confirmed(
    home: Path, tiny_model: Path, data: Path
) -> None:
    recipe = small_recipe(tiny_model, data, epochs=500, micro_batch=1, checkpoint_seconds=600)
    directory = new_run(home, recipe)
    registry = RunRegistry(home)
    process = start(directory)

    def obeyed(control: Control) -> bool:
        return any(event["control"] == control for event in events(directory, "obeyed"))

    try:
        reader = RunReader(directory)
        wait_for(lambda: reader.status().step >= 1 or process.poll() is not None, directory)
        registry.request(directory.name, Control.PAUSE)
        wait_for(lambda: obeyed(Control.PAUSE), directory)
        assert state_of(directory) is RunState.PAUSED
        paused_at = len(learned(directory))
        assert find_checkpoint(directory) is not None
        time.sleep(0.3)
        assert len(learned(directory)) == paused_at
        registry.request(directory.name, Control.RESUME)
        wait_for(lambda: obeyed(Control.RESUME), directory)
        wait_for(lambda: len(learned(directory)) > paused_at, directory)
        registry.request(directory.name, Control.SAVE)
        wait_for(lambda: obeyed(Control.SAVE), directory)
        registry.request(directory.name, Control.STOP)
        asked = time.monotonic()
        wait_for(lambda: process.poll() is not None, directory)
        assert time.monotonic() - asked < 3 + 2  # the bar is 3 s to saved; then the process ends
        assert state_of(directory) is RunState.STOPPED
        assert (directory / "adapter" / ADAPTER_FILE).is_file()
    finally:
        process.kill()
        process.wait()


def test_a_polite_kill_is_a_request_to_stop(home: Path, tiny_model: Path, data: Path) -> None:
    directory = new_run(home, small_recipe(tiny_model, data))
    (directory / "control").mkdir(exist_ok=True)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        _stop_on_signals(directory)
        os.kill(os.getpid(), signal.SIGTERM)
        wait_for(lambda: (directory / "control" / Control.STOP).exists(), directory, 5)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert main(["tune", str(directory)]) == 0
    assert state_of(directory) is RunState.STOPPED


def test_a_damaged_checkpoint_is_not_gone_on_from(home: Path, tiny_model: Path, data: Path) -> None:
    recipe = small_recipe(tiny_model, data, max_steps=2)
    directory = train(home, recipe)
    latest = find_checkpoint(directory)
    assert latest is not None
    with (latest / ADAPTER_FILE).open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")
    assert find_damage(latest) == f"{ADAPTER_FILE} has changed"
    assert main(["tune", str(directory)]) == 5
    assert "damaged" in RunReader(directory).status().message


def test_out_of_memory_halves_the_micro_batch_and_says_so(
    home: Path, tiny_model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same loss as with small micro-batches from the start: no row is lost or counted twice."""
    settings: dict[str, Any] = {"max_steps": 3, "dropout": 0.0, "precision": "fp32"}
    small = train(home, small_recipe(tiny_model, data, micro_batch=2, **settings))
    from trainer.tuning.base import Base

    original = Base.loss

    def tight(self: Base, batch: Any) -> Any:
        if len(batch.names) > 2:
            raise torch.OutOfMemoryError("no room")
        return original(self, batch)

    monkeypatch.setattr(Base, "loss", tight)
    halved = train(home, small_recipe(tiny_model, data, micro_batch=4, **settings))
    assert "2 at once, still 4 rows a step" in events(halved, "notice")[0]["message"]
    for ours, theirs in zip(learned(halved), learned(small), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)

    def full(self: Base, batch: Any) -> Any:
        if self.model.training:
            raise MemoryError
        return original(self, batch)

    monkeypatch.setattr(Base, "loss", full)
    failed = new_run(home, small_recipe(tiny_model, data, **settings))
    assert main(["tune", str(failed)]) == 5
    assert "does not fit into memory" in RunReader(failed).status().message


def test_a_loss_that_is_not_finite_stops_with_the_place_and_the_way_out(
    home: Path, tiny_model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small_recipe(tiny_model, data, checkpoint_seconds=0.01, max_steps=4)
    directory = new_run(home, recipe)
    original = Learner.learn

    def poisoned(self: Learner, rows: Any, rate: float, step: int, between: Any) -> Any:
        if step == 3:
            bad = "base_model.model.model.layers.1.mlp.up_proj.lora_B.default.weight"
            self.base.adapters()[bad].data[0, 0] = float("nan")
        return original(self, rows, rate, step, between)

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "learn", poisoned)
        assert main(["tune", str(directory)]) == 5
    status = RunReader(directory).status()
    assert status.state is RunState.FAILED
    assert "the loss of step 3 is not finite on rows r" in status.message
    assert "first bad module: model.layers.1.mlp.up_proj" in status.message
    advice = "runs resume ID --rate 0.001"
    assert advice in status.message and "--precision fp32" in status.message
    build_parser().parse_args([*advice.split()])  # a way out that exists
    # The last good checkpoint is from before, and the run goes on from it.
    assert main(["tune", str(directory)]) == 0
    assert [line["step"] for line in learned(directory) if "loss" in line] == [1, 2, 3, 4]


@pytest.mark.parametrize("scale", [None, 0.5])
def test_a_gradient_that_is_not_finite_moves_nothing(
    home: Path, tiny_model: Path, data: Path, scale: float | None
) -> None:
    """With a scaler too, once its scale can no longer be the reason."""
    recipe = small_recipe(tiny_model, data, precision="fp32")
    ready = prepare(recipe, Journal(None))
    learner = Learner(ready.base, recipe, ready.prefix, 2, Ranks())
    if scale is not None:
        learner.scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    before = {name: one.detach().clone() for name, one in ready.base.adapters().items()}
    name, victim = next(iter(ready.base.adapters().items()))
    victim.register_hook(lambda slope: slope * float("inf"))
    with pytest.raises(TrainingFailed, match="gradient of step 7") as failed:
        learner.learn(ready.material.train[:4], 1e-3, 7, lambda: None)
    assert name in str(failed.value)
    for name, one in ready.base.adapters().items():
        assert torch.equal(one, before[name])


def test_what_another_process_found_ends_the_step_in_this_one(tiny_model: Path, data: Path) -> None:
    class Two(Ranks):
        """As if there was a second process, with a bad loss."""

        def gather(self, item: Any) -> list[Any]:
            return [item, "the loss of step 7"] if isinstance(item, str) else [item]

    recipe = small_recipe(tiny_model, data, precision="fp32")
    ready = prepare(recipe, Journal(None))
    learner = Learner(ready.base, recipe, ready.prefix, 2, Two())
    with pytest.raises(TrainingFailed, match="the loss of step 7"):
        learner.learn(ready.material.train[:4], 1e-3, 7, lambda: None)


def test_each_process_has_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """No machine of ours has two; what would be asked of torch is looked at instead."""
    asked: list[Any] = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", asked.append)
    monkeypatch.setattr(
        torch.distributed, "init_process_group", lambda name, **more: asked.append(name)
    )
    Ranks().__enter__()
    assert asked == [1, "nccl"]


def test_early_stopping_ends_after_its_patience(home: Path, tiny_model: Path, data: Path) -> None:
    recipe = small_recipe(tiny_model, data, epochs=9, eval_every=1, early_stopping=2, rate=1.0)
    directory = train(home, recipe)
    validations = [line["val_loss"] for line in learned(directory) if "val_loss" in line]
    assert len(validations) < 36 and min(validations[-2:]) >= min(validations[:-2])
    assert "ended early" in events(directory, "notice")[-1]["message"]


def test_preflight_measures_the_longest_rows(
    tiny_model: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = small_recipe(tiny_model, data, precision="fp32")
    capsys.readouterr()
    assert main(["preflight", "--recipe", json.dumps(recipe.as_dict())]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["peak_mb"] > 100 and told["tokens_per_s"] > 0 and told["eta_s"] > 0
    assert told["steps"] == 8


def test_preflights_time_counts_validations_and_probes(
    tiny_model: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    often = {"eval_every": 1, "probe_every": 1, "probe_cases": 1}
    recipe = small_recipe(tiny_model, data, precision="fp32", **often)
    capsys.readouterr()
    assert main(["preflight", "--recipe", json.dumps(recipe.as_dict())]) == 0
    told = json.loads(capsys.readouterr().out)
    steps_alone = told["steps"] * told["step_s"]  # no row is longer than the measured ones
    assert told["beside_s"] > 0
    assert 0 < told["eta_s"] - told["beside_s"] <= steps_alone * (1 + 1e-9)
    bare = recipe.model_copy(update={"probe_cases": 0, "eval_every": None, "probe_every": None})
    assert main(["preflight", "--recipe", json.dumps(bare.as_dict())]) == 0
    fewer = json.loads(capsys.readouterr().out)
    assert 0 < fewer["beside_s"] < told["beside_s"]  # two validations against eight, no probe


def test_a_finished_run_says_how_long_it_took(home: Path, tiny_model: Path, data: Path) -> None:
    recipe = small_recipe(tiny_model, data, eval_every=1, probe_cases=1)
    directory = train(home, recipe)
    lasted = read_record(directory).facts["measured"]["seconds"]
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    assert lasted > max(line["seconds"] for line in lines if "loss" in line)


@pytest.mark.parametrize(
    ("settings", "validated", "probed"),
    [
        ({}, [4, 8], [4, 8]),
        ({"eval_every": 3, "probe_every": 5}, [3, 4, 6, 8], [5, 8]),
        ({"max_steps": 5}, [4, 5], [4, 5]),
    ],
)
def test_the_timetable(settings: dict[str, Any], validated: list[int], probed: list[int]) -> None:
    timetable = Timetable(Recipe(batch=4, epochs=2, **settings), rows=14)
    steps = range(1, timetable.steps + 1)
    assert list(filter(timetable.validates, steps)) == validated
    assert list(filter(timetable.probes, steps)) == probed


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"base": "nobody/nothing"}, 4, "models pull"),
        ({"data": "/nowhere.jsonl"}, 3, "nowhere.jsonl"),
        ({"max_tokens": 20}, 3, "max_tokens"),
        ({"targets": ["no_such_proj"]}, 4, "no_such_proj"),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_sentence(
    home: Path, tiny_model: Path, data: Path, changes: dict[str, Any], code: int, said: str
) -> None:
    recipe = Recipe(**(small_recipe(tiny_model, data).as_dict() | changes))
    directory = new_run(home, recipe)
    assert main(["tune", str(directory)]) == code
    status = RunReader(directory).status()
    assert status.state is RunState.FAILED and said in status.message


def test_two_processes_learn_what_one_does(home: Path, tiny_model: Path, data: Path) -> None:
    """Same rows, same sums; only the order of additions differs (fp32: 1e-4 relative)."""
    settings: dict[str, Any] = {"dropout": 0.0, "precision": "fp32", "epochs": 1, "eval_every": 2}
    one = train(home, small_recipe(tiny_model, data, **settings))
    two = new_run(home, small_recipe(tiny_model, data, **settings))
    process = start(two, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    try:
        wait_for(lambda: process.poll() is not None, two)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, (two / "console.log").read_text()
    ours, theirs = learned(two), learned(one)
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine == pytest.approx(other, rel=1e-4)
    assert RunReader(two).record().facts["rows"]["processes"] == 2
    assert len(events(two, "started")) == 1


def test_a_resumed_run_takes_its_changes(home: Path, tiny_model: Path, data: Path) -> None:
    directory = new_run(home, small_recipe(tiny_model, data, max_steps=2))
    with RunWriter(directory) as writer:
        writer.end(RunState.STOPPED)
    RunRegistry(home).change(directory.name, {"rate": 1e-3}, from_step=0)
    assert main(["tune", str(directory)]) == 0
    assert RunReader(directory).read_all().steps[0].rate == pytest.approx(1e-3)


def test_a_resumed_run_takes_another_micro_batch(home: Path, tiny_model: Path, data: Path) -> None:
    directory = train(home, small_recipe(tiny_model, data, max_steps=2, micro_batch=2))
    record = json.loads((directory / "run.json").read_text())
    assert record["rows"]["micro_batch"] == 2
    record["recipe"] |= {"micro_batch": 1, "max_steps": 3}
    (directory / "run.json").write_text(json.dumps(record))
    assert main(["tune", str(directory)]) == 0
    assert RunReader(directory).record().facts["rows"]["micro_batch"] == 1


def test_a_base_that_does_not_fit_into_memory_is_said(
    home: Path, tiny_model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*ignored: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("trainer.tuning.tune.load_base", full)
    directory = new_run(home, small_recipe(tiny_model, data))
    assert main(["tune", str(directory)]) == 5
    assert "not enough memory: take a smaller base" in RunReader(directory).status().message


def test_a_full_disk_at_a_checkpoint_is_said(home: Path, tiny_model: Path, data: Path) -> None:
    directory = new_run(home, small_recipe(tiny_model, data, max_steps=1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        assert main(["tune", str(directory)]) == 5
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    message = RunReader(directory).status().message
    assert "cannot be written" in message and "Error:" not in message.split("cannot")[0]
    assert find_checkpoint(directory) is None


def test_a_half_precision_run_goes_on_from_a_full_precision_one(
    tiny_model: Path, data: Path
) -> None:
    recipe = small_recipe(tiny_model, data, precision="fp32")
    ready = prepare(recipe, Journal(None))
    learner = Learner(ready.base, recipe, ready.prefix, 2, Ranks())
    state = learner.state()
    learner.scaler = torch.amp.GradScaler("cpu", enabled=True)
    learner.restore(state)
    assert learner.scaler.is_enabled()
