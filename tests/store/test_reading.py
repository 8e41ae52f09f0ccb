"""Lists, annotations, tags, deletion with undo, and ids by their first characters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from diffdx_tui.domain.differential import Slot
from diffdx_tui.domain.events import State
from diffdx_tui.store import AmbiguousId, Review, SessionStore, StoreError, UnknownId

from .casebook import answer, start


def ids(store: SessionStore, **wanted: object) -> list[str]:
    return [session.id for session in store.list_sessions(**wanted)]  # type: ignore[arg-type]


def test_newest_change_comes_first_in_pages(store: SessionStore) -> None:
    for number in range(5):
        answer(store, f"a{number}", f"s{number}")
    store.annotate("s1", note="read again")
    assert ids(store) == ["s1", "s4", "s3", "s2", "s0"]
    assert ids(store, limit=2, offset=1) == ["s4", "s3"]
    assert store.count() == 5


def test_filters(store: SessionStore) -> None:
    answer(store, "a1", "s1")
    answer(store, "a2", "s2")
    start(store, "a3", "s2")
    store.set_tags("s1", ["Cardio", "teaching"])
    assert ids(store, state=State.FINISHED) == ["s1"]
    assert ids(store, state=State.STREAMING) == ["s2"]
    assert store.count(state=State.STREAMING) == 1
    assert ids(store, tag="cardio") == ["s1"]
    assert store.count(tag="cardio", state=State.STREAMING) == 0


def test_annotations(store: SessionStore) -> None:
    answer(store)
    store.annotate("s1", note="Seen on the ward", final_diagnosis="SAH")
    store.annotate("s1", final_diagnosis="")
    session = store.read_session("s1")
    assert (session.note, session.final_diagnosis) == ("Seen on the ward", "")
    with pytest.raises(UnknownId, match="there is no session 'nope'"):
        store.annotate("nope", note="x")


def test_tags_have_one_form(store: SessionStore) -> None:
    answer(store)
    store.set_tags("s1", ["  Red   Flag ", "red flag", "\u00c4rzte"])
    assert store.read_session("s1").tags == ("red flag", "\u00e4rzte")
    assert store.tags() == (("red flag", 1), ("\u00e4rzte", 1))
    for bad in ("", "a,b", "x" * 41):
        with pytest.raises(StoreError, match="tag"):
            store.set_tags("s1", [bad])
    store.set_tags("s1", [])
    assert store.tags() == ()


def test_review_by_tier(store: SessionStore) -> None:
    answer(store)
    first, second = Slot("possible", 0), Slot("most_likely")
    store.review("a1", first, True)
    store.review("a1", second, True)
    store.review("a1", first, False)
    assert store.read_answer("a1").reviews == (Review(second, True), Review(first, False))
    store.review("a1", first, None)
    assert store.read_answer("a1").reviews == (Review(second, True),)
    with pytest.raises(UnknownId):
        store.review("a9", first, True)


def test_ids_by_their_first_characters(store: SessionStore) -> None:
    answer(store, "a1", "01abc")
    answer(store, "a2", "01abd")
    answer(store, "a3", "01")
    assert store.read_session("01abc").id == "01abc"
    assert store.read_session("01").id == "01", "an exact id wins"
    with pytest.raises(AmbiguousId, match=r"fits several sessions \(01abc, 01abd\)"):
        store.read_session("01a")
    for unknown in ("", "02", "01abc0", "%", "_", "*", "'; DROP TABLE sessions; --", "\U0001f642"):
        with pytest.raises(UnknownId):
            store.read_session(unknown)
    with pytest.raises(AmbiguousId):
        store.read_answer("a")


def test_delete_and_undo(store: SessionStore) -> None:
    answer(store, most_likely="Zebra disease - rare")
    answer(store, "a2", "s2")
    before = store.read_session("s1")
    store.delete_session("s1")
    assert ids(store) == ["s2"]
    assert ids(store, deleted=True) == ["s1"]
    assert store.search("zebra") == ()
    assert store.read_session("s1").deleted is not None
    store.restore_session("s1")
    assert store.read_session("s1") == before
    assert [hit.session.id for hit in store.search("zebra")] == ["s1"]


def test_purge_removes_everything_of_a_session(store: SessionStore) -> None:
    answer(store, most_likely="Zebra disease - rare")
    store.set_tags("s1", ["x"])
    store.review("a1", Slot("most_likely"), True)
    store.delete_session("s1")
    assert store.purge_deleted(datetime.now(UTC) - timedelta(days=1)) == 0
    assert store.purge_deleted() == 1
    for table in ("sessions", "answers", "tags", "reviews", "documents"):
        assert not store._database.rows(f"SELECT * FROM {table}"), table


def test_opening_purges_what_was_deleted_a_month_ago(path: Path) -> None:
    with SessionStore.open(path) as store:
        for number in (1, 2):
            answer(store, f"a{number}", f"s{number}")
            store.delete_session(f"s{number}")
        with store._database.transaction() as connection:
            connection.execute("UPDATE sessions SET deleted = '2020-01-01' WHERE id = 's1'")
    with SessionStore.open(path) as store:
        assert ids(store, deleted=True) == ["s2"]


def test_memory_leaves_no_trace_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with SessionStore.in_memory() as store, store.connect() as other:
        answer(store)
        assert other.read_session("s1").state is State.FINISHED
        assert (store.ephemeral, store.path) == (True, None)
    assert not list(tmp_path.iterdir())
    with SessionStore.in_memory() as store:
        assert store.count() == 0


def test_memory_outlives_the_handle_that_began_it() -> None:
    store = SessionStore.in_memory()
    other = store.connect()
    answer(store)
    store.close()
    assert other.count() == 1
    other.close()
