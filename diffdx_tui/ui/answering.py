"""Asking and following answers, without a screen.

Role: holds what is chosen (model, decoding, ephemeral), the case on the desk, the answer that runs
and the state of the model; turns drained events into changes a view can draw.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from pathlib import PurePath

from diffdx_tui.config import Config
from diffdx_tui.domain.decoding import REFERENCE_FREE, Decoding, Mode
from diffdx_tui.domain.events import (
    Failed,
    FailureKind,
    ModelFailed,
    ModelInfo,
    ModelLoading,
    ModelReady,
    Started,
    State,
    WorkerEvent,
)
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.engine.catalogue import ModelSpec
from diffdx_tui.ui.case import Case, another_seed, next_request
from diffdx_tui.ui.live_answer import LiveAnswer
from diffdx_tui.ui.worker_link import WorkerLink


class ModelPhase(Enum):
    """Where the model is."""

    ABSENT = auto()
    LOADING = auto()
    READY = auto()
    FAILED = auto()


@dataclass(slots=True)
class ModelState:
    """The model as the screens know it; a failed switch leaves the earlier model in ``info``."""

    phase: ModelPhase = ModelPhase.ABSENT
    name: str = ""
    stage: str = ""
    share: float = 0.0
    info: ModelInfo | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain changed."""

    answer: bool = False
    model: bool = False
    ended: bool = False
    failed_model: ModelFailed | None = None


@dataclass(slots=True)
class Choices:
    """What the next answer is asked with."""

    spec: ModelSpec
    decoding: Decoding = field(default_factory=Decoding)
    ephemeral: bool = False
    kept: dict[Mode, Decoding] = field(default_factory=dict)
    """What each mode was last used with, to come back to."""

    @classmethod
    def of(cls, config: Config) -> Choices:
        """The choices a configuration makes."""
        spec = ModelSpec(config.model, config.adapter, config.variant, config.precision)
        return cls(spec, ephemeral=config.ephemeral)

    def use(self, decoding: Decoding) -> None:
        """Decode with *decoding* from now on; what the mode before it used is kept."""
        self.kept[self.decoding.mode] = self.decoding
        self.decoding = decoding

    def toggle_mode(self) -> None:
        """Guided to free and back, each with its last settings; free begins as the reference."""
        free = self.decoding.mode is Mode.GUIDED
        mode, preset = (Mode.FREE, REFERENCE_FREE) if free else (Mode.GUIDED, Decoding())
        self.use(replace(self.kept.get(mode, preset), seed=self.decoding.seed))


