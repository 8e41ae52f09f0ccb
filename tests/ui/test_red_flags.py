"""The banner of red flags and the page behind F6."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffdx_tui.domain.red_flags import announce_red_flags
from diffdx_tui.ui.glyphs import ASCII, UNICODE
from diffdx_tui.ui.plain import run_plain
from diffdx_tui.ui.red_flag_dialog import explanation, passages
from diffdx_tui.ui.tier_panels import TierPanel
from tests.ui.conftest import CASE
from tests.ui.scripted_worker import ScriptedWorker
from tests.ui.test_hostile_text import HOSTILE, assert_harmless

PLAIN = "An itchy boy scratches red bumps between the fingers every night."
MANY = (
    "71M, right calf swollen after knee replacement, now sudden breathlessness, sats 84%. Also "
    "fever and rigors since he came back from Ghana. He took all his tablets."
)
TAUGHT = "! Taught as time-critical: "


def banner_lines(hands: Any) -> list[str]:
    return [line for line in hands.text.splitlines() if TAUGHT in line]


async def ask(hands: Any, text: str) -> None:
    hands.app.explore.pane.replace_text(text)
    await hands.press("f5")


@pytest.mark.parametrize("size", [(80, 24), (100, 32), (160, 50)])
async def test_it_stands_before_the_model_is_there(start: Any, size: tuple[int, int]) -> None:
    async with start(size=size, load_delay=1.5) as hands:
        await hands.sees("loading")
        await ask(hands, CASE)
        await hands.sees(TAUGHT + "sudden worst-ever headache", "F6 why", "queued")
        assert hands.app.answering.model.info is None
        await hands.sees("finished")
        assert len(banner_lines(hands)) == 1


async def test_it_stays_when_the_model_fails(start: Any) -> None:
    async with start(failure="buy more") as hands:
        await hands.answered()
        await hands.sees("failed: out of memory", TAUGHT)
    async with start(load_failure="not on this machine") as hands:
        await hands.sees("not on this machine")
        await ask(hands, CASE)
        await hands.sees(TAUGHT)


async def test_one_line_at_80x24_and_the_tiers_keep_their_place(start: Any) -> None:
    async with start() as hands:
        await hands.answered(PLAIN)
        await hands.sees("finished")
        without = [panel.region for panel in hands.app.explore.tiers.query(TierPanel)]
        assert not banner_lines(hands) and not hands.app.explore.banner.display
        await hands.answered(MANY)
        await hands.sees("more  F6 why")
        (line,) = banner_lines(hands)
        assert len(line.rstrip()) <= 80
        assert [panel.region for panel in hands.app.explore.tiers.query(TierPanel)] == without


async def test_three_lines_where_rows_are_many(start: Any) -> None:
    async with start(size=(160, 50)) as hands:
        await hands.answered(MANY)
        await hands.until(lambda: len(banner_lines(hands)) == 3)
        first, second, last = banner_lines(hands)
        assert "(rule respiratory-failure)" in second
        assert "one leg swollen, recent" in first and "F6 why" in first
        assert last.rstrip().endswith("more")


async def test_it_leaves_with_its_case(start: Any) -> None:
    async with start() as hands:
        await hands.answered()
        await hands.sees(TAUGHT)
        await hands.press("f7")  # the same vignette again
        await hands.until(lambda: len(hands.bench.worker.requests) == 2)
        await hands.until(lambda: not hands.app.answering.active)
        assert banner_lines(hands)
        hands.app.explore.put_vignette(PLAIN)
        await hands.until(lambda: not banner_lines(hands))
        await hands.answered(CASE)
        await hands.sees(TAUGHT)
        await hands.press("ctrl+n")
        await hands.until(lambda: not banner_lines(hands))


async def test_a_saved_answer_has_its_flags_again(start: Any) -> None:
    async with start() as hands:
        await hands.answered()
        live = hands.app.answering.live
    async with start() as hands:
        await hands.ready()
        with hands.app.open_store() as store:
            saved = store.read_answer(live.answer_id)
        hands.app.explore.show_saved(saved, 1)
        await hands.sees(TAUGHT, "Subarachnoid")
        await hands.press("f6")
        await hands.sees("a tier names this danger")


async def test_why_says_words_rule_source_and_what_the_answer_does(start: Any) -> None:
    texts = {"most_likely": "Migraine - fever and photophobia"}
    async with start(size=(100, 40), texts=texts) as hands:
        await hands.ready()
        await hands.press("f6")
        await hands.sees("when a vignette is run")
        await hands.answered()
        await hands.press("f6")
        await hands.sees(
            "Red flags",
            "not clinician-validated",
            "subarachnoid haemorrhage (I60), minutes count",
            "\u2039headache that struck within seconds",
            "life\u203a.",
            "neuro-thunderclap-headache",
            "NICE 2022",
            'Most likely: "fever", the vignette denies it',
        )
        await hands.press("escape")
        await hands.until(lambda: "minutes count" not in hands.text)


async def test_why_without_a_flag_and_by_the_palette(start: Any) -> None:
    async with start() as hands:
        await hands.answered(PLAIN)
        await hands.press("ctrl+p", *"red", "space", *"flags", "enter")
        await hands.sees("No red-flag rule fires", "not clinician-validated")


async def test_ascii_has_twins(start: Any) -> None:
    async with start(settings={"ascii": True}) as hands:
        await hands.answered()
        await hands.sees(TAUGHT)
        await hands.press("f6")
        await hands.sees("<headache that struck within", "the worst of her life>")
        _, *lines = hands.text.splitlines()  # the tabs' ellipsis is the terminal's to change
        assert "".join(lines).isascii()


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_hostile_words_are_shown_and_do_nothing(start: Any, size: tuple[int, int]) -> None:
    async with start(size=size) as hands:
        await hands.answered(f"{HOSTILE} sudden worst headache of her life {HOSTILE}. {HOSTILE}")
        await hands.sees(TAUGHT)
        assert_harmless(hands)
        await hands.press("f6")
        await hands.sees("[@click=app.quit]", "\u2039")
        assert_harmless(hands)


def test_plain_mode_says_them_before_the_answer(config: Any) -> None:
    output = io.StringIO()
    factory = partial(ScriptedWorker)
    run_plain(config, worker_factory=factory, source=io.StringIO(CASE + "\n\n"), output=output)
    said = output.getvalue()
    assert said.index("Red flag: This pattern is taught") < said.index("Answer begins")
    assert "Rule neuro-thunderclap-headache" in said
    assert "No red flag does not mean no danger" in said


@given(st.text(max_size=80), st.lists(st.tuples(st.integers(0, 80), st.integers(0, 80))))
def test_passages_mark_exactly_the_places(text: str, ends: list[tuple[int, int]]) -> None:
    places = [(min(a, b), max(a, b)) for a, b in ends if a != b and max(a, b) <= len(text)]
    pieces = [piece for sentence in passages(text, places) for piece in sentence]
    marked = "".join(piece.text for piece in pieces if piece.matched)
    wanted = "".join(c for at, c in enumerate(text) if any(a <= at < b for a, b in places))
    assert "".join(marked.split()) == "".join(wanted.split())  # white space ends sentences


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@pytest.mark.parametrize("width", [40, 60, 96])
def test_no_line_is_wider_than_the_page(glyphs: Any, width: int) -> None:
    page = explanation(announce_red_flags("id", MANY), None, glyphs, width)
    assert all(line.cell_length <= width for line in page.split("\n"))
    assert "respiratory-pulmonary-embolism" in page.plain.replace(" ", "").replace("\n", "")
