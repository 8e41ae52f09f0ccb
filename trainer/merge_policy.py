"""Should an adapter be merged into a 4-bit base? Measured, not assumed.

Role: the evidence behind the merge policy of :mod:`diffdx_tui.engine.projection`.  QLoRA trains an
adapter beside an NF4 base, so the logits of *that* pair are the truth; three ways to run it cheaper
or simpler are held against it, and the adapter's own effect gives the scale.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diffdx_tui.domain.differential import Variant
from diffdx_tui.engine.benchmark import VIGNETTES
from diffdx_tui.engine.catalogue import ModelSpec, locate
from diffdx_tui.engine.failures import EngineError
from diffdx_tui.engine.files import Adapter, Checkpoint, WeightReader, read_json
from diffdx_tui.engine.loading import build_qwen2, shape_of
from diffdx_tui.engine.placement import Placement, place
from diffdx_tui.engine.projection import Weight
from diffdx_tui.engine.prompt import head_ids, prompt_ids
from diffdx_tui.engine.qwen2 import Qwen2
from diffdx_tui.engine.tokenizer import Tokenizer

POSITIONS = 48  # per vignette: the last tokens of prompt and head, fed one by one


class _Rewritten(WeightReader):
    """Reads layers and changes each before it is used."""

    def __init__(
        self, checkpoint: Checkpoint, adapter: Adapter | None, change: Callable[[Weight], Weight]
    ) -> None:
        super().__init__(checkpoint, adapter)
        self._change = change

    def linear(self, module: str) -> Weight:
        weight = super().linear(module)
        return weight if module == "lm_head" else self._change(weight)


def _rounded(weight: Weight) -> Tensor:
    """The matrix after one trip through NF4 with double quantisation, fp32."""
    from bitsandbytes import functional

    packed, state = functional.quantize_4bit(
        weight.matrix.float().contiguous(), quant_type="nf4", compress_statistics=True
    )
    return functional.dequantize_4bit(packed, state).float()


def _merged(weight: Weight) -> Weight:
    """The adapter added onto the dequantised NF4 matrix."""
    matrix = _rounded(weight)
    if weight.update is not None:
        matrix = matrix + weight.update.delta()
    return Weight(matrix, weight.bias, None)


def _without_update(weight: Weight) -> Weight:
    return dataclasses.replace(weight, update=None)


def measure(spec: ModelSpec) -> dict[str, Any]:
    """Every way against the adapter beside NF4: KL, agreement, step time, memory."""
    located = locate(spec)
    if located.adapter_directory is None:
        raise EngineError("merge-policy needs an adapter: give --adapter DIR")
    checkpoint = Checkpoint(located.base_directory)
    adapter = Adapter.read(located.adapter_directory)
    shape = shape_of(read_json(located.base_directory / "config.json"))
    tokenizer = Tokenizer.load(located.base_directory)
    nf4 = place("nf4", checkpoint.parameters())
    dense = dataclasses.replace(nf4, precision="bf16")
    prompts = [
        prompt_ids(tokenizer, Variant.A, text) + head_ids(tokenizer, Variant.A, text)
        for text in VIGNETTES
    ]

    def build(change: Callable[[Weight], Weight], placement: Placement) -> Qwen2:
        reader = _Rewritten(checkpoint, adapter, change)
        return build_qwen2(shape, reader, placement, lambda stage, share: None)

    ways: dict[str, tuple[Callable[[Weight], Weight], Placement]] = {
        "adapter beside NF4": (lambda weight: weight, nf4),
        "merged on dequantised NF4, dense": (_merged, dense),
        "merged, then requantised to NF4": (_merged, nf4),
        "adapter left out": (_without_update, nf4),
    }
    rows, truth = {}, None
    for name, (change, placement) in ways.items():
        decoder = build(change, placement)
        logits, step_ms = _logits(decoder, prompts)
        truth = logits if truth is None else truth
        rows[name] = _compared(truth, logits) | {
            "step_ms": step_ms,
            "memory_mb": decoder.memory_bytes() / 1e6,
        }
        del decoder
    return {"base": located.base, "adapter": located.adapter, "ways": rows}


def _logits(decoder: Qwen2, prompts: list[list[int]]) -> tuple[Tensor, float]:
    """Logits at the last positions of every prompt, and the median milliseconds of a step."""
    rows, times = [], []
    for ids in prompts:
        decoder.truncate(0)
        decoder.forward(ids[:-POSITIONS])
        for id in ids[-POSITIONS:]:
            started = time.perf_counter()
            rows.append(decoder.forward([id]))
            times.append(time.perf_counter() - started)
    return torch.stack(rows), float(torch.tensor(times).median()) * 1e3


def _compared(truth: Tensor, logits: Tensor) -> dict[str, float]:
    expected, got = truth.log_softmax(-1), logits.log_softmax(-1)
    divergence = (expected.exp() * (expected - got)).sum(-1)
    agreement = (truth.argmax(-1) == logits.argmax(-1)).float()
    return {"kl_nats": float(divergence.mean()), "top1_agreement": float(agreement.mean())}


def main(arguments: list[str]) -> int:
    """``python -m trainer merge-policy --model NAME --adapter DIR``."""
    parser = argparse.ArgumentParser(prog="python -m trainer merge-policy", description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--adapter")
    parser.add_argument("--output", type=Path, help="write the figures here as JSON")
    options = parser.parse_args(arguments)
    try:
        result = measure(ModelSpec(options.model, adapter=options.adapter))
    except EngineError as error:
        print(f"merge-policy: {error}", file=sys.stderr)
        return 4
    for name, row in result["ways"].items():
        print(
            f"{name:36} KL {row['kl_nats']:.2e}  top-1 {row['top1_agreement']:.3f}  "
            f"{row['step_ms']:.1f} ms/token  {row['memory_mb']:.0f} MB"
        )
    if options.output:
        options.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0
