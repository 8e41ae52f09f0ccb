"""The worker's thread: queue of depth one, cancel, supersede, failures that reach the screen."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from diffdx_tui.answer import Request
from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.events import (
    Cancelled,
    Failed,
    FailureKind,
    Finished,
    ModelFailed,
    ModelLoading,
    ModelReady,
    NotSaved,
    RedFlagsFound,
    Started,
    State,
    TokenSampled,
    WorkerEvent,
)
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.engine.catalogue import ModelSpec
from diffdx_tui.store import SessionStore
from diffdx_tui.worker import AnswerWorker

ENDS = (Finished, Cancelled, Failed)


class Desk:
    """A worker with its events in a queue."""

    def __init__(self, database: Path) -> None:
        self.events: queue.Queue[WorkerEvent] = queue.Queue()
        self.worker = AnswerWorker(self.events.put, lambda: SessionStore.open(database))
        self.worker.start()

    def wait_for(self, *kinds: type) -> list[WorkerEvent]:
        """Events up to and including the first of *kinds*."""
        seen = []
        while not seen or not isinstance(seen[-1], kinds):
            seen.append(self.events.get(timeout=30))
        return seen


@pytest.fixture
def desk(home: Path, tiny_model: Path) -> Iterator[Desk]:
    desk = Desk(home / "sessions.db")
    desk.worker.load(ModelSpec(str(tiny_model), precision="fp32"))
    yield desk
    desk.worker.close()


def request(text: str = "chest pain", tokens: int = 120) -> Request:
    return Request(Vignette.parse(text), Decoding(max_new_tokens=tokens, temperature=1.0))


def test_loads_with_progress_then_answers_and_saves(desk: Desk, home: Path) -> None:
    asked = request()
    desk.worker.submit(asked)  # before the model is ready: it waits
    loading = desk.wait_for(ModelReady)
    shares = [event.share for event in loading if isinstance(event, ModelLoading)]
    assert shares == sorted(shares) and shares[-1] == 1.0
    events = desk.wait_for(*ENDS)
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert {event.answer_id for event in events} == {asked.answer_id}
    with SessionStore.open(home / "sessions.db") as store:
        saved = store.read_answer(asked.answer_id)
    assert saved.state is State.FINISHED
    assert saved.raw == events[-1].raw


THUNDERCLAP = "Sudden headache, the worst of her life, while lifting a box; neck stiff, no fever."


def test_red_flags_do_not_wait_for_the_model(
    home: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffdx_tui.engine import local

    real, gate = local.load, threading.Event()

    def load_late(*arguments: Any) -> Any:
        assert gate.wait(30)
        return real(*arguments)

    monkeypatch.setattr(local, "load", load_late)
    desk = Desk(home / "sessions.db")
    desk.worker.load(ModelSpec(str(tiny_model), precision="fp32"))
    asked = request(THUNDERCLAP)
    desk.worker.submit(asked)
    found = desk.wait_for(RedFlagsFound)[-1]
    assert isinstance(found, RedFlagsFound) and found.answer_id == asked.answer_id
    assert [flag.rule for flag in found.flags] == ["neuro-thunderclap-headache"]
    gate.set()
    events = desk.wait_for(*ENDS)
    assert not any(isinstance(event, RedFlagsFound) for event in events)  # told once
    assert isinstance(events[-1], Finished)
    desk.worker.close()


def test_red_flags_come_without_any_model(home: Path) -> None:
    desk = Desk(home / "sessions.db")
    desk.worker.load(ModelSpec("no-such-model"))
    desk.worker.submit(request(THUNDERCLAP))
    kinds = [type(event) for event in desk.wait_for(Failed)]
    assert RedFlagsFound in kinds
    desk.worker.close()


def test_cancel_stops_within_one_token_and_keeps_valid_json(desk: Desk, home: Path) -> None:
    asked = request(tokens=2_000)
    desk.worker.submit(asked)
    while not isinstance(event := desk.events.get(timeout=30), TokenSampled) or event.forced:
        pass
    desk.worker.cancel()
    last = desk.wait_for(*ENDS)[-1]
    assert isinstance(last, Cancelled)
    assert last.verdict.strict
    assert last.stats.unfinished
    with SessionStore.open(home / "sessions.db") as store:
        assert store.read_answer(asked.answer_id).state is State.CANCELLED


def test_a_newer_request_supersedes(desk: Desk) -> None:
    desk.wait_for(ModelReady)
    first, dropped, last = request(tokens=2_000), request(), request("fever")
    desk.worker.submit(first)
    desk.wait_for(Started)
    desk.worker.submit(dropped)
    desk.worker.submit(last)
    ended = [desk.wait_for(*ENDS)[-1], desk.wait_for(*ENDS)[-1]]
    assert isinstance(ended[0], Cancelled) and ended[0].answer_id == first.answer_id
    assert isinstance(ended[1], Finished) and ended[1].answer_id == last.answer_id


def test_a_model_that_cannot_be_loaded_leaves_the_old_one(desk: Desk, tiny_adapter: Path) -> None:
    desk.wait_for(ModelReady)
    desk.worker.load(ModelSpec("no-such-model"))
    failed = desk.wait_for(ModelFailed)[-1]
    assert isinstance(failed, ModelFailed)
    assert failed.kind is FailureKind.MODEL_UNAVAILABLE
    assert "no-such-model" in failed.message
    desk.worker.submit(request())
    assert isinstance(desk.wait_for(*ENDS)[-1], Finished)


def test_an_adapter_of_another_base_is_refused_and_the_old_model_comes_back(
    desk: Desk, tiny_model: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    from tests.tiny_model import write_tiny_model

    other = write_tiny_model(tmp_path / "other", hidden_size=128)
    desk.wait_for(ModelReady)
    desk.worker.load(ModelSpec(str(other), adapter=str(tiny_adapter), precision="fp32"))
    failed = desk.wait_for(ModelFailed)[-1]
    assert isinstance(failed, ModelFailed)
    assert failed.kind is FailureKind.BAD_ADAPTER
    assert "another base" in failed.message
    desk.wait_for(ModelReady)
    desk.worker.submit(request())
    assert isinstance(desk.wait_for(*ENDS)[-1], Finished)


def test_without_a_model_the_answer_fails_readably(home: Path) -> None:
    desk = Desk(home / "sessions.db")
    desk.worker.submit(request())
    failed = desk.wait_for(*ENDS)[-1]
    assert isinstance(failed, Failed)
    assert failed.kind is FailureKind.MODEL_UNAVAILABLE
    desk.worker.close()


def test_closing_while_streaming_saves_what_came(home: Path, tiny_model: Path) -> None:
    desk = Desk(home / "sessions.db")
    desk.worker.load(ModelSpec(str(tiny_model), precision="fp32"))
    asked = request(tokens=2_000)
    desk.worker.submit(asked)
    desk.wait_for(TokenSampled)
    desk.worker.close()
    with SessionStore.open(home / "sessions.db") as store:
        saved = store.read_answer(asked.answer_id)
    assert saved.state is State.CANCELLED
    assert saved.raw


def test_a_store_that_cannot_write_does_not_cost_the_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffdx_tui.store import StoreError

    desk.wait_for(ModelReady)

    def full(*_: object, **__: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(SessionStore, "start_answer", full)
    desk.worker.submit(request())
    events = desk.wait_for(*ENDS)
    assert isinstance(events[-1], Finished)
    assert [event for event in events if isinstance(event, NotSaved)]


def test_when_the_old_model_cannot_come_back_either_the_thread_lives(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    from diffdx_tui.engine import local

    desk.wait_for(ModelReady)
    real = local.load

    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(local, "load", exhausted)
    desk.worker.load(ModelSpec(str(tiny_model), precision="bf16"))
    for _ in range(2):  # the new one, then the old one
        failed = desk.wait_for(ModelFailed)[-1]
        assert isinstance(failed, ModelFailed)
        assert failed.kind is FailureKind.OUT_OF_MEMORY
    monkeypatch.setattr(local, "load", real)
    desk.worker.load(ModelSpec(str(tiny_model), precision="fp32"))
    desk.wait_for(ModelReady)


def test_a_store_that_does_not_open_is_told() -> None:
    events: queue.Queue[WorkerEvent] = queue.Queue()

    def closed() -> SessionStore:
        raise OSError("the disk is gone")

    worker = AnswerWorker(events.put, closed)
    worker.start()
    failed = events.get(timeout=10)
    assert isinstance(failed, ModelFailed)
    assert "the disk is gone" in failed.message
    worker.close()


def test_non_finite_logits_are_tried_again_in_fp32(tmp_path: Path, home: Path) -> None:
    """Weights that overflow half precision answer in fp32; the second Started says so."""
    import torch
    from safetensors.torch import load_file, save_file

    from diffdx_tui.engine.local import LocalEngine
    from tests.tiny_model import write_tiny_model

    directory = write_tiny_model(tmp_path / "hot")
    engine = LocalEngine.load(ModelSpec(str(directory), precision="bf16"))
    weights = engine._model.decoder._final_norm  # type: ignore[attr-defined]
    weights.fill_(torch.inf)
    vignette = Vignette.parse("pain")
    events = list(engine.generate(vignette, Decoding(max_new_tokens=100), "id"))
    starts = [event for event in events if isinstance(event, Started)]
    assert [start.model.precision for start in starts] == ["bf16", "fp32"]
    assert isinstance(events[-1], Finished)

    path = directory / "model.safetensors"
    tensors = load_file(path)
    tensors["model.norm.weight"].fill_(torch.nan)
    save_file(tensors, path, metadata={"format": "pt"})
    broken = LocalEngine.load(ModelSpec(str(directory), precision="fp32"))
    last = list(broken.generate(vignette, Decoding(max_new_tokens=100), "id"))[-1]
    assert isinstance(last, Failed)
    assert last.kind is FailureKind.NON_FINITE
