"""The places one can be in, and the way between them.

Role: the one table of screens.  A new screen is one line in :data:`PLACES`: tabs, keys, palette
and help follow from it, and its module is imported on the first visit, so that starting in Explore
costs nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from textual.app import App
from textual.binding import Binding
from textual.screen import Screen


@dataclass(frozen=True, slots=True)
class Place:
    """A screen with a name.

    Attributes:
        name: what tabs, palette and help call it; ``app.go('<name>')`` goes there.
        screen: ``module:class`` of a screen that takes no arguments.
        detail: what one finds there, in a few words.
        kept: whether it stays as it was left; otherwise each visit opens it anew.
    """

    name: str
    screen: str
    detail: str
    kept: bool = False

    def open(self) -> Screen[None]:
        """A new screen of this place."""
        module, _, name = self.screen.partition(":")
        screen: Screen[None] = getattr(import_module(module), name)()
        return screen


PLACES = (
    Place("Explore", "diffdx_tui.ui.explore:ExploreScreen", "the vignette screen"),
    Place("Sessions", "diffdx_tui.ui.sessions:SessionsScreen", "saved work"),
    Place("Library", "diffdx_tui.ui.library:LibraryScreen", "the curated cases", kept=True),
    Place("Train", "diffdx_tui.ui.train:TrainScreen", "train an adapter, live", kept=True),
    Place("Runs", "diffdx_tui.ui.runs:RunsScreen", "all runs, their curves together", kept=True),
    Place("Evaluate", "diffdx_tui.ui.evaluate:EvaluateScreen", "models against sets", kept=True),
)
"""In the order of the tabs; the first is where the app starts and lies under all others."""

MOVES = frozenset({"go", "turn_place"})
"""The app's actions that lead elsewhere."""


def key_of(place: Place) -> str:
    """The key that goes to *place* from everywhere, for the eye."""
    return f"Alt+{PLACES.index(place) + 1}"


def place_bindings() -> list[Binding]:
    """The keys that move between places."""
    following = Binding("f9", "turn_place(1)", "Next screen", priority=True)
    # Terminals send Shift+F9 as F21.
    previous = Binding("shift+f9,f21", "turn_place(-1)", "Previous screen", priority=True)
    direct = [
        Binding(key_of(place).lower(), f"go('{place.name}')", place.name, priority=True)
        for place in PLACES
    ]
    return [following, previous, *direct]


class Navigator:
    """Knows which place is shown, and changes it."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self.present = PLACES[0]

    def go(self, name: str) -> None:
        """Show the place called *name*."""
        place = next(place for place in PLACES if place.name == name)
        depth = 1 if place is PLACES[0] else 2
        while len(self._app.screen_stack) > depth:
            self._app.pop_screen()
        if place is self.present:
            return
        self.present = place
        if place is PLACES[0]:
            return
        screen = self._screen_of(place)
        if len(self._app.screen_stack) < depth:
            self._app.push_screen(screen)
        else:
            self._app.switch_screen(screen)

    def turn(self, step: int) -> None:
        """Show the next place, or the one before, round and round."""
        self.go(PLACES[(PLACES.index(self.present) + step) % len(PLACES)].name)

    def _screen_of(self, place: Place) -> Screen[None] | str:
        if not place.kept:
            return place.open()
        if not self._app.is_screen_installed(place.name):
            self._app.install_screen(place.open(), place.name)
        return place.name
