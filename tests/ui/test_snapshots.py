"""Pictures of the main screens, at both sizes; ``pytest --snapshot-update`` renews them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from diffdx_tui.store import SessionStore
from tests.ui.conftest import CASE

SIZES = [(80, 24), (160, 50)]


async def answer(pilot: Any, *keys: str) -> None:
    app = pilot.app
    while app.answering.active or app.answering.model.info is None:
        await pilot.pause(0.02)
    app.explore.pane.replace_text(CASE)
    await pilot.press("f5")
    while app.answering.active:
        await pilot.pause(0.02)
    await pilot.pause(0.1)
    await pilot.press(*keys)
    await pilot.pause(0.3)


def before(*keys: str) -> Callable[[Any], Any]:
    async def run_before(pilot: Any) -> None:
        await answer(pilot, *keys)

    return run_before


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("keys", [(), ("f2",), ("f8",), ("f1",), ("ctrl+p",)])
def test_explore(snap_compare: Any, snapshot_app: Any, size: Any, keys: Any) -> None:
    assert snap_compare(snapshot_app(), terminal_size=size, run_before=before(*keys))


@pytest.mark.parametrize("theme", ["diffdx-light", "diffdx-contrast", "nord"])
def test_themes(snap_compare: Any, snapshot_app: Any, theme: str) -> None:
    app = snapshot_app({"theme": theme})
    assert snap_compare(app, terminal_size=(80, 24), run_before=before())


def test_ascii(snap_compare: Any, snapshot_app: Any) -> None:
    app = snapshot_app({"ascii": True})
    assert snap_compare(app, terminal_size=(80, 24), run_before=before())


def test_no_colour(snap_compare: Any, snapshot_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(snapshot_app(), terminal_size=(80, 24), run_before=before())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("keys", [(), ("a",), ("c", "left", "c"), ("e",)])
def test_sessions(
    snap_compare: Any, snapshot_app: Any, config: Any, tmp_path: Any, size: Any, keys: Any
) -> None:
    fill(config)
    app = snapshot_app()

    async def run_before(pilot: Any) -> None:
        while app.answering.model.info is None:
            await pilot.pause(0.02)
        await pilot.press("f9")
        while not any("Answer 2" in strip.text for strip in lines(app)):
            await pilot.pause(0.02)
        await pilot.press(*keys)
        await pilot.pause(0.2)
        if "e" in keys:
            app.screen.query_one("#path").value = "/somewhere/diffdx.md"
        await pilot.pause(0.2)

    assert snap_compare(app, terminal_size=size, run_before=run_before)


def lines(app: Any) -> Any:
    return app.screen._compositor.render_strips()


def fill(config: Any) -> None:
    """Two answers of one session with fixed ids and dates."""
    from tests.ui.scripted_worker import play_into

    play_into(config, CASE, runs=2)
    with SessionStore.open(config.database) as store:
        exported = "".join(store.export_jsonl())
        ids = re.findall(r'"id": "([0-9a-z]{18,})"', exported)
        for number, name in enumerate(dict.fromkeys(ids)):
            exported = exported.replace(name, f"{number:018d}")
        for session in store.list_sessions():
            store.delete_session(session.id)
        store.purge_deleted()
        dates = iter(range(10, 60))
        exported = re.sub(
            r'"\d{4}-\d\d-\d\dT[^"]+"',
            lambda _: f'"2020-03-04T05:{next(dates)}:00.000000+00:00"',
            exported,
        )
        assert not store.import_jsonl(exported.splitlines()).errors
