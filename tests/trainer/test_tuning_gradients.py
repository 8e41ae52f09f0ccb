"""The gradients are those of plain, row by row training with PEFT's own layers."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from bitsandbytes.functional import has_avx512bf16
from torch import Tensor, nn
from torch.nn import functional

from diffdx_tui.domain.recipe import Recipe
from diffdx_tui.engine.failures import ModelUnavailable
from tests.trainer.tuning_material import small_recipe, write_rows
from trainer.tuning.adapter_layer import LeanLoraLinear, _mask
from trainer.tuning.base import (
    Base,
    _adapter_dtype,
    attach_adapters,
    four_bit_layers,
    load_base,
)
from trainer.tuning.batches import pack
from trainer.tuning.loss import scored_loss
from trainer.tuning.rows import Row, read_cases, render_row, shared_prefix


@pytest.fixture
def recipe(tiny_model: Path, tmp_path: Path) -> Recipe:
    rows = write_rows(tmp_path / "rows.jsonl", 8)
    return small_recipe(tiny_model, rows, dropout=0.0, precision="fp32")


def prepared(recipe: Recipe) -> tuple[Base, list[Row]]:
    """A base whose adapters already do something, and its rows."""
    base = attach_adapters(load_base(recipe), recipe)
    generator = torch.Generator().manual_seed(5)
    for name, parameter in base.adapters().items():
        if "lora_B" in name:
            parameter.data.normal_(std=0.05, generator=generator)
    cases = read_cases(recipe).train
    return base, [render_row(base.tokenizer, recipe.variant, case) for case in cases]


def gradients(base: Base) -> Tensor:
    """All adapters' gradients as one vector, and forgets them."""
    parts = [parameter.grad for parameter in base.adapters().values()]
    base.model.zero_grad(set_to_none=True)
    return torch.cat([part.flatten() for part in parts if part is not None])


def packed_gradients(base: Base, rows: list[Row], prefix: int) -> tuple[float, Tensor]:
    loss, _ = base.loss(pack(rows, prefix))
    loss.backward()
    return float(loss.detach()), gradients(base)


