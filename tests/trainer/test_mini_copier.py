"""The copier: exact before the first step, and still there after training on something else."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional
from transformers import Qwen2Config, Qwen2ForCausalLM

from trainer.mini.copier import CopierScales, keep, make_copier

VOCABULARY, MARK = 2000, 1998


def _model(heads: int = 4) -> Qwen2ForCausalLM:
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=64 * heads,
        num_hidden_layers=3,
        num_attention_heads=heads,
        num_key_value_heads=heads // 2,
        intermediate_size=256,
        max_position_embeddings=2048,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        tie_word_embeddings=True,
    )
    return Qwen2ForCausalLM(config)


def _copied(model: Qwen2ForCausalLM, length: int = 250) -> float:
    """Share of tokens of random strings that the model repeats on seeing them again."""
    chance = torch.Generator().manual_seed(5)
    text = torch.randint(0, VOCABULARY - 3, (4, length), generator=chance)
    opening = torch.randint(0, VOCABULARY - 3, (4, 3), generator=chance)
    mark = torch.full((4, 1), MARK)
    ids = torch.cat([mark, opening, text, mark, opening, text], dim=1)
    with torch.no_grad():
        guesses = model.eval()(ids).logits[:, -length - 1 : -1].argmax(-1)
    return float((guesses == text).float().mean())


def test_copies_random_strings_before_any_step() -> None:
    model = _model()
    assert _copied(model) < 0.01
    make_copier(model, MARK, seed=1)
    assert _copied(model) > 0.99


def test_the_fourth_token_back_tells_apart_what_follows_the_same_three() -> None:
    """Texts in which three tokens stand twice, with other ones before and after them."""
    chance = torch.Generator().manual_seed(6)
    texts = torch.randint(0, VOCABULARY - 3, (40, 60), generator=chance)
    texts[:, 40:43] = texts[:, 10:13]
    opening = torch.randint(0, VOCABULARY - 3, (40, 3), generator=chance)
    mark = torch.full((40, 1), MARK)
    ids = torch.cat([mark, opening, texts, mark, opening, texts], dim=1)
    right = {}
    for fourth in (0.0, 0.6):
        model = _model()
        make_copier(model, MARK, seed=1, scales=CopierScales(fourth=fourth))
        with torch.no_grad():
            guesses = model.eval()(ids).logits[:, -61:-1].argmax(-1)
        right[fourth] = float((guesses == texts)[:, [13, 43]].float().mean())
    assert right[0.0] < 0.6 and right[0.6] > 0.9


def test_a_token_is_looked_up_as_the_one_it_stands_for() -> None:
    """``user``, line's end, text; then ``": "`` and the text's first token: what follows?"""
    text = torch.arange(100, 160)
    user, line_end, colon, quote = 1, 2, 3, 4
    ids = torch.tensor([[MARK, user, line_end, *text.tolist(), 50, MARK, 60, colon, quote, 100]])
    guesses = []
    for alike in ({}, {quote: line_end, colon: user}):
        model = _model()
        make_copier(model, MARK, seed=1, alike=alike)
        with torch.no_grad():
            guesses.append(int(model.eval()(ids).logits[0, -1].argmax()))
    assert guesses[0] != 101 and guesses[1] == 101


def test_rests_on_the_turn_mark_where_nothing_repeats() -> None:
    model = _model()
    make_copier(model, MARK, seed=1)
    ids = torch.cat([torch.tensor([[MARK]]), torch.randperm(VOCABULARY - 3)[None, :300]], dim=1)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        attention = model(ids, output_attentions=True).attentions[1][0]
    for head in (0, 2):  # the matching heads
        assert attention[head, 20:, 0].median() > 0.8


def test_survives_training_on_text_without_repeats() -> None:
    model = _model()
    kept = make_copier(model, MARK, seed=1)
    matrices = [p for p in model.model.layers.parameters() if p.dim() == 2]
    optimiser = torch.optim.Muon(matrices, lr=3e-3, adjust_lr_fn="match_rms_adamw")
    chance = torch.Generator().manual_seed(7)
    for _ in range(6):
        ids = torch.randint(0, VOCABULARY - 3, (4, 64), generator=chance)
        logits = model(ids).logits[:, :-1].flatten(0, 1)
        functional.cross_entropy(logits, ids[:, 1:].flatten()).backward()
        optimiser.step()
        optimiser.zero_grad()
        keep(kept)
    assert all(torch.equal(k.parameter[k.mask], k.values[k.mask]) for k in kept)
    assert _copied(model) > 0.9


def test_refuses_a_shape_without_room() -> None:
    with pytest.raises(ValueError, match="two key-value groups"):
        make_copier(_model(heads=2), MARK, seed=1)
