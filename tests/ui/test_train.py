"""The Train screen by keyboard, on real run directories that real processes write."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from diffdx_tui import launch
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.run_files import read_json
from diffdx_tui.store.run_reader import RunReader, judge
from diffdx_tui.store.run_records import LAUNCH_FILE, Control, EventKind, Phase, RunState
from diffdx_tui.store.run_registry import RunRegistry
from diffdx_tui.ui import train, train_questions
from diffdx_tui.ui.glyphs import UNICODE
from diffdx_tui.ui.pacing import CURVE_RATE, Rest
from diffdx_tui.ui.train import TrainScreen
from diffdx_tui.ui.train_preview import preview_text
from diffdx_tui.ui.train_words import describe_phases
from tests.ui.test_hostile_text import HOSTILE, assert_harmless
from tests.ui.trained import ROOT, TRAINER, finished_run, running_run
from tests.ui.writing_run import write_step

SIZES = [(80, 24), (160, 50)]


@pytest.fixture(autouse=True)
def processes(monkeypatch: pytest.MonkeyPatch, config: Any) -> Iterator[None]:
    """Runs that the screen starts are written by a process without a model; none outlives it."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(train, "start_run", partial(launch.start_run, trainer=TRAINER))
    monkeypatch.setattr(train, "resume_run", partial(launch.resume_run, trainer=TRAINER))
    yield
    for path in (config.home / "runs").glob(f"*/{LAUNCH_FILE}"):
        launched = read_json(path) or {}
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(launched["pid"]), signal.SIGKILL)


async def open_train(hands: Any) -> TrainScreen:
    hands.app.places.go("Train")
    await hands.sees("[Train]")
    screen = hands.app.screen
    assert isinstance(screen, TrainScreen)
    return screen


def only_run(home: Path) -> Path:
    (directory,) = [path for path in (home / "runs").iterdir() if not path.name.startswith(".")]
    return directory


def events_of(directory: Path, kind: EventKind) -> list[Any]:
    return [event for event in RunReader(directory).read_all().events if event.kind == kind]


