"""Merge an adapter into the base it was trained beside, and prove that the sum answers alike.

Role: an adapter that learnt beside NF4 weights corrects *those*, so it is added to the dequantised
NF4 weights and not to the original ones (``docs/LOG.md`` has the measurement).  The written model
is loaded again and its logits are held against adapter beside base, as PEFT computes them.
"""

from __future__ import annotations

import gc
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from diffdx_tui.config import data_directory
from diffdx_tui.domain.curated import read_curated
from diffdx_tui.domain.differential import Variant, fields_of, texts_of
from diffdx_tui.domain.recipe import Recipe
from diffdx_tui.domain.splits import read_splits, select
from diffdx_tui.engine.catalogue import NO_ADAPTER, ModelSpec, locate
from diffdx_tui.engine.failures import BadAdapter, ModelUnavailable
from diffdx_tui.engine.files import Adapter, Checkpoint
from diffdx_tui.engine.placement import Placement, place
from diffdx_tui.engine.prompt import completion_ids, prompt_ids
from diffdx_tui.engine.tokenizer import Tokenizer

CHECKED_CASES = 4
LEAST_KL = 1e-3
"""Nats a token that rounding of 16-bit numbers may cost; more has to be a small share of what
leaving the adapter out costs."""
MOST_SHARE = 0.1
_TOKENIZER_FILES = (
    *("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"),
    *("special_tokens_map.json", "added_tokens.json", "chat_template.jinja", "chat_template.json"),
)
MERGED_FILE = "merged.json"


class MergeFailed(Exception):
    """The merged model does not answer as base and adapter do; the message has the figures."""


@dataclass(frozen=True, slots=True)
class Check:
    """The written model, loaded again, against adapter beside base.

    Attributes:
        positions: tokens compared: all of the checked answers.
        kl_nats: mean Kullback-Leibler divergence a token.
        kl_without: the same of the base without the adapter, for scale.
        top1_agreement: share of tokens whose likeliest continuation is the same.
        largest: largest difference of a log-probability of the gold token.
        tied: whether input and output embeddings are one tensor or two, as in the base.
    """

    positions: int
    kl_nats: float
    kl_without: float
    top1_agreement: float
    largest: float
    tied: bool


def merge(
    recipe: Recipe,
    adapter: Path,
    target: Path,
    tell: Callable[[str], None] = lambda text: None,
) -> Check:
    """Write base and *adapter* as one model into the new folder *target*.

    Args:
        recipe: of the training: base, precision and double quantisation.

    Raises:
        EngineError: base or adapter cannot be loaded or do not fit.
        MergeFailed: the check did not pass; nothing is left.
    """
    located = locate(ModelSpec(recipe.base, NO_ADAPTER, recipe.variant, recipe.precision))
    base = located.base_directory
    placement = place(recipe.precision, Checkpoint(base).parameters())
    ids = _checked_ids(base, recipe.variant)
    tell(f"merging on {placement.precision} weights")
    target.mkdir()
    _write_merged(base, adapter, target, placement, recipe)
    tell("loading it again and comparing logits")
    truth, without = _logits_of_pair(base, adapter, placement, recipe, ids)
    merged, tied = _logits_of_merged(target, placement, ids, _is_tied(base))
    check = _compare(truth, merged, without, ids, tied)
    about = {
        "base": recipe.base if not Path(recipe.base).is_absolute() else base.name,
        "precision": placement.precision,
        "adapter_sha256": Adapter.read(adapter).sha256,
        **asdict(check),
    }
    text = json.dumps(about, indent=2) + "\n"
    (target / MERGED_FILE).write_text(text, encoding="utf-8")
    allowed = max(LEAST_KL, MOST_SHARE * check.kl_without)
    if not check.kl_nats <= allowed or not check.tied:  # NaN is no pass
        raise MergeFailed(
            f"the merged model differs from adapter beside base: KL {check.kl_nats:.4f} nats a "
            f"token (at most {allowed:.4f}), same top token {check.top1_agreement:.1%}, "
            f"embeddings {'as the base has them' if check.tied else 'not as the base has them'}"
        )
    return check


# -------------------------------------------------------------------------- merging


def _write_merged(
    base: Path, adapter: Path, target: Path, placement: Placement, recipe: Recipe
) -> None:
    model = _load(base, torch.float32)
    stored = _stored_dtype(base)
    updates = Adapter.read(adapter).updates
    head = model.get_output_embeddings()
    for name, module in model.named_modules():
        if not isinstance(module, nn.Linear) or module is head:
            continue
        weight = module.weight.data
        if placement.precision == "nf4":
            weight = _through_nf4(weight.to(placement.dtype), placement, recipe.double_quant)
        else:  # as it is stored where it was trained
            weight = weight.to(placement.dtype).float()
        update = updates.pop(name, None)
        if update is not None:
            if update.delta().shape != weight.shape:
                raise BadAdapter(f"the adapter was made for another base: {name} has another size")
            weight = weight + update.delta()
        module.weight.data = weight
    if updates:
        raise BadAdapter(f"the adapter was made for another base: it has {sorted(updates)[0]}")
    model.to(stored).save_pretrained(target, safe_serialization=True)
    for file in _TOKENIZER_FILES:
        if (base / file).is_file():
            shutil.copyfile(base / file, target / file)


