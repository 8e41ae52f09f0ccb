"""The Sessions screen by keyboard."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from diffdx_tui.domain.events import State
from diffdx_tui.store import SessionStore, StoreError
from tests.ui.conftest import CASE

pytestmark = pytest.mark.asyncio
OTHER = "A boy with a barking cough and noisy breathing at night."


async def opened(hands: Any) -> None:
    """Two sessions, the first with two answers; then the screen."""
    await hands.answered(CASE)
    await hands.press("f7")
    await hands.until(lambda: len(hands.bench.worker.requests) == 2)
    await hands.until(lambda: not hands.app.answering.active)
    await hands.answered(OTHER)
    await hands.press("f9")
    await hands.sees("2 sessions", "barking cough", "Answer 1 of 1")


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_list_and_preview(start: Any, size: tuple[int, int]) -> None:
    async with start(size=size) as hands:
        await opened(hands)
        await hands.sees("valid", "A 58-year-old woman", "MOST LIKELY")
        await hands.press("down")
        await hands.sees("Answer 2 of 2")
        await hands.press("left")
        await hands.sees("Answer 1 of 2")


async def test_search_is_live_and_takes_syntax_as_text(start: Any) -> None:
    async with start() as hands:
        await opened(hands)
        await hands.press("slash", *"barki")
        await hands.sees("1 of 2 sessions match")
        await hands.press(*'ng" OR (*')
        await hands.sees("sessions match")
        await hands.press("escape")
        await hands.sees("2 sessions")


async def test_annotating(start: Any, config: Any) -> None:
    async with start(size=(160, 50)) as hands:
        await opened(hands)
        await hands.press("a")
        await hands.sees("Annotate", "Final diagnosis", "Recommended workup")
        await hands.press(*"Croup", "tab", *"[red]note", "tab", *"ent,#child")
        await hands.press("tab", "right", "tab", "right", "right", "enter")
        await hands.sees("annotation saved")
        await hands.sees("Croup", "[red]note", "#child", "#ent", "agreed", "disagreed")
    with SessionStore.open(config.database) as store:
        session = store.list_sessions()[0]
        assert (session.final_diagnosis, session.note) == ("Croup", "[red]note")
        assert session.tags == ("child", "ent")
        (answer,) = store.answers(session.id)
        assert {r.slot.name: r.agrees for r in answer.reviews} == {
            "most_likely": True,
            "possible[0]": False,
        }


async def test_comparing_two_answers(start: Any) -> None:
    async with start() as hands:
        await opened(hands)
        await hands.press("c")
        await hands.sees("marked")
        await hands.press("down")
        await hands.sees("Answer 2 of 2")
        await hands.press("c")
        await hands.sees("Comparison", "Diagnoses", "same", "Vignette", "[-", "{+")
        await hands.press("x", "escape")
        await hands.sees("2 sessions")


@pytest.mark.parametrize(("turns", "ending"), [(0, "md"), (1, "jsonl"), (2, "csv")])
async def test_exporting(start: Any, config: Any, turns: int, ending: str) -> None:
    async with start() as hands:
        await opened(hands)
        await hands.press("e")
        await hands.sees("Export", "Markdown")
        await hands.press(*["right"] * turns, "tab", "right", "enter")
        await hands.until(lambda: any((config.home / "exports").glob(f"*.{ending}")))
        await hands.sees("written to")
        (path,) = (config.home / "exports").glob(f"*.{ending}")
        assert path.stat().st_mode & 0o077 == 0
        assert "barking cough" in path.read_text()


async def test_exporting_to_a_typed_path_never_overwrites(
    start: Any, config: Any, tmp_path: Any
) -> None:
    taken = tmp_path / "mine.md"
    taken.write_text("mine")
    async with start() as hands:
        await opened(hands)
        await hands.press("e")
        await hands.sees("Export")
        hands.app.screen.query_one("#path").value = str(taken)
        await hands.press("enter")
        await hands.sees("exists already")
        assert taken.read_text() == "mine"


async def test_deleting_and_undoing(start: Any) -> None:
    async with start() as hands:
        await opened(hands)
        await hands.press("d")
        await hands.sees("1 session")
        assert "barking" not in hands.text
        await hands.press("u")
        await hands.sees("2 sessions", "barking")


async def test_opening_goes_on_with_the_case(start: Any) -> None:
    async with start() as hands:
        await opened(hands)
        await hands.press("down")
        await hands.sees("Answer 2 of 2")
        await hands.press("enter")
        await hands.sees("[Explore]", "Subarachnoid", "answer 2 of this case")
        assert hands.app.explore.pane.text == CASE
        await hands.press("f5")
        await hands.until(lambda: len(hands.bench.worker.requests) == 4)
        first, second, _, fourth = hands.bench.worker.requests
        assert fourth.session_id == first.session_id
        assert fourth.parent_id == second.answer_id


async def test_saved_vignettes_come_back_in_the_picker(start: Any) -> None:
    async with start() as hands:
        await hands.answered(OTHER)
    async with start() as hands:
        await hands.ready()
        await hands.press("ctrl+o", *"barking")
        await hands.sees("saved", "barking cough")


async def test_a_damaged_database_is_said_and_set_aside(start: Any, config: Any) -> None:
    config.home.mkdir(parents=True)
    config.database.write_bytes(b"not a database" * 500)
    async with start() as hands:
        await hands.ready()
        await hands.press("f9")
        await hands.sees("could not be read", "kept as")
        assert list(config.home.glob("sessions.damaged*"))


@pytest.fixture
def slow_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store whose answers come well after the cursor has moved."""
    read = SessionStore.answers

    def answers(store: SessionStore, session_id: str) -> Any:
        time.sleep(0.3)
        return read(store, session_id)

    monkeypatch.setattr(SessionStore, "answers", answers)


