"""TF-IDF: the formula, the order, and what near means."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffdx_tui.domain.retrieval import TfidfIndex, cosine, ngram_jaccard, ngrams, split_terms

TEXTS = ("chest pain and sweating", "chest pain chest pain", "itchy rash", "")


def test_weights_are_the_stated_formula() -> None:
    index = TfidfIndex.build(TEXTS)
    assert index.rarity["chest"] == pytest.approx(1 + math.log(5 / 3))
    twice = (1 + math.log(2)) * index.rarity["chest"]
    assert index.vectors[1]["chest"] == pytest.approx(twice / math.hypot(twice, twice))


def test_nearest_first_then_the_earlier() -> None:
    index = TfidfIndex.build((*TEXTS, "itchy rash"))
    assert [one.place for one in index.nearest("an itchy rash", 2)] == [2, 4]
    assert [one.place for one in index.nearest("nothing shared", 3)] == [0, 1, 2]
    assert index.nearest("rash", 1)[0].similarity == pytest.approx(
        cosine(index.vector("rash"), index.vectors[2])
    )


def test_spelling_is_folded_and_numbers_kept() -> None:
    assert split_terms("Haemorrhage, T 38.6") == split_terms("hemorrhage t 38.6")
    assert "38.6" in split_terms("T 38.6 °C")


@given(st.lists(st.text(max_size=40), min_size=1, max_size=8))
def test_every_text_with_words_is_nearest_to_itself(texts: list[str]) -> None:
    index = TfidfIndex.build(texts)
    for text, vector in zip(texts, index.vectors, strict=True):
        if vector:
            best = index.nearest(text)[0]
            assert best.similarity == pytest.approx(1.0)
            assert split_terms(texts[best.place]) == split_terms(text) or best.similarity > 0.999


@given(st.text(max_size=60), st.text(max_size=60))
def test_likeness_is_symmetric_and_bounded(one: str, other: str) -> None:
    assert ngram_jaccard(one, other, 2) == ngram_jaccard(other, one, 2)
    assert 0 <= ngram_jaccard(one, other, 2) <= 1
    index = TfidfIndex.build((one, other))
    assert 0 <= cosine(*index.vectors) <= 1


def test_five_words_in_a_row() -> None:
    assert ngram_jaccard("a b c d e f", "x a b c d e") == pytest.approx(1 / 3)
    assert ngrams("one two three") == frozenset()
    assert ngram_jaccard("short", "short") == 0.0
