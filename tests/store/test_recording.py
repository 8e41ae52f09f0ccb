"""Answers are written while they stream, and nothing of them is lost or mixed up."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffdx_tui.answer import Recorder
from diffdx_tui.domain.decoding import Decoding, Mode
from diffdx_tui.domain.differential import Slot
from diffdx_tui.domain.events import (
    Cancelled,
    Failed,
    FailureKind,
    SlotText,
    Started,
    State,
    Stats,
    TokenSampled,
)
from diffdx_tui.domain.verdict import Verdict, Violation
from diffdx_tui.store import SessionStore, StoreError, Token

from .casebook import MODEL, answer, differential_of, events_of, start

MOST_LIKELY = Slot("most_likely")


def test_fits_the_recorder_protocol(store: SessionStore) -> None:
    recorder: Recorder = store
    assert recorder is store


def test_a_finished_answer_reads_back_as_it_was(store: SessionStore) -> None:
    text = 'Ein Mann mit Kopfschmerz \U0001f915 und "Fieber".\n\tSeit gestern <|im_end|>'
    decoding = Decoding(mode=Mode.FREE, temperature=0.7, seed=11)
    start(store, "a1", "s1", text, parent_id="a0", decoding=decoding)
    events = events_of("a1", differential_of(text))
    for event in events[1:]:
        store.record(event)
    found = store.read_answer("a1")
    finished = events[-1]
    assert found.state is State.FINISHED
    assert found.session_id == "s1"
    assert found.parent_id == "a0"
    assert found.vignette == text
    assert found.model == MODEL
    assert found.decoding == decoding
    assert found.raw == finished.raw
    assert found.differential == finished.differential
    assert found.verdict == finished.verdict
    assert found.stats == finished.stats
    assert found.texts[MOST_LIKELY] == "Subarachnoid haemorrhage - sudden"
    sampled = [event for event in events if isinstance(event, TokenSampled)]
    assert found.tokens == tuple(Token(e.id, e.logprob, e.forced) for e in sampled)


def test_a_second_start_begins_the_answer_anew(store: SessionStore) -> None:
    """The engine's retry in fp32: nothing of the first attempt may stay."""
    text = "chest pain"
    start(store, "a1", "s1", text)
    events = events_of("a1", differential_of(text))
    for event in (*events[:-1], *events):
        store.record(event)
    found = store.read_answer("a1")
    sampled = [event for event in events if isinstance(event, TokenSampled)]
    assert len(found.tokens) == len(sampled)
    assert found.texts[MOST_LIKELY] == "Subarachnoid haemorrhage - sudden"
    assert found.raw == events[-1].raw


def test_started_brings_what_the_engine_resolved(store: SessionStore) -> None:
    start(store)
    resolved = Decoding(seed=99)
    store.record(Started("a1", MODEL, resolved))
    assert store.connect().read_answer("a1").decoding == resolved


def test_a_cancelled_answer_keeps_its_partial_text(store: SessionStore) -> None:
    start(store)
    store.record(SlotText("a1", MOST_LIKELY, "Subarach"))
    verdict = Verdict(False, False, (Violation("not_json", "cut off", 3),), None)
    store.record(Cancelled("a1", None, verdict, Stats(tokens_sampled=4), '{"most'))
    found = store.read_answer("a1")
    assert found.state is State.CANCELLED
    assert found.texts == {MOST_LIKELY: "Subarach"}
    assert (found.raw, found.verdict) == ('{"most', verdict)
    assert store.read_session("s1").strict is False


def test_a_failed_answer_keeps_what_came_and_says_why(store: SessionStore) -> None:
    start(store)
    store.record(TokenSampled("a1", 1, "{", float("-inf"), False))
    store.record(Failed("a1", FailureKind.OUT_OF_MEMORY, "half a pair: \ud800"))
    found = store.read_answer("a1")
    assert found.state is State.FAILED
    assert found.raw == "{"
    assert found.failure_kind is FailureKind.OUT_OF_MEMORY
    assert found.failure_message == "half a pair: \ufffd"
    assert found.tokens == (Token(1, None, False),)


def test_late_events_and_those_of_unknown_answers_are_dropped(store: SessionStore) -> None:
    answer(store)
    before = store.read_answer("a1")
    store.record(SlotText("a1", MOST_LIKELY, "late"))
    store.record(Failed("a1", FailureKind.INTERNAL, "late"))
    store.record(SlotText("nobody", MOST_LIKELY, "stray"))
    store.flush()
    assert store.read_answer("a1") == before


