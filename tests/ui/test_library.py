"""The Library by keyboard: nothing of a gold answer before an own one, and nothing lost after."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from textual.widgets import Input

from diffdx_tui.config import data_directory
from diffdx_tui.domain.commitment import Commitment
from diffdx_tui.domain.commitment_match import Standing
from diffdx_tui.domain.curated import CuratedCase, read_curated
from diffdx_tui.domain.differential import Slot
from diffdx_tui.store import SessionStore
from diffdx_tui.ui.case_library import CaseLibrary, Sieve
from diffdx_tui.ui.library import LibraryScreen

SIZES = [(80, 24), (160, 50)]
CASES = read_curated(data_directory() / "vignettes.jsonl")
FIRST = CASES[0]
PAIRED = next(case for case in CASES if case.pair)
HOSTILE = "[red]\x1b[31mMI\x07[/red] $x {y} \u202e 'drop"


async def opened(hands: Any, *, compared: bool = False) -> LibraryScreen:
    """The Library with its cases; *compared*: once names can be compared as well."""
    await hands.ready()
    await hands.press("alt+3")
    await hands.sees("[Library]", FIRST.id)
    screen = hands.app.screen
    assert isinstance(screen, LibraryScreen)
    if compared:
        await hands.until(lambda: screen.library.names is not None, seconds=20)
    return screen


async def type_answer(hands: Any, *texts: str) -> None:
    """Fill the form's rows and commit."""
    await hands.press("c")
    await hands.sees("Your answer")
    for number, text in enumerate(texts):
        hands.app.screen.query_one(f"#field-{number}", Input).value = text
    await hands.press("f5")


def gold_words(case: CuratedCase) -> list[str]:
    """What must not be seen before an own answer is committed."""
    tiers = case.tiers
    named = (tiers.most_likely, *tiers.possible, tiers.unlikely_but_serious)
    also = [
        f"accepted here: {some[0].name}" for some in tiers.alternates.by_tier().values() if some
    ]
    return [*(one.name for one in named), *also, case.source.url, "Decisive", "Review record"]


def whole_case(screen: LibraryScreen) -> str:
    return str(screen.query_one("#case Static").visual)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES)
async def test_gold_is_hidden_until_one_has_committed(start: Any, size: tuple[int, int]) -> None:
    assert FIRST.tiers.alternates.possible
    async with start(size=size) as hands:
        screen = await opened(hands, compared=True)
        await hands.press("enter")
        await hands.sees(FIRST.vignette[:30], "not clinician-validated", "commit your own")
        assert not [word for word in gold_words(FIRST) if word in whole_case(screen)]
        await hands.press("c", *"heart attack", "enter", *"blorb", "enter", *"pericarditis")
        await hands.press("enter", "enter", "enter")
        await hands.sees("1 of 250 answered, 1 right first")
        text = whole_case(screen)
        assert not [word for word in gold_words(FIRST) if word not in text]
        assert "r1: " in text and "r5: judged the alternates alone, failed none" in text
        for words in (
            "same as Acute myocardial infarction",
            "? not recognised",
            "same as Acute pericarditis",
            "left empty",
            "no clinician",
            "Minimal pair",
        ):
            assert words in text
        await hands.press("escape")
        await hands.sees("right   cardiac-c01", "Acute myocardial infarction")


@pytest.mark.asyncio
async def test_a_commitment_stands_and_outlasts_the_program(start: Any, config: Any) -> None:
    async with start() as hands:
        await opened(hands)
        await type_answer(hands, "Pericarditis")
        await hands.until(lambda: config.database.exists() and saved(config))
        await hands.press("c")
        await hands.sees("what you committed stands")
    async with start() as hands:
        screen = await opened(hands, compared=True)
        await hands.sees("1 of 250 answered, 0 right first", "differs")
        assert "Pericarditis" in whole_case(screen)
        assert "in the gold answer under POSSIBLE" in whole_case(screen)


def saved(config: Any) -> Any:
    with SessionStore.open(config.database) as store:
        return store.commitments()


@pytest.mark.asyncio
async def test_any_text_is_only_text(start: Any, config: Any) -> None:
    async with start() as hands:
        screen = await opened(hands, compared=True)
        await type_answer(hands, HOSTILE, "[/] " + "x" * 480, "\ud800", "\x9b2J", "%s")
        await hands.sees("1 of 250 answered")
        text = whole_case(screen)
        assert "[red]\u241b[31mMI" in text and "[/]" in text
        for character in "\x1b\x07\x9b\u202e\ud800":
            assert character not in text and character not in hands.text
        await hands.until(lambda: saved(config))


@pytest.mark.asyncio
async def test_giving_up_is_asked_back_and_marked(start: Any) -> None:
    async with start() as hands:
        screen = await opened(hands)
        await hands.press("x")
        await hands.sees("Give up on")
        await hands.press("enter")  # the first choice goes on thinking
        await hands.sees("0 of 250 answered")
        assert not screen.library.entry(FIRST.id).revealed
        await hands.press("x")
        await hands.sees("Give up on")
        await hands.press("down", "enter")
        await hands.sees("0 of 250 answered", "1 shown", "Shown without an answer")
        await hands.press("escape")
        await hands.sees("shown   cardiac-c01")


@pytest.mark.asyncio
async def test_typing_is_kept_when_the_form_is_left(start: Any) -> None:
    async with start() as hands:
        screen = await opened(hands)
        await hands.press("c", *"gout", "escape")
        await hands.sees("0 of 250")
        assert not screen.library.entry(FIRST.id).revealed
        await hands.press("c")
        await hands.sees("Your answer", "gout")
        await hands.app.run_action("screen.leave")


