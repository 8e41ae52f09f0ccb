"""The Library screen: browse the curated cases, commit an answer, read the gold answer after it.

Role: connects list, case and forms with what :class:`~diffdx_tui.ui.case_library.CaseLibrary`
knows; files and names are read off the screen's thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, OptionList, Static

from diffdx_tui.config import ConfigError, data_directory
from diffdx_tui.domain.commitment import Commitment, commit, give_up
from diffdx_tui.domain.curated import CuratedError
from diffdx_tui.domain.knowledge import KnowledgeError
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.ui.case_library import CaseLibrary, Entry, Sieve, next_to_do
from diffdx_tui.ui.case_list import CaseList
from diffdx_tui.ui.case_text import case_text
from diffdx_tui.ui.chrome import Key, KeyBar, TabsRow
from diffdx_tui.ui.fields import text_field
from diffdx_tui.ui.library_forms import CommitmentForm, Draft, SieveForm
from diffdx_tui.ui.picker import Item, Picker
from diffdx_tui.ui.status_line import describe_model

if TYPE_CHECKING:
    from diffdx_tui.store import SessionStore
    from diffdx_tui.ui.app import DiffdxApp


class LibraryScreen(Screen[None]):
    """List then case at 80x24; side by side where there is room."""

    app: DiffdxApp
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (118, "-wide")]  # noqa: RUF012
    AUTO_FOCUS = "CaseList"
    DEFAULT_CSS = """
    LibraryScreen { background: $background; }
    LibraryScreen #search {
        border: none; height: 1; padding: 0 1; width: 1fr; background: $surface;
    }
    LibraryScreen #body { height: 1fr; layout: horizontal; }
    LibraryScreen CaseList { height: 1fr; width: 1fr; }
    LibraryScreen #case {
        height: 1fr; width: 1fr; padding: 0 1; scrollbar-size-vertical: 1;
    }
    LibraryScreen #case Static { height: auto; }
    LibraryScreen.-narrow #case { display: none; }
    LibraryScreen.-narrow.-reading #case { display: block; }
    LibraryScreen.-narrow.-reading CaseList { display: none; }
    LibraryScreen.-wide CaseList { width: 9fr; }
    LibraryScreen.-wide #case { width: 11fr; border-left: solid $border-blurred; }
    LibraryScreen.-wide #case:focus { border-left: solid $border; }
    LibraryScreen #facts { height: 1; padding: 0 1; background: $surface; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search"),
        Binding("enter", "read", "Read"),
        Binding("c", "commit", "Commit"),
        Binding("x", "give_up", "Give up"),
        Binding("n", "next_to_do", "Next to do"),
        Binding("f", "sift", "Filter"),
        Binding("b", "browse_diagnoses", "By diagnosis"),
        Binding("p", "twin", "Twin"),
        Binding("s", "send", "Send to Explore"),
        Binding("left,h", "turn(-1)", "Case before"),
        Binding("right,l", "turn(1)", "Case after"),
        Binding("escape", "leave", "Back", priority=True),
    ]
    LIST_KEYS = (
        Key("/", "search", "screen.search"),
        Key("Enter", "read", "screen.read"),
        Key("c", "commit", "screen.commit"),
        Key("n", "next", "screen.next_to_do"),
        Key("f", "filter", "screen.sift"),
        Key("b", "diagnoses", "screen.browse_diagnoses"),
        Key("Esc", "back", "screen.leave"),
        Key("F1", "help", "app.help"),
        Key("x", "give up", "screen.give_up"),
        Key("p", "twin", "screen.twin"),
        Key("s", "send", "screen.send"),
        Key("^P", "palette", "app.palette"),
        Key("^Q", "quit", "app.quit"),
    )
    CASE_KEYS = (
        Key("Esc", "list", "screen.leave"),
        Key("c", "commit", "screen.commit"),
        Key("x", "give up", "screen.give_up"),
        Key("Left/Right", "cases", "screen.turn(1)"),
        Key("n", "next", "screen.next_to_do"),
        Key("p", "twin", "screen.twin"),
        Key("s", "send", "screen.send"),
        Key("F1", "help", "app.help"),
        Key("/", "search", "screen.search"),
        Key("^P", "palette", "app.palette"),
        Key("^Q", "quit", "app.quit"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.library = CaseLibrary(())
        self._sieve = Sieve()
        self._drafts: dict[str, Draft] = {}

    def compose(self) -> ComposeResult:
        yield TabsRow("Library")
        hint = "/ search curated cases; not clinician-validated"
        yield text_field("", id="search", placeholder=hint)
        with Container(id="body"):
            yield CaseList(self.app.glyphs)
            with VerticalScroll(id="case"):
                yield Static("", markup=False)
        yield Static("", id="facts", markup=False)
        yield KeyBar(*self.LIST_KEYS)

    def on_mount(self) -> None:
        self._say("opening the library")
        self.run_worker(self._open(), exit_on_error=False)

    def on_screen_resume(self) -> None:
        model = describe_model(self.app.answering, self.app.glyphs)
        self.query_one(TabsRow).show_right(model)

    async def _open(self) -> None:
        """Cases, then what was committed, then (a second later) the names to compare by."""
        try:
            data = data_directory()
            self.library = await asyncio.to_thread(CaseLibrary.read, data)
        except (ConfigError, CuratedError) as error:
            self._say(f"no library: {error}")
            return
        if self.library.trouble:
            self.app.tell(self.library.trouble, severity="warning")
        commitments = await asyncio.to_thread(self._read_commitments)
        self.library.take(commitments)
        self._fill()
        try:
            names = await asyncio.to_thread(self.library.read_names, data / "knowledge")
        except KnowledgeError as error:
            self.app.tell(f"diagnoses cannot be compared: {error}", severity="error", seconds=12)
            return
        self.library.learn_names(names)
        self._fill()

    def on_descendant_focus(self) -> None:
        reading = self.query_one("#case").has_focus
        self.query_one(KeyBar).show_keys(*(self.CASE_KEYS if reading else self.LIST_KEYS))

    # Commitments on disk

    def _read_commitments(self) -> tuple[Commitment, ...]:
        from diffdx_tui.store import StoreError

        store = self.app.open_store()
        if store is None:
            return ()
        with store:
            try:
                return store.commitments()
            except StoreError as error:
                self.app.tell(str(error), severity="error", seconds=12)
                return ()

    async def _change_store(self, change: Callable[[SessionStore], object]) -> None:
        """Write off this thread, unless nothing is to be saved."""
        from diffdx_tui.store import StoreError

        def write() -> None:
            with self.app.saved_work.open() as store:
                change(store)

        if self.app.answering.choices.ephemeral:
            self.app.tell("ephemeral: remembered until you leave")
            return
        try:
            await asyncio.to_thread(write)
        except StoreError as error:
            self.app.tell(f"not saved: {error}", severity="error", seconds=12)

    def _take(self, commitment: Commitment) -> None:
        self.library.take([commitment])
        self._drafts.pop(commitment.case_id, None)
        self._fill(commitment.case_id)
        self._read()
        self.run_worker(
            self._change_store(lambda store: store.add_commitment(commitment)), exit_on_error=False
        )

    # List and case

    @property
    def list(self) -> CaseList:
        return self.query_one(CaseList)

    @property
    def entry(self) -> Entry | None:
        """The case under the cursor."""
        current = self.list.current
        return self.library.entry(current) if current else None

    @on(Input.Changed, "#search")
    def _typed(self, event: Input.Changed) -> None:
        self._sieve = replace(self._sieve, query=event.value)
        self._fill()

    @on(Input.Submitted, "#search")
    def _to_list(self) -> None:
        self.list.focus()

    def _fill(self, keep: str | None = None) -> None:
        entries = self.library.sift(self._sieve)
        self.list.show_entries(entries, keep or self.list.current, spoilers=self._sieve.spoilers)
        self._draw_case()
        self._count(len(entries))

    def _count(self, shown: int) -> None:
        progress = self.library.progress
        parts = [f"{progress.answered} of {progress.cases} answered"]
        if progress.answered:
            parts[0] += f", {progress.right} right first"
        if progress.unclear:
            parts[0] += f", {progress.unclear} not recognised"
        if progress.given_up:
            parts.append(f"{progress.given_up} shown")
        if self._sieve.words:
            parts.append(f"{shown} listed: {self._sieve.words}")
        self._say(f" {self.app.glyphs.dot} ".join(parts))

    def _say(self, text: str) -> None:
        self.query_one("#facts", Static).update(Content(make_visible_line(text)))

    @on(OptionList.OptionHighlighted)
    def _draw_case(self) -> None:
        entry = self.entry
        text = Content("")
        if entry is not None:
            text = case_text(entry, self.library.twin(entry), self.app.glyphs)
        elif self.library.entries:
            text = Content("Nothing fits. Esc lists all cases again.")
        self.query_one("#case Static", Static).update(text)
        self.query_one("#case", VerticalScroll).scroll_home(animate=False)

    @on(OptionList.OptionSelected)
    def _selected(self) -> None:
        self._read()

    def _read(self) -> None:
        if self.entry is not None:
            self.add_class("-reading")
            self.query_one("#case", VerticalScroll).focus()

    # Actions

    def action_search(self) -> None:
        self.remove_class("-reading")
        self.query_one("#search", Input).focus()

    def action_read(self) -> None:
        self._read()

    def action_leave(self) -> None:
        search = self.query_one("#search", Input)
        if self.query_one("#case").has_focus:
            self.remove_class("-reading")
            self.list.focus()
        elif search.has_focus or self._sieve != Sieve():
            self._sieve = Sieve()
            search.value = ""
            self._fill()
            self.list.focus()
        else:
            self.app.places.go("Explore")

    def action_turn(self, step: int) -> None:
        if step < 0:
            self.list.action_cursor_up()
        else:
            self.list.action_cursor_down()

    def action_next_to_do(self) -> None:
        """The next case without an answer, among those listed."""
        entries = self.library.sift(self._sieve)
        entry = next_to_do(entries, self.list.current or "")
        if entry is None:
            self.app.tell("every case listed is done")
        else:
            self.list.go_to(entry.case.id)

    def action_twin(self) -> None:
        entry = self.entry
        twin = self.library.twin(entry) if entry else None
        if twin is None:
            self.app.tell("this case has no minimal pair")
            return
        if not self.list.go_to(twin.case.id):
            self.query_one("#search", Input).value = ""
            self._sieve = Sieve(spoilers=self._sieve.spoilers)
            self._fill(twin.case.id)

    def action_send(self) -> None:
        entry = self.entry
        if entry is not None:
            self.app.places.go("Explore")
            self.app.explore.put_vignette(entry.case.vignette)
            self.app.tell(f"{entry.case.id} is in the pane: F5 runs it")

    def action_commit(self) -> None:
        entry = self.entry
        if entry is None:
            return
        case = entry.case
        if entry.revealed:
            self.app.tell("the gold answer has been seen: what you committed stands")
            return

        def keep(draft: Draft) -> None:
            self._drafts[case.id] = draft

        def check(draft: Draft) -> None:
            commit(case, draft, datetime.now(UTC))

        def take(draft: Draft | None) -> None:
            if draft is not None:
                self._take(commit(case, draft, datetime.now(UTC)))

        draft = self._drafts.get(case.id, {})
        self.app.push_screen(CommitmentForm(case, draft, keep, check, self.app.glyphs), take)

    def action_give_up(self) -> None:
        entry = self.entry
        if entry is None:
            return
        if entry.revealed:
            self.app.tell("the gold answer is here already")
            return
        case = entry.case
        items = [
            Item("Go on thinking", "no", "c commits an answer of your own"),
            Item("Give up and show", "yes", "the case stays marked as shown"),
        ]

        def decide(choice: str | None) -> None:
            if choice == "yes":
                self._take(give_up(case, datetime.now(UTC)))

        self.app.push_screen(Picker(f"Give up on {case.id}?", items), decide)

    def action_forget(self) -> None:
        """Hide the gold answer again, as if the case had not been met."""
        entry = self.entry
        if entry is None or not (entry.revealed or entry.earlier):
            self.app.tell("there is no answer of yours to forget")
            return
        case_id = entry.case.id
        self.library.forget(case_id)
        self._fill(case_id)
        self.app.tell(f"your answer to {case_id} is forgotten")
        self.run_worker(
            self._change_store(lambda store: store.forget_commitment(case_id)), exit_on_error=False
        )

    def action_sift(self) -> None:
        def apply(sieve: Sieve | None) -> None:
            if sieve is not None:
                self._sieve = sieve
                self._fill()

        self.app.push_screen(SieveForm(self._sieve, self.app.glyphs), apply)

    def action_browse_diagnoses(self) -> None:
        """List the cases of one diagnosis; without spoilers only what is revealed can be chosen."""
        counts = self.library.diagnoses(spoilers=self._sieve.spoilers)
        if not counts:
            self.app.tell(
                "diagnoses are listed once you have answered; f switches spoilers on", seconds=8
            )
            return
        items = [Item("All diagnoses", "")]
        items += [
            Item(name, name, hint=f"{count} case{'' if count == 1 else 's'}")
            for name, count in counts
        ]
        title = "All diagnoses" if self._sieve.spoilers else "Diagnoses of cases you have seen"

        def choose(name: str | None) -> None:
            if name is not None:
                self._sieve = replace(self._sieve, diagnosis=name)
                self._fill()

        self.app.push_screen(Picker(title, items, present=self._sieve.diagnosis), choose)
