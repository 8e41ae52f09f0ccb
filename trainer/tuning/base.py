"""The frozen base with fresh adapters on it, ready for packed batches.

Role: loads a base from local files, quantises it, guards it against what evaluation does to 4-bit
weights on some CPUs, and puts seeded adapters on.  Precision is decided by
:mod:`diffdx_tui.engine.placement`, as for inference.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from diffdx_tui.domain.recipe import Recipe
from diffdx_tui.engine.catalogue import NO_ADAPTER, ModelSpec, locate
from diffdx_tui.engine.failures import ModelUnavailable
from diffdx_tui.engine.files import Checkpoint
from diffdx_tui.engine.placement import Placement, place
from diffdx_tui.engine.tokenizer import Tokenizer
from trainer.tuning.allocator import memory_given_back
from trainer.tuning.batches import Packed
from trainer.tuning.lean_blocks import slim
from trainer.tuning.loss import scored_loss


@dataclass(frozen=True, slots=True)
class Base:
    """A base that can be trained on.

    Attributes:
        name: its catalogue or hub name, or the last part of its directory.
        directory: where its files are.
        model: the causal language model of transformers, with adapters of PEFT once attached.
        context: most tokens of a sequence.
    """

    name: str
    directory: Path
    model: Any
    tokenizer: Tokenizer
    placement: Placement
    context: int

    def loss(self, batch: Packed) -> tuple[Tensor, Tensor]:
        """Summed loss of *batch*, and each scored token's; see :func:`scored_loss`."""
        # The blocks that are not ours may do in fp16 what overflows there; autocast knows which.
        half = self.placement.dtype == torch.float16
        with torch.autocast(self.placement.device.type, dtype=torch.float16, enabled=half):
            hidden = self._decoder()(
                input_ids=batch.ids,
                position_ids=batch.positions,
                use_cache=False,
                layout=batch.layout,
            ).last_hidden_state
            head = self._causal_model().get_output_embeddings()
            return scored_loss(hidden[0, batch.places], head.weight, batch.targets)

    def adapters(self) -> dict[str, nn.Parameter]:
        """The trained parameters, by name, in a fixed order."""
        return {n: p for n, p in self.model.named_parameters() if p.requires_grad}

    def layers(self) -> Sequence[nn.Module]:
        """The decoder's layers, in order; none if it has another name for them."""
        found: Sequence[nn.Module] = getattr(self._decoder(), "layers", ())
        return found

    def _causal_model(self) -> Any:
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    def _decoder(self) -> Any:
        return self._causal_model().get_decoder()


def load_base(recipe: Recipe, progress: Callable[[str], None] = lambda phase: None) -> Base:
    """Load the recipe's base from local files, quantised as the recipe says, without adapters.

    Args:
        progress: told ``importing``, ``loading`` and, for NF4, ``quantising``.

    Raises:
        ModelUnavailable: files missing, or of an unsupported kind or precision.
    """
    located = locate(ModelSpec(recipe.base, NO_ADAPTER, recipe.variant, recipe.precision))
    directory = located.base_directory
    tokenizer = Tokenizer.load(directory)
    checkpoint = Checkpoint(directory)
    placement = _place(recipe, checkpoint.parameters())
    progress("importing")
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig, BitsAndBytesConfig
    from transformers.utils import logging as transformers_logging

    from trainer.tuning.attention import NAME

    quantisation = None
    if placement.precision == "nf4":
        quantisation = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=placement.dtype,
            bnb_4bit_use_double_quant=recipe.double_quant,
        )
    progress("loading" if quantisation is None else "quantising")
    transformers_logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(
            directory, trust_remote_code=False, local_files_only=True
        )
        with memory_given_back():
            model = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)].from_pretrained(
                None,
                config=config,
                state_dict={name: _OnDisk(checkpoint, name) for name in checkpoint.names()},
                quantization_config=quantisation,
                dtype=placement.dtype,
                device_map={"": str(placement.device)},
                attn_implementation=NAME,
            )
    except (OSError, ValueError, KeyError) as error:
        raise ModelUnavailable(f"transformers cannot load {directory}: {error}") from error
    if model.get_output_embeddings().bias is not None:
        raise ModelUnavailable(f"{located.base}: an output head with a bias cannot be trained on")
    model.requires_grad_(False)
    keep_unpacked(model)
    slim(model)
    name = directory.name if located.base == str(directory) else located.base
    return Base(name, directory, model, tokenizer, placement, model.config.max_position_embeddings)


def attach_adapters(base: Base, recipe: Recipe) -> Base:
    """*base* with fresh adapters, drawn from the recipe's seed; their second matrix is zero.

    Raises:
        ModelUnavailable: a named target is no linear module of this base.
    """
    from bitsandbytes.nn import Linear4bit
    from peft import LoraConfig, get_peft_model

    from trainer.tuning.adapter_layer import LeanLoraLinear

    torch.manual_seed(recipe.seed)  # before the first draw, or the run cannot be repeated
    targets = recipe.targets if isinstance(recipe.targets, str) else list(recipe.targets)
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=targets,
        bias="none",
        task_type="CAUSAL_LM",
    )
    config._register_custom_module({Linear4bit: LeanLoraLinear, nn.Linear: LeanLoraLinear})
    try:
        tuned = get_peft_model(base.model, config)
    except ValueError as error:
        raise ModelUnavailable(f"adapters do not fit {base.name}: {error}") from error
    tuned_base = dataclasses.replace(base, model=tuned)
    for parameter in tuned_base.adapters().values():
        parameter.data = parameter.data.to(_adapter_dtype(recipe, base.placement))
    return tuned_base


def keep_unpacked(model: nn.Module) -> None:
    """Stop bitsandbytes from repacking 4-bit weights on CPUs with AVX512-BF16.

    At the first forward in evaluation mode it moves each weight into an inference layout, rounds
    its scales to bf16, and from then on multiplies outside autograd: the next training step would
    get gradients that skip every 4-bit layer, without a word.
    """
    for module in four_bit_layers(model):
        module.support_avx512bf16_for_cpu = False


def four_bit_layers(model: nn.Module) -> Iterator[Any]:
    """The 4-bit linear modules of *model*."""
    from bitsandbytes.nn import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            yield module


class _OnDisk:
    """A tensor that transformers reads when it comes to it, instead of mapping the whole file."""

    def __init__(self, checkpoint: Checkpoint, name: str) -> None:
        self._checkpoint, self._name = checkpoint, name

    def __getitem__(self, everything: object) -> Tensor:
        # A copy: the tensor itself would keep the file's pages in memory.
        return self._checkpoint.read(self._name).clone()


def _adapter_dtype(recipe: Recipe, placement: Placement) -> torch.dtype:
    """The trained matrices' type.

    ``auto`` is fp32: in bf16 the last steps of a falling rate may round to nothing (one pilot saw
    no harm, ``docs/LOG.md``), and fp16 gradients cannot be unscaled.
    """
    if recipe.adapter_precision != "native":
        return torch.float32
    if placement.dtype == torch.float16:
        raise ModelUnavailable(
            "adapters cannot be trained in fp16: leave out --adapter-precision, or take fp32"
        )
    return placement.dtype


def _place(recipe: Recipe, parameters: int) -> Placement:
    placement = place(recipe.precision, parameters)
    if placement.device.type == "cuda":  # under torchrun each process has its own
        device = torch.device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}")
        return dataclasses.replace(placement, device=device)
    return placement