@pytest.mark.asyncio
async def test_an_answer_needs_a_first_diagnosis(start: Any) -> None:
    async with start() as hands:
        screen = await opened(hands)
        await type_answer(hands, "  ", "gout")
        await hands.sees("commit to a most likely diagnosis first")
        await hands.press("escape")
        assert not screen.library.entry(FIRST.id).revealed


@pytest.mark.asyncio
async def test_search_and_diagnoses_tell_only_what_is_revealed(start: Any) -> None:
    async with start(size=(160, 50)) as hands:
        await opened(hands)
        await hands.press("b")
        await hands.sees("once you have answered")
        await hands.press("slash", *"stemi")  # an accepted name; no vignette says it
        await hands.sees("0 listed", "Nothing fits")
        await hands.press("escape")
        await type_answer(hands, "STEMI")
        await hands.sees("1 of 250")
        await hands.press("slash", *"stemi")
        await hands.sees("1 listed")
        await hands.press("escape", "b")
        await hands.sees("Diagnoses of cases you have seen")
        await hands.press(*"infarction", "enter")
        await hands.sees("1 listed: Acute myocardial infarction")
        await hands.press("f", "up", "right", "enter")  # the last row: spoilers
        await hands.sees("spoilers on")
        others = [c for c in CASES if c.tiers.most_likely.name == FIRST.tiers.most_likely.name]
        assert len(others) > 1
        await hands.sees(f"{len(others)} listed")
        await hands.press("f", "up", "right", "enter")  # off again: the diagnosis goes too
        await hands.until(lambda: "listed" not in hands.text)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES)
async def test_narrowing_by_domain_and_split(start: Any, size: tuple[int, int]) -> None:
    async with start(size=size) as hands:
        screen = await opened(hands)
        await hands.press("f")
        await hands.sees("Which cases")
        await hands.press("right", "right", "down", "down", "left", "enter")
        await hands.sees("listed: neurological, test")
        listed = screen.library.sift(Sieve(domain="neurological", split="test"))
        assert 0 < len(listed) < 25
        await hands.sees("TEST", *(entry.case.id for entry in listed))
        assert "train" not in hands.text
        await hands.press("escape")
        await hands.until(lambda: "listed" not in hands.text)


@pytest.mark.asyncio
async def test_the_twin_is_told_once_both_are_answered(start: Any) -> None:
    async with start() as hands:
        screen = await opened(hands)
        assert PAIRED is FIRST
        await type_answer(hands, "MI")
        await hands.sees("1 of 250")
        twin = screen.library.entry(FIRST.pair or "")
        assert "Answer it first" in whole_case(screen)
        await hands.press("p")
        await hands.until(lambda: screen.list.current == twin.case.id)
        assert twin.diagnosis not in whole_case(screen)
        await type_answer(hands, "MI")
        await hands.sees("2 of 250")
        text = whole_case(screen)
        assert "From here to there" in text and "{+" in text and "[-" in text
        assert f"{twin.diagnosis} here, {FIRST.tiers.most_likely.name} there" in text


@pytest.mark.asyncio
async def test_next_goes_to_what_is_to_do(start: Any) -> None:
    async with start() as hands:
        screen = await opened(hands)
        await hands.press("n")
        await hands.until(lambda: screen.list.current == CASES[1].id)
        await type_answer(hands, "MI")
        await hands.press("left", "n")
        await hands.until(lambda: screen.list.current == CASES[2].id)


@pytest.mark.asyncio
async def test_sending_fills_the_pane_and_runs_nothing(start: Any) -> None:
    async with start() as hands:
        await opened(hands)
        await hands.press("down", "s")
        await hands.sees("[Explore]", "F5 runs it")
        assert hands.app.explore.pane.text == CASES[1].vignette
        assert not hands.bench.worker.requests
        await hands.press("alt+3")
        await hands.sees("[Library]")
        assert hands.app.screen.list.current == CASES[1].id  # as it was left


@pytest.mark.asyncio
async def test_ephemeral_answers_leave_no_trace(start: Any, config: Any) -> None:
    async with start(settings={"ephemeral": True}) as hands:
        await opened(hands)
        await type_answer(hands, "MI")
        await hands.sees("remembered until you leave", "1 of 250")
    assert not config.database.exists()


@pytest.mark.asyncio
async def test_forgetting_hides_the_answer_again(start: Any, config: Any) -> None:
    async with start() as hands:
        screen = await opened(hands)
        await type_answer(hands, "MI")
        await hands.until(lambda: config.database.exists() and saved(config))
        await hands.press("ctrl+p", *"forget", "enter")
        await hands.sees("0 of 250 answered")
        assert not [word for word in gold_words(FIRST) if word in whole_case(screen)]
        await hands.until(lambda: not saved(config))


@pytest.mark.asyncio
async def test_a_broken_file_is_said(
    start: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "vignettes.jsonl").write_text("{}\n")
    monkeypatch.setattr("diffdx_tui.ui.library.data_directory", lambda: tmp_path)
    async with start() as hands:
        await hands.ready()
        await hands.press("alt+3")
        await hands.sees("no library", "line 1")
        await hands.press("c", "x", "n", "p", "s", "f", "escape", "escape")
        await hands.sees("[Explore]")


def test_another_wording_of_a_case_is_still_to_do() -> None:
    library = CaseLibrary.read(data_directory())
    texts = {Slot("most_likely"): "MI"}
    library.take([Commitment(FIRST.id, "0" * 64, datetime.now(UTC), texts)])
    library.take([Commitment("gone-c99", "0" * 64, datetime.now(UTC), texts)])
    entry = library.entry(FIRST.id)
    assert not entry.revealed and entry.earlier and entry.standing is Standing.TO_DO
    assert not Sieve(query="stemi").passes(entry)
