"""What the model writes by itself on a few validation cases, while it is being trained.

Role: free, greedy answers through the engine's own decoder and loop with the adapters as they are
now, judged by the domain's judge: what Explore would show.  No random number is drawn for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from diffdx_tui.domain.decoding import Decoding, Mode
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.verdict import judge
from diffdx_tui.engine.failures import NonFiniteLogits
from diffdx_tui.engine.files import Adapter, Checkpoint, WeightReader, read_json
from diffdx_tui.engine.free import FreeLoop
from diffdx_tui.engine.loading import build_qwen2, is_plain_qwen2, shape_of
from diffdx_tui.engine.prompt import prompt_ids
from diffdx_tui.engine.sampling import Sampler
from diffdx_tui.engine.sequence import Decoder
from diffdx_tui.engine.sequence import Sequence as TokenSequence
from diffdx_tui.engine.transcript import Transcript
from diffdx_tui.engine.transformers_decoder import TransformersDecoder
from trainer.tuning.adapter_layer import LeanLoraLinear
from trainer.tuning.base import Base
from trainer.tuning.rows import Case

_SPARE_TOKENS = 64
"""How much longer than the longest gold answer a probe may get."""


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """One free answer: raw text, whether it keeps the schema, whether it came to an end."""

    id: str
    raw: str
    strict: bool
    stopped: bool

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the event."""
        return {"id": self.id, "raw": self.raw, "strict": self.strict, "stopped": self.stopped}


def answer_freely(
    base: Base,
    variant: Variant,
    cases: Sequence[Case],
    longest: int,
    leave: Callable[[], bool],
    *,
    adapted: bool = True,
) -> list[ProbeAnswer]:
    """Greedy free answers to *cases*.

    Args:
        longest: tokens of the longest gold answer; an answer may be a little longer.
        leave: asked at every token; when true, what is there so far is returned without the case
            at hand.
        adapted: without the adapters it is the base that answers.
    """
    with nullcontext() if adapted else base.model.disable_adapter():
        return _answer(base, variant, cases, min(longest + _SPARE_TOKENS, 4096), leave)


def _answer(
    base: Base, variant: Variant, cases: Sequence[Case], budget: int, leave: Callable[[], bool]
) -> list[ProbeAnswer]:
    base.model.eval()
    decoding = Decoding(mode=Mode.FREE, temperature=0.0, max_new_tokens=budget, alternatives=0)
    sequence = TokenSequence(live_decoder(base))
    answers: list[ProbeAnswer] = []
    for case in cases:
        prompt = prompt_ids(base.tokenizer, variant, case.vignette)
        transcript = Transcript(base.tokenizer, case.id, len(prompt))
        sequence.begin(prompt)
        sampler = Sampler(decoding, prompt)
        stops = base.tokenizer.stop_ids
        loop = FreeLoop(variant, stops, sequence, sampler, transcript, case.id)
        try:
            for _ in loop.run(decoding, leave):
                pass
            ended = transcript.sampled < budget
        except NonFiniteLogits:  # the answer breaks off here; the next step's loss says the rest
            ended = False
        if loop.stopped:
            break
        strict = judge(transcript.raw, variant).verdict.strict
        answers.append(ProbeAnswer(case.id, transcript.raw, strict, ended))
    return answers


def live_decoder(base: Base) -> Decoder:
    """The engine's decoder with the adapters as they are now; without those that are disabled.

    The fast one reads the base once more and is gone after the probe; a token then costs a tenth
    of what the model in training takes for it.
    """
    settings = read_json(base.directory / "config.json")
    if not is_plain_qwen2(settings):
        return TransformersDecoder(base.model)
    updates = {
        name.removeprefix("base_model.model."): module.update()
        for name, module in base.model.named_modules()
        if isinstance(module, LeanLoraLinear) and not module.disable_adapters
    }
    reader = WeightReader(Checkpoint(base.directory), Adapter(updates, sha256=""))
    return build_qwen2(shape_of(settings), reader, base.placement, lambda stage, share: None)
