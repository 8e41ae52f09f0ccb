"""`diffdx-tui sessions`: saved work listed, shown, searched, carried away and brought back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from diffdx_tui.store import SessionStore
from tests.cli.conftest import VIGNETTE, Run
from tests.store.casebook import answer


@pytest.fixture
def saved(home: Path) -> Path:
    """Three sessions, one with two answers and an annotation."""
    path = home / "sessions.db"
    with SessionStore.open(path) as store:
        answer(store, "a1", "s1")
        answer(store, "a2", "s1", most_likely="Migraine - photophobia", parent_id="a1")
        answer(store, "b1", "s2", vignette="A man with crushing chest pain \u202e and sweat.")
        answer(store, "c1", "t3", vignette="A child with fever.\nMOST LIKELY: nothing")
        store.annotate("s1", note="seen \x1b[31m twice", final_diagnosis="Migraine")
        store.set_tags("s1", ["head"])
    return path


def test_list(run: Run, saved: Path) -> None:
    lines = run("sessions", "list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["s1", "t3", "s2"]
    assert "finished" in lines[0] and "valid" in lines[0] and "worst headache" in lines[0]
    limited = run("sessions", "list", "--limit", "1")
    assert len(limited.out.splitlines()) == 1 and "1 of 3" in limited.err
    (first, *_) = json.loads(run("sessions", "list", "--json").out)
    assert (first["id"], first["answers"], first["strict"]) == ("s1", 2, True)
    assert first["tags"] == ["head"] and first["final_diagnosis"] == "Migraine"


def test_list_makes_no_file(run: Run, home: Path) -> None:
    ended = run("sessions", "list")
    assert (ended.code, ended.out) == (0, "") and "no saved sessions" in ended.err
    assert not home.exists()


def test_search(run: Run, saved: Path) -> None:
    lines = run("sessions", "search", "crushing", "ches").out.splitlines()
    assert lines[0].startswith("s2") and "[crushing]" in lines[1]
    assert "\u202e" not in "".join(lines)
    (hit,) = json.loads(run("sessions", "search", '"fever" OR*', "--json").out or "[]") or [None]
    assert hit is None or hit["id"] == "t3"
    nothing = run("sessions", "search", "unheardof")
    assert (nothing.code, nothing.out) == (0, "")


def test_show(run: Run, saved: Path) -> None:
    shown = run("sessions", "show", "s1").out
    assert shown.startswith("Research and education only. Not a medical device.\n")
    assert "MOST LIKELY: Subarachnoid" in shown and "MOST LIKELY: Migraine" in shown
    assert "FINAL DIAGNOSIS: Migraine" in shown and "seen \u241b[31m twice" in shown
    child = run("sessions", "show", "t3").out.splitlines()
    assert sum(line.startswith("MOST LIKELY:") for line in child) == 1  # a vignette cannot forge it


def test_show_agrees_with_ask(run: Run) -> None:
    document = json.loads(run("ask", VIGNETTE, "--json", "--max-new-tokens", "90").out)
    assert json.loads(run("sessions", "show", document["answer_id"], "--json").out) == document
    session = json.loads(run("sessions", "show", document["session_id"], "--json").out)
    assert session["answers"] == [document]
    assert session["session"]["id"] == document["session_id"]


def test_unknown_and_ambiguous_ids(run: Run, saved: Path) -> None:
    unknown = run("sessions", "show", "zzz\x1b[31m")
    assert unknown.code == 3 and "\x1b" not in unknown.err
    assert run("sessions", "show", "s").code == 3
    assert run("sessions", "delete", "nope", "--yes").code == 3


def test_delete_and_restore(run: Run, saved: Path) -> None:
    assert run("sessions", "delete", "s2").code == 2  # nobody to ask
    ended = run("sessions", "delete", "s2", "t3", "--yes")
    assert ended.code == 0 and "sessions restore s2 t3" in ended.err
    assert [s["id"] for s in json.loads(run("sessions", "list", "--json").out)] == ["s1"]
    assert run("sessions", "restore", "s2").code == 0
    assert len(json.loads(run("sessions", "list", "--json").out)) == 2


def test_export_and_import(
    run: Run, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "all.jsonl"
    assert run("sessions", "export", "--output", str(target)).code == 0
    assert target.stat().st_mode & 0o777 == 0o600
    to_stdout = run("sessions", "export", "s2").out
    assert "\u202e" not in to_stdout and len(to_stdout.splitlines()) == 1
    monkeypatch.setenv("DIFFDX_HOME", str(tmp_path / "elsewhere"))
    ended = run("sessions", "import", str(target))
    assert ended.code == 0 and "3 sessions and 4 answers added" in ended.err
    again = run("sessions", "export", "--output", str(tmp_path / "again.jsonl"))
    assert again.code == 0
    assert (tmp_path / "again.jsonl").read_text() == target.read_text()
    assert "0 sessions and 0 answers added, 3 known" in run("sessions", "import", str(target)).err


def test_export_forms(run: Run, saved: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    run("sessions", "export", "--output", str(table), "s1")
    assert table.read_bytes().startswith(b'"') and table.read_bytes().count(b"\r\n") == 3
    assert "Not a medical device" in run("sessions", "export", "--format", "md").out
    assert run("sessions", "export", "--output", str(tmp_path / "no" / "x.md")).code == 2
    itself = run("sessions", "export", "--output", str(saved))
    assert itself.code == 2 and "belongs to the program" in itself.err
    assert run("sessions", "export", "nope", "--output", str(table)).code == 3
    assert table.read_bytes().startswith(b'"')
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "table.csv"]


def test_import_reports_bad_lines(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "bad.jsonl"
    source.write_bytes(b"{}\nnonsense \x1b[2J\n")
    ended = run("sessions", "import", str(source))
    assert ended.code == 3 and "line 1" in ended.err and "line 2" in ended.err
    assert "\x1b" not in ended.err
    assert run("sessions", "import", str(tmp_path / "missing")).code == 3


def test_a_damaged_database_is_told(run: Run, saved: Path) -> None:
    saved.write_bytes(b"this is no database" * 100)
    ended = run("sessions", "list")
    assert ended.code == 0 and "could not be read" in ended.err
