"""`train`: the recipe that flags, files and ablations make, and what is refused at once."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from diffdx_tui.commands.arguments import build_parser
from diffdx_tui.commands.completion import places_of
from diffdx_tui.domain.recipe import DEFAULT, Recipe
from tests.cli.conftest import Run, command


def dry(run: Run, *arguments: str) -> dict[str, Any]:
    ended = run("train", "--dry-run", *arguments)
    assert ended.code == 0, ended.err
    recipe: dict[str, Any] = json.loads(ended.out)
    return recipe


def test_defaults(run: Run, home: Path) -> None:
    assert dry(run) == DEFAULT.as_dict()
    assert not (home / "runs").exists(), "a dry run leaves nothing"


def test_flags_win_over_ablation_over_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps({"rank": 2, "alpha": 4, "seed": 7, "max_steps": 9}))
    recipe = dry(
        run,
        *("--recipe", str(file), "--ablation", "rank-16", "--alpha", "64", "--max-steps", "none"),
        *("--no-shared-prefix", "--targets", "q_proj,v_proj", "--variant", "b"),
    )
    assert (recipe["rank"], recipe["alpha"], recipe["seed"]) == (16, 64.0, 7)
    assert recipe["max_steps"] is None and recipe["shared_prefix"] is False
    assert recipe["targets"] == ["q_proj", "v_proj"] and recipe["variant"] == "B"


def test_a_run_can_be_prepared_for_a_launcher(run: Run, home: Path) -> None:
    ended = run("train", "--prepare", "--rank", "4")
    directory = Path(ended.out.strip())
    assert ended.code == 0 and directory.parent == home / "runs" and "torchrun" in ended.err
    assert json.loads((directory / "run.json").read_text())["recipe"]["rank"] == 4
    assert not (directory / "launched.json").exists()
    assert run("train", "--prepare", "--follow").code == 2


def test_a_runs_own_file_is_a_recipe_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"schema": 1, "recipe": {**DEFAULT.as_dict(), "rank": 3}}))
    assert dry(run, "--recipe", str(file))["rank"] == 3


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--rank", "0"), "rank: must be at least 1, got '0'"),
        (("--rate", "fast"), "rate: must be a number, got 'fast'"),
        (("--micro-batch", "99"), "micro_batch 99 is larger than batch 8"),
        (("--precision", "int8"), "invalid choice: 'int8'"),
        (("--ablation", "Z"), "invalid choice: 'Z'"),
        (("--recipe", "nowhere.json"), "nowhere.json cannot be read"),
        (("--base", "\x1b[2J"), "base: has characters that cannot be shown"),
    ],
)
def test_bad_values_are_refused_with_the_reason(
    run: Run, home: Path, arguments: tuple[str, ...], reason: str
) -> None:
    ended = run("train", *arguments)
    assert ended.code == 2 and reason in ended.err and ended.out == ""
    assert not (home / "runs").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"rnak": 4}', '{"recipe": 3}'])
def test_bad_recipe_files_are_refused(run: Run, tmp_path: Path, text: str) -> None:
    file = tmp_path / "recipe.json"
    file.write_text(text)
    assert run("train", "--recipe", str(file)).code == 2


def test_a_base_that_is_not_here_starts_nothing(run: Run, home: Path) -> None:
    ended = run("train", "--base", "nobody/nothing")
    assert ended.code == 4 and "models pull nobody/nothing" in ended.err
    assert run("train", "--base", "/nowhere/at/all").code == 4
    assert not (home / "runs").exists()


def test_data_that_is_not_there_starts_nothing(run: Run, home: Path, tmp_path: Path) -> None:
    ended = run("train", "--data", str(tmp_path / "none.jsonl"))
    assert ended.code == 3 and "cannot be read" in ended.err
    assert run("train", "--data", str(tmp_path)).code == 3
    assert not (home / "runs").exists()


def test_every_setting_has_a_flag_that_help_and_completion_know() -> None:
    places = {
        place.path: {word.text for word in place.words} for place in places_of(build_parser())
    }
    settings = set(Recipe.model_fields) - {"train_split"}
    assert {f"--{name.replace('_', '-')}" for name in settings} <= places["train"]
    actions = {"list", "show", "follow", "pause", "resume", "save", "stop", "compare", "export"}
    assert actions | {"delete", "restore"} <= places["runs"]


@pytest.mark.parametrize("wording", ["nothing.jsonl", "embedded:mini/nothing.jsonl"])
@pytest.mark.parametrize("command", ["train", "ablate"])
def test_words_that_are_not_there_are_refused_before_anything_starts(
    command: str, wording: str, run: Run, home: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps({"wording": wording}))
    result = run(command, "--recipe", str(recipe))
    assert result.code == 3 and "nothing.jsonl cannot be read" in result.err
    assert not list((home / "runs").glob("*"))


def test_two_steps_of_mini_from_start_to_adapter(spawn: Run, home: Path) -> None:
    small = ("--max-steps", "2", "--batch", "2", "--precision", "fp32", "--probe-cases", "0")
    started = subprocess.run(
        command("train", *small, "--follow"), capture_output=True, text=True, timeout=110
    )
    assert started.returncode == 0, started.stderr
    run_id, *lines = started.stdout.splitlines()
    losses = [line for line in lines if "  loss " in line]
    assert [line.split()[1] for line in losses] == ["1/2", "2/2"]
    directory = home / "runs" / run_id
    metrics = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    training = [line for line in metrics if "step" in line and "loss" in line]
    assert [line["step"] for line in training] == [1, 2]
    assert all(line["loss"] > 0 and line["grad_norm"] > 0 for line in training)
    facts = json.loads((directory / "run.json").read_text())
    assert {"data", "base", "template"} <= facts["sha256"].keys()
    assert (directory / "adapter" / "adapter_config.json").is_file()
    shown = spawn("runs", "show", "last")
    assert shown.code == 0 and "STATE: finished" in shown.out and "ADAPTER: there" in shown.out
