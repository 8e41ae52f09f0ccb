"""Ctrl+C, SIGTERM and a reader that goes away, while an answer streams; and a kill in a batch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from diffdx_tui.domain.events import State
from diffdx_tui.store import Answer, SessionStore
from tests.cli.conftest import VIGNETTE, Run, command

LONG = ["--temperature", "1", "--max-new-tokens", "2500", "--seed", "1"]


def start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(*arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def only_answer(home: Path) -> Answer:
    with SessionStore.open(home / "sessions.db") as store:
        (session,) = store.list_sessions()
        (answer,) = store.answers(session.id)
        return answer


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_the_partial_answer(
    home: Path, slow: Path, number: signal.Signals, code: int
) -> None:
    process = start("ask", VIGNETTE, "--model", str(slow), "--jsonl", *LONG)
    assert process.stdout is not None
    while b"SlotText" not in process.stdout.readline():
        pass
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    last = json.loads(out.splitlines()[-1])
    assert process.returncode == code
    assert last["type"] == "Cancelled" and last["verdict"]["strict"]
    assert b"Traceback" not in err
    answer = only_answer(home)
    assert answer.state is State.CANCELLED and answer.raw == last["raw"]


def test_ctrl_c_prints_what_came(home: Path, slow: Path) -> None:
    process = start("ask", VIGNETTE, "--model", str(slow), *LONG)
    assert process.stdout is not None
    first = b""
    while b"\nMOST LIKELY:" not in first:  # after the red flag
        first += os.read(process.stdout.fileno(), 100)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert first.startswith(b"RED FLAG:") and "(unfinished)" in out.decode()


def test_a_signal_while_loading_ends_at_once(home: Path, slow: Path) -> None:
    process = start("ask", VIGNETTE, "--model", str(slow))
    assert process.stderr is not None
    process.stderr.readline()  # the notice
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and b"MOST LIKELY" not in out
    assert b"Traceback" not in err


def test_a_closed_pipe_is_quiet_and_keeps_the_answer(home: Path, slow: Path) -> None:
    process = start("ask", VIGNETTE, "--model", str(slow), "--jsonl", *LONG)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(timeout=30) == 141
    assert b"Broken" not in err and b"Traceback" not in err
    assert only_answer(home).state is State.CANCELLED


def test_a_killed_batch_is_continued(home: Path, tmp_path: Path, spawn: Run) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = [{"id": f"r{n}", "vignette": f"{VIGNETTE} Case {n}."} for n in range(60)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    process = start("batch", str(source), str(target), "--max-new-tokens", "300")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if target.exists() and target.read_bytes().count(b"\n") >= 5:
            break
        time.sleep(0.01)
    process.kill()
    process.communicate()
    done = target.read_bytes().count(b"\n")
    assert 5 <= done < 60
    with target.open("ab") as file:
        file.write(b'{"id": "r59", "session_id": "torn')
    ended = spawn("batch", str(source), str(target), "--max-new-tokens", "80")
    assert ended.code == 0 and f"{done} of 60 rows are answered already" in ended.err
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert [line["id"] for line in lines] == [row["id"] for row in rows]
    assert "note:" in ended.err  # other settings than before
