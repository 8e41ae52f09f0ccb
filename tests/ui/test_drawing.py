"""Parts that draw, without an app; and ASCII and colourless screens with one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from diffdx_tui.config import Config
from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.differential import Variant, slots_of
from diffdx_tui.ui.case import Case, another_seed, same_case
from diffdx_tui.ui.glyphs import ASCII, UNICODE, choose_glyphs, terminal_speaks_utf8
from diffdx_tui.ui.live_answer import SlotProgress
from diffdx_tui.ui.pacing import RATE, Pace
from diffdx_tui.ui.picker import Item, matching
from diffdx_tui.ui.tier_panels import LOOKS, TierPanel, share_rows
from diffdx_tui.ui.token_stream import MAX_LINES, WrappedTokens


@given(
    st.lists(st.tuples(st.text(max_size=30), st.booleans()), max_size=30),
    st.integers(1, 40),
)
@settings(max_examples=150, deadline=None)
def test_wrapped_tokens_keep_the_text_and_the_width(
    tokens: list[tuple[str, bool]], width: int
) -> None:
    wrapped = WrappedTokens(width)
    for text, forced in tokens:
        wrapped.append(text, forced)
    for line in wrapped.lines:
        joined = "".join(text for text, _ in line)
        # One wide character alone may be wider than the pane.
        assert cell_len(joined) <= width or len(joined) == 1


def test_wrapped_tokens_are_a_ring() -> None:
    wrapped = WrappedTokens(10)
    for _ in range(MAX_LINES + 50):
        wrapped.append("line\n", False)
    assert len(wrapped.lines) == MAX_LINES and wrapped.forgotten == 51


@pytest.mark.parametrize("width", [20, 40, 77])
@pytest.mark.parametrize("height", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("streaming", [True, False])
def test_a_panel_has_exactly_its_rows(width: int, height: int, streaming: bool) -> None:
    panel = TierPanel("possible")
    panel._slots = {
        slot: SlotProgress("Gout - " + "hot swollen toe " * 9, not streaming)
        for slot in slots_of(Variant.A)
        if slot.field == "possible"
    }
    panel._streaming = streaming
    lines = panel._visible_lines(width, height)
    assert len(lines) == height
    assert all(line.cell_length <= width + 2 for line in lines)


def test_rows_are_shared_out_to_the_last() -> None:
    for height in range(15, 60):
        assert sum(share_rows(height, list(LOOKS))) == height


def test_ascii_is_ascii_and_no_sign_is_missing() -> None:
    for name in UNICODE.__slots__:  # type: ignore[attr-defined]
        assert getattr(ASCII, name).isascii()


@pytest.mark.parametrize(
    ("environ", "utf8"),
    [
        ({}, True),
        ({"LANG": "en_GB.UTF-8"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, False),
        ({"LC_ALL": "C", "LANG": "en_GB.UTF-8"}, False),
        ({"LC_ALL": "C.UTF-8"}, True),
        ({"LANG": "POSIX"}, False),
    ],
)
def test_the_locale_decides(environ: dict[str, str], utf8: bool) -> None:
    assert terminal_speaks_utf8(environ) is utf8


def test_ascii_can_be_asked_for(config: Config) -> None:
    assert choose_glyphs(config) is UNICODE
    assert choose_glyphs(config.replace(ascii=True)) is ASCII


def test_the_pace_holds_the_rate() -> None:
    pace, written, now = Pace(), 0, 0.0
    for _ in range(15 * 20):
        now += 1 / 15
        if pace.may_draw(written, now, 80 * 24):
            written += 4_000
    assert written / now <= RATE * 1.1
    assert written / now >= RATE * 0.8


def test_one_case_edited_and_another_case() -> None:
    text = "A man with chest pain and sweating since the morning."
    assert same_case(text, text + " He smokes.")
    assert not same_case(text, "Itchy rash between fingers, worse at night, family too.")
    assert Case().answers == 0


def test_another_seed_can_differ() -> None:
    again = another_seed(Decoding())
    assert again.temperature > 0 and again.seed != another_seed(Decoding()).seed


def test_every_word_must_match_and_labels_come_first() -> None:
    items = [Item("Stop", "a", "ends a run"), Item("Run", "b"), Item("Theme", "c")]
    assert [item.value for item in matching(items, "run")] == ["b", "a"]
    assert matching(items, "run theme") == []


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_an_ascii_screen_is_ascii(start: Any, size: tuple[int, int]) -> None:
    async with start(size=size, settings={"ascii": True}) as hands:
        await hands.answered("Fever and cough, three days.")
        for keys in ((), ("f8",), ("escape", "ctrl+p"), ("escape", "f1"), ("escape", "f9")):
            await hands.press(*keys)
            await hands.pilot.pause(0.3)
            # Textual's own ellipsis and scrollbar ends are replaced on their way out.
            leftover = set(filter(lambda c: not c.isascii(), hands.text))
            assert leftover <= set("\u2026\u2581\u2582\u2583\u2584\u2585\u2586\u2587"), leftover


@pytest.mark.asyncio
async def test_without_colour_the_cursor_line_is_reversed(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with start() as hands:
        await hands.ready()
        await hands.press("ctrl+o")
        await hands.sees("Thunderclap")
        reversed_text = "".join(
            segment.text
            for strip in hands.app.screen._compositor.render_strips()
            for segment in strip
            if segment.style and segment.style.reverse
        )
        assert "Thunderclap" in reversed_text
        assert hands.app.native_ansi_color
