"""Pictures of Train, Runs and Evaluate at both sizes; ``pytest --snapshot-update`` renews them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from diffdx_tui.domain.metrics import Figure, Metric
from diffdx_tui.store.run_files import read_json, write_json
from tests.ui.evaluated import create
from tests.ui.test_evaluate import finish
from tests.ui.trained import finished_run, running_run

SIZES = [(80, 24), (160, 50)]


def shown(app: Any) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


def visit(place: str, *waits: str, keys: tuple[str, ...] = ()) -> Callable[[Any], Any]:
    """Go to *place*, wait until it shows *waits*, press *keys*."""

    async def run_before(pilot: Any) -> None:
        while pilot.app.answering.model.info is None:
            await pilot.pause(0.02)
        pilot.app.places.go(place)
        while not all(word in shown(pilot.app) for word in waits):
            await pilot.pause(0.05)
        await pilot.press(*keys)
        await pilot.pause(0.6)

    return run_before


@pytest.mark.parametrize("size", SIZES)
def test_form(snap_compare: Any, snapshot_app: Any, size: Any) -> None:
    assert snap_compare(
        snapshot_app(), terminal_size=size, run_before=visit("Train", "F5 start", keys=("down",))
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("keys", [(), ("left", "left"), ("l", "f2")], ids=["live", "read", "texts"])
def test_live(snap_compare: Any, snapshot_app: Any, config: Any, size: Any, keys: Any) -> None:
    with running_run(config.home, 1, 42, rank=16):
        before = visit("Train", "step 42/60", "Probe at step 40", keys=keys)
        assert snap_compare(snapshot_app(), terminal_size=size, run_before=before)


def test_live_in_ascii(snap_compare: Any, snapshot_app: Any, config: Any) -> None:
    with running_run(config.home, 1, 42):
        app = snapshot_app({"ascii": True})
        before = visit("Train", "step 42/60", "Probe at step 40", keys=("left",))
        assert snap_compare(app, terminal_size=(80, 24), run_before=before)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("keys", [(), ("space", "down", "space"), ("v",)], ids=str)
def test_runs(snap_compare: Any, snapshot_app: Any, config: Any, size: Any, keys: Any) -> None:
    finished_run(config.home, 1)
    finished_run(config.home, 2, {"WRITER_NAN_STEP": "30"}, rank=16)
    before = visit("Runs", "0.572", "training loss", keys=keys)
    assert snap_compare(snapshot_app(), terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", SIZES)
def test_evaluate(snap_compare: Any, snapshot_app: Any, config: Any, size: Any) -> None:
    directory = create(config.home)
    values = read_json(directory / "evaluation.json")
    assert values is not None
    write_json(directory / "evaluation.json", values | {"created": "2020-03-04T05:06:07+00:00"})
    finish(directory)
    # Figures of its own: the rows' answers and the baselines' may change.
    figure = Figure.of_share(5, 25).as_dict()
    arms = [
        {"name": name, "kind": kind, "rows": 25, "metrics": {str(m): figure for m in Metric}}
        for name, kind in (("mini A free", "model"), ("nearest", "baseline"))
    ]
    results = {"set": {"name": "test", "rows": 25}, "complete": True, "arms": arms}
    write_json(directory / "results.json", results)
    before = visit("Evaluate", "nearest (baseline)", keys=("enter", "right"))
    assert snap_compare(snapshot_app(), terminal_size=size, run_before=before)
