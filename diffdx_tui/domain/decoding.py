"""How an answer is decoded: the settings a person may choose, checked in one place.

Role: the frozen value that travels from command line or screen to the engine, is stored with every
answer, and makes it reproducible.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Mode(StrEnum):
    """``guided``: valid by construction.  ``free``: what the model does by itself."""

    GUIDED = "guided"
    FREE = "free"


class DecodingError(ValueError):
    """A decoding setting is out of range; the message names the setting and its range."""


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses NaN
        raise DecodingError(f"{name} must be between {low:g} and {high:g}, got {value}")


@dataclass(frozen=True, slots=True)
class Decoding:
    """Settings of one generation.

    Attributes:
        mode: guided or free.
        temperature: 0 is greedy; otherwise logits are divided by it.
        top_p: nucleus mass in (0, 1]; 1 keeps everything.
        top_k: keep only the likeliest; 0 keeps everything.
        repetition_penalty: 1 is off; above 1 makes repeats less likely (Keskar et al. 2019).
        penalise_prompt: apply the penalty over prompt and echo as well, as the reference did.
            That punishes copying the vignette, so it is off unless the reference is reproduced.
        seed: seed of the sampler; the same seed, model and machine give the same answer.
        max_new_tokens: bound on tokens after the prefilled part.  Guided mode closes the document
            within it; free mode is cut off by it, echo included.
        alternatives: how many top alternatives to report with each sampled token.
    """

    mode: Mode = Mode.GUIDED
    temperature: float = 0.0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    penalise_prompt: bool = False
    seed: int = 0
    max_new_tokens: int = 600
    alternatives: int = 3
    top_k: int = 0

    def __post_init__(self) -> None:
        _check("temperature", self.temperature, 0.0, 5.0)
        _check("top_p", self.top_p, 1e-6, 1.0)
        _check("repetition_penalty", self.repetition_penalty, 0.5, 3.0)
        _check("seed", self.seed, 0, 2**63 - 1)
        _check("max_new_tokens", self.max_new_tokens, 1, 4_096)
        _check("top_k", self.top_k, 0, 1_000)
        _check("alternatives", self.alternatives, 0, 10)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON and the store."""
        return {**asdict(self), "mode": str(self.mode)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Decoding:
        """The inverse of :meth:`as_dict`."""
        return cls(**{**values, "mode": Mode(values["mode"])})


REFERENCE_FREE = Decoding(
    mode=Mode.FREE,
    temperature=0.1,
    repetition_penalty=1.1,
    penalise_prompt=True,
    top_p=0.8,
    top_k=20,
)
"""The reference card's own decoding, in which its schema adherence was measured.

The card names temperature and penalty; ``generate`` takes the nucleus and the top 20 from the
base's ``generation_config.json`` (Qwen2.5-Instruct: 0.8 and 20).
"""