def test_an_answer_id_is_used_once(store: SessionStore) -> None:
    answer(store)
    with pytest.raises(StoreError, match="already an answer a1"):
        start(store, session_id="s2")
    assert store.count() == 1


def test_answers_of_one_session(store: SessionStore) -> None:
    answer(store, "a1")
    start(store, "a2", vignette="Edited text.", parent_id="a1")
    session = store.read_session("s1")
    assert (session.answers, session.state, session.strict) == (2, State.STREAMING, None)
    assert session.title.startswith("A woman")
    assert [found.id for found in store.answers("s1")] == ["a1", "a2"]


def test_text_is_committed_while_events_come(path: Path) -> None:
    with SessionStore.open(path) as writer, writer.connect() as reader:
        start(writer)
        for _ in range(60):
            written = f"{time.time():.6f} "
            writer.record(TokenSampled("a1", 1, written, 0.0, False))
            time.sleep(0.02)
            stored = reader.read_answer("a1").raw
            if stored:
                assert time.time() - float(stored.split()[-1]) < 1.0
        assert len(reader.read_answer("a1").raw.split()) > 20


def test_text_is_committed_when_the_next_event_is_long_in_coming(path: Path) -> None:
    with SessionStore.open(path) as writer, writer.connect() as reader:
        start(writer)
        writer.record(SlotText("a1", MOST_LIKELY, "slow"))
        assert reader.read_answer("a1").texts == {}
        time.sleep(0.95)
        assert reader.read_answer("a1").texts == {MOST_LIKELY: "slow"}


def test_text_waits_in_memory_while_another_process_writes(path: Path) -> None:
    with SessionStore.open(path) as writer, SessionStore.open(path) as other:
        start(writer)
        with other._database.transaction():
            begin = time.monotonic()
            writer.record(SlotText("a1", MOST_LIKELY, "a"))
            time.sleep(0.5)
            writer.record(SlotText("a1", MOST_LIKELY, "b"))
            assert time.monotonic() - begin < 1.5
        writer.flush()
        assert other.read_answer("a1").texts == {MOST_LIKELY: "ab"}


def test_closing_interrupts_what_still_streams(path: Path) -> None:
    with SessionStore.open(path) as store:
        start(store)
        store.record(SlotText("a1", MOST_LIKELY, "Meningitis fulminans"))
        store.record(TokenSampled("a1", 7, '{"', -1.0, False))
    with SessionStore.open(path) as store:
        found = store.read_answer("a1")
        assert found.state is State.INTERRUPTED
        assert found.texts == {MOST_LIKELY: "Meningitis fulminans"}
        assert found.raw == '{"'
        assert [hit.session.id for hit in store.search("fulminans")] == ["s1"]


def test_closing_twice_is_harmless(store: SessionStore) -> None:
    store.close()
    store.close()


def test_another_handle_of_this_process_leaves_streaming_answers_alone(path: Path) -> None:
    with SessionStore.open(path) as writer:
        start(writer)
        with SessionStore.open(path) as reader:
            assert reader.read_answer("a1").state is State.STREAMING
        assert writer.read_answer("a1").state is State.STREAMING


def test_worker_writes_while_the_screen_reads_and_annotates(store: SessionStore) -> None:
    failures: list[BaseException] = []

    def work(handle: SessionStore) -> None:
        try:
            with handle:
                for number in range(15):
                    answer(handle, f"a{number}", f"s{number % 4}")
        except BaseException as error:
            failures.append(error)

    worker = threading.Thread(target=work, args=(store.connect(),))
    worker.start()
    while worker.is_alive():
        for session in store.list_sessions():
            store.annotate(session.id, note="seen")
            store.answers(session.id)
        store.search("head")
    worker.join()
    assert not failures
    assert store.count() == 4
    assert sum(session.answers for session in store.list_sessions()) == 15


def test_a_deleted_session_comes_back_when_it_is_asked_again(store: SessionStore) -> None:
    answer(store, "a1")
    store.delete_session("s1")
    answer(store, "a2")
    assert store.count() == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=20), max_size=12))
def test_any_text_is_stored_as_it_came(pieces: list[str]) -> None:
    with SessionStore.in_memory() as store:
        start(store)
        for piece in pieces:
            store.record(TokenSampled("a1", 1, piece, -0.5, False))
            store.record(SlotText("a1", MOST_LIKELY, piece))
        store.flush()
        found = store.read_answer("a1")
        assert found.raw == "".join(pieces)
        assert found.texts.get(MOST_LIKELY, "") == "".join(pieces)
