"""Red flags and the check of the answer on the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from diffdx_tui.domain import lexicon, red_flags
from tests.cli.conftest import Run

# The reference card's own example.
CARD = (
    "67-year-old woman with hypertension presents with sudden onset severe headache described as "
    "the worst of her life, with neck stiffness, photophobia and vomiting. She denies fever."
)
PLAIN = "34-year-old man with an itchy rash between the fingers for three weeks, otherwise well."
HOSTILE = 'Sudden \x1b[31mworst headache of her life [red] "}\u202e, \x07 fever'


def test_the_document_carries_rule_places_and_citation(run: Run) -> None:
    document = json.loads(run("ask", CARD, "--json").out)
    (flag,) = document["red_flags"]
    assert list(flag) == ["rule", "urgency", "wording", "danger", "spans", "citation"]
    assert flag["rule"] == "neuro-thunderclap-headache" and flag["urgency"] == 1
    assert flag["danger"] == {"name": "subarachnoid haemorrhage", "icd10": "I60"}
    assert set(flag["citation"]) == {"title", "body", "year", "url"}
    spans = flag["spans"]
    assert {span["finding"] for span in spans} == {"thunderclap-headache"}
    assert "sudden onset severe headache" in {span["text"] for span in spans}
    for span in spans:
        assert document["vignette"][span["start"] : span["end"]] == span["text"]
    # Random weights name nothing that anybody has heard of.
    assert document["audit"]["red_flags_unanswered"] == ["neuro-thunderclap-headache"]
    assert "not clinician-validated" in document["audit"]["notice"]


def test_an_answer_without_a_pattern_or_without_tiers(run: Run) -> None:
    document = json.loads(run("ask", PLAIN, "--json").out)
    assert document["red_flags"] == [] and document["audit"]["red_flags_unanswered"] == []
    free = json.loads(run("ask", CARD, "--free", "--max-new-tokens", "12", "--json").out)
    assert free["audit"] is None and len(free["red_flags"]) == 1
    assert "RED FLAG" not in run("ask", PLAIN).out


def test_lines_say_words_rule_and_source(run: Run) -> None:
    line = run("ask", CARD).out.splitlines()[0]
    for words in (
        "taught as time-critical",
        "subarachnoid haemorrhage (I60)",
        '"sudden onset severe headache"',
        "Rule neuro-thunderclap-headache",
        "NICE 2022, https://www.nice.org.uk/guidance/ng228",
    ):
        assert words in line


def test_flags_are_told_when_there_is_no_model(run: Run) -> None:
    ended = run("ask", CARD, "--model", "nowhere")
    assert ended.code == 4 and ended.out.startswith("RED FLAG: ")
    events = run("ask", CARD, "--model", "nowhere", "--jsonl")
    assert events.code == 4 and json.loads(events.out)["type"] == "RedFlagsFound"
    assert run("ask", CARD, "--model", "nowhere", "--json").out == ""


def test_saved_answers_and_batches_carry_them(run: Run, tmp_path: Path) -> None:
    asked = json.loads(run("ask", CARD, "--json").out)
    shown = json.loads(run("sessions", "show", asked["session_id"], "--json").out)
    assert shown["answers"][0] == asked
    assert "RED FLAG: This pattern" in run("sessions", "show", asked["answer_id"]).out
    assert "neuro-thunderclap-headache" in run("sessions", "export", "--format", "md").out
    rows = [{"id": "a", "vignette": CARD}, {"id": "b", "vignette": PLAIN}]
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run("batch", str(source), str(target)).code == 0
    first, second = map(json.loads, target.read_text().splitlines())
    assert first["red_flags"] == asked["red_flags"] and second["red_flags"] == []


def test_hostile_text_is_data(run: Run) -> None:
    ended = run("ask", HOSTILE)
    assert ended.code == 0 and ended.out.startswith("RED FLAG: ")
    assert not set("\x1b\x07\u202e") & set(ended.out + ended.err)


def test_a_damaged_rule_file_costs_no_answer(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data beside the program may be edited by hand, and wrongly."""
    shutil.copytree(lexicon.findings_directory(), tmp_path / "data" / "findings")
    shutil.copytree(red_flags.red_flags_directory(), tmp_path / "data" / "red_flags")
    (tmp_path / "data" / "red_flags" / "own.yaml").write_text("- {id: mine, urgency: 9}\n")
    monkeypatch.setattr(red_flags, "findings_directory", lambda: tmp_path / "data" / "findings")
    red_flags.read_rules.cache_clear()
    try:
        ended = run("ask", CARD)
        document = json.loads(run("ask", CARD, "--json").out)
    finally:
        red_flags.read_rules.cache_clear()
    assert ended.code == 0 and "MOST LIKELY: " in ended.out
    assert "red-flag rules could not be tried" in ended.err and "own.yaml" in ended.err
    assert "Traceback" not in ended.err
    assert document["state"] == "finished"
    assert document["red_flags"] is None and document["audit"] is None
