"""A worker that plays a script instead of a model.

Role: drives the screens in tests with the domain's real events, from a thread of its own, through
the real store when there is one.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from diffdx_tui.answer import Request
from diffdx_tui.domain.decoding import Mode
from diffdx_tui.domain.differential import ECHO, MODELS, Variant, escape, skeleton_of, slots_of
from diffdx_tui.domain.events import (
    Cancelled,
    Failed,
    FailureKind,
    Finished,
    ModelFailed,
    ModelInfo,
    ModelLoading,
    ModelReady,
    SlotClosed,
    SlotText,
    Started,
    Stats,
    TokenSampled,
    WorkerEvent,
)
from diffdx_tui.domain.red_flags import announce_red_flags
from diffdx_tui.domain.verdict import judge
from diffdx_tui.engine.catalogue import ModelSpec

TEXTS = {
    "most_likely": "Subarachnoid haemorrhage - sudden worst-ever headache with neck stiffness and "
    "photophobia and no fever points to bleeding rather than infection.",
    "possible[0]": "Bacterial meningitis - neck stiffness and photophobia fit, but there is no "
    "fever and the onset within seconds is unusual.",
    "possible[1]": "Migraine with meningism - photophobia and vomiting are common, although a "
    "first attack at this age needs exclusion of serious causes.",
    "unlikely_but_serious": "Cervical artery dissection - neck pain with sudden headache after "
    "lifting can precede a stroke.",
    "recommended_workup": "Urgent non-contrast CT head; if it is negative, lumbar puncture for "
    "xanthochromia after twelve hours and CT angiography.",
}


class ScriptedWorker:
    """Fits :class:`diffdx_tui.ui.worker_link.Worker`."""

    def __init__(
        self,
        listener: Callable[[WorkerEvent], None],
        open_store: Callable[[], Any],
        *,
        texts: dict[str, str] | None = None,
        delay: float = 0.0,
        load_delay: float = 0.0,
        load_failure: str | None = None,
        failure: str | None = None,
        raw: str | None = None,
    ) -> None:
        self._listener = listener
        self._open_store = open_store
        self._texts = {**TEXTS, **(texts or {})}
        self._delay = delay
        self._load_delay = load_delay
        self._load_failure = load_failure
        self._failure = failure
        self._raw = raw
        self._queue: queue.Queue[ModelSpec | Request | None] = queue.Queue()
        self._cancel = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._model: ModelInfo | None = None
        self.requests: list[Request] = []
        self.specs: list[ModelSpec] = []
        self.closed = False

    def start(self) -> None:
        self._thread.start()

    def load(self, spec: ModelSpec) -> None:
        self._queue.put(spec)

    def submit(self, request: Request) -> None:
        self._listener(announce_red_flags(request.answer_id, request.vignette.text))
        self._cancel.set()
        self._queue.put(request)

    def cancel(self) -> None:
        self._cancel.set()

    def close(self, timeout: float = 5.0) -> None:
        self._cancel.set()
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout)
        self.closed = True

    def _run(self) -> None:
        with self._open_store() as store:
            while (job := self._queue.get()) is not None:
                if isinstance(job, ModelSpec):
                    self._load(job)
                else:
                    self._cancel.clear()
                    self._answer(job, store)

    def _load(self, spec: ModelSpec) -> None:
        self.specs.append(spec)
        for step, stage in enumerate(("reading weights", "prewarming")):
            self._listener(ModelLoading(spec.model, stage, step / 2))
            time.sleep(self._load_delay / 2)
        if self._load_failure:
            kind = FailureKind.MODEL_UNAVAILABLE
            self._listener(ModelFailed(spec.model, kind, self._load_failure))
            return
        precision = "fp32" if spec.precision == "auto" else spec.precision
        self._model = ModelInfo(
            spec.model, "data/model", None, None, spec.variant, precision, "cpu", "scripted"
        )
        self._listener(ModelReady(self._model, self._load_delay))

    def _answer(self, request: Request, store: Any) -> None:
        self.requests.append(request)
        if self._model is None:
            return
        store.start_answer(
            answer_id=request.answer_id,
            session_id=request.session_id,
            parent_id=request.parent_id,
            vignette=request.vignette,
            model=self._model,
            decoding=request.decoding,
        )
        for event in self._events(request, self._model):
            store.record(event)
            self._listener(event)

    def _events(self, request: Request, model: ModelInfo):  # type: ignore[no-untyped-def]
        name = request.answer_id
        yield Started(name, model, request.decoding)
        if self._failure:
            yield Failed(name, FailureKind.OUT_OF_MEMORY, self._failure)
            return
        if self._raw is not None:
            yield from self._free(request, model.variant, self._raw)
            return
        raw, sampled, forced = "", 0, 0
        variant = model.variant
        unfinished: list[str] = []
        pieces = skeleton_of(variant)
        for slot, piece in zip(slots_of(variant), pieces, strict=False):
            raw += piece
            forced += 1
            yield TokenSampled(name, 1, piece, 0.0, True)
            if slot == ECHO:
                text = request.vignette.text
                raw += escape(text)
                forced += 1
                yield TokenSampled(name, 2, escape(text), 0.0, True)
                yield SlotText(name, slot, text)
                yield SlotClosed(name, slot)
                continue
            written = ""
            for word in _words(self._texts[slot.name]):
                if self._cancel.is_set():
                    break
                if self._delay:
                    time.sleep(self._delay)
                sampled += 1
                written += word
                raw += escape(word)
                yield TokenSampled(name, 3, escape(word), -0.1, False, ((" other", -2.0),))
                yield SlotText(name, slot, word)
            if not written:
                written = "(unfinished)"
                raw += written
                yield SlotText(name, slot, written)
            if self._cancel.is_set():
                unfinished.append(slot.name)
            yield SlotClosed(name, slot, not self._cancel.is_set())
        raw += pieces[-1]
        yield TokenSampled(name, 4, pieces[-1], 0.0, True)
        judgement = judge(raw, variant, request.vignette.text)
        stats = Stats(0.18, 1.0, 200, sampled, forced + 1, 212.0, tuple(unfinished))
        end = Cancelled if unfinished else Finished
        yield end(name, judgement.differential, judgement.verdict, stats, raw)

    def _free(self, request: Request, variant: Variant, raw: str):  # type: ignore[no-untyped-def]
        name = request.answer_id
        assert request.decoding.mode in Mode
        yield TokenSampled(name, 5, raw, -1.0, False)
        judgement = judge(raw, variant, request.vignette.text)
        if judgement.differential is not None:
            assert isinstance(judgement.differential, tuple(MODELS.values()))
        yield Finished(
            name, judgement.differential, judgement.verdict, Stats(0.2, 0.5, 200, 40, 0, 99.0), raw
        )


def _words(text: str) -> list[str]:
    head, *rest = text.split(" ")
    return [head, *(f" {word}" for word in rest)]


def play_into(config: Any, text: str, *, runs: int = 1) -> None:
    """Answer *text* into the store of *config*, without a screen."""
    from dataclasses import replace

    from diffdx_tui.domain.decoding import Decoding
    from diffdx_tui.domain.vignette import Vignette
    from diffdx_tui.store import SessionStore

    done = threading.Event()

    def listen(event: WorkerEvent) -> None:
        if isinstance(event, Finished):
            done.set()

    worker = ScriptedWorker(listen, lambda: SessionStore.open(config.database))
    worker.start()
    worker.load(ModelSpec())
    request = Request(Vignette.parse(text))
    parent: str | None = None
    for seed in range(runs):
        done.clear()
        request = Request(
            request.vignette,
            replace(Decoding(), seed=seed),
            session_id=request.session_id,
            parent_id=parent,
        )
        parent = request.answer_id
        worker.submit(request)
        assert done.wait(5)
    worker.close()
