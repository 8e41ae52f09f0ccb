"""Runs with a real writing process: followed, asked, killed, taken up again, deleted, restored."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from diffdx_tui.domain.recipe import DEFAULT, RecipeError, read_recipe
from diffdx_tui.launch import resume_run
from diffdx_tui.store import AmbiguousId, StoreError, UnknownId
from diffdx_tui.store.directory_writer import RunBusy
from diffdx_tui.store.run_checkpoints import find_checkpoint
from diffdx_tui.store.run_files import explain_os
from diffdx_tui.store.run_reader import RunNews, RunReader
from diffdx_tui.store.run_records import Control, EventKind, RunState
from diffdx_tui.store.run_registry import RunRegistry
from diffdx_tui.store.run_writer import RunWriter
from diffdx_tui.store.shelf import NEWEST, RunStateError
from tests.store.runs import CHILD, Runs, runs_in, wait_until

ENDED = (RunState.FINISHED, RunState.STOPPED, RunState.FAILED, RunState.DEAD)
SLOW = {"CHILD_STEPS": "100000", "CHILD_SECONDS": "0.005"}


@pytest.fixture
def runs(home: Path) -> Iterator[Runs]:
    with runs_in(home) as found:
        yield found


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SLOW.items():
        monkeypatch.setenv(name, value)


def steps_of(news: RunNews) -> list[int]:
    return [line.step for line in news.steps]


def confirmed(reader: RunReader, control: Control) -> None:
    """Wait until the run says that it obeyed."""
    seen: list[str] = []

    def said() -> bool:
        events = reader.poll().events
        seen.extend(str(e.details["control"]) for e in events if e.kind == EventKind.OBEYED)
        return control in seen

    wait_until(said)


def test_a_run_is_followed_from_start_to_end(runs: Runs) -> None:
    run_id = runs.start()
    assert runs.status(run_id).state.is_live
    reader, steps = runs.registry.reader(run_id), []
    while (state := reader.status().state).is_live:
        steps += steps_of(reader.poll())
    steps += steps_of(reader.poll())
    assert state is RunState.FINISHED
    assert steps == list(range(1, 21)), "each line once, in order"
    run = runs.registry.read(run_id)
    assert run.has_adapter and run.record.facts["sha256"] == {"data": "0" * 64}
    beat = run.status.heartbeat
    assert beat is not None
    assert (beat.step, beat.steps, beat.loss) == (20, 20, 0.1)
    assert (beat.best_loss, beat.best_step, beat.strict, beat.n) == (0.6, 20, 1, 2)
    kinds = [event.kind for event in reader.read_all().events]
    assert kinds[0] == EventKind.STARTED and kinds[-1] == EventKind.ENDED


def test_metrics_lines_are_as_promised(runs: Runs) -> None:
    run_id = runs.start()
    runs.wait(run_id, RunState.FINISHED)
    lines = [
        json.loads(line)
        for line in (runs.directory(run_id) / "metrics.jsonl").read_text().splitlines()
    ]
    training = [line for line in lines if "step" in line and "loss" in line]
    assert [line["step"] for line in training] == list(range(1, 21))
    assert all(isinstance(line["loss"], float) for line in training)
    assert {frozenset(line) for line in lines if "loss" not in line} == {
        frozenset({"step", "val_loss"}),
        frozenset({"step", "probe"}),
    }


@pytest.mark.usefixtures("endless")
def test_pause_resume_save_stop(runs: Runs) -> None:
    run_id = runs.start()
    reader = runs.registry.reader(run_id)
    runs.wait_for_step(run_id, 3)
    runs.registry.request(run_id, Control.PAUSE)
    runs.registry.request(run_id, Control.PAUSE)
    confirmed(reader, Control.PAUSE)
    paused = runs.status(run_id)
    assert paused.state is RunState.PAUSED and paused.pending == frozenset()
    time.sleep(0.05)
    assert runs.status(run_id).step == paused.step, "it holds"
    runs.registry.request(run_id, Control.RESUME)
    confirmed(reader, Control.RESUME)
    runs.wait_for_step(run_id, paused.step + 2)
    runs.registry.request(run_id, Control.SAVE)
    confirmed(reader, Control.SAVE)
    assert find_checkpoint(runs.directory(run_id)) is not None
    runs.registry.request(run_id, Control.STOP)
    ended = runs.wait(run_id, *ENDED)
    assert (ended.state, ended.message) == (RunState.STOPPED, "asked to")
    with pytest.raises(RunStateError, match="stopped: there is nothing to pause"):
        runs.registry.request(run_id, Control.PAUSE)


@pytest.mark.usefixtures("endless")
def test_the_opposite_request_replaces_one_not_yet_obeyed(runs: Runs) -> None:
    run_id = runs.start()
    runs.wait_for_step(run_id, 1)
    os.kill(runs.pid(run_id), signal.SIGSTOP)  # so that it obeys nothing
    runs.registry.request(run_id, Control.PAUSE)
    assert runs.status(run_id).pending == {Control.PAUSE}
    runs.registry.request(run_id, Control.RESUME)
    assert runs.status(run_id).pending == {Control.RESUME}


@pytest.mark.usefixtures("endless")
def test_sigkill_is_seen_and_the_run_goes_on_where_it_was(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = runs.start()
    runs.wait_for_step(run_id, 12)
    follower = runs.registry.reader(run_id)
    before = steps_of(follower.poll())
    runs.kill(run_id)
    dead = runs.wait(run_id, *ENDED)
    assert dead.state is RunState.DEAD and "without a word" in dead.message
    monkeypatch.setenv("CHILD_STEPS", str(dead.step + 10))
    checkpoint = find_checkpoint(runs.directory(run_id))
    assert checkpoint is not None
    assert resume_run(run_id, runs.home, {"rate": 1e-4}, trainer=CHILD) == run_id
    runs.wait(run_id, RunState.FINISHED)
    news = runs.registry.reader(run_id).read_all()
    assert steps_of(news) == list(range(1, dead.step + 11)), "as if nothing had happened"
    record = runs.registry.read(run_id).record
    assert record.recipe.rate == 1e-4
    assert record.resumes[0]["from_step"] == int(checkpoint.name)
    seen = follower.poll()
    if not seen.restarted:  # killed just after a checkpoint: no line had to be taken out
        assert dead.step == int(checkpoint.name)
    whole = steps_of(seen) if seen.restarted else before + steps_of(seen)
    assert whole == steps_of(news)


@pytest.mark.parametrize(
    ("variable", "state", "message"),
    [
        ("CHILD_RAISES", RunState.FAILED, "ValueError: a bad\x1b[2J batch"),
        ("CHILD_DIES", RunState.DEAD, "without a word"),
    ],
)
def test_ends_that_were_not_asked_for(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, variable: str, state: RunState, message: str
) -> None:
    monkeypatch.setenv(variable, "3")
    run_id = runs.start()
    ended = runs.wait(run_id, *ENDED)
    assert ended.state is state and message in ended.message
    assert steps_of(runs.registry.reader(run_id).read_all()) == [1, 2]


def test_a_process_that_never_speaks_is_dead_not_starting(home: Path) -> None:
    with runs_in(home) as runs:
        record = runs.registry.create(DEFAULT)
        assert runs.status(record.id).state is RunState.STARTING
        (runs.directory(record.id) / "launched.json").write_text(
            json.dumps({"t": time.time(), "pid": 1, "owner": "nobody"})
        )
        status = runs.status(record.id)
        assert status.state is RunState.DEAD and "console.log" in status.message


@pytest.mark.usefixtures("endless")
def test_a_stopped_process_falls_silent(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = runs.start()
    runs.wait_for_step(run_id, 1)
    os.kill(runs.pid(run_id), signal.SIGSTOP)
    monkeypatch.setattr("diffdx_tui.store.run_reader.SILENT_SECONDS", 0.2)
    silent = runs.wait(run_id, RunState.SILENT)
    assert "no sign of life" in silent.message
    with pytest.raises(RunStateError, match="stop it"):
        runs.registry.delete(run_id)
    os.kill(runs.pid(run_id), signal.SIGCONT)
    runs.wait(run_id, RunState.RUNNING)


@pytest.mark.usefixtures("endless")
def test_only_one_process_writes_a_run(runs: Runs) -> None:
    run_id = runs.start()
    runs.wait_for_step(run_id, 1)
    with pytest.raises(RunBusy, match="another process"):
        RunWriter(runs.directory(run_id))
    with pytest.raises(RunStateError, match="goes on already"):
        resume_run(run_id, runs.home, trainer=CHILD)


def test_a_finished_run_is_not_resumed_and_only_some_settings_change(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = runs.start()
    runs.wait(finished, RunState.FINISHED)
    with pytest.raises(RunStateError, match="has finished"):
        resume_run(finished, runs.home, trainer=CHILD)
    monkeypatch.setenv("CHILD_RAISES", "3")
    failed = runs.start()
    runs.wait(failed, RunState.FAILED)
    with pytest.raises(RecipeError, match="rank: cannot change"):
        resume_run(failed, runs.home, {"rank": 4}, trainer=CHILD)
    with pytest.raises(RecipeError, match="rate: must be more than 0"):
        resume_run(failed, runs.home, {"rate": 0}, trainer=CHILD)
    assert runs.status(failed).state is RunState.FAILED


def test_requests_that_a_dead_process_did_not_obey_are_forgotten(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHILD_DIES", "7")
    run_id = runs.start()
    runs.wait(run_id, RunState.DEAD)
    (runs.directory(run_id) / "control" / "stop").touch()
    monkeypatch.delenv("CHILD_DIES")
    resume_run(run_id, runs.home, trainer=CHILD)
    assert runs.wait(run_id, *ENDED).state is RunState.FINISHED


def test_delete_and_restore(runs: Runs) -> None:
    run_id = runs.start()
    with pytest.raises(RunStateError, match="stop it before deleting"):
        runs.registry.delete(run_id)
    runs.wait(run_id, RunState.FINISHED)
    assert runs.registry.delete(run_id) == run_id
    assert runs.registry.list().runs == ()
    assert [run.id for run in runs.registry.list_deleted().runs] == [run_id]
    with pytest.raises(UnknownId):
        runs.registry.read(run_id)
    assert runs.registry.restore(run_id[:12]) == run_id
    assert runs.registry.read(run_id).has_adapter


def test_deleted_runs_go_for_good_after_30_days(home: Path) -> None:
    registry = RunRegistry(home)
    old, new = registry.create(DEFAULT), registry.create(DEFAULT)
    for record in (old, new):
        created = registry.directory(record.id) / "run.json"
        os.utime(created, (0, 0))
    registry.delete(old.id)
    os.utime(home / "runs" / ".trash" / old.id, (0, 0))
    registry.delete(new.id)
    assert [run.id for run in registry.list_deleted().runs] == [new.id]


@pytest.mark.parametrize("name", ["", "..", "../x", ".trash", "/etc", "zzzz", "*", "a\x00b"])
def test_no_text_becomes_a_path(home: Path, name: str) -> None:
    registry = RunRegistry(home)
    registry.create(DEFAULT)
    with pytest.raises(UnknownId):
        registry.directory(name)


def test_ids_are_found_by_their_beginning(home: Path) -> None:
    registry = RunRegistry(home)
    first, second = registry.create(DEFAULT), registry.create(DEFAULT)
    assert registry.directory(second.id[:17]).name == second.id
    assert registry.directory(NEWEST).name == max(first.id, second.id)
    with pytest.raises(AmbiguousId, match="2 runs"):
        registry.directory("0")


def test_what_is_no_run_is_left_alone_and_said(home: Path) -> None:
    registry = RunRegistry(home)
    good, bad = registry.create(DEFAULT), registry.create(read_recipe({"rank": 4}))
    (registry.directory(bad.id) / "run.json").write_text('{"schema": 99}')
    (home / "runs" / "my notes").mkdir()
    listed = registry.list()
    assert [run.id for run in listed.runs] == [good.id]
    assert any("my notes" in note for note in listed.notes)
    assert any(bad.id in note and "newer" in note for note in listed.notes)


def test_200_runs_are_listed_quickly(home: Path) -> None:
    registry = RunRegistry(home)
    for _ in range(200):
        record = registry.create(DEFAULT)
    with RunWriter(registry.directory(record.id)) as run:
        run.end(RunState.FINISHED)
    began = time.perf_counter()
    listed = registry.list().runs
    seconds = time.perf_counter() - began
    print(f"listed 200 runs in {seconds * 1000:.0f} ms")
    assert len(listed) == 200 and seconds < 1.0


def test_a_disk_that_takes_no_more_is_said_and_leaves_whole_lines(home: Path) -> None:
    registry = RunRegistry(home)
    directory = registry.directory(registry.create(DEFAULT).id)
    metrics = directory / "metrics.jsonl"
    metrics.write_text('{"step": 1, "val_loss": 2.0}\n' * 280)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    room = metrics.stat().st_size + 10  # a part of a line still fits
    with pytest.raises(StoreError, match="cannot be written"), RunWriter(directory) as run:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
        try:
            run.record_validation(2, 1.0)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert metrics.read_text().endswith("2.0}\n") and metrics.stat().st_size == room - 10
    state = registry.read(directory.name).status
    assert state.state is RunState.FAILED and "cannot be written" in state.message


def test_a_full_disk_has_its_own_words(tmp_path: Path) -> None:
    trouble = explain_os(OSError(errno.ENOSPC, "No space left on device"), tmp_path / "x")
    assert "the disk is full: free some space" in str(trouble)


def test_a_reader_takes_only_whole_lines(home: Path) -> None:
    registry = RunRegistry(home)
    directory = registry.directory(registry.create(DEFAULT).id)
    reader = RunReader(directory)
    assert reader.poll().steps == []
    with (directory / "metrics.jsonl").open("wb", buffering=0) as file:
        file.write(b'{"step": 1, "loss": 2.0}\n{"step": 2, "lo')
        assert steps_of(reader.poll()) == [1]
        assert steps_of(reader.poll()) == []
        file.write(
            b'ss": 1.5}\nnonsense\n[1]\n{"step": -1, "loss": 1}\n{"step": 3, "loss": null}\n'
        )
        news = reader.poll()
    assert [(line.step, line.loss) for line in news.steps] == [(2, 1.5), (3, None)]
    assert reader.unreadable == 3


def test_a_reader_begins_anew_when_the_file_was_cut(home: Path) -> None:
    registry = RunRegistry(home)
    directory = registry.directory(registry.create(DEFAULT).id)
    path, reader = directory / "metrics.jsonl", RunReader(directory)
    path.write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "loss": 1.0}\n')
    assert steps_of(reader.poll()) == [1, 2]
    path.write_text('{"step": 1, "loss": 2.0}\n')
    news = reader.poll()
    assert news.restarted and steps_of(news) == [1]
    path.unlink()
    assert reader.poll().restarted


def test_a_long_run_is_read_in_pieces(home: Path) -> None:
    registry = RunRegistry(home)
    directory = registry.directory(registry.create(DEFAULT).id)
    lines = [json.dumps({"step": step, "loss": 1.0}) for step in range(100_000)]
    (directory / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    reader = RunReader(directory)
    first = reader.poll()
    assert first.more and 0 < len(first.steps) < 100_000
    assert steps_of(reader.read_all()) == list(range(100_000))


def test_a_writer_cuts_off_a_half_written_line(home: Path) -> None:
    registry = RunRegistry(home)
    directory = registry.directory(registry.create(DEFAULT).id)
    (directory / "metrics.jsonl").write_text('{"step": 1, "val_loss": 2.0}\n{"step": 2, "va')
    with RunWriter(directory) as run:
        run.record_validation(2, float("nan"))
        run.end(RunState.STOPPED)
    validations = RunReader(directory).poll().validations
    assert [(one.step, one.loss) for one in validations] == [(1, 2.0), (2, None)]


def test_many_readers_never_see_half_a_heartbeat(home: Path) -> None:
    registry = RunRegistry(home)
    directory = registry.directory(registry.create(DEFAULT).id)
    done = threading.Event()
    odd: list[object] = []

    def look() -> None:
        while not done.is_set():
            status = RunReader(directory).status()
            if status.heartbeat is None or status.state is not RunState.RUNNING:
                odd.append(status)

    with RunWriter(directory) as run:
        readers = [threading.Thread(target=look) for _ in range(3)]
        for reader in readers:
            reader.start()
        for step in range(1, 200):
            run.expect(steps=step)
            run.confirm(Control.SAVE)  # each writes a heartbeat
        done.set()
        for reader in readers:
            reader.join()
        run.end(RunState.FINISHED)
    assert odd == []


def test_what_a_preflight_said_is_kept_with_the_run(home: Path) -> None:
    registry = RunRegistry(home)
    said = {"peak_mb": 954.0, "tokens_per_s": 900.0}
    run = registry.create(DEFAULT, predicted=said)
    with RunWriter(registry.directory(run.id)) as writer:
        writer.add_facts(measured={"peak_mb": 1046.0})
        writer.end(RunState.FINISHED)
    facts = registry.read(run.id).record.facts
    assert facts["predicted"] == said and facts["measured"] == {"peak_mb": 1046.0}
