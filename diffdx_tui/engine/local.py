"""The engine on this machine: a loaded model that answers vignettes as a stream of events.

Role: the engine's face.  Owns model, cache and grammar; runs on one thread; knows nobody who
listens.
"""

from __future__ import annotations

import dataclasses
import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from diffdx_tui.domain.decoding import Decoding, Mode
from diffdx_tui.domain.events import (
    AnswerEvent,
    Cancelled,
    Failed,
    Finished,
    ModelInfo,
    Started,
)
from diffdx_tui.domain.verdict import judge
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.engine.catalogue import ModelSpec
from diffdx_tui.engine.failures import EngineError, InputTooLong, NonFiniteLogits, OutOfMemory
from diffdx_tui.engine.free import FreeLoop
from diffdx_tui.engine.guide import Guide
from diffdx_tui.engine.guided import ClosingCosts, GuidedLoop
from diffdx_tui.engine.loading import LoadedModel, Progress, load, use_threads
from diffdx_tui.engine.prompt import head_ids, prompt_ids
from diffdx_tui.engine.sampling import Sampler
from diffdx_tui.engine.sequence import Sequence
from diffdx_tui.engine.transcript import Transcript

_LOG = logging.getLogger(__name__)


class LocalEngine:
    """A model in this process."""

    def __init__(self, spec: ModelSpec, loaded: LoadedModel) -> None:
        self._spec = spec
        self._use(loaded)

    @classmethod
    def load(cls, spec: ModelSpec, progress: Progress = lambda stage, share: None) -> LocalEngine:
        """Load *spec* and warm it up.

        Raises:
            EngineError: with kind and message, whatever went wrong.
        """
        with readable_failures():
            engine = cls(spec, load(spec, progress))
            progress("warming up", 0.95)
            engine.warm_up()
            progress("ready", 1.0)
        return engine

    @property
    def info(self) -> ModelInfo:
        """What this engine answers with."""
        return self._model.info

    @property
    def minimum_budget(self) -> int:
        """The smallest ``max_new_tokens`` of a guided answer."""
        return self._costs.minimum

    def memory_bytes(self) -> int:
        """Bytes of weights and cache held."""
        return self._model.decoder.memory_bytes()

    def warm_up(self) -> None:
        """Compute the system prompt's cache and the first mask, so the first answer is quick."""
        use_threads(self._model.threads)
        self._sequence.begin(prompt_ids(self._model.tokenizer, self._spec.variant, "."))
        self._sequence.logits()
        self._fresh_guide().allowed()

    def generate(
        self,
        vignette: Vignette,
        decoding: Decoding,
        answer_id: str,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[AnswerEvent]:
        """Answer *vignette*; the last event is ``Finished``, ``Cancelled`` or ``Failed``.

        Non-finite logits are tried once more in fp32; a second ``Started`` with the same id then
        says that the answer begins anew.
        """
        try:
            with readable_failures():
                try:
                    yield from self._generate(vignette, decoding, answer_id, cancelled)
                    return
                except NonFiniteLogits:
                    if self.info.precision == "fp32":
                        raise
                # Outside the handler: its traceback would keep the old weights alive.
                self._reload_in_fp32()
                yield from self._generate(vignette, decoding, answer_id, cancelled)
        except EngineError as error:
            yield Failed(answer_id, error.kind, str(error))

    def _generate(
        self,
        vignette: Vignette,
        decoding: Decoding,
        answer_id: str,
        cancelled: Callable[[], bool],
    ) -> Iterator[AnswerEvent]:
        use_threads(self._model.threads)
        prompt = prompt_ids(self._model.tokenizer, self._spec.variant, vignette.text)
        self._require_room(len(prompt), vignette, decoding)
        yield Started(answer_id, self.info, decoding)
        transcript = Transcript(self._model.tokenizer, answer_id, len(prompt))
        self._sequence.begin(prompt)
        sampler = Sampler(decoding, prompt)
        loop: GuidedLoop | FreeLoop
        if decoding.mode is Mode.GUIDED:
            loop = GuidedLoop(
                self._model.tokenizer,
                self._spec.variant,
                self._costs,
                self._fresh_guide(),
                self._sequence,
                sampler,
                transcript,
                answer_id,
            )
            yield from loop.run(vignette, decoding, cancelled)
            unfinished = loop.unfinished
        else:
            stops = self._model.tokenizer.stop_ids
            loop = FreeLoop(
                self._spec.variant, stops, self._sequence, sampler, transcript, answer_id
            )
            yield from loop.run(decoding, cancelled)
            unfinished = []
        judgement = judge(transcript.raw, self._spec.variant, vignette.text)
        last = Cancelled if loop.stopped else Finished
        yield last(
            answer_id,
            judgement.differential,
            judgement.verdict,
            transcript.stats(unfinished),
            transcript.raw,
        )

    def _require_room(self, prompt_tokens: int, vignette: Vignette, decoding: Decoding) -> None:
        """Raise ``InputTooLong`` unless prompt, echo and answer fit into the context."""
        echo = 0
        if decoding.mode is Mode.GUIDED:
            echo = len(head_ids(self._model.tokenizer, self._spec.variant, vignette.text))
        needed = prompt_tokens + echo + decoding.max_new_tokens
        if needed > self._model.context:
            raise InputTooLong(
                f"the vignette is too long for this model: prompt, echo and answer take {needed:,} "
                f"tokens, its limit is {self._model.context:,}: shorten the vignette or lower "
                "max_new_tokens"
            )

    def _fresh_guide(self) -> Guide:
        return Guide(self._model.tokenizer, self._spec.variant, self._model.width)

    def _reload_in_fp32(self) -> None:
        self._spec = dataclasses.replace(self._spec, precision="fp32")
        del self._model, self._sequence  # before the new weights come
        gc.collect()
        self._use(load(self._spec))

    def _use(self, loaded: LoadedModel) -> None:
        self._model = loaded
        self._sequence = Sequence(loaded.decoder)
        self._costs = ClosingCosts(loaded.tokenizer, self._spec.variant)


@contextmanager
def readable_failures() -> Iterator[None]:
    """Turn memory errors and unexpected exceptions into :class:`EngineError`."""
    try:
        yield
    except EngineError:
        raise
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory(
            "not enough memory for this model: try --precision nf4 or a smaller model"
        ) from error
    except Exception as error:
        _LOG.exception("unexpected failure in the engine")
        reason = (str(error).strip() or "no message").splitlines()[0]
        raise EngineError(f"{type(error).__name__}: {reason}") from error
