"""Any other ChatML model, through transformers and PEFT.

Role: the general path beside the fast one: same interface, library code inside.  It also serves
the tests as the oracle of the fast decoder, in every precision.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diffdx_tui.engine.failures import BadAdapter, ModelUnavailable
from diffdx_tui.engine.placement import Placement


class TransformersDecoder:
    """A causal language model with its library cache."""

    def __init__(self, model: Any) -> None:
        from transformers import DynamicCache

        self._model = model
        self._cache = DynamicCache()

    @classmethod
    def load(cls, base: Path, adapter: Path | None, placement: Placement) -> TransformersDecoder:
        """Load *base* as the reference does, the adapter unmerged.

        Raises:
            ModelUnavailable: transformers cannot load it from safetensors without its own code.
            BadAdapter: PEFT cannot put the adapter onto it.
        """
        return cls(load_as_reference(base, adapter, placement))

    @property
    def length(self) -> int:
        """Number of tokens in the cache."""
        return int(self._cache.get_seq_length())

    def truncate(self, length: int) -> None:
        """Keep the first *length* tokens of the cache."""
        surplus = self.length - length
        if surplus > 0:
            self._cache.crop(-surplus)

    @torch.inference_mode()
    def forward(self, ids: list[int]) -> Tensor:
        """Append *ids*; logits after the last, fp32, shape ``(vocabulary,)``."""
        output = self._model(
            input_ids=torch.tensor([ids], device=self._model.device),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = output.logits[0, -1].float()
        return logits

    def memory_bytes(self) -> int:
        """Bytes of weights held."""
        total: int = self._model.get_memory_footprint()
        return total


def load_as_reference(base: Path, adapter: Path | None, placement: Placement) -> Any:
    """The model as the reference card's usage loads it (PEFT unmerged), for this placement."""
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    quantisation = None
    if placement.precision == "nf4":
        quantisation = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=placement.dtype,
            bnb_4bit_use_double_quant=True,
        )
    try:
        model = AutoModelForCausalLM.from_pretrained(
            base,
            quantization_config=quantisation,
            dtype=placement.dtype,
            device_map={"": str(placement.device)},
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelUnavailable(f"transformers cannot load {base}: {error}") from error
    if adapter is not None:
        from peft import PeftModel

        try:
            model = PeftModel.from_pretrained(model, str(adapter))
        except (OSError, ValueError, RuntimeError) as error:
            raise BadAdapter(f"the adapter {adapter} does not fit {base}: {error}") from error
    return model.eval()