async def test_opening_waits_for_the_session_under_the_cursor(
    start: Any, slow_answers: None
) -> None:
    async with start() as hands:
        await opened(hands)
        await hands.press("down", "enter")
        await hands.sees("[Explore]", "answer 2 of this case")
        assert hands.app.explore.pane.text == CASE


async def test_annotating_waits_for_the_session_under_the_cursor(
    start: Any, config: Any, slow_answers: None
) -> None:
    async with start(size=(160, 50)) as hands:
        await opened(hands)
        await hands.press("down", "a")
        await hands.sees("Annotate")
        await hands.press("tab", "tab", "tab", "right", "enter")
        await hands.sees("annotation saved")
    with SessionStore.open(config.database) as store:
        sessions = store.list_sessions()
        reviewed = [[bool(a.reviews) for a in store.answers(s.id)] for s in sessions]
    assert sorted(reviewed) == [[False], [False, True]]


async def test_turning_and_comparing_wait_as_well(start: Any, slow_answers: None) -> None:
    async with start() as hands:
        await opened(hands)
        await hands.press("down", "left")
        await hands.sees("Answer 1 of 2")
        await hands.press("up", "c", "down", "c")
        await hands.sees("Comparison", "{+")


@pytest.mark.parametrize("key", [("j", "k"), ("G", "g"), ("end", "home"), ("down", "up")])
async def test_keys_of_the_list(start: Any, key: tuple[str, str]) -> None:
    async with start() as hands:
        await opened(hands)
        await hands.press(key[0])
        await hands.sees("Answer 2 of 2")
        await hands.press("h")
        await hands.sees("Answer 1 of 2")
        await hands.press("l")
        await hands.sees("Answer 2 of 2")
        await hands.press(key[1])
        await hands.sees("Answer 1 of 1")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "needs a name"),
        ("~nosuchperson/x.md", "cannot be used"),
        ("n" * 300, "cannot be used"),
        (".", "is a folder"),
    ],
    ids=["empty", "unknown person", "too long", "folder"],
)
async def test_a_path_that_cannot_be_used_is_said_in_the_form(
    start: Any, config: Any, path: str, words: str
) -> None:
    (config.home / "exports").mkdir(parents=True)
    async with start() as hands:
        await opened(hands)
        await hands.press("e")
        await hands.sees("Export")
        field = hands.app.screen.query_one("#path")
        field.value = path
        await hands.press("enter")
        await hands.sees("Export", words)
        await hands.press("right")  # the next format
        await hands.sees("JSONL")
        assert field.value.endswith(".jsonl")


async def test_a_deletion_can_be_undone_on_a_later_visit(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start() as hands:
        await opened(hands)
        await hands.press("d")
        await hands.sees("1 session")
        await hands.press("f21")  # Shift+F9
        await hands.sees("[Explore]")
        await hands.press("f9")
        await hands.sees("1 session")
        with monkeypatch.context() as broken:

            def fail(*_: object) -> None:
                raise StoreError("the disk is full")

            broken.setattr(SessionStore, "restore_session", fail)
            await hands.press("u")
            await hands.sees("the disk is full")
        await hands.press("u")
        await hands.sees("2 sessions", "barking")


async def test_an_answer_another_process_still_writes_is_not_running_here(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = SessionStore.answers
    monkeypatch.setattr(
        SessionStore,
        "answers",
        lambda store, name: tuple(replace(a, state=State.STREAMING) for a in read(store, name)),
    )
    async with start() as hands:
        await opened(hands)
        await hands.press("enter")
        await hands.sees("[Explore]", "interrupted")
        assert not hands.app.answering.active
        await hands.answered(OTHER)


async def test_one_session_is_one_session(start: Any) -> None:
    async with start() as hands:
        await hands.answered(OTHER)
        await hands.press("f9")
        await hands.sees("1 session")
        assert "1 sessions" not in hands.text
        await hands.press("slash", *"bark")
        await hands.sees("1 of 1 session matches")


async def test_a_damaged_database_is_said_once_and_in_explore_too(start: Any, config: Any) -> None:
    config.home.mkdir(parents=True)
    config.database.write_bytes(b"not a database" * 500)
    async with start(size=(120, 40)) as hands:
        said: list[str] = []
        tell = hands.app.tell
        hands.app.tell = lambda text, **how: (said.append(text), tell(text, **how))
        await hands.answered()
        await hands.sees("could not be read", "kept as")
        for _ in range(2):
            await hands.press("f9")
            await hands.sees("1 session")
            await hands.press("f21")  # Shift+F9
        assert len([text for text in said if "kept as" in text]) == 1
