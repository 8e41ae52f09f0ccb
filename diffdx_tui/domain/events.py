"""What happens while one vignette is answered, as small frozen values.

Role: the contract between engine, store, screens, command line and evaluator.  The engine is a
generator of events and knows nobody who listens.  Every event carries its answer's id, so that a
late event of a cancelled answer can be told apart and dropped.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.differential import AnyDifferential, Slot, Variant
from diffdx_tui.domain.verdict import Verdict

if TYPE_CHECKING:  # a tenth of a second that the first paint does not wait for
    from diffdx_tui.domain.red_flags import RedFlag


class State(StrEnum):
    """The life of an answer, as stored."""

    STREAMING = "streaming"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class FailureKind(StrEnum):
    """Why no answer came; each kind has one readable explanation."""

    MODEL_UNAVAILABLE = "model unavailable"
    BAD_ADAPTER = "adapter does not fit"
    INPUT_TOO_LONG = "input too long for the model"
    BAD_SETTING = "setting out of range"
    OUT_OF_MEMORY = "out of memory"
    NON_FINITE = "non-finite logits"
    INTERNAL = "internal error"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What answered: enough to load the same thing again and to say what it is.

    Attributes:
        name: catalogue name or path, as asked for.
        base: local directory or hub id of the base.
        adapter: the same for the PEFT adapter, or ``None``.
        adapter_sha256: hash of the adapter's weights file, or ``None``.
        variant: the schema it answers in.
        precision: ``nf4``, ``bf16``, ``fp16`` or ``fp32``, resolved (never ``auto``).
        device: ``cpu`` or ``cuda:0``.
        reason: why this device and precision were chosen, one line.
    """

    name: str
    base: str
    adapter: str | None
    adapter_sha256: str | None
    variant: Variant
    precision: str
    device: str
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON and the store."""
        return {**asdict(self), "variant": str(self.variant)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ModelInfo:
        """The inverse of :meth:`as_dict`."""
        return cls(**{**values, "variant": Variant(values["variant"])})


@dataclass(frozen=True, slots=True)
class Stats:
    """Costs of one answer.

    Attributes:
        ttft_s: seconds from the request to the first sampled token, prefill included.
        total_s: seconds from the request to the end.
        tokens_prompt: tokens prefilled before the answer (chat frame and vignette).
        tokens_sampled: tokens the model chose.
        tokens_forced: answer tokens that were not a choice (skeleton and echo).
        tokens_per_s: sampled tokens per second after the first.
        unfinished: names of slots that were closed by budget or cancel, or going in circles.
    """

    ttft_s: float = 0.0
    total_s: float = 0.0
    tokens_prompt: int = 0
    tokens_sampled: int = 0
    tokens_forced: int = 0
    tokens_per_s: float = 0.0
    unfinished: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON and the store."""
        return {**asdict(self), "unfinished": list(self.unfinished)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Stats:
        """The inverse of :meth:`as_dict`."""
        return cls(**{**values, "unfinished": tuple(values.get("unfinished", ()))})


@dataclass(frozen=True, slots=True)
class RedFlagsFound:
    """What the rules say of the vignette; comes before the model's first token, whatever it does.

    Attributes:
        vignette: the text that the flags' places point into.
        flags: the rules that fired, most urgent first; none says nothing about safety.
        trouble: why the rules could not be tried, else "".
    """

    answer_id: str
    vignette: str
    flags: tuple[RedFlag, ...]
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Started:
    """Generation begins; the model is loaded."""

    answer_id: str
    model: ModelInfo
    decoding: Decoding


@dataclass(frozen=True, slots=True)
class TokenSampled:
    """One token of the answer, forced or chosen.

    Attributes:
        id: vocabulary id.
        text: its text, as far as it completes characters (a token may be part of one).
        logprob: natural-log probability under the model before temperature; 0.0 when forced.
        forced: part of the skeleton or the echo rather than a choice.
        alternatives: the likeliest tokens at this position as (text, logprob), best first.
    """

    answer_id: str
    id: int
    text: str
    logprob: float
    forced: bool
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class SlotText:
    """Decoded text (JSON escapes resolved) to append to a slot."""

    answer_id: str
    slot: Slot
    text: str


@dataclass(frozen=True, slots=True)
class SlotClosed:
    """A slot is complete; ``finished`` is false when budget, cancel or circles closed it."""

    answer_id: str
    slot: Slot
    finished: bool = True


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete.  ``raw`` is the exact text; nothing in it was repaired."""

    answer_id: str
    differential: AnyDifferential | None
    verdict: Verdict
    stats: Stats
    raw: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The person stopped it; what had come is kept (valid JSON in guided mode)."""

    answer_id: str
    differential: AnyDifferential | None
    verdict: Verdict
    stats: Stats
    raw: str


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer came, or it broke off; ``message`` says what to do."""

    answer_id: str
    kind: FailureKind
    message: str


@dataclass(frozen=True, slots=True)
class NotSaved:
    """The store could not write (a full disk, say); the answer itself goes on."""

    answer_id: str
    message: str


AnswerEvent = (
    RedFlagsFound
    | Started
    | TokenSampled
    | SlotText
    | SlotClosed
    | Finished
    | Cancelled
    | Failed
    | NotSaved
)


@dataclass(frozen=True, slots=True)
class ModelLoading:
    """Progress of loading a model: a readable stage and the share done, 0 to 1."""

    name: str
    stage: str
    share: float


@dataclass(frozen=True, slots=True)
class ModelReady:
    """A model is loaded and prewarmed."""

    model: ModelInfo
    seconds: float


@dataclass(frozen=True, slots=True)
class ModelFailed:
    """A model could not be loaded; the previous one, if any, stays."""

    name: str
    kind: FailureKind
    message: str


WorkerEvent = AnswerEvent | ModelLoading | ModelReady | ModelFailed
