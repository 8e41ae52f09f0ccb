"""A screen that lists what other processes write: it looks again and again, and deletes with undo.

Role: base of the Runs and Evaluate screens, which differ in what they list and draw.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.screen import Screen
from textual.worker import Worker

from diffdx_tui.store.errors import StoreError
from diffdx_tui.ui.chrome import TabsRow
from diffdx_tui.ui.status_line import describe_model

if TYPE_CHECKING:
    from diffdx_tui.ui.app import DiffdxApp

R = TypeVar("R")


class WatchingScreen(Screen[None]):
    """Looks while it is shown, never under another screen."""

    app: DiffdxApp
    THING: ClassVar[str]
    LOOK_EVERY: ClassVar[float]  # seconds

    def __init__(self) -> None:
        super().__init__()
        self._deleted: list[str] = []
        self._looking: Worker[None] | None = None

    @abstractmethod
    async def look(self) -> None:
        """Read what there is now, and draw it."""

    @abstractmethod
    def draw(self) -> None:
        """Draw what was read."""

    def on_screen_resume(self) -> None:
        model = describe_model(self.app.answering, self.app.glyphs)
        self.query_one(TabsRow).show_right(model)
        self.action_reload()

    def on_screen_suspend(self) -> None:
        if self._looking is not None:
            self._looking.cancel()

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    def action_reload(self) -> None:
        """Look now, and go on looking."""
        self._looking = self.run_worker(self._keep_looking(), group="look", exclusive=True)

    async def _keep_looking(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self.LOOK_EVERY)

    async def ask(self, act: Callable[[], R]) -> R | None:
        """What the registry says, off this thread; trouble becomes a message."""
        try:
            return await asyncio.to_thread(act)
        except StoreError as error:
            self.app.tell(str(error), severity="warning", seconds=8)
            return None

    async def delete(self, act: Callable[[], str]) -> str | None:
        """Delete by *act*; the id of what is gone, or none and a message."""
        deleted = await self.ask(act)
        if deleted:
            self._deleted.append(deleted)
            self.app.tell(f"{self.THING} deleted: u brings it back")
        return deleted

    async def restore(self, act: Callable[[str], str]) -> None:
        """Undo the latest deletion; awaited, so that a second press takes the one before it."""
        if not self._deleted:
            self.app.tell("nothing to undo")
            return
        name = self._deleted[-1]
        if await self.ask(lambda: act(name)):
            self._deleted.remove(name)
            self.app.tell(f"{self.THING} restored")
            await self.look()