def _through_nf4(weight: Tensor, placement: Placement, double_quant: bool) -> Tensor:
    """What bitsandbytes makes of *weight*, fp32 on the CPU."""
    from bitsandbytes import functional

    packed, state = functional.quantize_4bit(
        weight.to(placement.device).contiguous(), quant_type="nf4", compress_statistics=double_quant
    )
    dense: Tensor = functional.dequantize_4bit(packed, state)
    return dense.float().cpu()


def _stored_dtype(base: Path) -> torch.dtype:
    """The type that most weights of the base are stored in."""
    checkpoint = Checkpoint(base)
    return checkpoint.read(checkpoint.names()[0]).dtype


def _is_tied(base: Path) -> bool:
    return "lm_head.weight" not in Checkpoint(base)


# -------------------------------------------------------------------------- checking


def _checked_ids(base: Path, variant: Variant) -> list[tuple[list[int], int]]:
    """Token ids of a few validation cases with their gold answers, and where the answer begins."""
    tokenizer = Tokenizer.load(base)
    data = data_directory()
    cases = select(read_curated(data / "vignettes.jsonl"), read_splits(data / "splits.json").val)[
        :CHECKED_CASES
    ]
    fields, found = fields_of(variant), []
    for case in cases:
        texts = {slot: text for slot, text in texts_of(case.answer).items() if slot.field in fields}
        prompt = prompt_ids(tokenizer, variant, case.vignette)
        found.append((prompt + completion_ids(tokenizer, variant, texts), len(prompt)))
    return found


def _load(directory: Path, dtype: torch.dtype, **settings: Any) -> Any:
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    try:
        return AutoModelForCausalLM.from_pretrained(
            directory,
            dtype=dtype,
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            **settings,
        ).eval()
    except (OSError, ValueError, KeyError) as error:
        raise ModelUnavailable(f"transformers cannot load {directory}: {error}") from error


def _logits_of_pair(
    base: Path,
    adapter: Path,
    placement: Placement,
    recipe: Recipe,
    ids: list[tuple[list[int], int]],
) -> tuple[list[Tensor], list[Tensor]]:
    """Log-probabilities of adapter beside base, and of the base alone."""
    from peft import PeftModel
    from transformers import BitsAndBytesConfig

    from trainer.tuning.base import keep_unpacked

    quantisation = None
    if placement.precision == "nf4":
        quantisation = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=placement.dtype,
            bnb_4bit_use_double_quant=recipe.double_quant,
        )
    device = str(placement.device)
    model = _load(base, placement.dtype, quantization_config=quantisation, device_map={"": device})
    keep_unpacked(model)
    tuned = PeftModel.from_pretrained(model, adapter, local_files_only=True).eval()
    truth = _logits(tuned, ids)
    with tuned.disable_adapter():
        without = _logits(tuned, ids)
    del tuned, model
    gc.collect()
    return truth, without


def _logits_of_merged(
    target: Path, placement: Placement, ids: list[tuple[list[int], int]], tied: bool
) -> tuple[list[Tensor], bool]:
    """Log-probabilities of the written model, and whether its embeddings are as the base's."""
    model = _load(target, placement.dtype, device_map={"": str(placement.device)})
    shared = model.get_input_embeddings().weight is model.get_output_embeddings().weight
    as_base = shared == tied and _is_tied(target) == tied
    return _logits(model, ids), as_base


@torch.inference_mode()
def _logits(model: Any, ids: list[tuple[list[int], int]]) -> list[Tensor]:
    """Log-probabilities before each token of the answers, fp32 on the CPU."""
    rows = []
    for tokens, start in ids:
        inputs = torch.tensor([tokens], device=model.device)
        logits = model(input_ids=inputs, use_cache=False).logits[0, start - 1 : -1]
        rows.append(logits.float().log_softmax(-1).cpu())
    return rows


def _compare(
    truth: list[Tensor],
    merged: list[Tensor],
    without: list[Tensor],
    ids: list[tuple[list[int], int]],
    tied: bool,
) -> Check:
    expected, got, bare = torch.cat(truth), torch.cat(merged), torch.cat(without)
    gold = torch.cat([torch.tensor(tokens[start:]) for tokens, start in ids])[:, None]
    return Check(
        positions=len(expected),
        kl_nats=_divergence(expected, got),
        kl_without=_divergence(expected, bare),
        top1_agreement=float((expected.argmax(-1) == got.argmax(-1)).float().mean()),
        largest=float((expected.gather(1, gold) - got.gather(1, gold)).abs().max()),
        tied=tied,
    )


def _divergence(expected: Tensor, got: Tensor) -> float:
    return float((expected.exp() * (expected - got)).sum(-1).mean())
