"""`diffdx-tui ask`: forms, flags, exit codes, and what happens to hostile input."""

from __future__ import annotations

import io
import json
import os
import subprocess
from pathlib import Path

import pytest

from diffdx_tui.domain.events import Finished, NotSaved
from diffdx_tui.store import SessionStore, StoreError
from tests.cli.conftest import VIGNETTE, Run, command

KEYS = [
    "session_id",
    "answer_id",
    "state",
    "vignette",
    "differential",
    "verdict",
    "raw",
    "red_flags",
    "audit",
    "model",
    "decoding",
    "stats",
]


def test_lines_are_labelled_in_order(run: Run) -> None:
    ended = run("ask", VIGNETTE)
    labels = [line.partition(":")[0] for line in ended.out.splitlines()]
    assert ended.code == 0
    assert labels == [
        "RED FLAG",
        "MOST LIKELY",
        "POSSIBLE 1",
        "POSSIBLE 2",
        "UNLIKELY BUT SERIOUS",
        "RECOMMENDED WORKUP",
        "CHECK",
    ]
    assert ended.err.splitlines() == [
        "Research and education only. Not a medical device.",
        "Teaching aid, not clinician-validated. No red flag does not mean no danger.",
    ]
    assert "\x1b" not in ended.out


def test_json_is_one_document_with_the_contract_s_keys(run: Run) -> None:
    ended = run("ask", VIGNETTE, "--json", "--seed", "7", "--temperature", "0.5")
    document = json.loads(ended.out)
    assert ended.code == 0
    assert list(document) == KEYS
    assert list(document["verdict"]) == ["strict", "violations"]
    assert set(document["model"]) == {
        "name",
        "base",
        "adapter",
        "adapter_sha256",
        "variant",
        "precision",
        "device",
    }
    assert set(document["stats"]) == {
        "ttft_s",
        "total_s",
        "tokens_sampled",
        "tokens_forced",
        "tokens_per_s",
    }
    assert document["vignette"] == document["differential"]["symptoms"] == VIGNETTE
    assert json.loads(document["raw"]) == document["differential"]
    assert (document["decoding"]["seed"], document["decoding"]["temperature"]) == (7, 0.5)
    assert document["state"] == "finished" and document["verdict"]["strict"]


def test_same_seed_same_answer(run: Run) -> None:
    arguments = ("ask", VIGNETTE, "--json", "--temperature", "1", "--seed", "3")
    first, second = (json.loads(run(*arguments).out) for _ in range(2))
    assert first["raw"] == second["raw"]


def test_jsonl_is_the_events(run: Run) -> None:
    ended = run("ask", VIGNETTE, "--jsonl")
    events = [json.loads(line) for line in ended.out.splitlines()]
    assert [event["type"] for event in events[:2]] == ["RedFlagsFound", "Started"]
    assert events[-1]["type"] == "Finished"
    assert [flag["rule"] for flag in events[0]["flags"]] == ["neuro-thunderclap-headache"]
    texts = "".join(e["text"] for e in events if e["type"] == "TokenSampled")
    assert texts == events[-1]["raw"]
    assert {e["answer_id"] for e in events} == {events[0]["answer_id"]}
    assert "possible[1]" in {e["slot"] for e in events if e["type"] == "SlotText"}


def test_variant_and_flags_before_the_command(run: Run) -> None:
    document = json.loads(run("--variant", "b", "--ephemeral", "ask", VIGNETTE, "--json").out)
    assert "unlikely_but_serious" not in document["differential"]
    assert run("sessions", "list").out == ""


def test_free_mode_lists_violations_and_keeps_the_raw_text(run: Run) -> None:
    ended = run("ask", VIGNETTE, "--free", "--max-new-tokens", "12")
    assert ended.code == 0
    assert "\nRAW OUTPUT:\n" in ended.out  # after the red flag
    assert "not valid: " in ended.err
    document = json.loads(run("ask", VIGNETTE, "--free", "--max-new-tokens", "12", "--json").out)
    assert document["differential"] is None and not document["verdict"]["strict"]
    decoding = document["decoding"]
    assert (decoding["mode"], decoding["temperature"]) == ("free", 0.1)
    assert decoding["penalise_prompt"] and decoding["repetition_penalty"] == 1.1


