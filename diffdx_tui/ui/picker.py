"""A list to choose from by typing: commands, models, examples, themes.

Role: the one chooser of the program.  Keyboard first; text is never markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.ui.marked_list import MarkedList


@dataclass(frozen=True, slots=True)
class Item:
    """One choice.

    Attributes:
        label: what it is called; searched.
        detail: more about it, beneath; searched too.
        hint: a key or mark at the right end.
        value: what choosing it gives.
        group: a word before the label.
    """

    label: str
    value: str
    detail: str = ""
    hint: str = ""
    group: str = ""


def matching(items: Sequence[Item], query: str) -> list[Item]:
    """The items that have every word of *query*; those with it in the label come first."""
    words = query.casefold().split()
    found = [
        item
        for item in items
        if all(word in f"{item.group} {item.label} {item.detail}".casefold() for word in words)
    ]
    if words:
        found.sort(key=lambda item: not all(word in item.label.casefold() for word in words))
    return found


class Picker(ModalScreen[str | None]):
    """Type to narrow, up and down to move, Enter to choose, Esc to leave.

    With ``free_text`` a typed text that matches nothing is a choice as well.
    """

    DEFAULT_CSS = """
    Picker { align: center middle; background: $background 60%; }
    Picker > Vertical {
        width: 90%; max-width: 92; height: auto; max-height: 86%;
        border: round $border; background: $surface; padding: 0 1;
        border-title-color: $foreground; border-title-style: bold;
        border-subtitle-color: $text-muted;
    }
    Picker Input {
        border: none; height: 1; padding: 0; background: $panel; margin-bottom: 1;
    }
    Picker OptionList {
        border: none; padding: 0; height: auto; max-height: 100%; background: $surface;
        scrollbar-size-vertical: 1;
    }
    Picker Static { color: $text-muted; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", show=False, priority=True),
        Binding("down", "move(1)", "Down", show=False, priority=True),
        Binding("up", "move(-1)", "Up", show=False, priority=True),
        Binding("pagedown", "move(8)", "Page down", show=False, priority=True),
        Binding("pageup", "move(-8)", "Page up", show=False, priority=True),
    ]

    def __init__(
        self,
        title: str,
        items: Sequence[Item],
        *,
        prompt: str = "type to search",
        free_text: str = "",
        present: str | None = None,
    ) -> None:
        super().__init__()
        self._title = title
        self._items = list(items)
        self._found: list[Item] = []
        self._prompt = prompt
        self._free_text = free_text
        self._present = present

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = Content(self._title)
            frame.border_subtitle = Content("Enter choose  Esc leave")
            # The prompt is one of ours: a placeholder would be read as markup.
            box = Input(placeholder=self._prompt, select_on_focus=False, compact=True)
            box.cursor_blink = False
            yield box
            yield MarkedList()
            yield Static("", markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).can_focus = False
        self._narrow("")

    def add_items(self, items: Sequence[Item]) -> None:
        """Append choices; the cursor stays where it is."""
        self._items += items
        if self.is_mounted and items:
            options = self.query_one(OptionList)
            highlighted = options.highlighted
            self._narrow(self.query_one(Input).value)
            options.highlighted = highlighted

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._narrow(event.value)

    def _narrow(self, query: str) -> None:
        self._found = matching(self._items, query)
        options = self.query_one(OptionList)
        options.set_options([Option(self._prompt_of(item)) for item in self._found])
        note = ""
        if not self._found:
            note = f"Enter: {self._free_text}" if self._free_text else "nothing matches"
        self.query_one(Static).update(note)
        if self._found:
            present = next(
                (n for n, item in enumerate(self._found) if item.value == self._present), 0
            )
            options.highlighted = present if not query else 0

    def _prompt_of(self, item: Item) -> Content:
        room = min(92, int(self.app.size.width * 0.9)) - 7
        left = Content.assemble(
            (f"{make_visible_line(item.group)}  " if item.group else "", "$foreground-muted"),
            (make_visible_line(item.label), "bold"),
        ).truncate(max(room - len(item.hint) - 1, 1), ellipsis=True)
        gap = " " * max(room - left.cell_length - len(item.hint), 1)
        head = Content.assemble(left, gap, (item.hint, "$accent"))
        if not item.detail:
            return head
        detail = Content(make_visible_line(item.detail)).truncate(room - 2, ellipsis=True)
        return Content.assemble(head, "\n  ", detail.stylize("$foreground-muted"))

    def action_move(self, step: int) -> None:
        options = self.query_one(OptionList)
        if options.option_count:
            present = options.highlighted or 0
            options.highlighted = min(max(present + step, 0), options.option_count - 1)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        options = self.query_one(OptionList)
        if self._found and options.highlighted is not None:
            self.dismiss(self._found[options.highlighted].value)
        elif self._free_text and event.value.strip():
            self.dismiss(event.value.strip())

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._found[event.option_index].value)

    def action_leave(self) -> None:
        self.dismiss(None)
