"""A text that goes round in circles is noticed, and closed with its mark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.differential import UNFINISHED
from diffdx_tui.domain.events import Finished
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.engine.catalogue import ModelSpec
from diffdx_tui.engine.circles import LEAST_TOKENS, LONGEST_PERIOD, goes_in_circles
from diffdx_tui.engine.local import LocalEngine
from diffdx_tui.engine.sampling import Choice, Sampler

IDS = st.integers(0, 9)


@given(st.lists(IDS, max_size=40), st.lists(IDS, min_size=1, max_size=LONGEST_PERIOD))
def test_whatever_comes_before_enough_turns_are_a_circle(start: list[int], turn: list[int]) -> None:
    assert goes_in_circles([*start, *turn * max(3, -(-LEAST_TOKENS // len(turn)))])


@given(st.lists(IDS, min_size=10, max_size=LONGEST_PERIOD, unique=True), st.integers(1, 8))
def test_twice_and_a_part_is_none(turn: list[int], part: int) -> None:
    assert not goes_in_circles([*turn, *turn, *turn[:part]])


def test_an_enumeration_is_none() -> None:
    text = "no fever, no rash, no cough, no pain, no loss of weight, no travel, no sick contact"
    words = text.replace(",", " ,").split()
    assert not goes_in_circles([hash(word) for word in words])


def test_a_slot_in_circles_is_closed_long_before_its_budget(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = LocalEngine.load(ModelSpec(str(tiny_model), precision="fp32"))
    (stuck,) = engine._model.tokenizer.encode("a")
    choose = Sampler.choose

    def choose_the_same(self: Sampler, logits: Tensor, allowed: Any) -> Choice:
        wanted = logits.clone()
        wanted[stuck] += 1e4
        return choose(self, wanted, allowed)

    monkeypatch.setattr(Sampler, "choose", choose_the_same)
    decoding = Decoding(temperature=0.0, max_new_tokens=3_000)
    *_, last = engine.generate(Vignette.parse("Chest pain since noon."), decoding, "id")
    assert isinstance(last, Finished) and last.verdict.strict and last.verdict.echo_exact
    assert len(last.stats.unfinished) == 5 and last.raw.count(f"a {UNFINISHED}") == 5
    assert last.stats.tokens_sampled == 5 * LEAST_TOKENS
