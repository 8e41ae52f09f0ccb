"""The list of sessions, in time order or as search hits.

Role: shows pages of sessions and says which one is under the cursor; asks for more at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message
from textual.widgets.option_list import Option

from diffdx_tui.ui.answer_text import hit_line, session_line
from diffdx_tui.ui.glyphs import UNICODE, Glyphs
from diffdx_tui.ui.marked_list import PageList

if TYPE_CHECKING:
    from diffdx_tui.store import SearchHit, Session


class SessionList(PageList):
    """One line a session; two for a search hit."""

    class EndReached(Message):
        """The cursor stands on the last session there is in the list."""

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._sessions: list[Session] = []

    @property
    def current(self) -> Session | None:
        """The session under the cursor."""
        if self.highlighted is None or self.highlighted >= len(self._sessions):
            return None
        return self._sessions[self.highlighted]

    @property
    def shown(self) -> int:
        """How many sessions are in the list."""
        return len(self._sessions)

    def show_sessions(self, sessions: Sequence[Session], keep: str | None = None) -> None:
        """Replace the list; the cursor stays on the session *keep* if it is there."""
        self._replace(list(sessions), [self._line(session) for session in sessions], keep)

    def show_hits(self, hits: Sequence[SearchHit]) -> None:
        """Replace the list by search hits; the cursor goes to the best."""
        lines = [hit_line(hit, self._glyphs) for hit in hits]
        sessions = [hit.session for hit in hits]
        self._replace(sessions, lines, sessions[0].id if sessions else None)

    def add_sessions(self, sessions: Sequence[Session]) -> None:
        """Append a page."""
        known = {session.id for session in self._sessions}
        fresh = [session for session in sessions if session.id not in known]
        self._sessions += fresh
        self.add_options([Option(self._line(session)) for session in fresh])

    def _line(self, session: Session) -> Content:
        return session_line(session, self._glyphs)

    def _replace(self, sessions: list[Session], lines: list[Content], keep: str | None) -> None:
        before = self.highlighted or 0
        self._sessions = sessions
        self.set_options([Option(line) for line in lines])
        if not sessions:
            return
        ids = [session.id for session in sessions]
        self.highlighted = ids.index(keep) if keep in ids else min(before, len(ids) - 1)

    def watch_highlighted(self, highlighted: int | None) -> None:
        super().watch_highlighted(highlighted)
        if highlighted is not None and highlighted == self.option_count - 1:
            self.post_message(self.EndReached())
