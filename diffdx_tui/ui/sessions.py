"""The Sessions screen: find, read, annotate, compare, export and delete saved work.

Role: connects list, preview and dialogs with the store; every query runs off the screen's thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, OptionList, Static

from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.ui.annotation_form import Annotation, AnnotationForm
from diffdx_tui.ui.answer_text import preview
from diffdx_tui.ui.chrome import Key, KeyBar, TabsRow
from diffdx_tui.ui.comparison_view import ComparisonView
from diffdx_tui.ui.export_form import ExportForm, ExportWish, write_export
from diffdx_tui.ui.session_list import SessionList
from diffdx_tui.ui.status_line import describe_model

if TYPE_CHECKING:
    from diffdx_tui.store import Answer, Session, SessionStore
    from diffdx_tui.ui.app import DiffdxApp

_PAGE = 100
_PAUSE = 0.1  # seconds without a key before a search starts
R = TypeVar("R")


class SessionsScreen(Screen[None]):
    """Saved work."""

    app: DiffdxApp
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (118, "-wide")]  # noqa: RUF012
    AUTO_FOCUS = "SessionList"
    DEFAULT_CSS = """
    SessionsScreen { background: $background; }
    SessionsScreen #search {
        border: none; height: 1; padding: 0 1; width: 1fr; background: $surface;
    }
    SessionsScreen #body { height: 1fr; layout: vertical; }
    SessionsScreen SessionList { height: 40%; width: 1fr; }
    SessionsScreen #preview {
        height: 1fr; width: 1fr; border-top: solid $border-blurred; padding: 0 1;
        scrollbar-size-vertical: 1; border-title-color: $text-muted;
    }
    SessionsScreen #preview:focus { border-top: solid $border; }
    SessionsScreen #preview Static { height: auto; }
    SessionsScreen #facts { height: 1; padding: 0 1; background: $surface; color: $text-muted; }
    SessionsScreen.-wide #body { layout: horizontal; }
    SessionsScreen.-wide SessionList { height: 1fr; width: 11fr; }
    SessionsScreen.-wide #preview {
        width: 10fr; border-top: none; border-left: solid $border-blurred;
    }
    SessionsScreen.-wide #preview:focus { border-left: solid $border; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search"),
        Binding("enter", "open", "Open"),
        Binding("a", "annotate", "Annotate"),
        Binding("c", "compare", "Compare"),
        Binding("e", "export", "Export"),
        Binding("d,delete", "delete", "Delete"),
        Binding("u", "restore", "Undo"),
        Binding("left,h", "turn_answer(-1)", "Earlier answer"),
        Binding("right,l", "turn_answer(1)", "Later answer"),
        Binding("f5,ctrl+r", "reload", "Reload"),
        Binding("escape", "leave", "Back", priority=True),
    ]
    KEYS = (
        Key("/", "search", "screen.search"),
        Key("Enter", "open", "screen.open"),
        Key("a", "annotate", "screen.annotate"),
        Key("c", "compare", "screen.compare"),
        Key("e", "export", "screen.export"),
        Key("d", "delete", "screen.delete"),
        Key("u", "undo", "screen.restore"),
        Key("Esc", "back", "screen.leave"),
        Key("F1", "help", "app.help"),
        Key("Left/Right", "answers", "screen.turn_answer(1)"),
        Key("^P", "palette", "app.palette"),
        Key("^Q", "quit", "app.quit"),
    )

    def __init__(self) -> None:
        super().__init__()
        self._store: SessionStore | None = None
        self._answers: tuple[Answer, ...] = ()
        self._answers_of: str | None = None
        self._shown = 0
        self._marked: Answer | None = None
        self._total = 0

    def compose(self) -> ComposeResult:
        yield TabsRow("Sessions")
        search = Input(
            placeholder="/ search vignettes, tiers, notes and tags", id="search", compact=True
        )
        search.cursor_blink = False
        yield search
        with Container(id="body"):
            yield SessionList(self.app.glyphs)
            with VerticalScroll(id="preview"):
                yield Static("", markup=False)
        yield Static("", id="facts", markup=False)
        yield KeyBar(*self.KEYS)

    def on_mount(self) -> None:
        model = describe_model(self.app.answering, self.app.glyphs)
        self.query_one(TabsRow).show_right(model)
        self._say("opening your sessions")
        self.run_worker(self._open(), exit_on_error=False)

    def on_unmount(self) -> None:
        if self._store is not None:
            self._store.close()

    async def _open(self) -> None:
        self._store = await asyncio.to_thread(self.app.open_store)
        if self._store is not None:
            self.action_reload()

    @property
    def list(self) -> SessionList:
        return self.query_one(SessionList)

    @property
    def answer(self) -> Answer | None:
        """The answer in the preview."""
        return self._answers[self._shown] if self._answers else None

    async def _ask(self, read: Callable[[SessionStore], R]) -> R | None:
        """What the store says, read off this thread; trouble becomes a message."""
        from diffdx_tui.store import StoreError

        if self._store is None:
            return None
        try:
            return await asyncio.to_thread(read, self._store)
        except StoreError as error:
            self.app.tell(str(error), severity="error", seconds=12)
            return None

    # List and preview

    @on(Input.Changed, "#search")
    def _typed(self) -> None:
        self.action_reload()

    @on(Input.Submitted, "#search")
    def _to_list(self) -> None:
        self.list.focus()

    def action_reload(self) -> None:
        """Read the list again, for the query that is typed."""
        query = self.query_one("#search", Input).value.strip()
        self.run_worker(self._fill(query), group="list", exclusive=True, exit_on_error=False)

    async def _fill(self, query: str) -> None:
        if query:
            await asyncio.sleep(_PAUSE)  # a further key cancels this worker
        keep = self.list.current.id if self.list.current else None
        self._total = await self._ask(lambda store: store.count()) or 0
        if query:
            hits = await self._ask(lambda store: store.search(query, _PAGE)) or ()
            self.list.show_hits(hits)
        else:
            sessions = await self._ask(lambda store: store.list_sessions(_PAGE)) or ()
            self.list.show_sessions(sessions, keep)
        self._answers_of = None
        await self._show_current()
        self._count(query)

    def _count(self, query: str) -> None:
        shown = self.list.shown
        sessions = f"{self._total} session{'' if self._total == 1 else 's'}"
        if query:
            more = "or more " if shown >= _PAGE else ""
            verb = "matches" if self._total == 1 else "match"
            self._say(f"{shown} {more}of {sessions} {verb}")
        elif self._total:
            self._say(sessions)
        else:
            self._say("no saved sessions yet: Alt+1 goes to Explore, F5 there runs a vignette")

    def _say(self, text: str) -> None:
        if self._marked is not None:
            text += "   c: compare with the marked answer"
        self.query_one("#facts", Static).update(Content(make_visible_line(text)))

    @on(SessionList.EndReached)
    def _next_page(self) -> None:
        if not self.query_one("#search", Input).value.strip() and self.list.shown < self._total:
            self.run_worker(self._extend(), group="list", exit_on_error=False)

    async def _extend(self) -> None:
        offset = self.list.shown
        page = await self._ask(lambda store: store.list_sessions(_PAGE, offset))
        if page:
            self.list.add_sessions(page)

    @on(OptionList.OptionHighlighted)
    def _moved(self) -> None:
        session = self.list.current
        if session is None or session.id != self._answers_of:
            self._answers, self._answers_of = (), None
        self.run_worker(self._show_current(), group="preview", exclusive=True, exit_on_error=False)

    async def _show_current(self) -> None:
        session = self.list.current
        if session is None:
            self._answers, self._answers_of = (), None
            self.query_one("#preview Static", Static).update(Content(""))
            return
        if session.id == self._answers_of:
            return
        answers = await self._ask(lambda store: store.answers(session.id)) or ()
        if self.list.current is None or self.list.current.id != session.id:
            return  # the cursor went on meanwhile
        self._answers, self._answers_of = answers, session.id
        self._shown = max(len(answers) - 1, 0)
        self._draw_preview(session)

    async def _settled(self) -> Session | None:
        """The session under the cursor, once its answers are those in the preview.

        The cursor moves at once, the answers come later: what acts on an answer waits for them
        here, or it would take one of the session before.
        """
        session = self.list.current
        if session is None:
            return None
        await self._show_current()
        return session if session.id == self._answers_of else None

    def _draw_preview(self, session: Session) -> None:
        text = preview(session, self.answer, self._shown + 1, len(self._answers), self.app.glyphs)
        self.query_one("#preview Static", Static).update(text)
        self.query_one("#preview", VerticalScroll).scroll_home(animate=False)

    # Actions

    def action_search(self) -> None:
        self.query_one("#search", Input).focus()

    def action_leave(self) -> None:
        search = self.query_one("#search", Input)
        if search.value or search.has_focus:
            search.value = ""
            self.list.focus()
        elif self._marked is not None:
            self._marked = None
            self._count("")
        else:
            self.app.places.go("Explore")

    @on(OptionList.OptionSelected)
    async def _selected(self, event: OptionList.OptionSelected) -> None:
        if event.option_index == self.list.highlighted:  # or the cursor has gone on since
            await self.action_open()

    async def action_open(self) -> None:
        if await self._settled() is not None and self.answer is not None:
            self.app.open_in_explore(self.answer, len(self._answers))

    async def action_turn_answer(self, step: int) -> None:
        session = await self._settled()
        if session is None or not self._answers:
            return
        self._shown = min(max(self._shown + step, 0), len(self._answers) - 1)
        self._draw_preview(session)

    async def action_compare(self) -> None:
        """Mark the first answer; with the second, show what changed."""
        settled = await self._settled()
        answer = self.answer
        if settled is None or answer is None:
            return
        if self._marked is None or self._marked.id == answer.id:
            self._marked = answer
            self._say(f"marked answer {self._shown + 1}: choose another and press c")
            return
        before, after = sorted((self._marked, answer), key=lambda one: one.created)
        self._marked = None
        self._count("")
        self.app.push_screen(ComparisonView(before, after, self.app.glyphs))

    async def action_annotate(self) -> None:
        session = await self._settled()
        answer = self.answer
        if session is None:
            return

        def save(annotation: Annotation | None) -> None:
            if annotation is not None:
                self.run_worker(
                    self._save_annotation(session, answer, annotation), exit_on_error=False
                )

        self.app.push_screen(AnnotationForm(session, answer, self.app.glyphs), save)

    async def _save_annotation(
        self, session: Session, answer: Answer | None, annotation: Annotation
    ) -> None:
        def write(store: SessionStore) -> bool:
            store.annotate(
                session.id, note=annotation.note, final_diagnosis=annotation.final_diagnosis
            )
            store.set_tags(session.id, annotation.tags)
            for slot, agrees in annotation.reviews.items():
                if answer is not None:
                    store.review(answer.id, slot, agrees)
            return True

        try:
            written = await self._ask(write)
        except ValueError as error:
            self.app.tell(str(error), severity="error")
            return
        if written:
            self.app.tell("annotation saved")
            self.action_reload()

    def action_export(self) -> None:
        session = self.list.current
        if session is None:
            return

        def write(wish: ExportWish | None) -> None:
            if wish is not None:
                self.run_worker(self._export(session.id, wish), exit_on_error=False)

        folder = self.app.config.home / "exports"
        self.app.push_screen(ExportForm(folder, self._total, self.app.glyphs), write)

    async def _export(self, session_id: str, wish: ExportWish) -> None:
        ids = None if wish.everything else [session_id]

        def write(store: SessionStore) -> bool:
            export = {
                "md": store.export_markdown,
                "jsonl": store.export_jsonl,
                "csv": store.export_csv,
            }[wish.ending]
            write_export(wish.path, export(ids))
            return True

        try:
            written = await self._ask(write)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            self.app.tell(f"not written: {wish.path}: {reason}", severity="error")
            return
        if written:
            self.app.tell(f"written to {wish.path}", seconds=8)

    def action_delete(self) -> None:
        session = self.list.current
        if session is not None:
            self.run_worker(self._delete(session.id), exit_on_error=False)

    async def _delete(self, session_id: str) -> None:
        def delete(store: SessionStore) -> bool:
            store.delete_session(session_id)
            return True

        if await self._ask(delete):
            self.app.deleted_sessions.append(session_id)
            self.app.tell("session deleted: u brings it back")
            self.action_reload()

    async def action_restore(self) -> None:
        """Undo the latest deletion; awaited, so that a second press takes the one before it."""
        deleted = self.app.deleted_sessions
        if not deleted:
            self.app.tell("nothing to undo")
            return
        session_id = deleted[-1]

        def restore(store: SessionStore) -> bool:
            store.restore_session(session_id)
            return True

        if await self._ask(restore):
            deleted.remove(session_id)
            self.app.tell("session restored")
            self.action_reload()
