"""Evaluations end to end: answered by the real embedded model, scored again without it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from diffdx_tui.config import data_directory
from diffdx_tui.domain.decoding import Decoding, Mode
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.evaluation import Arm, Plan, decoding_for, perturbed_arms
from diffdx_tui.domain.evaluation_sets import read_set
from diffdx_tui.domain.metrics import CaseScore, Metric
from diffdx_tui.launch import TRAINER, clean_environment, resume_evaluation, start_evaluation
from diffdx_tui.store.evaluation_records import (
    OUTPUTS_FILE,
    PAGE_FILE,
    REPORT_FILE,
    RESULTS_FILE,
    SCORES_FILE,
)
from diffdx_tui.store.evaluations import EvaluationReader, EvaluationRegistry, read_outputs
from diffdx_tui.store.run_records import Phase, RunState
from tests.trainer.evaluation_material import HOSTILE, gold_answers, write_answers
from trainer.evaluation.command import main, make_files
from trainer.evaluation.comparisons import Scored, compare_arms
from trainer.evaluation.invariance import measure_invariance
from trainer.evaluation.results import any_of, measure_samples
from trainer.evaluation.rows import Changed, hash_text, rows_asked

# Short: what is tested is the way, not the model.
SHORT = replace(decoding_for("greedy", Mode.GUIDED), max_new_tokens=100)


def arm(name: str, decoding: Decoding = SHORT, **settings: Any) -> Arm:
    return Arm(name=name, label=settings.pop("label", name), decoding=decoding, **settings)


def wait(directory: Path, *states: RunState, outputs: int = 0) -> None:
    reader, deadline = EvaluationReader(directory), time.monotonic() + 100
    while time.monotonic() < deadline:
        status = reader.status()
        if status.state in states and (not outputs or status.step >= outputs):
            return
        assert status.state.is_live or status.state in states, status
        time.sleep(0.05)
    raise AssertionError(f"still {reader.status()}")


def test_killed_and_resumed_it_asks_nothing_twice(home: Path) -> None:
    slow = replace(decoding_for("greedy", Mode.FREE), max_new_tokens=300)
    plan = Plan(set="test", limit=4, arms=(arm("free", slow), arm("guided")))
    directory = start_evaluation(plan, home)
    wait(directory, RunState.RUNNING, outputs=2)
    pid = json.loads((directory / "launched.json").read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    wait(directory, RunState.DEAD)
    before = (directory / OUTPUTS_FILE).read_bytes()
    kept = before[: before.rfind(b"\n") + 1]
    assert 2 <= kept.count(b"\n") < 8
    resume_evaluation(directory.name, home)
    wait(directory, RunState.FINISHED)
    after = (directory / OUTPUTS_FILE).read_bytes()
    assert after.startswith(kept) and after.count(b"\n") == 8
    results = EvaluationReader(directory).results()
    assert results is not None and results["complete"]
    free, guided = results["arms"][:2]
    assert guided["metrics"]["SCH-strict"]["k"] == guided["metrics"]["SCH-strict"]["n"] == 4
    assert free["answers"] == guided["answers"] == 4
    for name in ("models", "versions", "hardware", "seeds", "config", "metrics"):
        assert results[name], name
    assert {one["name"] for one in results["arms"]} == {"free", "guided", "constant", "nearest"}
    # The same figures again, without a model.
    first = {name: (directory / name).read_bytes() for name in (RESULTS_FILE, SCORES_FILE)}
    (directory / RESULTS_FILE).unlink()
    assert main(["rescore", str(directory)]) == 0
    assert {name: (directory / name).read_bytes() for name in first} == first


def test_stopped_by_a_request_it_keeps_what_it_has(home: Path) -> None:
    slow = replace(decoding_for("greedy", Mode.FREE), max_new_tokens=300)
    directory = start_evaluation(Plan(set="test", arms=(arm("free", slow),)), home)
    wait(directory, RunState.RUNNING, outputs=1)
    EvaluationRegistry(home).request_stop(directory.name)
    wait(directory, RunState.STOPPED)
    results = EvaluationReader(directory).results()
    assert results is not None and not results["complete"]
    assert 1 <= results["outputs"] < 25
    assert "Incomplete" in (directory / REPORT_FILE).read_text(encoding="utf-8")


def test_samples_differ_and_are_measured_as_samples(home: Path) -> None:
    hot = replace(SHORT, temperature=1.5, max_new_tokens=100)
    plan = Plan(set="regression", arms=(arm("hot", hot, samples=3),))
    directory = EvaluationRegistry(home).create(plan).directory
    assert main([str(directory)]) == 0
    outputs = list(read_outputs(directory))
    assert len(outputs) == 6
    assert len({output.raw for output in outputs if "sah" in output.key.case}) > 1
    results = EvaluationReader(directory).results()
    assert results is not None
    hot_arm = results["arms"][0]
    assert hot_arm["metrics"]["ACC1"]["n"] == 2 and hot_arm["answers"] == 6
    assert hot_arm["any_of_samples"]["ACC1"]["n"] == 2
    assert not [test for test in results["comparisons"] if test["first"] == "hot"]


def test_gold_answers_have_full_marks_and_text_is_data(home: Path) -> None:
    gold = gold_answers()
    some = dict(list(gold.items())[:3])
    bad = json.loads(next(iter(gold.values())))
    bad["most_likely"] = f"{HOSTILE} - because"
    plan = Plan(
        set="test",
        arms=(
            arm("A free", label="A", decoding=decoding_for("greedy", Mode.FREE)),
            arm(
                "B free",
                label="B",
                variant=Variant.B,
                decoding=decoding_for("greedy", Mode.FREE),
            ),
            arm("<i>bad</i> free", decoding=decoding_for("greedy", Mode.FREE)),
        ),
    )
    directory = EvaluationRegistry(home).create(plan).directory
    answers = {
        "A free": gold,
        "B free": gold_answers(Variant.B),
        "<i>bad</i> free": {case: json.dumps(bad) for case in some},
    }
    write_answers(directory, answers)
    results = make_files(directory)
    full, other, wrong = results["arms"][:3]
    for metric in ("SCH-strict", "ECHO", "ACC1", "MNM-recall", "WORK", "PAIR"):
        figure = full["metrics"][metric]
        assert figure["k"] == figure["n"] > 0, metric
    assert other["metrics"]["MNM-recall"]["n"] == 0
    assert other["shared"]["ACC1"]["k"] == 25
    assert wrong["unmatched"] == [[HOSTILE, 3]]
    assert [row["label"] for row in results["reference"]["rows"]] == ["A", "B"]
    assert results["reference"]["rows"][0]["reference"]["k"] == 14
    page = (directory / PAGE_FILE).read_text(encoding="utf-8")
    assert "<script" not in page and "<i>" not in page and "\x1b" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert "14/25, 56 % (37 to 73)" in page
    text = (directory / REPORT_FILE).read_text(encoding="utf-8")
    assert "<" not in text.replace(r"\<", "").replace("< 0.001", "") and "HAI-DiffDx-0.5B" in text
    for link in ("sch-strict.svg", "acc1.svg"):
        assert f"(plots/{link})" in text and (directory / "plots" / link).is_file()
    assert all(domain in text for domain in ("cardiac", "psychiatric"))


def test_a_changed_row_is_not_scored_in_silence(home: Path) -> None:
    directory = EvaluationRegistry(home).create(Plan(set="test", arms=(arm("a"),))).directory
    write_answers(directory, {"a": gold_answers()})
    path = directory / OUTPUTS_FILE
    first, rest = path.read_text(encoding="utf-8").split("\n", 1)
    values = {**json.loads(first), "vignette_sha256": "0" * 64}
    path.write_text(json.dumps(values) + "\n" + rest, encoding="utf-8")
    with pytest.raises(Changed, match=values["case"]):
        make_files(directory)
    assert main(["rescore", str(directory)]) == 5


def test_cases_told_otherwise_are_asked_and_set_beside_the_plain_ones(home: Path) -> None:
    plain = arm("plain")
    arms = (plain, *perturbed_arms([plain], ["irrelevant", "units"]))
    directory = EvaluationRegistry(home).create(Plan(set="regression", arms=arms)).directory
    assert main([str(directory)]) == 0
    rows = read_set("regression", data_directory())
    asked = {one.name: {gold.id: gold for gold in rows_asked(one, rows)} for one in arms}
    outputs = list(read_outputs(directory))
    assert len(outputs) == sum(map(len, asked.values())) > 2
    for output in outputs:
        text = asked[output.key.arm][output.key.case].vignette
        assert output.vignette_sha256 == hash_text(text)
        # Guided mode gives the echo, of the text that was asked.
        assert json.dumps(text, ensure_ascii=False)[1:-1] in output.raw
    results = EvaluationReader(directory).results()
    assert results is not None and results["complete"]
    assert results["arms"][1]["kind"] == "perturbed"
    assert (
        results["arms"][1]["metrics"]["ECHO"]["value"]
        == results["arms"][1]["metrics"]["ECHO"]["n"] / 2
    )
    assert {test["first"] for test in results["comparisons"]} == {"plain"}
    row = results["invariance"][0]
    assert (row["arm"], row["perturbation"], row["same"]["interval"]) == (
        "plain",
        "irrelevant",
        "wilson",
    )
    assert "Cases told otherwise" in (directory / REPORT_FILE).read_text(encoding="utf-8")


def test_figures_of_a_part_are_there_when_the_rest_fails(home: Path) -> None:
    arms = (arm("a"), arm("b", model="no/such"))
    directory = EvaluationRegistry(home).create(Plan(set="test", arms=arms)).directory
    write_answers(directory, {"a": gold_answers()})
    assert main([str(directory)]) == 4
    status = EvaluationReader(directory).status()
    assert status.state is RunState.FAILED and "models pull no/such" in status.message
    assert status.phase is Phase.ENDED, "the last word comes after the figures"
    results = EvaluationReader(directory).results()
    assert results is not None and not results["complete"]


def test_what_goes_wrong_is_said_in_a_sentence(home: Path, capsys: Any) -> None:
    registry = EvaluationRegistry(home)
    missing = registry.create(Plan(set="test", arms=(arm("a", model="no/such"),))).directory
    assert main([str(missing)]) == 4
    status = EvaluationReader(missing).status()
    assert status.state is RunState.FAILED and "models pull no/such" in status.message
    external = registry.create(Plan(set="external:avey", arms=(arm("a"),))).directory
    assert main([str(external)]) == 3
    assert main(["report", str(external)]) == 5
    assert main([str(home)]) == 5
    assert "Traceback" not in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["recount", str(external)])


def test_the_process_knows_its_home(home: Path) -> None:
    done = subprocess.run(
        [*TRAINER, "evaluate", "report", str(home / "nothing")],
        env=clean_environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5 and "results.json" in done.stderr


# -------------------------------------------------------------------------- statistics


def score(case: str, group: str = "", **values: bool | float) -> CaseScore:
    return CaseScore(
        case, group or case, None, "d", {Metric[name]: value for name, value in values.items()}
    )


def test_several_answers_a_case_are_one_case() -> None:
    samples = [
        [score("a", ACC1=True), score("b", ACC1=False)],
        [score("a", ACC1=False), score("b", ACC1=False)],
    ]
    figure = measure_samples(samples)[Metric.ACC1]
    assert (figure.k, figure.n, figure.interval) == (0.5, 2, "group-bootstrap")
    either = any_of(samples, Metric.ACC1)
    assert (either.k, either.n, either.interval) == (1, 2, "group-bootstrap")
    alone = measure_samples(samples[:1])[Metric.ACC1]
    assert (alone.k, alone.n, alone.interval) == (1, 2, "wilson")


def scored(name: str, right: list[bool], **settings: Any) -> Scored:
    scores = tuple(score(str(at), ACC1=one, SCH_STRICT=one) for at, one in enumerate(right))
    about = {"table": "free greedy", "guided": False, "seed": None, "variant": "A", **settings}
    return Scored(name=name, label=about.pop("label", name), own=scores, shared=scores, **about)


def test_families_are_one_metric_in_one_table() -> None:
    arms = [
        scored("baseline", [False] * 12),
        scored("A", [True] * 8 + [False] * 4),
        scored("B", [True] * 9 + [False] * 3, variant="B"),
        scored("A guided", [True] * 12, label="A", table="guided greedy", guided=True),
    ]
    floor = {"nearest": scored("nearest", [False] * 12).own}
    tests = compare_arms(arms, floor)
    found = {(one["kind"], one["metric"], one["first"], one["second"]): one for one in tests}
    first = found["models", "SCH-strict", "baseline", "A"]
    assert (first["only_first"], first["only_second"], first["tests"]) == (0, 8, 3)
    assert first["p"] == pytest.approx(2 / 2**8, abs=1e-6)
    assert first["p_holm"] == pytest.approx(2 * first["p"], abs=1e-5)  # the second smallest of 3
    assert first["fields"] == "all"
    assert found["models", "ACC1", "A", "B"]["fields"] == "shared"
    # Form and echo are given in guided mode and to baselines.
    assert ("decodings", "SCH-strict", "A", "A guided") not in found
    assert found["decodings", "ACC1", "A", "A guided"]["only_second"] == 4
    assert ("baselines", "SCH-strict", "A", "nearest") not in found
    assert ("baselines", "ACC1", "A", "nearest") in found


def test_seeds_are_compared_with_their_own() -> None:
    arms = [
        scored("baseline", [False] * 4),
        *(
            scored(f"{label} {seed}", [True] * 4, label=label, seed=seed)
            for label in "AB"
            for seed in (1, 2)
        ),
    ]
    pairs = {
        (one["first"], one["second"])
        for one in compare_arms(arms, {})
        if one["kind"] == "models" and one["metric"] == "ACC1"
    }
    assert ("A 1", "B 1") in pairs and ("A 2", "B 2") in pairs and ("baseline", "A 2") in pairs
    assert ("A 1", "B 2") not in pairs and ("A 1", "A 2") not in pairs


def test_a_name_for_the_same_disease_is_no_change() -> None:
    plain = arm("plain")
    arms = [plain, *perturbed_arms([plain], ["order", "spelling"])]

    def told(name: str, firsts: dict[str, str]) -> list[CaseScore]:
        return [
            replace(score(case, ACC1=first == "mi"), first=first) for case, first in firsts.items()
        ]

    scores = {
        "plain": told("plain", {"a": "mi", "b": "pe", "c": "", "d": "mi"}),
        "plain, order": told("order", {"a": "mi", "b": "pe", "c": "mi", "d": ""}),
        "plain, spelling": told("spelling", {"a": "pe"}),
    }
    order, spelling, both = measure_invariance(arms, scores)
    # c had nothing to begin with; d lost what it had; spelling changed the text of a alone.
    assert (order["same"]["k"], order["same"]["n"]) == (2, 3)
    assert (order["right_plain"]["k"], order["right_perturbed"]["k"]) == (2, 2)
    assert (order["only_plain"], order["only_perturbed"], order["p"]) == (1, 1, 1.0)
    assert (spelling["same"]["k"], spelling["same"]["n"]) == (0, 1)
    assert (both["perturbation"], both["same"]["k"], both["same"]["n"]) == ("any", 1, 3)
