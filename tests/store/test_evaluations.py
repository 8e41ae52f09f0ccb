"""Evaluations on disk: written by one, read by many, whole at any moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from diffdx_tui.domain.decoding import Mode
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.evaluation import Plan, arms_of, decoding_for
from diffdx_tui.domain.events import Stats
from diffdx_tui.domain.identity import new_id
from diffdx_tui.domain.verdict import judge
from diffdx_tui.store import shelf
from diffdx_tui.store.directory_writer import RunBusy
from diffdx_tui.store.errors import AmbiguousId, StoreError, UnknownId
from diffdx_tui.store.evaluation_records import (
    EVALUATION_FILE,
    OUTPUTS_FILE,
    Output,
    OutputKey,
    Score,
    output_values,
    parse_output,
    parse_score,
    score_values,
)
from diffdx_tui.store.evaluation_writer import EvaluationWriter, write_scores
from diffdx_tui.store.evaluations import EvaluationReader, EvaluationRegistry, read_outputs
from diffdx_tui.store.run_records import CONTROL_FOLDER, Control, RunState
from diffdx_tui.store.shelf import RunStateError

PLAN = Plan(
    set="test",
    arms=tuple(arms_of({"label": "mini"}, [("greedy", decoding_for("greedy", Mode.FREE))])),
)


@pytest.fixture
def registry(home: Path) -> EvaluationRegistry:
    return EvaluationRegistry(home)


def output(case: str, sample: int = 0) -> Output:
    raw = 'a "text"\n with \x1b and ü'
    verdict = judge(raw, Variant.A, "v").verdict
    return Output(OutputKey("mini free", case, sample), "0" * 64, raw, verdict, Stats(total_s=1.5))


def test_lines_survive_and_foreign_ones_do_not() -> None:
    one = output("a")
    assert parse_output(output_values(one)) == one
    assert parse_output({"arm": "x"}) is None
    score = Score(one.key, {"ACC1": True}, {}, (("most_likely", "x"),), (("fever", "hot"),))
    assert parse_score(score_values(score)) == score and score.right
    assert parse_score({"arm": "x", "case": "y", "sample": "z"}) is None


def test_what_was_written_is_there_after_a_kill(registry: EvaluationRegistry) -> None:
    directory = registry.create(PLAN).directory
    with EvaluationWriter(directory) as writer:
        writer.append(output("a"))
        writer.expect(steps=2, eta_s=1.0)
        writer.end(RunState.STOPPED)
    with (directory / OUTPUTS_FILE).open("ab") as file:
        file.write(b'{"arm": "mini free", "case": "b", "sam')  # killed in the middle of a line
    with EvaluationWriter(directory) as writer:
        assert list(writer.done) == [OutputKey("mini free", "a", 0)]
        writer.append(output("b"))
        writer.append(output("c", 1))
    found = registry.read("last")
    assert found.status.state is RunState.FAILED  # it never said that it had finished
    assert [one.key.case for one in read_outputs(directory)] == ["a", "b", "c"]


def test_one_writer_and_any_number_of_readers(registry: EvaluationRegistry) -> None:
    directory = registry.create(PLAN).directory
    reader = registry.reader("last")
    with EvaluationWriter(directory) as writer:
        with pytest.raises(RunBusy):
            EvaluationWriter(directory)
        assert reader.poll().outputs == []
        writer.append(output("a"))
        assert [one.key.case for one in reader.poll().outputs] == ["a"]
        assert reader.poll().outputs == []
        assert reader.status().state is RunState.RUNNING
        writer.end(RunState.FINISHED)
    write_scores(directory, [Score(output("a").key, {"ACC1": False}, {})])
    assert not EvaluationReader(directory).scores()[output("a").key].right
    assert reader.results() is None


def test_a_request_to_stop_is_seen_and_an_old_one_is_not(registry: EvaluationRegistry) -> None:
    directory = registry.create(PLAN).directory
    (directory / CONTROL_FOLDER / Control.STOP).touch()
    with EvaluationWriter(directory) as writer:
        assert not writer.stop_requested()
        registry.request_stop(registry.read("last").id)
        assert writer.stop_requested()
        writer.end(RunState.STOPPED)
    assert not list((directory / CONTROL_FOLDER).iterdir())
    with pytest.raises(RunStateError, match="stopped"):
        registry.request_stop("last")


def test_facts_are_merged(registry: EvaluationRegistry) -> None:
    directory = registry.create(PLAN, facts={"inputs": {"rows": "x"}}).directory
    with EvaluationWriter(directory) as writer:
        writer.add_facts(models={"a": 1})
        writer.add_facts(models={"b": float("nan")})
        writer.end(RunState.FINISHED)
    assert registry.read("last").record.facts["models"] == {"a": 1, "b": None}
    assert registry.find_same(PLAN, {"rows": "x"}) is not None
    assert registry.find_same(PLAN, {"rows": "y"}) is None
    assert registry.find_same(PLAN.model_copy(update={"limit": 3}), {"rows": "x"}) is None


def test_ids_are_no_paths(registry: EvaluationRegistry, tmp_path: Path) -> None:
    first, second = registry.create(PLAN), registry.create(PLAN)
    assert registry.directory("last") == second.directory
    common = next(n for n in range(18) if first.id[: n + 1] != second.id[: n + 1])
    with pytest.raises(AmbiguousId):
        registry.directory(first.id[:common])
    for name in ("", "../..", str(tmp_path), "zzz"):
        with pytest.raises(UnknownId):
            registry.directory(name)
    assert registry.directory(str(first.directory)) == first.directory


def test_another_folder_holds_one_evaluation(registry: EvaluationRegistry, tmp_path: Path) -> None:
    registry.create(PLAN, tmp_path / "mine")
    with pytest.raises(StoreError, match="already"):
        registry.create(PLAN, tmp_path / "mine")
    assert registry.list().evaluations == ()


def test_deleted_ones_come_back(
    registry: EvaluationRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = registry.create(PLAN)
    with EvaluationWriter(made.directory) as writer:
        with pytest.raises(RunStateError):
            registry.delete(made.id)
        writer.end(RunState.FINISHED)
        monkeypatch.setattr(shelf, "_ENDING_SECONDS", 0.0)
        with pytest.raises(RunStateError, match="still ending"):  # it has not let go yet
            registry.delete(made.id)
    registry.delete(made.id)
    assert registry.list().evaluations == ()
    assert [one.id for one in registry.list_deleted().evaluations] == [made.id]
    registry.restore(made.id)
    assert registry.read(made.id).record.plan == PLAN


def test_damaged_ones_are_noted(registry: EvaluationRegistry) -> None:
    made = registry.create(PLAN)
    (made.directory / EVALUATION_FILE).write_text('{"schema": 1}', encoding="utf-8")
    (registry.folder / "notes").mkdir()
    (registry.folder / new_id()).touch()  # no folder
    found = registry.list()
    assert found.evaluations == () and len(found.notes) == 3
