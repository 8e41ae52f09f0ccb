"""Moving between the screens."""

from __future__ import annotations

from typing import Any

import pytest
from textual.binding import Binding

from diffdx_tui.ui.help import help_text
from diffdx_tui.ui.places import PLACES, Place, key_of

pytestmark = pytest.mark.asyncio
NAMES = [place.name for place in PLACES]


async def test_f9_goes_round_and_back(start: Any) -> None:
    async with start() as hands:
        for name in [*NAMES[1:], NAMES[0]]:
            await hands.press("f9")
            await hands.sees(f"[{name}]")
            assert len(hands.app.screen_stack) == (1 if name == NAMES[0] else 2)
        for name in reversed(NAMES):
            await hands.press("f21")  # Shift+F9
            await hands.sees(f"[{name}]")


@pytest.mark.parametrize("place", PLACES, ids=NAMES)
async def test_every_place_by_its_key_the_palette_and_a_click(start: Any, place: Place) -> None:
    async with start() as hands:
        elsewhere = PLACES[0] if place is not PLACES[0] else PLACES[1]
        for number in range(3):
            await hands.press(key_of(elsewhere).lower())
            await hands.sees(f"[{elsewhere.name}]")
            if number == 0:
                await hands.press(key_of(place).lower())
            elif number == 1:
                await hands.press("ctrl+p", *place.detail, "enter")
            else:
                column = hands.text.split("\n")[0].index(f" {place.name} ") + 2
                await hands.pilot.click(offset=(column, 0))
            await hands.sees(f"[{place.name}]")


async def test_help_and_palette_tell_every_place(start: Any) -> None:
    text = help_text(NAMES[0]).plain
    assert all(f"{key_of(place):<22}{place.name}  {place.detail}" in text for place in PLACES)
    async with start(size=(100, 60)) as hands:
        await hands.press("ctrl+p", *"screen")
        await hands.sees("Shift+F9")


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_help_begins_with_the_keys_of_the_present_place(start: Any, place: Place) -> None:
    async with start() as hands:
        hands.app.places.go(place.name)
        await hands.sees(f"[{place.name}]")
        await hands.press("f1")
        await hands.sees("Help", "Not a medical device.")
        lines = str(hands.app.screen.query_one("Static").visual).splitlines()
        told = [line for line in lines if line in NAMES]
        assert told[0] == place.name and sorted(told) == sorted(NAMES)


async def test_a_dialog_holds_one_where_one_is(start: Any) -> None:
    async with start() as hands:
        await hands.press("ctrl+p", "f9", key_of(PLACES[1]).lower())
        await hands.pilot.pause()
        assert len(hands.app.screen_stack) == 2
        await hands.press("escape")
        await hands.sees(f"[{NAMES[0]}]")


async def test_the_present_place_is_told_where_not_all_fit(start: Any) -> None:
    async with start(size=(20, 24)) as hands:
        await hands.press("f9")
        await hands.sees(f"[{NAMES[1]}] 2/{len(NAMES)} F9")


async def test_places_can_be_told_apart() -> None:
    assert len(set(NAMES)) == len(NAMES) <= 9
    keys = [Binding(key_of(place), "x").key for place in PLACES]
    assert len(set(keys)) == len(keys)