def test_reference_decoding_in_guided_mode(run: Run) -> None:
    document = json.loads(run("ask", VIGNETTE, "--reference-decoding", "--json").out)
    decoding = document["decoding"]
    assert (decoding["mode"], decoding["repetition_penalty"]) == ("guided", 1.1)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["ask", " \n "], 3, "empty"),
        (["ask", "x" * 4001], 3, "4,000"),
        (["ask", "x" * 3900], 3, "too long for this model"),
        (["ask", "x", "--max-new-tokens", "3"], 2, "at least"),
        (["ask", "x", "--temperature", "9"], 2, "temperature"),
        (["ask", "x", "--temperature", "nan"], 2, "temperature"),
        (["ask", "x", "--model", "nowhere"], 4, "nowhere"),
        (["ask", "x", "--model", "own\x1b[31mer/model"], 4, "models pull"),
        (["ask", "x", "--model", "hai-0.5b"], 4, "models pull hai-0.5b"),
        (["ask", "x", "--adapter", "/nowhere"], 4, "adapter"),
        (["ask", "x", "--json", "--jsonl"], 2, "not allowed"),
        (["ask", "x", "--unknown\x1b[2J"], 2, "unrecognized"),
        (["aks"], 2, "invalid choice"),
    ],
)
def test_refusals(run: Run, arguments: list[str], code: int, said: str) -> None:
    ended = run(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err
    assert "\x1b" not in ended.err and "Traceback" not in ended.err


def test_bad_setting_in_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFDX_PRECISION", "int3")
    ended = run("ask", VIGNETTE)
    assert ended.code == 2 and "int3" in ended.err


def test_broken_adapter_is_a_model_that_is_not_available(run: Run, tmp_path: Path) -> None:
    (tmp_path / "adapter").mkdir()
    ended = run("ask", VIGNETTE, "--adapter", str(tmp_path / "adapter"))
    assert ended.code == 4 and "PEFT" in ended.err


def test_hostile_text_is_shown_harmlessly(run: Run) -> None:
    hostile = 'Pain "x" \x1b[31m\x07 [red] \u202e<|im_end|>\u009b2J \U0001f637 "}'
    ended = run("ask", hostile, "--json")
    document = json.loads(ended.out)
    assert ended.code == 0
    assert not set("\x1b\x07\u202e\u009b") & set(ended.out)
    assert document["differential"]["symptoms"] == document["vignette"]
    assert "\u202e" in document["vignette"] and "\u241b[31m" in document["vignette"]
    shown = run("sessions", "show", document["session_id"])
    assert not set("\x1b\x07\u202e\u009b") & set(shown.out)


def test_store_that_cannot_be_opened_says_what_to_do(run: Run, home: Path) -> None:
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file where the folder should be")
    ended = run("ask", VIGNETTE)
    assert ended.code == 5 and "--ephemeral" in ended.err
    assert run("ask", VIGNETTE, "--ephemeral").code == 0


def test_store_that_cannot_be_written_costs_no_answer(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: SessionStore, event: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(SessionStore, "record", full)
    ended = run("ask", VIGNETTE, "--jsonl")
    kinds = [json.loads(line)["type"] for line in ended.out.splitlines()]
    assert ended.code == 0 and "not saved: the disk is full" in ended.err
    assert kinds.count(NotSaved.__name__) == 1 and kinds[-1] == Finished.__name__


def test_unforeseen_errors_are_logged_not_shown(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(cls: type, *arguments: object) -> None:
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setattr(SessionStore, "open", classmethod(break_down))
    ended = run("ask", VIGNETTE)
    log = home / "diffdx-tui.log"
    assert ended.code == 5
    assert ended.err.splitlines()[-1].endswith(str(log))
    assert "Traceback" not in ended.err and len(ended.err.splitlines()) == 3
    assert "nobody foresaw this" in log.read_text() and "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_stdin_bytes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def pipe(data: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))

    pipe(b"chest pain \xff and fever")
    refused = run("ask", "-")
    assert refused.code == 3 and "offset 11" in refused.err and "0xff" in refused.err
    pipe("\ufeffÜbelkeit\r\nseit gestern\n".encode())
    answered = run("ask", "--json")
    assert answered.code == 0
    assert json.loads(answered.out)["vignette"] == "Übelkeit\nseit gestern"
    pipe(b"")
    assert run("ask").code == 3
    pipe(b"x" * 1_100_000)
    assert run("ask").code == 3


def test_argument_bytes(spawn: Run) -> None:
    ended = spawn(b"ask", b"pain \xc3\x28")
    assert ended.code == 3 and "offset 5" in ended.err


def test_no_complaint_twice_about_standard_output(home: Path) -> None:
    program = " ".join(map(str, command("schema")))
    full = subprocess.run(f"{program} > /dev/full", shell=True, capture_output=True)
    assert full.returncode == 5 and len(full.stderr.splitlines()) == 1
    piped = ["bash", "-c", f"{program} | true; {program} >&- 2>&-"]
    closed = subprocess.run(piped, capture_output=True)
    assert (closed.returncode, closed.stderr) == (0, b"")


def test_in_a_latin_locale(spawn: Run) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ended = spawn("ask", "--json", stdin="Fieber, \u00dcbelkeit".encode(), env=environment)
    assert ended.code == 0 and ended.out.isascii()
    assert json.loads(ended.out)["vignette"] == "Fieber, \u00dcbelkeit"
