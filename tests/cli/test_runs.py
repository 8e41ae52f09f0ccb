"""`runs`: everything a person does with runs from the command line, with real runs."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from diffdx_tui.domain.recipe import DEFAULT, read_recipe
from diffdx_tui.store.run_records import RunState
from tests.cli.conftest import Run, command
from tests.store.runs import Runs, runs_in, wait_until


@pytest.fixture
def runs(home: Path) -> Iterator[Runs]:
    with runs_in(home) as found:
        yield found


@pytest.fixture
def finished(runs: Runs) -> str:
    run_id = runs.start()
    runs.wait(run_id, RunState.FINISHED)
    return run_id


@pytest.fixture
def endless(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CHILD_STEPS", "100000")
    run_id = runs.start()
    runs.wait_for_step(run_id, 2)
    return run_id


def test_list_and_show(run: Run, runs: Runs, finished: str) -> None:
    line = run("runs", "list").out
    assert line.startswith(finished) and "finished" in line
    assert "20/20  loss 0.1000  best 0.6000  mini A" in line
    (values,) = json.loads(run("runs", "list", "--json").out)
    assert values["state"] == "finished" and values["adapter"]
    assert values["heartbeat"]["loss"] == 0.1
    shown = run("runs", "show", "last").out
    assert f"RUN: {finished}" in shown and "STATE: finished" in shown
    assert "LOSS: 2.0000 █" in shown and "▁ 0.1000" in shown
    assert "BEST VALIDATION: 0.6000 at step 20" in shown
    assert "PROBE: 1/2 strictly valid (95 % interval 9% to 91%) at step 20" in shown
    assert "LOSS: 2.0000 #" in run("--ascii", "runs", "show", "last").out
    document = json.loads(run("runs", "show", finished, "--json").out)
    assert document["run"]["recipe"] == DEFAULT.as_dict()
    assert [one["step"] for one in document["metrics"] if "loss" in one] == list(range(1, 21))


def test_without_runs(run: Run) -> None:
    ended = run("runs", "list")
    assert (ended.code, ended.out) == (0, "") and "no runs yet" in ended.err
    ended = run("runs", "show", "../x")
    assert ended.code == 3 and "there is no run '../x'" in ended.err
    assert run("runs", "show", "last").code == 3


def test_follow_prints_everything_and_ends_with_the_run(run: Run, runs: Runs) -> None:
    run_id = runs.start()
    ended = run("runs", "follow", run_id)
    assert ended.code == 0 and f"run {run_id} finished" in ended.err
    lines = ended.out.splitlines()
    steps = [line for line in lines if "  loss " in line]
    assert len(steps) == 20 and steps[-1].startswith("step 20/20  loss 0.1000  rate 1.00e-04")
    assert "step 5  validation loss 0.9000" in lines
    again = run("runs", "follow", run_id, "--json")
    values = [json.loads(line) for line in again.out.splitlines()]
    assert [one["step"] for one in values if "loss" in one] == list(range(1, 21))
    assert values[-1] == {"state": "finished", "message": ""}


def test_ctrl_c_leaves_the_run_going(runs: Runs, endless: str) -> None:
    process = subprocess.Popen(
        command("runs", "follow", endless), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"no longer following; the run goes on" in err and b"Traceback" not in err
    runs.wait_for_step(endless, runs.status(endless).step + 1)


def test_follow_tells_how_a_run_failed(
    run: Run, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHILD_RAISES", "3")
    ended = run("runs", "follow", runs.start())
    assert ended.code == 5
    assert "failed: ValueError: a bad␛[2J batch" in ended.err and "\x1b" not in ended.err
    assert "runs resume" in ended.err


def test_pause_resume_save_stop_are_confirmed(run: Run, runs: Runs, endless: str) -> None:
    paused = run("runs", "pause", "last")
    assert paused.code == 0 and f"run {endless} paused at step" in paused.err
    assert runs.status(endless).state is RunState.PAUSED
    assert run("runs", "resume", "last", "--rate", "1e-4").code == 2, "not while it is live"
    assert "goes on at step" in run("runs", "resume", "last").err
    saved = run("runs", "save", "last")
    assert saved.code == 0 and "saved at step" in saved.err
    stopped = run("runs", "stop", "last")
    assert stopped.code == 0 and f"run {endless} stopped at step" in stopped.err
    assert runs.status(endless).state is RunState.STOPPED
    again = run("runs", "stop", "last")
    assert again.code == 3 and "is stopped: there is nothing to stop" in again.err


def test_a_request_that_is_not_confirmed_is_not_claimed(run: Run, runs: Runs, endless: str) -> None:
    os.kill(runs.pid(endless), signal.SIGSTOP)
    ended = run("runs", "pause", endless, "--timeout", "1")
    assert ended.code == 5 and "has not confirmed yet" in ended.err
    assert "ASKED: pause, not yet confirmed" in run("runs", "show", endless).out
    os.kill(runs.pid(endless), signal.SIGCONT)
    runs.wait(endless, RunState.PAUSED)


def test_a_run_that_dies_while_asked_is_said(run: Run, runs: Runs, endless: str) -> None:
    os.kill(runs.pid(endless), signal.SIGSTOP)
    killer = threading.Timer(0.3, runs.kill, [endless])
    killer.start()
    ended = run("runs", "save", endless)
    killer.join()
    assert ended.code == 5 and "is dead" in ended.err and "did not save" in ended.err


def test_resume_checks_before_it_starts(
    run: Run, runs: Runs, finished: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("runs", "resume", finished).code == 3
    monkeypatch.setenv("CHILD_RAISES", "3")
    lost = runs.start(read_recipe({"base": "/nowhere/at/all"}))
    runs.wait(lost, RunState.FAILED)
    assert run("runs", "resume", lost).code == 4
    failed = runs.start()
    runs.wait(failed, RunState.FAILED)
    refused = run("runs", "resume", failed, "--rate", "zero")
    assert refused.code == 2 and "rate: must be a number" in refused.err
    assert {runs.status(one).state for one in (lost, failed)} == {RunState.FAILED}


def test_compare(run: Run, runs: Runs, finished: str) -> None:
    other = runs.start(read_recipe({"rank": 4, "variant": "B"}))
    runs.wait(other, RunState.FINISHED)
    ended = run("runs", "compare", finished, other)
    rows = {line.split("  ")[0]: line for line in ended.out.splitlines()}
    assert ended.code == 0 and rows["run"].split() == ["run", finished, other]
    assert rows["rank"].split() == ["rank", "8", "4"]
    assert rows["variant"].split() == ["variant", "A", "B"]
    assert "alpha" not in rows, "only what differs"
    assert rows["best validation"].split() == ["best", "validation", "0.6000", "0.6000"]
    assert rows["probe"].split() == ["probe", "1/2", "1/2"]
    assert len(json.loads(run("runs", "compare", finished, other, "--json").out)) == 2


def test_export(run: Run, runs: Runs, finished: str, tmp_path: Path) -> None:
    (runs.directory(finished) / "adapter" / "link").symlink_to("/etc/passwd")
    folder = tmp_path / "out"
    assert run("runs", "export", finished, str(folder)).code == 0
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("adapter_config.json", "adapter_model.safetensors", "README.md"),
        *("run.json", "metrics.jsonl"),
    }
    assert json.loads((folder / "run.json").read_text())["id"] == finished
    again = run("runs", "export", finished, str(folder))
    assert again.code == 2 and "exists already" in again.err
    archive = tmp_path / "out.tar.gz"
    assert run("runs", "export", finished, str(archive)).code == 0
    with tarfile.open(archive) as tar:
        assert {Path(entry.name).name for entry in tar} == names
        assert all(entry.isfile() and entry.uname == "" for entry in tar)
    inside = runs.home / "runs" / "export"
    assert run("runs", "export", finished, str(inside)).code == 2
    assert run("runs", "export", finished, str(tmp_path / "no" / "out")).code == 2
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize("flags", [(), ("--merged",), ("--gguf-adapter",)])
def test_export_without_an_adapter(
    run: Run, runs: Runs, endless: str, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    ended = run("runs", "export", endless, str(tmp_path / "out"), *flags)
    assert ended.code == 3 and "has no adapter yet" in ended.err


def test_delete_and_restore(run: Run, runs: Runs, finished: str) -> None:
    refused = run("runs", "delete", finished)
    assert refused.code == 2 and "--yes" in refused.err
    assert "runs restore" in run("runs", "delete", finished, "--yes").err
    assert run("runs", "list").out == ""
    assert run("runs", "list", "--deleted").out.startswith(finished)
    assert f"restored {finished}" in run("runs", "restore", finished).err
    assert run("runs", "list").out.startswith(finished)


def test_delete_refuses_a_living_run(run: Run, endless: str) -> None:
    ended = run("runs", "delete", endless, "--yes")
    assert ended.code == 3 and "stop it before deleting it" in ended.err


def test_names_from_a_hostile_file_do_nothing_to_the_terminal(
    run: Run, runs: Runs, finished: str
) -> None:
    path = runs.directory(finished) / "run.json"
    values = json.loads(path.read_text())
    values["versions"] = {"torch": "\x1b]0;owned\x07"}
    path.write_text(json.dumps(values))
    for arguments in (("show", finished), ("show", finished, "--json"), ("list",)):
        ended = run("runs", *arguments)
        assert ended.code == 0 and "\x1b" not in ended.out and "\x07" not in ended.out


def test_the_sparkline_is_ascii_where_the_terminal_is(finished: str, spawn: Run) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    shown = spawn("runs", "show", finished, env=environment)
    assert shown.code == 0 and "LOSS: 2.0000 #" in shown.out


def test_progress_is_shown_on_a_terminal_only(runs: Runs, endless: str) -> None:
    main, side = pty.openpty()
    process = subprocess.Popen(
        command("runs", "follow", endless),
        stdout=subprocess.DEVNULL,
        stderr=side,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(side)
    seen = b""

    def saw() -> bool:
        nonlocal seen
        seen += os.read(main, 4096)
        return b"step, step" in seen and b"left" in seen

    wait_until(saw)
    process.send_signal(signal.SIGINT)
    while process.poll() is None:
        try:
            os.read(main, 4096)
        except OSError:
            break
    assert process.wait(timeout=10) == 130
    os.close(main)
