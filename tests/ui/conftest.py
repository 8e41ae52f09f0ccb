"""Fixtures for the screens: a home of its own, and an app driven by a script."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from diffdx_tui.config import Config
from diffdx_tui.ui.app import DiffdxApp
from tests.ui.scripted_worker import ScriptedWorker

CASE = (
    "A 58-year-old woman had a headache that struck within seconds, the worst of her life. "
    "Her neck is stiff. She has no fever."
)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same terminal everywhere."""
    for name in ("NO_COLOR", "TMUX", "LC_ALL", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(home=tmp_path / "home", theme="diffdx-dark")


class Bench:
    """An app under test and its worker."""

    def __init__(self, config: Config, **script: Any) -> None:
        self.workers: list[ScriptedWorker] = []

        def factory(listener: Any, open_store: Any) -> ScriptedWorker:
            worker = ScriptedWorker(listener, open_store, **script)
            self.workers.append(worker)
            return worker

        self.app = DiffdxApp(config, worker_factory=factory)

    @property
    def worker(self) -> ScriptedWorker:
        return self.workers[0]

    @property
    def screen_text(self) -> str:
        """What stands on the screen, as text."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text for strip in lines)


class Hands:
    """A pilot that waits for conditions instead of times."""

    def __init__(self, bench: Bench, pilot: Any) -> None:
        self.bench, self.pilot, self.app = bench, pilot, bench.app

    @property
    def text(self) -> str:
        return self.bench.screen_text

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def until(self, condition: Callable[[], Any], seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"never came about; the screen:\n{self.text}"
            await self.pilot.pause(0.02)
        await self.pilot.pause(0.02)

    async def sees(self, *words: str) -> None:
        await self.until(lambda: all(word in self.text for word in words))

    async def ready(self) -> None:
        await self.sees("ready")

    async def answered(self, text: str = CASE) -> None:
        """Enter *text*, run it, and wait for the end."""
        await self.ready_or_done()
        self.app.explore.pane.replace_text(text)
        before = self.app.answering.live
        await self.press("f5")
        await self.until(
            lambda: self.app.answering.live is not before and not self.app.answering.active
        )

    async def ready_or_done(self) -> None:
        await self.until(lambda: not self.app.answering.active and self.bench.workers)


@pytest.fixture
def start(config: Config) -> Any:
    """``async with start(size=…, **script) as hands``."""

    @asynccontextmanager
    async def open_app(
        size: tuple[int, int] = (80, 24), settings: dict[str, Any] | None = None, **script: Any
    ) -> Any:
        bench = Bench(config.replace(**(settings or {})), **script)
        async with bench.app.run_test(size=size, notifications=True) as pilot:
            yield Hands(bench, pilot)

    return open_app


@pytest.fixture
def snapshot_app(config: Config) -> Iterator[Callable[..., DiffdxApp]]:
    """An app for ``snap_compare``, which starts it itself."""

    def make(settings: dict[str, Any] | None = None, **script: Any) -> DiffdxApp:
        return DiffdxApp(
            config.replace(**(settings or {})), worker_factory=partial(ScriptedWorker, **script)
        )

    yield make
