"""The way to the answer worker and back.

Role: makes the worker on a thread of its own after the first paint, because importing it may take
long, and keeps requests made before that.  Events come in on the worker's thread at up to a
thousand a second; the listener only appends, and the screen's timer takes them out.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from diffdx_tui.answer import Request
from diffdx_tui.domain.events import FailureKind, ModelFailed, WorkerEvent
from diffdx_tui.engine.catalogue import ModelSpec


class Worker(Protocol):
    """What the screens need of :class:`diffdx_tui.worker.AnswerWorker`."""

    def start(self) -> None: ...
    def load(self, spec: ModelSpec) -> None: ...
    def submit(self, request: Request) -> None: ...
    def cancel(self) -> None: ...
    def close(self, timeout: float = 5.0) -> None: ...


Listener = Callable[[WorkerEvent], None]
WorkerFactory = Callable[[Listener, Callable[[], Any]], Worker]


def make_answer_worker(listener: Listener, open_store: Callable[[], Any]) -> Worker:
    """The real worker; imported here so that nothing heavier than the screen comes before it."""
    from diffdx_tui.worker import AnswerWorker

    return AnswerWorker(listener, open_store)


class WorkerLink:
    """Calls go out in order, whether or not the worker exists yet; events wait to be drained."""

    def __init__(
        self,
        factory: WorkerFactory | None,
        open_store: Callable[[], Any],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._factory = factory or make_answer_worker
        self._open_store = open_store
        self._clock = clock
        self._events: deque[tuple[float, WorkerEvent]] = deque()
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._waiting: list[Callable[[Worker], None]] = []
        self._closed = False
        self.wake: Callable[[], None] | None = None
        """Called on the worker's thread with each event while nobody drains."""

    def start(self) -> None:
        """Make the worker in the background."""
        threading.Thread(target=self._make, name="diffdx-worker-start", daemon=True).start()

    def _make(self) -> None:
        try:
            worker = self._factory(self._listen, self._open_store)
            worker.start()
        except Exception as error:  # the screen must say it, whatever it is
            message = f"the answer worker did not start: {error}"
            self._listen(ModelFailed("", FailureKind.INTERNAL, message))
            return
        with self._lock:
            if self._closed:
                calls: list[Callable[[Worker], None]] = [lambda made: made.close()]
            else:
                calls, self._waiting = self._waiting, []
                self._worker = worker
            for call in calls:
                call(worker)

    def _listen(self, event: WorkerEvent) -> None:
        self._events.append((self._clock(), event))
        wake = self.wake
        if wake is not None:
            wake()

    @property
    def has_events(self) -> bool:
        """Whether a drain would give any."""
        return bool(self._events)

    def drain(self) -> list[tuple[float, WorkerEvent]]:
        """The events since the last call, each with the clock reading of its arrival."""
        events = []
        while self._events:
            events.append(self._events.popleft())
        return events

    def _call(self, call: Callable[[Worker], None]) -> None:
        with self._lock:
            if self._worker is None:
                self._waiting.append(call)
                return
            worker = self._worker
        call(worker)

    def load(self, spec: ModelSpec) -> None:
        """Ask for a model."""
        self._call(lambda worker: worker.load(spec))

    def submit(self, request: Request) -> None:
        """Ask for an answer."""
        self._call(lambda worker: worker.submit(request))

    def cancel(self) -> None:
        """Stop the running answer."""
        self._call(lambda worker: worker.cancel())

    def close(self, timeout: float) -> None:
        """Cancel, save and end; blocks up to *timeout*."""
        with self._lock:
            self._closed = True
            worker, self._worker = self._worker, None
            self._waiting.clear()
        if worker is not None:
            worker.close(timeout)
