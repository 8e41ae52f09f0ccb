"""Processes of the trainer: a run outlives who started it; a question ends with its answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from diffdx_tui.launch import (
    TrainerCancelled,
    TrainerFailed,
    ask_trainer,
    clean_environment,
    spawn_detached,
)
from diffdx_tui.store import StoreError
from diffdx_tui.store.run_records import Control, RunState
from tests.e2e.terminal import Terminal
from tests.store.runs import CHILD, Runs, runs_in, wait_until

STARTER = """
import sys, time
from pathlib import Path
from diffdx_tui.domain.recipe import DEFAULT
from diffdx_tui.launch import start_run
print("started", start_run(DEFAULT, Path(sys.argv[1]), trainer=sys.argv[2:]), flush=True)
time.sleep(60)
"""
CODE = (sys.executable, "-c")


@pytest.fixture
def runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    monkeypatch.setenv("CHILD_STEPS", "100000")
    monkeypatch.setenv("CHILD_SECONDS", "0.02")
    with runs_in(home) as found:
        yield found


def test_a_run_outlives_its_terminal(runs: Runs) -> None:
    """Closing the terminal hangs up on everything in its session."""
    starter = [sys.executable, "-c", STARTER, str(runs.home), *CHILD]
    environment = {"CHILD_STEPS": "100000", "CHILD_SECONDS": "0.02"}
    with Terminal(starter, environment) as terminal:
        terminal.wait_for("started")
        (run,) = runs.registry.list().runs
        runs.wait_for_step(run.id, 1)
        terminal.hang_up()
        assert terminal.wait() == -signal.SIGHUP
    assert os.getsid(runs.pid(run.id)) == runs.pid(run.id)
    runs.wait_for_step(run.id, runs.status(run.id).step + 5)
    assert runs.status(run.id).state is RunState.RUNNING
    runs.registry.request(run.id, Control.STOP)
    runs.wait(run.id, RunState.STOPPED)


def test_a_run_outlives_its_parents_sudden_death(runs: Runs) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(runs.home), *CHILD],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout is not None
    with parent.stdout:
        run_id = parent.stdout.readline().split()[1]
    runs.wait_for_step(run_id, 1)
    os.killpg(parent.pid, signal.SIGKILL)
    parent.wait()
    runs.wait_for_step(run_id, runs.status(run_id).step + 5)
    assert runs.status(run_id).state is RunState.RUNNING


def test_starting_takes_no_time_and_an_ended_child_leaves_no_zombie(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHILD_STEPS", "1")
    began = time.perf_counter()
    run_id = runs.start()
    assert time.perf_counter() - began < 0.5
    runs.wait(run_id, RunState.FINISHED)
    pid = runs.pid(run_id)
    wait_until(lambda: not Path(f"/proc/{pid}").exists())


def test_what_the_process_prints_is_kept_and_private(tmp_path: Path) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); open('made', 'w')"
    spawn_detached([code], tmp_path, tmp_path, trainer=CODE)
    wait_until(lambda: (tmp_path / "made").exists())
    console = tmp_path / "console.log"
    wait_until(lambda: console.read_text().split() == ["out", "err"])
    assert (tmp_path / "made").stat().st_mode & 0o077 == 0


def test_the_environment_has_no_terminal_no_credentials_no_other_training(tmp_path: Path) -> None:
    given = dict.fromkeys(("TERM", "COLUMNS", "HF_TOKEN", "RANK", "TORCHELASTIC_RUN_ID"), "x")
    given |= {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "1"}
    found = clean_environment(tmp_path, given)
    assert found["PATH"] == "/bin" and found["CUDA_VISIBLE_DEVICES"] == "1"
    assert found["DIFFDX_HOME"] == str(tmp_path) and found["HF_HUB_OFFLINE"] == "1"
    assert not {name for name, value in given.items() if value == "x"} & found.keys()


def test_a_program_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        spawn_detached([], tmp_path, tmp_path, trainer=["/nowhere/python"])
    with pytest.raises(StoreError, match="cannot be started"):
        ask_trainer([], tmp_path, trainer=["/nowhere/python"])


def test_a_question_is_answered_with_json(tmp_path: Path) -> None:
    code = "import json, sys; print('loading', file=sys.stderr); print(json.dumps({'rows': 3}))"
    assert ask_trainer([code], tmp_path, trainer=CODE) == {"rows": 3}


@pytest.mark.parametrize(
    ("code", "message", "number"),
    [
        ("import sys; sys.exit('noise\\nthe base has no tokenizer')", "has no tokenizer", 1),
        ("import os; os._exit(4)", "ended with code 4", 4),
        ("import os, signal; os.kill(os.getpid(), 9)", "ended with code -9", -9),
        ("print('[1]')", "cannot be read", 0),
    ],
)
def test_a_question_without_an_answer_says_why(
    tmp_path: Path, code: str, message: str, number: int
) -> None:
    with pytest.raises(TrainerFailed, match=message) as failed:
        ask_trainer([code], tmp_path, trainer=CODE)
    assert failed.value.code == number


def test_a_question_taken_back_kills_its_process_and_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "import os, subprocess, sys, time, pathlib\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(pids)!r}).write_text(f'[{{os.getpid()}}, {{child.pid}}]')\n"
        "time.sleep(60)"
    )
    with pytest.raises(TrainerCancelled):
        ask_trainer([code], tmp_path, cancelled=pids.exists, trainer=CODE)
    wait_until(lambda: not any(_runs(pid) for pid in json.loads(pids.read_text())))


def _runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"