class Answering:
    """One person's work with one worker."""

    def __init__(
        self,
        link: WorkerLink,
        choices: Choices,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._link = link
        self._clock = clock
        self._loading: list[ModelSpec] = []  # asked for and not settled, oldest first
        self._loaded: ModelSpec | None = None
        self._unsaved: set[str] = set()
        self.choices = choices
        self.model = ModelState()
        self.case = Case()
        self.live: LiveAnswer | None = None
        self.asked: list[str] = []  # vignettes of this run, oldest first

    @property
    def active(self) -> bool:
        """Whether events are to be expected."""
        return bool(self._loading) or self.answering

    @property
    def answering(self) -> bool:
        """Whether an answer runs or waits."""
        return self.live is not None and self.live.running

    def is_ephemeral(self, answer_id: str) -> bool:
        """Whether the answer must leave no trace; asked from the worker's thread."""
        return answer_id in self._unsaved

    def load(self, spec: ModelSpec) -> None:
        """Load or switch the model."""
        self.choices.spec = spec
        self._loading.append(spec)
        self.model.phase, self.model.name = ModelPhase.LOADING, spec.model
        self.model.stage, self.model.share, self.model.message = "starting", 0.0, ""
        self._link.load(spec)

    def ask(self, text: str, decoding: Decoding | None = None) -> LiveAnswer:
        """Ask about *text*; an answer that still runs is superseded.

        Raises:
            VignetteRefused: the text cannot be answered; nothing was asked.
        """
        vignette = Vignette.parse(text)
        decoding = decoding or self.choices.decoding
        ephemeral = self.choices.ephemeral
        self.case, request = next_request(self.case, vignette, decoding, ephemeral=ephemeral)
        if ephemeral:
            self._unsaved.add(request.answer_id)
        self.live = LiveAnswer(
            request.answer_id,
            self.choices.spec.variant,
            decoding,
            submitted_at=self._clock(),
            saved=not ephemeral,
        )
        if vignette.text not in self.asked[-1:]:
            self.asked.append(vignette.text)
        self._link.submit(request)
        return self.live

    def ask_again(self, text: str) -> LiveAnswer:
        """Ask with another seed, which stays chosen so that it can be seen and repeated."""
        Vignette.parse(text)  # refuse before the seed changes
        self.choices.decoding = another_seed(self.choices.decoding)
        return self.ask(text)

    def cancel(self) -> bool:
        """Stop the running answer; false when none runs."""
        if self.live is None or not self.live.running:
            return False
        self._link.cancel()
        if self.live.state is None:  # still waiting: nothing will come of it
            self.live.state = State.CANCELLED
        return True

    def new_case(self) -> None:
        """Start over; a running answer is stopped and kept."""
        self.cancel()
        self.case, self.live = Case(), None

    def reopen(self, case: Case) -> None:
        """Go on with a saved case."""
        self.cancel()
        self.case, self.live = case, None

    def drain(self) -> Drained:
        """Take in what came since the last call."""
        answer = model = False
        failed_model: ModelFailed | None = None
        running = self.answering
        for at, event in self._link.drain():
            if isinstance(event, ModelLoading | ModelReady | ModelFailed):
                model = True
                failed_model = event if isinstance(event, ModelFailed) else failed_model
            info = self.model.info
            answer = self.take(event, at) or answer
            model = model or self.model.info != info
        ended = running and not self.answering
        return Drained(answer or ended, model, ended, failed_model)

    def take(self, event: WorkerEvent, at: float) -> bool:
        """Take in one event; true when it is of the answer on the screen."""
        if isinstance(event, ModelLoading | ModelReady | ModelFailed):
            self._follow_model(event)
            return False
        if isinstance(event, Started):
            self.model.info = event.model  # a retry may have changed the precision
        return self.live is not None and self.live.apply(event, at)

    def _follow_model(self, event: ModelLoading | ModelReady | ModelFailed) -> None:
        state = self.model
        if isinstance(event, ModelLoading):
            state.phase, state.name = ModelPhase.LOADING, event.name
            state.stage, state.share = event.stage, event.share
        elif isinstance(event, ModelReady):
            state.info = event.model
            self._loaded = self._settle(lambda spec: _is_of(spec, event.model)) or self._loaded
            if not self._loading:  # or a newer one is on its way
                state.phase, state.name = ModelPhase.READY, event.model.name
        else:
            state.phase, state.message = ModelPhase.FAILED, event.message
            self._settle(lambda spec: spec.model == event.name)
            if self._loading:
                return  # the next one answers
            # The worker keeps or reloads the earlier model: the next answer comes from that one.
            self.choices.spec = self._loaded or self.choices.spec
            self._fail_waiting(event.kind, event.message)

    def _settle(self, fits: Callable[[ModelSpec], bool]) -> ModelSpec | None:
        """The newest spec asked for that *fits* the worker's word, else the newest of all.

        It and those before it are settled: the worker passes over what was superseded in time.
        """
        if not self._loading:
            return None
        places = [place for place, spec in enumerate(self._loading) if fits(spec)]
        place = places[-1] if places else len(self._loading) - 1
        settled = self._loading[place]
        del self._loading[: place + 1]
        return settled

    def _fail_waiting(self, kind: FailureKind, message: str) -> None:
        """Without any model a waiting request has nothing to wait for."""
        if self.live is not None and self.live.state is None and self.model.info is None:
            self.live.apply(Failed(self.live.answer_id, kind, message))

    def close(self, timeout: float = 5.0) -> None:
        """End the worker; what ran is saved as far as it came."""
        self._link.close(timeout)


def _is_of(spec: ModelSpec, info: ModelInfo) -> bool:
    """Whether loading *spec* gave *info*."""
    # A local directory is known by its last part once it is loaded.
    named = info.name in (spec.model, PurePath(spec.model).name)
    return named and spec.variant is info.variant and spec.precision in ("auto", info.precision)