def plain_gradients(recipe: Recipe, base: Base, rows: list[Row]) -> tuple[float, Tensor]:
    """Transformers' model, PEFT's layers, one row at a time, all logits, torch's loss."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    quantisation = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )
    model = AutoModelForCausalLM.from_pretrained(
        base.directory,
        dtype=torch.float32,
        attn_implementation="eager",
        quantization_config=quantisation if recipe.precision == "nf4" else None,
    )
    config = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    plain = get_peft_model(model, config).train()
    ours, theirs = base.adapters(), dict(plain.named_parameters())
    for name, parameter in ours.items():
        theirs[name].data.copy_(parameter.data)
    total = 0.0
    for row in rows:
        logits = plain(input_ids=torch.tensor([row.ids])).logits[0]
        first = len(row.prompt) - 1
        targets = torch.tensor(row.completion)
        loss = functional.cross_entropy(logits[first:-1], targets, reduction="sum")
        loss.backward()
        total += float(loss.detach())
    found = [theirs[name].grad for name in ours]
    return total, torch.cat([part.flatten() for part in found if part is not None])


def difference(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).norm() / theirs.norm())


@pytest.mark.parametrize("shared", [True, False])
def test_packed_rows_give_the_gradient_of_separate_rows(recipe: Recipe, shared: bool) -> None:
    base, rows = prepared(recipe)
    prefix = shared_prefix(rows) if shared else 0
    assert bool(prefix) is shared
    loss, ours = packed_gradients(base, rows[:4], prefix)
    expected, theirs = plain_gradients(recipe, base, rows[:4])
    assert loss == pytest.approx(expected, rel=1e-5)
    assert difference(ours, theirs) < 1e-5


def test_four_bit_gradients_are_those_of_pefts_layers(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe.model_copy(update={"precision": "nf4"})
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)  # compute in fp32
    base, rows = prepared(recipe)
    assert base.placement.dtype == torch.float32
    assert len(list(four_bit_layers(base.model))) == 14
    loss, ours = packed_gradients(base, rows[:3], shared_prefix(rows))
    expected, theirs = plain_gradients(recipe, base, rows[:3])
    assert loss == pytest.approx(expected, rel=1e-5)
    assert difference(ours, theirs) < 1e-5


def test_evaluation_leaves_later_gradients_as_they_were(recipe: Recipe) -> None:
    """Trap T1: without the guard the second gradient would be wrong on AVX512-BF16 CPUs."""
    base, rows = prepared(recipe.model_copy(update={"precision": "nf4"}))
    prefix = shared_prefix(rows)

    def gradient_after_evaluation() -> float:
        base.model.train()
        _, before = packed_gradients(base, rows[:2], prefix)
        base.model.eval()
        with torch.no_grad():
            base.loss(pack(rows[:2], prefix))
            for layer in four_bit_layers(base.model):  # as PEFT's own layer, and generate, would
                layer(torch.zeros(1, layer.in_features, dtype=base.placement.dtype))
        base.model.train()
        _, after = packed_gradients(base, rows[:2], prefix)
        return difference(after, before)

    assert gradient_after_evaluation() == 0.0
    if not has_avx512bf16():
        pytest.skip("this CPU does not have the trap")
    for layer in four_bit_layers(base.model):  # without the guard
        layer.support_avx512bf16_for_cpu = True
    assert not gradient_after_evaluation() < 0.1


def test_where_only_fp16_exists_adapters_stay_in_fp32(recipe: Recipe) -> None:
    """No CPU is asked to train so; it can show that the gradients are those of fp32, roughly."""
    base, rows = prepared(recipe)
    _, wide = packed_gradients(base, rows[:4], shared_prefix(rows))
    placement = dataclasses.replace(base.placement, dtype=torch.float16)
    half = dataclasses.replace(base, placement=placement)
    for parameter in half.model.parameters():
        if not parameter.requires_grad:
            parameter.data = parameter.data.half()
    _, narrow = packed_gradients(half, rows[:4], shared_prefix(rows))
    assert narrow.dtype == torch.float32
    assert 0 < difference(narrow, wide) < 0.05
    with pytest.raises(ModelUnavailable, match="cannot be trained in fp16"):
        _adapter_dtype(recipe.model_copy(update={"adapter_precision": "native"}), placement)


def test_under_autocast_a_wide_input_is_narrowed() -> None:
    layer = lean_layer(0.0).float()
    x = torch.randn(4, 6, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.float16):
        y = layer(x)
    y.sum().backward()
    assert y.dtype == torch.float16 and x.grad is not None
    assert x.grad.dtype == layer.lora_A["default"].weight.grad.dtype == torch.float32


def test_native_adapters_have_the_type_of_the_computation(recipe: Recipe) -> None:
    half = recipe.model_copy(update={"precision": "bf16"})
    native = half.model_copy(update={"adapter_precision": "native"})
    some, rows = prepared(native)
    assert {one.dtype for one in some.adapters().values()} == {torch.bfloat16}
    _, ours = packed_gradients(some, rows[:4], shared_prefix(rows))
    wide, _ = prepared(half)
    assert {one.dtype for one in wide.adapters().values()} == {torch.float32}
    _, theirs = packed_gradients(wide, rows[:4], shared_prefix(rows))
    assert difference(ours.float(), theirs) < 0.05


@pytest.mark.parametrize("wanted", [False, True])
def test_the_chunked_loss_is_torchs(wanted: bool) -> None:
    torch.manual_seed(0)
    hidden = torch.randn(300, 16, requires_grad=wanted)
    head, targets = torch.randn(50, 16), torch.randint(50, (300,))
    total, each = scored_loss(hidden, head, targets)
    logits = functional.linear(hidden, head)
    expected = functional.cross_entropy(logits, targets, reduction="none")
    torch.testing.assert_close(each, expected.detach())
    torch.testing.assert_close(total, expected.sum())
    assert not each.requires_grad
    if wanted:
        (ours,) = torch.autograd.grad(total * 0.5, hidden)
        (theirs,) = torch.autograd.grad(expected.sum() * 0.5, hidden)
        torch.testing.assert_close(ours, theirs)


def lean_layer(dropout: float) -> LeanLoraLinear:
    from peft.tuners.lora import LoraConfig

    torch.manual_seed(1)
    config = LoraConfig(r=3, lora_alpha=6, lora_dropout=dropout)
    layer = LeanLoraLinear(nn.Linear(6, 5), "default", config, r=3, lora_alpha=6).double()
    layer.lora_B["default"].weight.data.normal_()
    layer.get_base_layer().requires_grad_(False)
    return layer


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_the_lean_layers_derivatives_are_right(dropout: float) -> None:
    layer = lean_layer(dropout).train()
    x = torch.randn(2, 4, 6, dtype=torch.float64, requires_grad=True)
    down, up = layer.lora_A["default"].weight, layer.lora_B["default"].weight

    def run(x: Tensor, down: Tensor, up: Tensor) -> Tensor:
        torch.manual_seed(9)  # the same mask at every call
        return torch.func.functional_call(
            layer,
            {"lora_A.default.weight": down, "lora_B.default.weight": up},
            (x,),
        )

    assert torch.autograd.gradcheck(run, (x, down, up))


def test_dropout_only_acts_in_training_and_at_its_rate() -> None:
    layer = lean_layer(0.25)
    x = torch.randn(8, 6, dtype=torch.float64)
    layer.train()
    torch.manual_seed(2)
    first, second = layer(x), layer(x)
    assert not torch.equal(first, second)
    layer.eval()
    torch.testing.assert_close(layer(x), layer(x), atol=0, rtol=0)
    mask = _mask(400, torch.empty(400, 250), seed=3, dropout=0.25)
    assert mask is not None
    assert float((mask == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(mask.max()) == pytest.approx(1 / 0.75)
    assert torch.equal(mask, _mask(400, torch.empty(400, 250), seed=3, dropout=0.25))
