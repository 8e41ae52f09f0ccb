"""The first and the last line of every screen: tabs above, keys below.

Role: one-line widgets that say where one is and what hands can do.  A click does the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.widget import Widget

from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.ui.places import PLACES


@dataclass(frozen=True, slots=True)
class Key:
    """A key worth showing: its name, one or two words, and the action behind it."""

    name: str
    label: str
    action: str


class TabsRow(Widget):
    """The screens by name, the present one marked, and the model at the right end."""

    DEFAULT_CSS = """
    TabsRow { height: 1; width: 1fr; background: $panel; color: $text-muted; }
    """

    def __init__(self, active: str) -> None:
        super().__init__()
        self._active = active
        self._right = ""

    def show_right(self, text: str) -> None:
        """Write *text* at the right end."""
        text = make_visible_line(text)
        if text != self._right:
            self._right = text
            self.refresh()

    def _tabs(self) -> list[tuple[int, str]]:
        """Each name with its column; the present one alone where there is no room for all."""
        column, tabs = 1, []
        for place in PLACES:
            tabs.append((column, place.name))
            column += len(place.name) + 3
        return tabs if column <= self.size.width else [(1, self._active)]

    def render(self) -> Content:
        tabs = self._tabs()
        parts: list[Content] = [Content(" ")]
        for _, name in tabs:
            if name == self._active:
                # Brackets say it where colours do not.
                parts.append(Content.styled(f"[{name}]", "bold $foreground"))
            else:
                parts.append(Content(f" {name} "))
            parts.append(Content(" "))
        if len(tabs) < len(PLACES):
            names = [place.name for place in PLACES]
            parts.append(Content(f"{names.index(self._active) + 1}/{len(names)} F9 "))
        left = Content("").join(parts)
        room = self.size.width - left.cell_length - 1
        right = Content(self._right).truncate(max(room, 0), ellipsis=True)
        gap = max(room - right.cell_length, 0)
        return Content.assemble(left, " " * gap, right, " ")

    async def on_click(self, event: events.Click) -> None:
        for column, name in self._tabs():
            if column <= event.x < column + len(name) + 2:
                await self.run_action(f"app.go('{name}')")


class KeyBar(Widget):
    """The keys of this screen; what does not fit is left to F1 and the palette."""

    DEFAULT_CSS = """
    KeyBar { height: 1; width: 1fr; background: $panel; color: $text-muted; }
    """

    def __init__(self, *keys: Key) -> None:
        super().__init__()
        self._keys = keys

    def show_keys(self, *keys: Key) -> None:
        """Replace the keys."""
        if keys != self._keys:
            self._keys = keys
            self.refresh()

    def _fitting(self) -> list[tuple[int, Key]]:
        """The keys that fit, each with its column; two spaces apart where there is room."""
        lengths = [len(key.name) + 1 + len(key.label) for key in self._keys]
        gap = 2 if sum(lengths) + 2 * len(lengths) <= self.size.width else 1
        column, placed = 1, []
        for key, length in zip(self._keys, lengths, strict=True):
            if column + length > self.size.width:
                break
            placed.append((column, key))
            column += length + gap
        return placed

    def render(self) -> Content:
        parts: list[Content] = []
        at = 0
        for column, key in self._fitting():
            parts.append(Content(" " * (column - at)))
            parts.append(Content.styled(key.name, "bold $accent"))
            parts.append(Content(f" {key.label}"))
            at = column + len(key.name) + 1 + len(key.label)
        return Content("").join(parts)

    async def on_click(self, event: events.Click) -> None:
        for column, key in self._fitting():
            if column <= event.x < column + len(key.name) + 1 + len(key.label):
                await self.run_action(key.action)
