"""The same engine on a CUDA device. Run with ``-m gpu`` on a machine that has one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.events import Finished
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.engine.catalogue import ModelSpec
from diffdx_tui.engine.loading import load
from diffdx_tui.engine.local import LocalEngine
from diffdx_tui.engine.placement import place
from diffdx_tui.engine.transformers_decoder import TransformersDecoder

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16", "nf4"])
def test_logits_equal_transformers_with_peft(
    tiny_model: Path, tiny_adapter: Path, precision: str
) -> None:
    spec = ModelSpec(str(tiny_model), adapter=str(tiny_adapter), precision=precision)
    ids = list(range(5, 60))
    ours = load(spec).decoder.forward(ids)
    placement = place(precision, 10_000)
    theirs = TransformersDecoder.load(tiny_model, tiny_adapter, placement).forward(ids)
    assert ours.device.type == "cuda"
    assert (ours - theirs).norm() / theirs.norm() < (1e-4 if precision == "fp32" else 3e-2)


@pytest.mark.parametrize("precision", ["auto", "nf4"])
def test_a_guided_answer_is_valid(tiny_model: Path, precision: str) -> None:
    engine = LocalEngine.load(ModelSpec(str(tiny_model), precision=precision))
    assert engine.info.device == "cuda:0"
    last = list(engine.generate(Vignette.parse("chest pain"), Decoding(), "id"))[-1]
    assert isinstance(last, Finished)
    assert last.verdict.strict


def test_large_models_are_quantised_by_default() -> None:
    assert place("auto", 500_000_000).precision == "nf4"
    assert place("auto", 6_000_000).precision in ("bf16", "fp16")