async def test_a_run_from_the_form_to_explore(
    start: Any, config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRITER_PHASE_SECONDS", "0.6")
    async with start() as hands:
        await hands.ready()
        await open_train(hands)
        await hands.sees("F5 start", "Variant", "curated")
        await hands.press("down", "right")  # variant B
        await hands.press("f5")
        await hands.sees("importing libraries")
        await hands.sees("Probe at step", "strict 1/2", "loss")
        await hands.sees("finished", "step 60/60", "e to Explore")
        await hands.press("e")
        await hands.sees("[Explore]")
        directory = only_run(config.home)
        spec = hands.app.answering.choices.spec
        assert spec.model == "mini" and spec.variant == "B"
        assert spec.adapter == str(directory / "adapter")
        await hands.until(lambda: spec in hands.bench.worker.specs)


async def test_what_cannot_be_used_is_told_beside_its_row(start: Any) -> None:
    async with start() as hands:
        screen = await open_train(hands)
        for name, value, words in (
            ("rank", "zero", "whole number"),
            ("rate", "-1", "must be more than 0"),
            ("epochs", "", "must be a whole number"),
        ):
            screen.form.show({"rank": 8, "rate": 2e-4, "epochs": 3} | {name: value})
            await hands.sees(words, "✗")
            await hands.press("f5")
            await hands.sees(f"{name.capitalize()}: must be")  # by what its row is called
            assert screen.form.query_one(f"#{name}").has_focus
        assert not (hands.app.config.home / "runs").exists()


async def test_a_base_or_data_that_is_not_here_starts_nothing(start: Any, config: Any) -> None:
    async with start() as hands:
        screen = await open_train(hands)
        screen.form.show({"data": "/nowhere/rows.jsonl"})
        await hands.press("f5")
        await hands.sees("No such file")
        screen.form.show({"data": "curated", "base": "no-such-model"})
        await hands.press("f5")
        await hands.sees("neither a directory nor a known model")
        assert not (config.home / "runs").exists()


async def test_an_ablation_fills_the_form(start: Any) -> None:
    async with start() as hands:
        screen = await open_train(hands)
        screen.form.focus_setting("rank")
        await hands.press("x")
        await hands.sees("Rank: must be a whole number")
        await hands.press("f6", *"rank-16", "enter")
        await hands.pilot.pause()
        recipe = screen.form.recipe()
        assert (recipe.rank, recipe.alpha) == (16, 32)
        await hands.until(lambda: "Rank: must be" not in hands.text)


async def test_requests_are_shown_as_asked_until_the_run_confirms(start: Any, config: Any) -> None:
    with running_run(config.home, 1, 12) as writer:
        async with start() as hands:
            await open_train(hands)
            await hands.sees("running", "step 12/60", "loss")
            for key, control, asked in (
                ("s", Control.SAVE, "asked to save"),
                ("p", Control.PAUSE, "asked to pause"),
            ):
                await hands.press(key)
                await hands.sees(asked)
                await hands.pilot.pause(0.7)
                assert asked in hands.text, "the run has not done it yet"
                assert "confirmed" not in hands.text or control is Control.PAUSE
                assert control in writer.requests()
                if control is Control.PAUSE:
                    writer.enter_phase(Phase.PAUSED)
                writer.confirm(control)
                await hands.until(lambda asked=asked: asked not in hands.text)
                await hands.sees("confirmed")
            await hands.sees("paused", "p go on")
            await hands.press("p")
            await hands.until(lambda: Control.RESUME in writer.requests())
            writer.enter_phase(Phase.STEP)
            writer.confirm(Control.RESUME)
            await hands.sees("going on at step 12 (confirmed)", "running")
            await hands.press("x")
            await hands.sees("asked to stop")
            writer.confirm(Control.STOP)
            writer.end(RunState.STOPPED, "stopped as asked")
            await hands.sees("stopped as asked", "p go on", "e to Explore")


async def test_leaving_and_a_new_app_show_the_whole_curve_again(start: Any, config: Any) -> None:
    with running_run(config.home, 1, 15) as writer:
        async with start() as hands:
            await open_train(hands)
            await hands.sees("step 15/60")
            hands.app.places.go("Explore")
            await hands.sees("[Explore]")
            for step in range(16, 31):
                write_step(writer, step, 60)
            screen = await open_train(hands)
            await hands.sees("step 30/60")
            feed = screen._feed
            assert feed is not None and feed.measured["loss"].steps == list(range(1, 31))
        async with start() as hands:  # another app, as after a lost line
            screen = await open_train(hands)
            await hands.sees("running", "step 30/60", "val 0.905 @30")
            feed = screen._feed
            assert feed is not None and feed.measured["loss"].steps == list(range(1, 31))


async def test_a_finished_run_says_what_its_preflight_had_said(start: Any, config: Any) -> None:
    with running_run(config.home, 1, 15) as writer:
        writer.add_facts(
            predicted={"peak_mb": 954.0, "tokens_per_s": 900.0, "eta_s": 240.0},
            measured={"peak_mb": 1046.0, "seconds": 300.0},
        )
        writer.end(RunState.FINISHED)
    async with start() as hands:  # another app than the one that had asked
        screen = await open_train(hands)
        screen.attach(writer.directory)
        await hands.sees("finished", "predicted 954 MiB, 900 tok/s, 4 min; was 1.0 GiB", ", 5 min")


async def test_nothing_is_read_while_another_screen_is_shown(start: Any, config: Any) -> None:
    with running_run(config.home, 1, 5) as writer:
        async with start() as hands:
            screen = await open_train(hands)
            await hands.sees("step 5/60")
            hands.app.places.go("Explore")
            await hands.pilot.pause(0.2)
            write_step(writer, 6, 60)
            await hands.pilot.pause(0.8)
            assert screen._feed is not None and len(screen._feed.lines) == 5


async def test_a_loss_that_is_no_number_is_a_gap_and_half_the_rate_is_offered(
    start: Any, config: Any
) -> None:
    directory = finished_run(config.home, 1, {"WRITER_NAN_STEP": "30"}, seed=3)
    async with start() as hands:
        screen = await open_train(hands)
        screen.attach(directory)
        await hands.sees("finished", "×")
        await hands.press("home", *["right"] * 29)
        await hands.sees("step 30 · loss not a number")


async def test_a_failed_run_goes_on_with_half_the_rate(start: Any, config: Any) -> None:
    with running_run(config.home, 1, 10) as writer:
        with writer.checkpoint(10):
            pass
        writer.end(RunState.FAILED, "the loss is not a number at step 11")
    directory = only_run(config.home)
    async with start() as hands:
        screen = await open_train(hands)
        screen.attach(directory)
        await hands.sees("failed", "the loss is not a number", "p go on")
        await hands.press("p")
        await hands.sees("with half the rate")
        await hands.press(*"half", "enter")
        await hands.sees("finished", "step 60/60")
        record = RunReader(directory).record()
        assert record.recipe.rate == 1e-4
        assert record.resumes[0]["from_step"] == 10
        steps = [line.step for line in RunReader(directory).read_all().steps]
        assert steps == list(range(1, 61))


async def test_a_killed_run_is_not_said_to_run(start: Any, config: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("WRITER_STEP_SECONDS", "0.2")
    async with start() as hands:
        await open_train(hands)
        await hands.press("f5")
        await hands.sees("running", "step 2")
        launched = read_json(only_run(config.home) / LAUNCH_FILE) or {}
        os.kill(int(launched["pid"]), signal.SIGKILL)
        await hands.sees("dead", "without a word", "p go on")


@pytest.mark.parametrize("size", SIZES)
async def test_texts_of_a_run_do_nothing(start: Any, config: Any, size: Any) -> None:
    directory = finished_run(
        config.home, 1, {"WRITER_TEXT": HOSTILE.replace("\x00", "")}, base="/x/[red]y[/]/z"
    )
    async with start(size=size) as hands:
        screen = await open_train(hands)
        screen.attach(directory)
        await hands.sees("finished", "[red]x[/red]", "[red]y[/]")
        assert_harmless(hands)
        await hands.press("f2")
        await hands.sees("[@click=app.quit]")
        assert_harmless(hands)


async def test_keys_of_the_live_view(start: Any, config: Any) -> None:
    directory = finished_run(config.home, 1)
    async with start() as hands:
        screen = await open_train(hands)
        screen.attach(directory)
        await hands.sees("finished", "smoothed 0.8", "◆ validation")
        await hands.press("right_square_bracket")
        await hands.sees("smoothed 0.9")
        await hands.press("l")
        await hands.sees("log")
        await hands.press("plus")
        await hands.sees("steps 30-60")
        await hands.press("0", "left", "left")
        await hands.sees("→ step")
        await hands.press("escape")
        await hands.until(lambda: "→ step" not in hands.text)
        await hands.press("m")
        await hands.sees("learning rate")
        await hands.press("m")
        await hands.sees("gradient norm")
        await hands.press("m")
        await hands.sees("tokens/s")
        await hands.press("t")
        await hands.sees("Loss of each row", "epoch 3", "row-5", "0.083")
        assert hands.text.index("row-5") < hands.text.index("row-1")
        await hands.press("escape", "f2", "left")
        await hands.sees("Probe at step 40", "strict so far 1/2 1/2 1/2")
        await hands.press("n")
        await hands.sees("F5 start", "Variant")


async def test_a_run_takes_an_untouched_forms_place_but_not_one_that_is_filled_in(
    start: Any, config: Any
) -> None:
    async with start() as hands:
        await open_train(hands)
        await hands.sees("F5 start")
        hands.app.places.go("Explore")
        with running_run(config.home, 1, 12):  # somebody starts one elsewhere
            await open_train(hands)
            await hands.sees("step 12/60")
            await hands.press("n")
            await hands.sees("F5 start", "goes on; Runs lists it")
            await hands.press("f6", "escape")
            await hands.pilot.pause(0.5)
            await hands.sees("F5 start")
            await hands.press("escape")
            await hands.sees("step 12/60")


async def test_the_form_is_not_the_live_view(start: Any) -> None:
    async with start() as hands:
        screen = await open_train(hands)
        await hands.press(*"pxsnme")  # typed into the first field
        await hands.pilot.pause()
        assert screen.form.values()["data"] == "curatedpxsnme"
        await hands.press("escape")
        await hands.sees("[Explore]")


async def test_questions_to_the_trainer_can_be_left(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = (TRAINER[0], "-c", "import time; time.sleep(60)")
    monkeypatch.setattr(train_questions, "ask_trainer", partial(launch.ask_trainer, trainer=slow))
    async with start() as hands:
        await open_train(hands)
        await hands.press("f3")
        await hands.sees("Pre-flight", "asking the trainer")
        await hands.press("escape")
        await hands.sees("F5 start")
    broken = (TRAINER[0], "-c", "import sys; sys.exit('no [red]base\\x1b[31m')")
    monkeypatch.setattr(train_questions, "ask_trainer", partial(launch.ask_trainer, trainer=broken))
    async with start() as hands:
        await open_train(hands)
        await hands.press("f2")
        await hands.sees("no [red]base")
        assert_harmless(hands)


async def test_what_the_preflight_said_stands_beside_what_came_of_it(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = {"peak_mb": 1300.0, "tokens_per_s": 900.0, "eta_s": 70.0}
    said = f"import json; print(json.dumps({reply}))"
    trainer = (TRAINER[0], "-c", said)
    monkeypatch.setattr(
        train_questions, "ask_trainer", partial(launch.ask_trainer, trainer=trainer)
    )
    async with start() as hands:
        await open_train(hands)
        await hands.press("f3")
        await hands.sees("peak memory", "1.3 GiB", "900 tokens/s")
        await hands.press("escape", "f5")
        await hands.sees("finished")
        said_and_found = "predicted 1.3 GiB, 900 tok/s, 70 s; was 1.4 GiB, 812 tok/s, 66 s"
        await hands.sees(said_and_found)
        await hands.press("alt+5")
        await hands.sees("[Runs]", "finished")
        await hands.press("enter")  # attached anew, it is still known
        await hands.sees("[Train]", said_and_found)


async def test_a_start_that_fails_is_not_said_to_go_on(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> str:
        raise StoreError("the disk is full")

    monkeypatch.setattr(train, "start_run", refuse)
    async with start() as hands:
        await open_train(hands)
        await hands.press("f5")
        await hands.sees("the disk is full", "not started")


def test_what_a_starting_run_does_now_is_not_what_a_narrow_line_cuts_off() -> None:
    phases = [(Phase.IMPORTING, 0.0), (Phase.LOADING, 8.5), (Phase.GATES, 9.0)]
    assert describe_phases(phases, UNICODE) == (
        "● checking every row  ✓ loading the base 0.5 s  ✓ importing libraries 8.5 s"
    )


def test_a_length_that_one_row_has_is_seen_in_the_histogram() -> None:
    bins = [{"from": 0, "to": 63, "rows": 200}, {"from": 64, "to": 127, "rows": 1}]
    lines = preview_text({"histogram": bins}, UNICODE).plain.splitlines()
    (line,) = [line for line in lines if "64-127" in line]
    assert line.endswith(f"tokens {UNICODE.bar} 1")


async def test_the_app_may_end_while_the_run_goes_on(
    start: Any, config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRITER_STEP_SECONDS", "0.2")
    async with start() as hands:
        await open_train(hands)
        await hands.press("f5")
        await hands.sees("running")
        directory = only_run(config.home)
    assert judge(directory).state.is_live
    RunRegistry(config.home).request(directory.name, Control.STOP)
    async with start() as hands:
        screen = await open_train(hands)
        screen.attach(directory)
        await hands.sees("stopped")


@pytest.mark.parametrize("size", SIZES)
async def test_ascii_screens_are_ascii(start: Any, config: Any, size: Any) -> None:
    finished_run(config.home, 1)
    async with start(size=size, settings={"ascii": True}) as hands:
        for place, keys in (("Train", ()), ("Runs", ("v",)), ("Evaluate", ("n",))):
            hands.app.places.go(place)
            await hands.sees(f"[{place}]")
            for key in ("", *keys):
                await hands.press(*[key] if key else [])
                await hands.pilot.pause(0.5)
                assert_ascii(hands.text)
            await hands.press(*["escape"] * len(keys))
        screen = await open_train(hands)
        screen.attach(config.home / "runs" / "01m000000000000001")
        await hands.sees("finished", "...")
        assert_ascii(hands.text)


def assert_ascii(text: str) -> None:
    # Textual's own ellipsis and scrollbar ends are replaced on their way out.
    leftover = {character for character in text if not character.isascii()}
    assert leftover <= set("\u2026\u2581\u2582\u2583\u2584\u2585\u2586\u2587"), leftover


def test_a_picture_is_rested_for_as_long_as_its_bytes_take() -> None:
    rest = Rest()
    assert rest.may_draw(0, 10.0)
    assert not rest.may_draw(CURVE_RATE, 10.5), "a picture of a second's bytes"
    assert rest.may_draw(CURVE_RATE, 11.0)
    assert rest.may_draw(CURVE_RATE + 100, 11.5)
