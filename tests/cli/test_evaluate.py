"""``evaluate`` and ``ablate`` as a person meets them."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from diffdx_tui.ablation import Ablation, AblationStopped, Ablator, recipe_hashes
from diffdx_tui.commands.ablate import write_results
from diffdx_tui.commands.arguments import build_parser
from diffdx_tui.commands.exits import CommandError
from diffdx_tui.domain.decoding import Mode
from diffdx_tui.domain.recipe import read_recipe
from diffdx_tui.store.evaluations import EvaluationReader, EvaluationRegistry
from diffdx_tui.store.run_records import RunState
from diffdx_tui.store.run_registry import RunRegistry
from tests.cli.conftest import Run, command

FEW = ("evaluate", "--set", "test", "--limit", "2", "--mode", "guided", "--max-new-tokens", "150")


def test_figures_on_standard_output_and_files_in_home(run: Run, home: Path) -> None:
    ended = run(*FEW)
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert any(line.startswith("tiny A guided") and "2/2 100% (34-100)" in line for line in lines)
    assert any(line.startswith("nearest") for line in lines)
    assert "not clinician-validated" in ended.out
    (made,) = EvaluationRegistry(home).list().evaluations
    assert str(made.directory) in ended.err
    assert made.record.facts["command"][0] == "diffdx-tui"
    for name in ("report.md", "report.html", "results.json", "scores.jsonl"):
        assert (made.directory / name).is_file()
    shown = run("evaluate", "show", "last", "--json")
    values = json.loads(shown.out)
    assert values["metrics"]["SCH-strict"] == {
        "k": 2,
        "n": 2,
        "value": 1.0,
        "low": pytest.approx(0.342, abs=1e-3),
        "high": 1.0,
        "interval": "wilson",
    }
    assert made.id in run("evaluate", "list").out
    before = (made.directory / "results.json").read_bytes()
    assert run("evaluate", "rescore", made.id[:12]).code == 0
    assert (made.directory / "results.json").read_bytes() == before
    assert run("evaluate", "report", str(made.directory)).code == 0
    assert run("evaluate", "delete", "last").code == 0
    assert run("evaluate", "show", "last").code == 3
    assert run("evaluate", "restore", made.id).code == 0
    assert json.loads(run("evaluate", "list", "--json").out)[0]["state"] == "finished"


def test_minimal_pairs_are_told_where_there_are_whole_ones(run: Run) -> None:
    few = ("--mode", "guided", "--max-new-tokens", "150")
    ended = run("evaluate", "--set", "regression", *few)
    assert ended.code == 0, ended.err
    (flips,) = [line for line in ended.out.splitlines() if line.split()[-2:] == ["PAIR", "FLIP"]]
    told = ended.out.splitlines()[ended.out.splitlines().index(flips) + 1]
    assert told.startswith("tiny A guided") and told.count("/1 ") == 2
    assert "minimal pairs" not in run("evaluate", *few, "--set", "test", "--limit", "1").out


def test_another_folder_is_used_and_never_overwritten(run: Run, home: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    ended = run(*FEW, "--out", str(out), "--json")
    assert ended.code == 0 and json.loads(ended.out)["complete"]
    assert EvaluationRegistry(home).list().evaluations == ()
    again = run(*FEW, "--out", str(out))
    assert again.code == 5 and "already" in again.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--samples", "3"), 2, "greedy"),
        (("--decoding", "fast"), 2, "fast"),
        (("--set", "everything"), 2, "everything"),
        (("--temperature", "9"), 2, "temperature"),
        (("--model", "no/such"), 4, "models pull"),
        (("--adapter", "no/such"), 4, "no/such"),
        (("--set", "external:avey"), 3, "external pull"),
        (("--runs", "nothing"), 3, "no run"),
        (("--runs", "x", "--model", "mini"), 2, "--runs"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_made(
    run: Run, home: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ended = run("evaluate", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert words in ended.err
    assert EvaluationRegistry(home).list().evaluations == ()


def test_a_run_is_not_asked_what_it_has_learnt(run: Run, home: Path, tiny_model: Path) -> None:
    registry = RunRegistry(home)
    record = registry.create(read_recipe({"base": str(tiny_model)}))
    adapter = registry.directory(record.id) / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}", encoding="utf-8")
    ended = run("evaluate", "--runs", "last", "--set", "cv")
    assert ended.code == 2 and "--fold" in ended.err
    ended = run("evaluate", "--adapter", str(adapter), "--set", "cv")
    assert ended.code == 2 and "learnt" in ended.err


def test_ctrl_c_stops_it_and_resume_goes_on(home: Path) -> None:
    arguments = ("evaluate", "--model", "mini", "--limit", "5", "--mode", "free")
    process = subprocess.Popen(
        command(*arguments, "--max-new-tokens", "300"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    registry, deadline = EvaluationRegistry(home), time.monotonic() + 60
    while not (found := registry.list().evaluations) or found[0].status.step < 1:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "resume" in err
    (stopped,) = registry.list().evaluations
    assert stopped.status.state is RunState.STOPPED
    assert 1 <= stopped.status.step < 5
    again = subprocess.run(
        command("evaluate", "resume", "last", "--json"), capture_output=True, text=True, timeout=100
    )
    assert again.returncode == 0 and json.loads(again.stdout)["outputs"] == 5


def test_an_ablation_trains_what_the_reference_did() -> None:
    options = build_parser().parse_args(["ablate", "--seeds", "1,2", "--max-steps", "5", "--cv"])
    from diffdx_tui.commands.ablate import ablation_of

    ablation = ablation_of(options)
    recipes = ablation.recipes()
    assert set(recipes) == {(label, seed) for label in "ABC" for seed in (1, 2)}
    assert [recipe.fold for recipe in recipes["B", 2]] == [0, 1, 2, 3, 4]
    one = recipes["C", 1][0]
    assert (one.variant, one.seed, one.max_steps, one.precision) == ("C", 1, 5, "nf4")
    modes = [(way, decoding.mode) for way, decoding in ablation.decodings()]
    assert modes == [
        ("greedy", Mode.FREE),
        ("reference", Mode.FREE),
        ("no-penalty", Mode.FREE),
        ("greedy", Mode.GUIDED),
    ]
    assert Ablation(modes=(Mode.GUIDED,)).decodings()[0][1].mode is Mode.GUIDED


def test_an_ablation_takes_a_recipe_file_and_flags_win(tmp_path: Path) -> None:
    from diffdx_tui.commands.ablate import ablation_of

    path = tmp_path / "recipe.json"
    settings = {"targets": ["2.mlp.up_proj"], "rate": 1e-3, "variant": "B", "seed": 7}
    path.write_text(json.dumps(settings))
    words = ["ablate", "--recipe", str(path), "--rate", "2e-3"]
    (recipe,) = ablation_of(build_parser().parse_args(words)).recipes()["A", 7]
    assert (recipe.targets, recipe.rate, recipe.variant) == (("2.mlp.up_proj",), 2e-3, "A")
    with pytest.raises(CommandError, match="cannot be read"):
        ablation_of(build_parser().parse_args(["ablate", "--recipe", str(tmp_path / "none")]))


def test_an_ablation_can_draw_and_tell_cases_otherwise(home: Path) -> None:
    from diffdx_tui.commands.ablate import ablation_of

    words = "ablate --cv --variants baseline --decoding greedy,reference --samples 10 --perturb"
    options = build_parser().parse_args([*words.split(), "order,units"])
    ablation = ablation_of(options)
    ablation.check()
    plan = Ablator(ablation, home).plan({})
    assert {arm.name: arm.samples for arm in plan.arms} == {
        "baseline free": 1,
        "baseline free reference": 10,
        "baseline guided": 1,
        "baseline guided reference": 10,
        "baseline free, order": 1,
        "baseline guided, order": 1,
        "baseline free, units": 1,
        "baseline guided, units": 1,
    }


@pytest.mark.parametrize(
    "flags",
    [
        ("--decoding", "greedy", "--samples", "3"),
        ("--decoding", "reference", "--modes", "free", "--perturb", "order"),
    ],
)
def test_what_an_ablation_cannot_ask_is_said_before_it_trains(
    run: Run, home: Path, flags: tuple[str, ...]
) -> None:
    ended = run("ablate", *flags)
    assert ended.code == 2 and "greedy" in ended.err
    assert RunRegistry(home).list().runs == ()


def test_an_ablation_that_was_asked_to_stop_starts_nothing_more(home: Path) -> None:
    with pytest.raises(AblationStopped):
        Ablator(Ablation(labels=("A",)), home, cancelled=lambda: True).run()
    assert RunRegistry(home).list().runs == ()


def test_hashes_are_those_a_run_records(tiny_model: Path) -> None:
    from diffdx_tui.config import data_directory
    from diffdx_tui.domain.splits import read_splits

    hashes = recipe_hashes(read_recipe({"base": str(tiny_model)}))
    assert hashes["data"] == read_splits(data_directory() / "splits.json").sha256
    assert set(hashes) == {"data", "base", "template"}
    other = recipe_hashes(read_recipe({"base": str(tiny_model), "variant": "B"}))
    assert other["template"] != hashes["template"] and other["base"] == hashes["base"]


def test_written_results_name_no_folder(tmp_path: Path) -> None:
    run_id = RunRegistry(tmp_path).create(read_recipe({})).id
    adapter = str(tmp_path / "runs" / run_id / "adapter")
    values = {"adapter": adapter, "external": str(tmp_path / "sets"), "text": "a / b", "n": 1}
    values["command"] = ["ablate", f"--external={tmp_path / 'sets'}"]
    write_results(tmp_path / "out.json", values)
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written.pop("command") == ["ablate", "--external=sets"]
    assert written == {"adapter": f"run {run_id}", "external": "sets", "text": "a / b", "n": 1}


@pytest.mark.timeout(900)
@pytest.mark.slow  # three trainings and eight arms, minutes on two cores
def test_the_reference_table_from_one_command(run: Run, home: Path, tmp_path: Path) -> None:
    out = tmp_path / "ablation.json"
    arguments = ("ablate", "--max-steps", "2", "--limit", "2", "--decoding", "greedy")
    ended = run(*arguments, "--out", str(out))
    assert ended.code == 0, ended.err
    for words in ("14/25 56% (37-73)", "1/25 4% (1-20)", "13/25 52%", "9/25 36%", "McNemar"):
        assert words in ended.out, words
    results = json.loads(out.read_text(encoding="utf-8"))
    labels = {arm["label"] for arm in results["arms"] if arm["kind"] == "model"}
    assert labels == {"baseline", "A", "B", "C"}
    assert any(test["kind"] == "models" for test in results["comparisons"])
    assert str(home) not in out.read_text(encoding="utf-8")
    runs = {one.id for one in RunRegistry(home).list().runs}
    (first,) = EvaluationRegistry(home).list().evaluations
    outputs = (first.directory / "outputs.jsonl").read_bytes()
    assert run(*arguments).code == 0
    assert {one.id for one in RunRegistry(home).list().runs} == runs, "trained again"
    assert (first.directory / "outputs.jsonl").read_bytes() == outputs, "asked again"
    assert EvaluationReader(first.directory).results() is not None
