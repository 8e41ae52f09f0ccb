"""Reading by construction: evidence learned by a bag, gathered by two heads, beside the copier."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from transformers import Qwen2Config, Qwen2ForCausalLM

from diffdx_tui.config import data_directory
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.knowledge import read_knowledge
from diffdx_tui.domain.verdict import judge
from diffdx_tui.engine.tokenizer import Tokenizer
from trainer.mini.bag import Bag
from trainer.mini.cases import Casebook
from trainer.mini.copier import Kept, keep, make_copier
from trainer.mini.documents import Author
from trainer.mini.evidence import Evidence, EvidenceRecipe, draw_reads, learn_evidence
from trainer.mini.reader import GAIN, LAYER, LENGTH, SHARE, make_reader
from trainer.mini.reasoning import display_name

VOCABULARY, MARK, SIZE, UNITS = 1500, 1498, 40, 30
CONDITIONS = ("gout", "migraine", "croup", "renal-colic", "herpes-zoster", "rheumatoid-arthritis")


@pytest.fixture
def evidence() -> Evidence:
    chance = torch.Generator().manual_seed(2)
    vectors = torch.randn(VOCABULARY, SIZE, generator=chance)
    verdict = torch.randn(UNITS, SIZE, generator=chance)
    return Evidence(vectors, verdict, torch.full((SIZE,), 0.1), usual=8.0)


def _model() -> Qwen2ForCausalLM:
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=256,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=256,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        tie_word_embeddings=True,
    )
    return Qwen2ForCausalLM(config).eval()


def _made(evidence: Evidence) -> tuple[Qwen2ForCausalLM, list[Kept]]:
    model = _model()
    kept = make_copier(model, MARK, 1, evidence.vectors)
    return model, kept + make_reader(model, evidence, 1)


def _gathered(model: Qwen2ForCausalLM, ids: Tensor) -> Tensor:
    """What stands where the reader writes, after its layer, less what stood there before."""
    attention = model.model.layers[1].self_attn.o_proj
    heard: list[Tensor] = []
    hook = attention.register_forward_pre_hook(lambda _, given: heard.append(given[0]))
    with torch.no_grad():
        model(ids)
    hook.remove()
    width = 64
    second = torch.zeros_like(heard[0])
    for head in (1, 3):  # the readers; the others copy
        part = slice(head * width, (head + 1) * width)
        second[..., part] = heard[0][..., part]
    return functional.linear(second, attention.weight)[..., -SIZE:]


def test_every_place_holds_the_mean_evidence_of_what_came_before(evidence: Evidence) -> None:
    model, _ = _made(evidence)
    ids = torch.randint(0, VOCABULARY - 3, (2, 80), generator=torch.Generator().manual_seed(3))
    seen: list[Tensor] = []
    layer = model.model.layers[LAYER].input_layernorm
    hook = layer.register_forward_hook(lambda *given: seen.append(given[-1]))
    found = _gathered(model, ids)
    hook.remove()
    mean = seen[0][..., :SIZE].cumsum(1) / torch.arange(1, 81)[:, None]
    torch.testing.assert_close(found, GAIN * mean, atol=1e-4, rtol=1e-4)
    # And that mean is the evidence's own, turned into lengths that fit.
    own = evidence.vectors[ids].cumsum(1) / torch.arange(1, 81)[:, None]
    assert functional.cosine_similarity(found, own, dim=-1)[:, 20:].min() > 0.9


def test_a_unit_is_as_strong_as_its_condition_scores(evidence: Evidence) -> None:
    model, _ = _made(evidence)
    mlp = model.model.layers[LAYER].mlp
    ids = torch.randint(0, VOCABULARY - 3, (2, 80), generator=torch.Generator().manual_seed(3))
    heard: list[Tensor] = []
    hooks = [
        mlp.register_forward_pre_hook(lambda _, given: heard.append(given[0])),
        mlp.down_proj.register_forward_pre_hook(lambda _, given: heard.append(given[0])),
    ]
    with torch.no_grad():
        model(ids)
    for hook in hooks:
        hook.remove()
    pooled = heard[0][..., -SIZE:]
    scores, one = pooled @ evidence.verdict.T, pooled @ evidence.constant
    units = heard[1][..., :UNITS]
    torch.testing.assert_close(units, functional.silu(4 * scores) * one[..., None])
    written = mlp.down_proj.weight[:, :UNITS].detach()
    assert written[-SIZE:].abs().max() == 0  # the mean itself stays as it is
    lengths = written.norm(dim=0) * 4 * evidence.usual * SHARE**2
    assert lengths.allclose(torch.full((UNITS,), LENGTH))


def test_copying_stays_exact_beside_the_evidence(evidence: Evidence) -> None:
    model, _ = _made(evidence)
    chance = torch.Generator().manual_seed(5)
    text = torch.randint(0, VOCABULARY - 3, (3, 200), generator=chance)
    opening, mark = text[:, :3].flip(1), torch.full((3, 1), MARK)
    ids = torch.cat([mark, opening, text, mark, opening, text], dim=1)
    with torch.no_grad():
        guesses = model(ids).logits[:, -201:-1].argmax(-1)
    assert float((guesses == text).float().mean()) > 0.99


def test_training_moves_neither_evidence_nor_readers(evidence: Evidence) -> None:
    model, kept = _made(evidence)
    ids = torch.randint(0, VOCABULARY - 3, (2, 60), generator=torch.Generator().manual_seed(3))
    before = _gathered(model, ids)
    vectors = model.model.embed_tokens.weight
    lengths = vectors.detach().norm(dim=1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(4):
        logits = model(ids).logits[:, :-1].flatten(0, 1)
        functional.cross_entropy(logits, ids[:, 1:].flatten()).backward()
        optimiser.step()
        optimiser.zero_grad()
        keep(kept)
    torch.testing.assert_close(_gathered(model, ids), before, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(vectors.detach().norm(dim=1), lengths, atol=1e-4, rtol=1e-4)


def test_evidence_tells_conditions_apart_in_vignettes_it_never_saw(tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(data_directory() / "model" / "mini")
    entries = [c for c in read_knowledge(data_directory() / "knowledge") if c.id in CONDITIONS]
    author = Author(Casebook(entries), entries, 1)
    recipe = EvidenceRecipe(size=12, steps=120, together=32, rate=2e-2)
    reads = list(draw_reads(author, tokenizer, 360, seed=1))
    found = learn_evidence(reads, tokenizer, 16.0, recipe, seed=1)
    assert found.vectors.shape == (tokenizer.vocab_size, 12) and found.verdict.shape == (6, 12)
    fresh = list(draw_reads(author, tokenizer, 60, seed=2))
    pooled = torch.stack([found.vectors[ids].mean(0) for ids, _ in fresh])
    pooled = 16.0 * functional.normalize(pooled)
    best = (pooled @ found.verdict.T).argmax(1).tolist()
    assert sum(n == c for n, (_, c) in zip(best, fresh, strict=True)) > 48
    assert 0.7 < float((pooled @ found.constant).mean()) < 1.4
    found.save(tmp_path / "evidence.safetensors")
    again = learn_evidence(reads, tokenizer, 16.0, recipe, seed=1)
    kept = Evidence.load(tmp_path / "evidence.safetensors")
    assert torch.equal(again.vectors, kept.vectors) and torch.equal(again.verdict, kept.verdict)
    bag = Bag(author.book.conditions, tokenizer, found)
    text = tokenizer.decode(fresh[0][0]).split("user\n", 1)[1]
    named = bag.rank(text, 3)
    assert len(set(named)) == 3 and set(named) <= set(entries)
    answer = bag.answer(text)
    assert judge(answer, Variant.A).verdict.strict and display_name(named[0].name) in answer
    random.seed(0)  # the stream above depends on its own seed only
    assert list(draw_reads(author, tokenizer, 60, seed=2)) == fresh
