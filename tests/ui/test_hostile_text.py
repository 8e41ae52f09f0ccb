"""Text that would like to be markup, or to talk to the terminal."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual.events import Paste

from diffdx_tui.domain.events import SlotText, TokenSampled
from diffdx_tui.ui.clipboard import clipboard_sequence, copy_text
from tests.ui.scripted_worker import TEXTS

HOSTILE = (
    "[red]x[/red] [@click=app.quit]go[/] \x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07 \x9b31m "
    "\u202egnp.exe\u202c \x00 [/] [[ $accent"
)
FORBIDDEN = set(map(chr, [*range(0x0A), *range(0x0B, 0x20), *range(0x7F, 0xA0)])) | set(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def assert_harmless(hands: Any) -> None:
    for strip in hands.app.screen._compositor.render_strips():
        assert not FORBIDDEN & set(strip.text), repr(strip.text)
        for segment in strip:
            meta = (segment.style.meta if segment.style else None) or {}
            assert "@click" not in meta


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_models_text_is_shown_and_does_nothing(start: Any, size: tuple[int, int]) -> None:
    async with start(size=size, texts=dict.fromkeys(TEXTS, HOSTILE)) as hands:
        hands.app.explore.pane.replace_text("pain")
        await hands.answered(HOSTILE)
        await hands.sees("finished", "[red]x[/red]", "[@click=app.quit]")
        assert_harmless(hands)
        await hands.press("f2")
        await hands.sees("[red]x")
        assert_harmless(hands)
        await hands.press("f9")
        await hands.sees("[red]x", "1 session")
        assert_harmless(hands)
        await hands.press("slash", *"click")
        await hands.sees("1 of 1")
        assert_harmless(hands)
        await hands.press("enter", "a")
        await hands.sees("Annotate")
        assert_harmless(hands)
        await hands.press("escape", "alt+1", "ctrl+o")
        await hands.sees("Vignettes", "[red]x")
        assert_harmless(hands)


@pytest.mark.asyncio
async def test_free_output_violations_and_failures(start: Any) -> None:
    raw = '{"' + HOSTILE.replace("\\", "") + '": 1, "symptoms": 2}'
    async with start(size=(120, 40), raw=raw) as hands:
        await hands.answered()
        await hands.sees("not valid")
        assert_harmless(hands)
    async with start(failure=HOSTILE) as hands:
        await hands.answered()
        await hands.sees("failed")
        assert_harmless(hands)
    async with start(load_failure=HOSTILE) as hands:
        await hands.sees("model failed")
        assert_harmless(hands)


@pytest.mark.asyncio
async def test_pasted_controls_become_visible(start: Any) -> None:
    async with start() as hands:
        await hands.ready()
        hands.app.explore.pane.post_message(Paste("a\x1b[31mb\r\nc\x07\u202ed"))
        await hands.sees("a\u241b[31mb")
        assert_harmless(hands)
        assert "\x1b" not in hands.app.explore.pane.text


@pytest.mark.asyncio
async def test_events_of_another_answer_change_nothing(start: Any) -> None:
    async with start() as hands:
        await hands.answered()
        live = hands.app.answering.live
        slot = next(slot for slot in live.slots if slot.field == "most_likely")
        hands.app._link._listen(SlotText("stale", slot, "STALE"))
        hands.app._link._listen(TokenSampled("stale", 1, "STALE", -1.0, False))
        await asyncio.sleep(0.3)
        await hands.pilot.pause()
        assert "STALE" not in hands.text
        assert "STALE" not in hands.app.explore.tokens.text


def test_the_clipboard_is_wrapped_and_honest(tmp_path: Any) -> None:
    plain = clipboard_sequence("hi", {})
    assert plain == "\x1b]52;c;aGk=\x07"
    assert "\x1bPtmux;\x1b\x1b]52" in (clipboard_sequence("hi", {"TMUX": "x"}) or "")
    assert (clipboard_sequence("hi", {"TERM": "screen"}) or "").startswith("\x1bP\x1b]52")
    assert clipboard_sequence("x" * 90_000, {}) is None
    written: list[str] = []
    assert copy_text("hi", written.append, None) == "sent to the terminal"
    message = copy_text("x" * 90_000, written.append, tmp_path / "c.txt")
    assert message == f"written to {tmp_path / 'c.txt'}" and len(written) == 1
    assert "not copied" in copy_text("x" * 90_000, written.append, None)
