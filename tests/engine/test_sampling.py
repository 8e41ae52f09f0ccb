"""Temperature, nucleus, repetition penalty and seed, each against its definition."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from transformers import RepetitionPenaltyLogitsProcessor

from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.engine.failures import NonFiniteLogits
from diffdx_tui.engine.sampling import Sampler

LOGITS = torch.tensor([2.0, 1.0, 0.0, -1.0, 3.0])


def draws(decoding: Decoding, count: int = 4_000, allowed: torch.Tensor | None = None) -> Counter:
    sampler = Sampler(decoding, [])
    return Counter(sampler.choose(LOGITS, allowed).id for _ in range(count))


def test_zero_temperature_takes_the_best_allowed() -> None:
    sampler = Sampler(Decoding(), [])
    assert sampler.choose(LOGITS, None).id == 4
    assert sampler.choose(LOGITS, torch.tensor([False, True, True, False, False])).id == 1


def test_draws_follow_the_tempered_distribution() -> None:
    expected = torch.softmax(LOGITS / 2.0, 0)
    counts = draws(Decoding(temperature=2.0))
    for id, share in enumerate(expected.tolist()):
        assert counts[id] / 4_000 == pytest.approx(share, abs=0.03)


def test_the_nucleus_keeps_the_smallest_set_that_reaches_the_mass() -> None:
    # Probabilities 0.64, 0.24, 0.09, ...: 0.7 takes two of them.
    assert set(draws(Decoding(temperature=1.0, top_p=0.7))) == {4, 0}
    assert set(draws(Decoding(temperature=1.0, top_p=1e-6))) == {4}


def test_top_k_keeps_the_likeliest() -> None:
    assert set(draws(Decoding(temperature=5.0, top_k=2))) == {4, 0}


def test_a_tiny_temperature_is_greedy() -> None:
    assert set(draws(Decoding(temperature=1e-40), count=20)) == {4}


def test_masked_tokens_are_never_drawn() -> None:
    allowed = torch.tensor([True, False, True, False, False])
    assert set(draws(Decoding(temperature=5.0), allowed=allowed)) == {0, 2}


def test_the_same_seed_draws_the_same() -> None:
    def sequence(seed: int) -> list[int]:
        sampler = Sampler(Decoding(temperature=1.0, seed=seed), [])
        return [sampler.choose(LOGITS, None).id for _ in range(50)]

    assert sequence(1) == sequence(1)
    assert sequence(1) != sequence(2)


def test_the_penalty_is_transformers() -> None:
    penalise = RepetitionPenaltyLogitsProcessor(1.3)
    expected = penalise(torch.tensor([[4, 3]]), LOGITS.clone().unsqueeze(0))[0]
    sampler = Sampler(Decoding(repetition_penalty=1.3), [])
    sampler.note_chosen([4, 3])
    assert torch.equal(sampler._penalised(LOGITS), expected)


def test_the_prompt_is_penalised_only_on_request() -> None:
    assert torch.equal(Sampler(Decoding(repetition_penalty=1.3), [4])._penalised(LOGITS), LOGITS)
    as_reference = Sampler(Decoding(repetition_penalty=1.3, penalise_prompt=True), [4])
    assert as_reference._penalised(LOGITS)[4] == pytest.approx(3.0 / 1.3)


def test_what_is_reported_is_the_models_own_probability() -> None:
    decoding = Decoding(temperature=5.0, repetition_penalty=2.0, alternatives=2)
    choice = Sampler(decoding, []).choose(LOGITS, None)
    expected = torch.log_softmax(LOGITS, 0)
    assert choice.logprob == pytest.approx(float(expected[choice.id]))
    assert [id for id, _ in choice.alternatives] == [4, 0]
    assert choice.alternatives[0][1] == pytest.approx(float(expected[4]))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_broken_logits_are_noticed(bad: float) -> None:
    logits = LOGITS.clone()
    logits[2] = bad
    with pytest.raises(NonFiniteLogits):
        Sampler(Decoding(), []).choose(logits, None)
