"""The fast path computes what the plain path computes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, Qwen2ForCausalLM

from diffdx_tui.domain.decoding import Decoding, Mode
from diffdx_tui.domain.differential import Slot, Variant
from diffdx_tui.domain.events import Finished, TokenSampled
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.engine.catalogue import ModelSpec
from diffdx_tui.engine.loading import load
from diffdx_tui.engine.local import LocalEngine
from diffdx_tui.engine.placement import place
from diffdx_tui.engine.prompt import completion_ids, prompt_ids
from diffdx_tui.engine.sequence import Sequence
from diffdx_tui.engine.transformers_decoder import TransformersDecoder
from tests.tiny_model import write_tiny_model

VIGNETTE = Vignette.parse("A man with chest pain and a fever <|im_end|>")


class NaiveDecoder:
    """Recomputes the whole sequence with transformers for every token; no cache to get wrong."""

    def __init__(self, directory: Path) -> None:
        self._model = AutoModelForCausalLM.from_pretrained(directory).eval()
        self._ids: list[int] = []

    @property
    def length(self) -> int:
        return len(self._ids)

    def truncate(self, length: int) -> None:
        del self._ids[length:]

    @torch.no_grad()
    def forward(self, ids: list[int]) -> Tensor:
        self._ids.extend(ids)
        logits: Tensor = self._model(torch.tensor([self._ids]), use_cache=False).logits[0, -1]
        return logits.float()

    def memory_bytes(self) -> int:
        return 0


def tokens_of(engine: LocalEngine, decoding: Decoding) -> list[tuple[int, bool]]:
    events = list(engine.generate(VIGNETTE, decoding, "id"))
    return [(event.id, event.forced) for event in events if isinstance(event, TokenSampled)]


@pytest.mark.parametrize("mode", list(Mode))
def test_greedy_tokens_equal_a_naive_full_recompute(tiny_model: Path, mode: Mode) -> None:
    engine = LocalEngine.load(ModelSpec(str(tiny_model), precision="fp32"))
    naive = LocalEngine.load(ModelSpec(str(tiny_model), precision="fp32"))
    naive._sequence = Sequence(NaiveDecoder(tiny_model))
    decoding = Decoding(mode=mode, max_new_tokens=150)
    fast = tokens_of(engine, decoding)
    assert fast == tokens_of(naive, decoding)
    assert fast == tokens_of(engine, decoding), "a re-run on the kept cache must agree"


def test_another_vignette_in_between_leaves_no_trace(tiny_model: Path) -> None:
    engine = LocalEngine.load(ModelSpec(str(tiny_model), precision="fp32"))
    decoding = Decoding(max_new_tokens=120)
    first = tokens_of(engine, decoding)
    list(engine.generate(Vignette.parse("something else entirely"), decoding, "other"))
    assert tokens_of(engine, decoding) == first


@pytest.mark.parametrize("precision", ["fp32", "bf16", "nf4"])
def test_logits_equal_transformers_with_peft(
    tiny_model: Path, tiny_adapter: Path, precision: str
) -> None:
    """Dense precisions merge the adapter, NF4 keeps it beside; both are PEFT's logits."""
    spec = ModelSpec(str(tiny_model), adapter=str(tiny_adapter), precision=precision)
    fast = load(spec).decoder
    oracle = TransformersDecoder.load(tiny_model, tiny_adapter, place(precision, 10_000))
    ids = list(range(5, 60))
    ours, theirs = fast.forward(ids), oracle.forward(ids)
    tolerance = {"fp32": 1e-4, "bf16": 3e-2, "nf4": 3e-2}[precision]
    assert (ours - theirs).norm() / theirs.norm() < tolerance


def test_the_adapter_changes_the_logits(tiny_model: Path, tiny_adapter: Path) -> None:
    ids = list(range(5, 60))
    plain = load(ModelSpec(str(tiny_model), precision="fp32")).decoder.forward(ids)
    spec = ModelSpec(str(tiny_model), adapter=str(tiny_adapter), precision="fp32")
    tuned = load(spec).decoder.forward(ids)
    assert (plain - tuned).norm() / plain.norm() > 0.05


def test_chunked_feeding_equals_one_pass(tiny_model: Path) -> None:
    decoder = load(ModelSpec(str(tiny_model), precision="fp32")).decoder
    ids = list(range(3, 303))
    whole = decoder.forward(ids)
    decoder.truncate(0)
    for start, end in ((0, 1), (1, 120), (120, 299), (299, 300)):
        chunked = decoder.forward(ids[start:end])
    assert torch.allclose(whole, chunked, atol=1e-4)


def test_guided_equals_free_where_free_conforms(tmp_path: Path) -> None:
    """A model that knows one answer by heart writes it freely; guided writes the same tokens."""
    directory = write_tiny_model(tmp_path / "parrot")
    tokenizer = load(ModelSpec(str(directory), precision="fp32")).tokenizer
    texts = {
        Slot("symptoms"): VIGNETTE.text,
        Slot("most_likely"): 'Pericarditis - "sharp" pain, worse lying flat.',
        Slot("possible", 0): "Pleurisy - pain on breathing in",
        Slot("possible", 1): "Costochondritis - tender to touch",
        Slot("unlikely_but_serious"): "Myocardial infarction - must not be missed.",
        Slot("recommended_workup"): "ECG \\ troponin",
    }
    prompt = prompt_ids(tokenizer, Variant.A, VIGNETTE.text)
    _memorise(directory, prompt, completion_ids(tokenizer, Variant.A, texts))

    engine = LocalEngine.load(ModelSpec(str(directory), precision="fp32"))
    free = list(engine.generate(VIGNETTE, Decoding(mode=Mode.FREE), "id"))
    last = free[-1]
    assert isinstance(last, Finished)
    assert last.verdict.strict, last.raw
    free_tokens = [event.id for event in free if isinstance(event, TokenSampled)]
    guided_tokens = [id for id, _ in tokens_of(engine, Decoding())]
    assert guided_tokens == free_tokens


def _memorise(directory: Path, prompt: list[int], completion: list[int]) -> None:
    model = Qwen2ForCausalLM.from_pretrained(directory)
    ids = torch.tensor([prompt + completion])
    labels = ids.clone()
    labels[:, : len(prompt)] = -100
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(150):
        loss = model(ids, labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if loss.item() < 0.005:
            break
    model.save_pretrained(directory)
