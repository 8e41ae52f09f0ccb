"""The Explore screen by keyboard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from textual.events import Paste
from textual.screen import Screen

from diffdx_tui.domain.decoding import Decoding, Mode
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.events import State
from diffdx_tui.store import SessionStore
from diffdx_tui.ui.places import PLACES
from diffdx_tui.ui.tier_panels import TierPanel
from tests.ui.conftest import CASE
from tests.ui.scripted_worker import TEXTS

pytestmark = pytest.mark.asyncio
NOTICE = "Research and education only. Not a medical device."


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_an_answer_fills_the_tiers(start: Any, size: tuple[int, int]) -> None:
    async with start(size=size) as hands:
        await hands.sees(NOTICE, "Explore", "Sessions", "MOST LIKELY", "RECOMMENDED WORKUP")
        await hands.answered()
        await hands.sees(
            "Subarachnoid haemorrhage",
            "Bacterial meningitis",
            "Migraine with meningism",
            "Cervical artery dissection",
            "non-contrast CT",
            "finished",
            "0.18 s",
            "212 tok/s",
            "94 sampled + 8 forced",
            "valid",
            "saved",
            "cpu",
            "fp32",
        )
        assert NOTICE in hands.text
        assert f"{len(CASE)}/4000" in hands.text


async def test_no_dead_tabs(start: Any) -> None:
    async with start() as hands:
        await hands.ready()
        first = hands.text.splitlines()[0]
        tabs = re.findall(r"(?<=[ \[])[A-Z][a-z]+", first)
        assert tabs == [place.name for place in PLACES]
        for place in PLACES[1:]:
            assert isinstance(place.open(), Screen)


async def test_f2_swaps_tokens_and_tiers_where_there_is_no_room(start: Any) -> None:
    async with start(size=(80, 24)) as hands:
        await hands.answered()
        assert '"most_likely"' not in hands.text
        await hands.press("f2")
        await hands.sees('"recommended_workup"', "forced text is dimmed")
        assert "MOST LIKELY" not in hands.text
        await hands.press("f2")
        await hands.sees("MOST LIKELY")


async def test_both_stand_side_by_side_where_there_is(start: Any) -> None:
    async with start(size=(120, 30)) as hands:
        await hands.answered()
        await hands.sees('"recommended_workup"', "MOST LIKELY")


async def test_a_run_asked_for_while_loading_waits(start: Any) -> None:
    async with start(load_delay=0.6) as hands:
        await hands.press(*"pain")
        await hands.sees("loading", "pain")
        await hands.press("f5")
        await hands.sees("queued")
        await hands.sees("finished")


@pytest.mark.parametrize("key", ["f5", "ctrl+r"])
async def test_both_run_keys(start: Any, key: str) -> None:
    async with start() as hands:
        await hands.ready()
        await hands.press(*"chest pain".replace(" ", "_").split("_")[0], key)
        await hands.sees("finished")


async def test_esc_stops_and_keeps_the_part(start: Any, config: Any) -> None:
    async with start(delay=0.02) as hands:
        await hands.ready()
        hands.app.explore.pane.replace_text(CASE)
        await hands.press("f5")
        await hands.sees("streaming", "Subarachnoid")
        await hands.press("escape")
        await hands.sees("cancelled", "unfinished")
    with SessionStore.open(config.database) as store:
        (session,) = store.list_sessions()
        (answer,) = store.answers(session.id)
        assert answer.state is State.CANCELLED
        assert answer.verdict is not None and answer.verdict.strict


async def test_another_seed_and_an_edit_are_answers_of_the_same_case(
    start: Any, config: Any
) -> None:
    async with start() as hands:
        await hands.answered()
        await hands.press("f7")
        await hands.until(lambda: len(hands.bench.worker.requests) == 2)
        await hands.until(lambda: not hands.app.answering.active)
        await hands.answered(CASE + " She takes warfarin.")
        first, second, third = hands.bench.worker.requests
        assert second.decoding.seed != first.decoding.seed
        assert second.parent_id == first.answer_id and third.parent_id == second.answer_id
        assert len({r.session_id for r in (first, second, third)}) == 1
        await hands.sees("answer 3 of this case")
    with SessionStore.open(config.database) as store:
        assert [s.answers for s in store.list_sessions()] == [3]


async def test_another_vignette_is_another_case(start: Any) -> None:
    async with start() as hands:
        await hands.answered()
        await hands.answered("An itchy boy scratches red bumps between fingers every night.")
        first, second = hands.bench.worker.requests
        assert second.session_id != first.session_id and second.parent_id is None


async def test_new_case_clears(start: Any) -> None:
    async with start() as hands:
        await hands.answered()
        await hands.press("ctrl+n")
        await hands.sees("0/4000", "ready")
        assert "Subarachnoid" not in hands.text


async def test_an_empty_vignette_is_refused_in_words(start: Any) -> None:
    async with start() as hands:
        await hands.ready()
        await hands.press("f5")
        await hands.sees("the vignette is empty")
        assert not hands.bench.worker.requests


async def test_a_long_paste_goes_in_at_once_and_too_long_is_said(start: Any) -> None:
    async with start() as hands:
        await hands.ready()
        hands.app.explore.pane.post_message(Paste("word " * 800))
        await hands.sees("4000/4000")
        hands.app.explore.pane.post_message(Paste("x" * 100))
        await hands.sees("too long")
        await hands.press("f5")
        await hands.sees("the limit is 4,000")
        hands.app.explore.pane.post_message(Paste("y" * 300_000))
        await hands.sees("300,000 characters")


async def test_free_mode_lists_what_is_wrong_and_repairs_nothing(start: Any) -> None:
    raw = 'Sure! {"most_likely": "Gout - hot toe", "possible": ["A - b"]}'
    async with start(size=(120, 40), raw=raw) as hands:
        await hands.ready()
        await hands.press("f3")
        await hands.sees("free")
        assert hands.app.answering.choices.decoding.mode is Mode.FREE
        await hands.answered()
        await hands.sees("not valid", "does not follow the schema", "missing key", "Sure!")


async def test_settings_are_used_and_checked(start: Any) -> None:
    async with start() as hands:
        await hands.ready()
        await hands.press("f8")
        await hands.sees("Decoding settings", "Temperature")
        await hands.press("tab", "backspace", "4", "2", "tab", "backspace", "9", "enter")
        await hands.sees("temperature must be between 0 and 5")
        await hands.press("backspace", "1", "enter")
        await hands.until(lambda: hands.app.answering.choices.decoding.seed == 42)
        assert hands.app.answering.choices.decoding.temperature == 1


async def test_a_variant_reloads_the_model_and_hides_its_missing_tier(start: Any) -> None:
    async with start() as hands:
        await hands.ready()
        await hands.press("f8")
        await hands.sees("Variant")
        for _ in range(8):
            await hands.press("tab")
        await hands.press("right", "enter")
        await hands.until(lambda: len(hands.bench.worker.specs) == 2)
        assert hands.bench.worker.specs[1].variant is Variant.B
        await hands.answered()
        await hands.sees("MOST LIKELY")
        assert "UNLIKELY BUT SERIOUS" not in hands.text


async def test_switching_the_model_by_a_typed_name(start: Any) -> None:
    async with start() as hands:
        await hands.ready()
        await hands.press("f4")
        await hands.sees("Model", "hai-0.5b")
        await hands.press(*"zzz", "slash", "x", "enter")
        await hands.until(lambda: len(hands.bench.worker.specs) == 2)
        assert hands.bench.worker.specs[1].model == "zzz/x"
        await hands.sees("zzz/x")


async def test_a_model_that_does_not_load_is_explained(start: Any) -> None:
    async with start(load_failure="the model is not on this machine: run models pull") as hands:
        await hands.sees("model failed", "run models pull")
        assert "Traceback" not in hands.text


async def test_a_failed_answer_is_explained(start: Any) -> None:
    async with start(failure="try --precision nf4") as hands:
        await hands.answered()
        await hands.sees("failed: out of memory", "try --precision nf4")


async def test_ephemeral_leaves_no_trace(start: Any, config: Any) -> None:
    async with start(settings={"ephemeral": True}) as hands:
        await hands.answered()
        await hands.sees("ephemeral")
        assert not config.database.exists()
        await hands.press("f12")
        await hands.answered()
        first, second = hands.bench.worker.requests
        assert second.session_id != first.session_id and second.parent_id is None
    with SessionStore.open(config.database) as store:
        assert [s.answers for s in store.list_sessions()] == [1]


async def test_examples_and_earlier_vignettes(start: Any) -> None:
    async with start() as hands:
        await hands.ready()
        await hands.press("ctrl+o")
        await hands.sees("Thunderclap headache")
        await hands.press(*"thirst", "enter")
        await hands.until(lambda: "15-year-old girl" in hands.app.explore.pane.text)
        await hands.answered()
        await hands.press("ctrl+o")
        await hands.sees("earlier")


async def test_history_keys_walk_earlier_vignettes(start: Any) -> None:
    async with start() as hands:
        await hands.answered("First case with fever.")
        await hands.answered("Second thing entirely, an ankle.")
        await hands.press("ctrl+up")
        await hands.until(lambda: hands.app.explore.pane.text.startswith("First"))
        await hands.press("ctrl+down")
        await hands.until(lambda: hands.app.explore.pane.text.startswith("Second"))


async def test_editor_gets_the_text_and_gives_it_back(
    start: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\necho "added outside" >> "$1"\n')
    script.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(script))
    monkeypatch.delenv("VISUAL", raising=False)
    from diffdx_tui.ui.editor import EditorFailed, edit_text

    assert edit_text("pain", None) == "pain\nadded outside"
    monkeypatch.setenv("EDITOR", "false")
    with pytest.raises(EditorFailed, match="code 1"):
        edit_text("pain", None)
    async with start() as hands:
        await hands.ready()
        await hands.press("ctrl+g")  # a headless screen cannot be handed over
        await hands.sees("cannot be handed")


async def test_copying_says_what_was_done(start: Any, config: Any) -> None:
    async with start() as hands:
        await hands.answered()
        hands.app.action_copy_answer()
        await hands.sees("sent to the terminal")
        assert "Subarachnoid" in (config.home / "copied.txt").read_text()
        assert (config.home / "copied.txt").stat().st_mode & 0o077 == 0


async def test_palette_help_and_themes(start: Any) -> None:
    async with start(size=(100, 40)) as hands:
        await hands.ready()
        await hands.press("f1")
        await hands.sees("Help", "Ctrl+O", "Not a medical device")
        await hands.press("escape", "ctrl+p")
        await hands.sees("Commands", "Run again with another seed")
        await hands.press(*"theme", "enter")
        await hands.sees("diffdx-light")
        await hands.press(*"diffdx-light", "enter")
        await hands.until(lambda: hands.app.theme == "diffdx-light")
        await hands.press("ctrl+p", *"sessions", "enter")
        await hands.sees("no saved sessions yet")


async def test_nothing_moves_while_idle(start: Any) -> None:
    async with start() as hands:
        await hands.answered()
        assert hands.app._drain_timer is not None
        assert not hands.app._drain_timer._active.is_set()
        assert not hands.app.explore.pane.cursor_blink
        assert hands.app.animation_level == "none"


async def test_quit_saves_what_runs(start: Any, config: Any) -> None:
    async with start(delay=0.03) as hands:
        await hands.ready()
        hands.app.explore.pane.replace_text(CASE)
        await hands.press("f5")
        await hands.sees("streaming", "Subarachnoid")
        await hands.press("ctrl+q")
        await hands.until(lambda: hands.app._exit)
        assert hands.bench.worker.closed
    with SessionStore.open(config.database) as store:
        (session,) = store.list_sessions()
        assert session.state is State.CANCELLED


@pytest.mark.parametrize("size", [(80, 24), (120, 30), (160, 50)])
@pytest.mark.parametrize("words", range(40, 60, 3))
async def test_an_answer_that_stands_is_shown_whole(start: Any, size: Any, words: int) -> None:
    text = "Gout - " + "possible" * 20 + " in the back and so on" * words
    async with start(size=size, texts=dict.fromkeys(TEXTS, text)) as hands:
        await hands.answered()
        await hands.sees("finished")
        for panel in hands.app.explore.tiers.query(TierPanel):
            assert not any("\u2026" in line.plain for line in panel._drawn)
            assert panel.full_height(panel.content_size.width) <= panel.size.height
        hands.app.explore.tiers.focus()
        await hands.press("end")
        await hands.sees("and so on")


async def test_an_ephemeral_answer_is_not_copied_into_a_file(start: Any, config: Any) -> None:
    async with start(settings={"ephemeral": True}) as hands:
        await hands.answered()
        await hands.press("f12")
        hands.app.action_copy_answer()
        await hands.sees("sent to the terminal")
        assert not (config.home / "copied.txt").exists()


async def test_a_long_seed_is_shown_and_taken_as_it_is(start: Any) -> None:
    async with start() as hands:
        await hands.ready()
        choices = hands.app.answering.choices
        choices.decoding = Decoding(seed=12_345_678)
        await hands.press("f8")
        await hands.sees("12345678")
        await hands.press("enter")
        await hands.until(lambda: len(hands.app.screen_stack) == 1)
        assert choices.decoding.seed == 12_345_678


async def test_f3_keeps_what_f8_chose(start: Any) -> None:
    async with start() as hands:
        await hands.ready()
        await hands.press("f8")
        await hands.sees("Decoding settings")
        await hands.press("tab", "tab", "backspace", "2", "enter")
        await hands.until(lambda: hands.app.answering.choices.decoding.temperature == 2)
        await hands.press("f3")
        await hands.sees("the reference's settings")
        await hands.press("f3")
        assert hands.app.answering.choices.decoding == Decoding(temperature=2)


async def test_undo_of_typing(start: Any) -> None:
    async with start() as hands:
        await hands.ready()
        pane = hands.app.explore.pane
        for key in ("ctrl+underscore", "alt+z"):
            await hands.press(*"pain")
            await hands.until(lambda: pane.text == "pain")
            await hands.press(key)
            await hands.until(lambda: pane.text == "")


async def test_keys_of_tiers_and_tokens(start: Any) -> None:
    async with start(size=(120, 24), texts=dict.fromkeys(TEXTS, "Gout - " + "toe " * 200)) as hands:
        await hands.answered()
        tiers, tokens = hands.app.explore.tiers, hands.app.explore.tokens
        tiers.focus()
        await hands.press("pagedown")
        await hands.until(lambda: tiers.scroll_y > 1)
        await hands.press("pageup")
        await hands.until(lambda: tiers.scroll_y == 0)
        await hands.press("j")
        await hands.until(lambda: tiers.scroll_y == 1)
        await hands.press("k")
        await hands.until(lambda: tiers.scroll_y == 0)
        tokens.focus()
        await hands.press("g")
        await hands.until(lambda: tokens._top == 0)
        await hands.press("G")
        await hands.until(lambda: tokens._following)
        for down, up in (("pagedown", "pageup"), ("j", "k")):
            await hands.press("g", down)
            await hands.until(lambda: tokens._top > 0)
            await hands.press(up)
            await hands.until(lambda: tokens._top == 0)
