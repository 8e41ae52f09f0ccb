"""Export and import as JSONL: nothing is lost, nothing there is changed, bad lines are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffdx_tui import NOTICE
from diffdx_tui.domain.differential import Slot
from diffdx_tui.domain.events import Failed, FailureKind, SlotText, State, TokenSampled
from diffdx_tui.store import ImportReport, SessionStore

from .casebook import answer, start

MOST_LIKELY = Slot("most_likely")


def fill(store: SessionStore) -> None:
    answer(store, "a1", "s1")
    answer(store, "a2", "s1", "Edited \u2028 text <b>\t\U0001f642", parent_id="a1")
    store.annotate("s1", note="line\nline", final_diagnosis="SAH")
    store.set_tags("s1", ["two words", "\u00e9"])
    store.review("a1", MOST_LIKELY, False)
    start(store, "a3", "s2")
    store.record(TokenSampled("a3", 5, "{", float("nan"), False))
    store.record(Failed("a3", FailureKind.NON_FINITE, "try fp32"))


def everything(store: SessionStore) -> dict[Any, Any]:
    return {
        session: store.answers(session.id)
        for session in sorted(store.list_sessions(), key=lambda s: s.id)
    }


def line_of(store: SessionStore) -> dict[str, Any]:
    answer(store)
    return json.loads(next(iter(store.export_jsonl())))


def test_round_trip_loses_nothing(store: SessionStore, tmp_path: Path) -> None:
    fill(store)
    file = tmp_path / "export.jsonl"
    file.write_text("".join(store.export_jsonl()), encoding="utf-8")
    with SessionStore.in_memory() as other:
        with file.open("rb") as lines:
            assert other.import_jsonl(lines) == ImportReport(sessions=2, answers=3)
        assert everything(other) == everything(store)
        assert "".join(other.export_jsonl()) == file.read_text(encoding="utf-8")
        assert [hit.session.id for hit in other.search("edited")] == ["s1"]


def test_every_line_stands_alone(store: SessionStore) -> None:
    fill(store)
    lines = list(store.export_jsonl())
    assert len(lines) == 2
    for line in lines:
        assert line.endswith("\n")
        assert line.count("\n") == 1
        values = json.loads(line)
        assert (values["schema"], values["notice"]) == (1, NOTICE)


def test_chosen_sessions_only(store: SessionStore) -> None:
    fill(store)
    (line,) = store.export_jsonl(["s2"])
    assert json.loads(line)["session"]["id"] == "s2"


def test_what_is_there_is_skipped_and_left_alone(store: SessionStore) -> None:
    fill(store)
    lines = list(store.export_jsonl())
    store.annotate("s1", note="my later note")
    assert store.import_jsonl(lines) == ImportReport(skipped=2)
    assert store.read_session("s1").note == "my later note"


def test_new_answers_of_a_known_session_are_added(store: SessionStore) -> None:
    with SessionStore.in_memory() as elsewhere:
        answer(elsewhere, "a1")
        early = list(elsewhere.export_jsonl())
        answer(elsewhere, "a2", most_likely="Zebra disease - rare")
        late = list(elsewhere.export_jsonl())
    store.import_jsonl(early)
    assert store.import_jsonl(late) == ImportReport(answers=1)
    assert store.read_session("s1").answers == 2
    assert len(store.search("zebra")) == 1


def test_importing_a_deleted_session_brings_it_back(store: SessionStore) -> None:
    answer(store)
    lines = list(store.export_jsonl())
    store.delete_session("s1")
    assert list(store.export_jsonl()) == []
    assert store.import_jsonl(lines) == ImportReport(sessions=1)
    assert list(store.export_jsonl()) == lines


def test_a_streaming_answer_arrives_interrupted(store: SessionStore) -> None:
    start(store)
    store.record(SlotText("a1", MOST_LIKELY, "half"))
    store.flush()
    with SessionStore.in_memory() as other:
        other.import_jsonl(store.export_jsonl())
        assert other.read_answer("a1").state is State.INTERRUPTED
        assert other.read_answer("a1").texts == {MOST_LIKELY: "half"}


def changed(values: dict[str, Any], *path: str | int, to: Any) -> str:
    copy = json.loads(json.dumps(values))
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return json.dumps(copy)


def test_bad_lines_are_named_and_the_others_imported() -> None:
    with SessionStore.in_memory() as source:
        good = line_of(source)
    bad: list[bytes | str] = [
        "{not json",
        b"\xff\xfe",
        "[]",
        "{}",
        "[" * 100_000,
        changed(good, "schema", to=2),
        changed(good, "schema", to=0),
        changed(good, "schema", to=True),
        changed(good, "session", to=None),
        changed(good, "session", "id", to="../../etc/passwd"),
        changed(good, "session", "id", to="x\x1b[31m"),
        changed(good, "session", "id", to=""),
        changed(good, "session", "created", to="yesterday"),
        changed(good, "session", "created", to="2026-01-01T00:00:00"),
        changed(good, "session", "note", to=5),
        changed(good, "session", "note", to="\ud800"),
        changed(good, "session", "tags", to="ab"),
        changed(good, "session", "tags", to=["x" * 41]),
        changed(good, "answers", to={}),
        changed(good, "answers", to=[1]),
        changed(good, "answers", 0, "state", to="great"),
        changed(good, "answers", 0, "vignette", to=None),
        changed(good, "answers", 0, "model", to={}),
        changed(good, "answers", 0, "model", "extra", to=1),
        changed(good, "answers", 0, "model", "name", to=[1]),
        changed(good, "answers", 0, "decoding", "seed", to=-1),
        changed(good, "answers", 0, "decoding", "temperature", to="hot"),
        changed(good, "answers", 0, "texts", to={"nonsense": "x"}),
        changed(good, "answers", 0, "texts", to=["x"]),
        changed(good, "answers", 0, "differential", "possible", to=["only one"]),
        changed(good, "answers", 0, "verdict", "strict", to="yes"),
        changed(good, "answers", 0, "stats", "ttft_s", to="fast"),
        changed(good, "answers", 0, "tokens", to=[[1]]),
        changed(good, "answers", 0, "tokens", to=[["x", 0, 1]]),
        changed(good, "answers", 0, "reviews", to={"possible[0]": "maybe"}),
        changed(good, "answers", 0, "created", to=10**400),
    ]
    for line in bad:
        with SessionStore.in_memory() as store:
            report = store.import_jsonl([line, "\n", json.dumps(good)])
            assert [error.line for error in report.errors] == [1], line[:80]
            assert report.errors[0].message, line[:80]
            assert "\n" not in report.errors[0].message
            assert (report.sessions, report.answers, report.skipped) == (1, 1, 0), line[:80]


def test_a_line_is_imported_whole_or_not_at_all(store: SessionStore) -> None:
    values = line_of(store)
    values["session"]["id"] = "s2"
    values["answers"].insert(0, {**values["answers"][0], "id": "new"})
    report = store.import_jsonl([json.dumps(values)])
    assert "already belongs to another session" in report.errors[0].message
    assert store.count() == 1
    assert not store._database.rows("SELECT 1 FROM answers WHERE id = 'new'")


def test_an_import_that_breaks_off_adds_nothing(store: SessionStore) -> None:
    with SessionStore.in_memory() as source:
        good = json.dumps(line_of(source))

    def lines() -> Any:
        yield good
        raise OSError("the disk was pulled out")

    with pytest.raises(OSError, match="pulled out"):
        store.import_jsonl(lines())
    assert store.count() == 0


def test_a_byte_order_mark_and_windows_line_ends_are_fine(store: SessionStore) -> None:
    with SessionStore.in_memory() as source:
        good = json.dumps(line_of(source))
    assert store.import_jsonl([f"\ufeff{good}\r\n".encode()]).sessions == 1


@settings(max_examples=40, deadline=None)
@given(note=st.text(), diagnosis=st.text(), text=st.text(min_size=1), raw=st.text())
def test_any_text_survives_the_round_trip(note: str, diagnosis: str, text: str, raw: str) -> None:
    with SessionStore.in_memory() as source, SessionStore.in_memory() as target:
        start(source)
        source.record(SlotText("a1", MOST_LIKELY, text))
        source.record(TokenSampled("a1", 1, raw, -1.0, False))
        source.record(Failed("a1", FailureKind.INTERNAL, "x"))
        source.annotate("s1", note=note, final_diagnosis=diagnosis)
        report = target.import_jsonl([line.encode() for line in source.export_jsonl()])
        assert report == ImportReport(sessions=1, answers=1)
        assert everything(target) == everything(source)
