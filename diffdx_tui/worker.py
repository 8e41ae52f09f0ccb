"""The one thread that owns model and cache.

Role: floor 2, beside :mod:`diffdx_tui.answer`; it stands here rather than in the engine because it
also drives the store.  Screens submit requests and get events through one callback; the callback
runs on the worker's threads, so it must only post.

The queue has depth one: a newer request supersedes one that waits and cancels the one that runs.
Red flags have a small thread of their own: they are told at once, also while a model is loading.
The engine is imported on this thread, so that the screen is painted before torch is read.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Protocol

from diffdx_tui.answer import Recorder, Request, answer
from diffdx_tui.domain.events import (
    Failed,
    FailureKind,
    ModelFailed,
    ModelLoading,
    ModelReady,
    WorkerEvent,
)
from diffdx_tui.domain.red_flags import announce_red_flags
from diffdx_tui.engine.catalogue import ModelSpec

if TYPE_CHECKING:
    from diffdx_tui.engine.local import LocalEngine

Listener = Callable[[WorkerEvent], None]


class ClosingRecorder(Recorder, Protocol):
    """A recorder that saves what is left when it is closed."""

    def close(self) -> None: ...


_LOG = logging.getLogger(__name__)


class AnswerWorker:
    """Loads models and answers requests, one at a time, on its own thread."""

    def __init__(self, listener: Listener, open_store: Callable[[], ClosingRecorder]) -> None:
        """Nothing runs before :meth:`start`; *open_store* is called on the answering thread."""
        self._listener = listener
        self._open_store = open_store
        self._thread = threading.Thread(target=self._run, name="answer-worker", daemon=True)
        self._watcher = ThreadPoolExecutor(1, "red-flags")
        self._watched: Future[None] | None = None
        self._wake = threading.Condition()
        self._spec: ModelSpec | None = None
        self._request: Request | None = None
        self._closing = False
        self._cancel = threading.Event()
        self._engine: LocalEngine | None = None
        self._loaded: ModelSpec | None = None

    def start(self) -> None:
        """Start the threads; the red-flag rules are read before anybody asks."""
        self._watcher.submit(announce_red_flags, "", "")
        self._thread.start()

    def load(self, spec: ModelSpec) -> None:
        """Ask for a model; ``ModelLoading`` events, then ``ModelReady`` or ``ModelFailed``.

        A running answer goes on first; a waiting request is answered by the new model.
        """
        with self._wake:
            self._spec = spec
            self._wake.notify()

    def submit(self, request: Request) -> None:
        """Ask for an answer; waits for a model that is still loading, its red flags do not."""
        with self._wake:
            if not self._closing:
                self._watched = self._watcher.submit(self._watch, request)
            self._request = request
            self._cancel.set()
            self._wake.notify()

    def cancel(self) -> None:
        """Stop the running answer within one token, and forget the one that waits."""
        with self._wake:
            self._request = None
            self._cancel.set()

    def close(self, timeout: float = 5.0) -> None:
        """Cancel, save, and end the thread."""
        with self._wake:
            self._closing, self._request = True, None
            self._cancel.set()
            self._wake.notify()
        self._watcher.shutdown(wait=False, cancel_futures=True)
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            store = self._open_store()
        except Exception as error:  # without a thread nothing else could say it
            _LOG.exception("the store did not open")
            self._listener(ModelFailed("", FailureKind.INTERNAL, str(error)))
            return
        try:
            while True:
                with self._wake:
                    self._wake.wait_for(self._has_work)
                    if self._closing:
                        return
                    spec, self._spec = self._spec, None
                    request = None
                    if spec is None:
                        request, self._request = self._request, None
                        self._cancel.clear()
                if spec is not None:
                    self._load(spec)
                elif request is not None:
                    self._answer(request, store)
        finally:
            store.close()

    def _has_work(self) -> bool:
        return self._closing or self._spec is not None or self._request is not None

    def _load(self, spec: ModelSpec) -> None:
        """Load *spec*; when it fails, the model that was there before is there again."""
        previous = self._loaded
        failure = self._try_to_load(spec)
        if failure is None:
            return
        self._listener(failure)
        if self._engine is None and previous is not None:
            failure = self._try_to_load(previous)
            if failure is not None:
                self._listener(failure)

    def _try_to_load(self, spec: ModelSpec) -> ModelFailed | None:
        """Load *spec*, dropping the present model first; what went wrong, or ``None``.

        Returns rather than handles: while an exception is handled, its traceback keeps the tensors
        of the failed attempt alive, and the next attempt may not fit beside them.
        """
        from diffdx_tui.engine.catalogue import locate
        from diffdx_tui.engine.failures import EngineError

        try:
            locate(spec)
            self._engine, self._loaded = None, None  # two models may not fit side by side
            gc.collect()
            self._load_now(spec)
        except EngineError as error:
            return ModelFailed(spec.model, error.kind, str(error))
        except Exception as error:  # an import that fails, say; the screen must not wait for ever
            _LOG.exception("loading %s failed", spec.model)
            message = f"{type(error).__name__}: {error}"
            return ModelFailed(spec.model, FailureKind.INTERNAL, message)
        return None

    def _load_now(self, spec: ModelSpec) -> None:
        from diffdx_tui.engine.local import LocalEngine

        def tell(stage: str, share: float) -> None:
            self._listener(ModelLoading(spec.model, stage, share))

        started = time.perf_counter()
        self._engine = LocalEngine.load(spec, tell)
        self._loaded = spec
        self._listener(ModelReady(self._engine.info, time.perf_counter() - started))

    def _watch(self, request: Request) -> None:
        self._listener(announce_red_flags(request.answer_id, request.vignette.text))

    def _answer(self, request: Request, store: ClosingRecorder) -> None:
        if self._watched is not None:
            wait([self._watched])  # they come before the model's first token
        if self._engine is None:
            message = "no model is loaded: choose one first"
            self._listener(Failed(request.answer_id, FailureKind.MODEL_UNAVAILABLE, message))
            return
        try:
            for event in answer(request, self._engine, store, self._cancel.is_set, announce=False):
                self._listener(event)
        except Exception as error:
            # The last line of defence: whatever broke (a full disk, say), the screen is told and
            # the thread lives on.
            _LOG.exception("answer %s failed", request.answer_id)
            message = f"{type(error).__name__}: {error}"
            self._listener(Failed(request.answer_id, FailureKind.INTERNAL, message))
