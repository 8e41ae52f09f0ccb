"""The Runs screen by keyboard, on real run directories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from diffdx_tui.store.run_records import ADAPTER_FOLDER, RUN_FILE
from diffdx_tui.ui.runs import RunsScreen
from tests.ui.test_hostile_text import HOSTILE, assert_harmless
from tests.ui.trained import ROOT, finished_run, running_run
from tests.ui.writing_run import write_step

pytestmark = pytest.mark.asyncio


async def open_runs(hands: Any) -> RunsScreen:
    hands.app.places.go("Runs")
    await hands.sees("[Runs]")
    screen = hands.app.screen
    assert isinstance(screen, RunsScreen)
    return screen


def runs(home: Path) -> list[str]:
    return sorted(p.name for p in (home / "runs").iterdir() if not p.name.startswith("."))


async def test_without_runs_it_says_how_to_start_one(start: Any) -> None:
    async with start() as hands:
        await open_runs(hands)
        await hands.sees("no runs yet: Train starts one")
        await hands.press("enter", "space", "v", "e", "d", "u")
        await hands.sees("nothing to undo", "[Runs]")


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_list_overlay_card_and_attach(start: Any, config: Any, size: Any) -> None:
    finished_run(config.home, 1)
    finished_run(config.home, 2, rank=16)
    finished_run(config.home, 3, {"WRITER_NAN_STEP": "30"}, variant="B")
    with running_run(config.home, 4, 12, rate=1e-4) as writer:
        async with start(size=size) as hands:
            await open_runs(hands)
            await hands.sees("running", "finished", "mini A, rank 16", "mini B", "0.572", "1/2")
            await hands.sees("█", "╳", "training loss")
            write_step(writer, 13, 60)
            await hands.press("down", "space", "down", "space")
            await hands.sees(" a ✓", " b ✓", "⠒⠒⠒⠒ a", "b")
            await hands.press("m")
            await hands.sees("validation loss")
            await hands.press("v")
            await hands.sees("Run 01m000", "rank: 16 (default 8)", "Not clinician-validated")
            await hands.press("escape", "enter")
            await hands.sees("[Train]", "mini A, rank 16", "finished", "step 60/60")
            await hands.press("e")
            await hands.sees("[Explore]")
            adapter = hands.app.answering.choices.spec.adapter
            assert adapter is not None and "/01m000000000000002/" in adapter


async def test_a_run_that_goes_on_is_kept_up_with_and_not_deleted(start: Any, config: Any) -> None:
    with running_run(config.home, 1, 3) as writer:
        async with start() as hands:
            screen = await open_runs(hands)
            await hands.sees("running", "training loss")
            await hands.press("m")
            await hands.sees("validation loss: none yet")
            await hands.press("m")
            write_step(writer, 4, 60)
            feed = next(iter(screen._feeds.values()))
            await hands.until(lambda: len(feed.lines) == 4)
            await hands.press("d")
            await hands.sees("stop it before deleting it")
            assert runs(config.home)
            await hands.press("enter")
            await hands.sees("[Train]", "step 4/60")


async def test_deleting_and_undoing(start: Any, config: Any) -> None:
    finished_run(config.home, 1)
    finished_run(config.home, 2, rank=16)
    async with start() as hands:
        await open_runs(hands)
        await hands.sees("2 runs")
        await hands.press("space", "d")
        await hands.sees("1 run ", "u brings it back")
        assert runs(config.home) == ["01m000000000000001"]
        await hands.press("d")
        await hands.sees("no runs yet")
        await hands.press("u", "u")
        await hands.sees("2 runs", "rank 16")
        assert len(runs(config.home)) == 2


async def test_texts_of_runs_do_nothing_and_a_broken_one_is_counted(
    start: Any, config: Any
) -> None:
    directory = finished_run(config.home, 1, base="/x/[red]y[/]/[@click=app.quit]z")
    (directory / ADAPTER_FOLDER / "README.md").write_text(HOSTILE)
    (directory / "console.log").write_text(HOSTILE)
    broken = finished_run(config.home, 2)
    (broken / RUN_FILE).write_text('{"schema": 1}')
    async with start() as hands:
        await open_runs(hands)
        await hands.sees("[red]y[/]", "1 could not be listed")
        assert_harmless(hands)
        await hands.press("v")
        await hands.sees("Model card", "[red]x[/red]")
        assert_harmless(hands)


async def test_a_run_without_an_adapter_cannot_be_handed_over(start: Any, config: Any) -> None:
    with running_run(config.home, 1, 3):
        async with start() as hands:
            await open_runs(hands)
            await hands.sees("running")
            await hands.press("e")
            await hands.sees("this run has left no adapter", "[Runs]")


async def test_exporting(start: Any, config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    finished_run(config.home, 1)
    async with start() as hands:
        await open_runs(hands)
        await hands.sees("finished")
        await hands.press("o")
        await hands.sees("Export a run", "adapter, card and metrics")
        await hands.press("right")
        await hands.until(lambda: hands.app.screen.query_one("#path").value.endswith(".tar.gz"))
        await hands.press("enter")
        await hands.until(lambda: list((config.home / "exports").glob("*.tar.gz")), seconds=30)
        await hands.sees("exported to")
        await hands.press("o", "right", "enter")
        await hands.sees("exists already")
