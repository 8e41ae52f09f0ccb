"""Splitting tiers and matching names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffdx_tui.domain.diagnosis import SynonymTable, TierText, normalise_name, split_tier


@pytest.mark.parametrize(
    ("text", "diagnosis", "reasoning"),
    [
        ("Migraine - throbbing", "Migraine", "throbbing"),
        ("Migraine \u2013 throbbing - worse", "Migraine", "throbbing - worse"),
        ("Migraine: throbbing", "Migraine", "throbbing"),
        ("Henoch-Sch\u00f6nlein purpura - rash", "Henoch-Sch\u00f6nlein purpura", "rash"),
        ("Migraine", "Migraine", ""),
        ("Migraine. It throbs", "Migraine", "It throbs"),
        ("- no diagnosis", "- no diagnosis", ""),
    ],
)
def test_splitting(text: str, diagnosis: str, reasoning: str) -> None:
    assert split_tier(text) == TierText(diagnosis, reasoning)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Subarachnoid haemorrhage (SAH)", "subarachnoid hemorrhage"),
        ("Acute appendicitis", "appendicitis"),
        ("Crohn's disease", "Crohn disease"),
        ("Guillain-Barr\u00e9 syndrome", "Guillain Barre syndrome"),
        ("Phaeochromocytoma", "pheochromocytoma"),
    ],
)
def test_spellings_meet(one: str, two: str) -> None:
    assert normalise_name(one) == normalise_name(two)


def test_synonyms_match_and_strangers_do_not() -> None:
    table = SynonymTable({"Acute myocardial infarction": ["heart attack", "MI"], "Angina": []})
    assert table.standard_name("Heart Attack") == "Acute myocardial infarction"
    assert table.same("MI", "myocardial infarction")
    assert table.standard_name("broken heart") is None
    assert not table.same("MI", "Angina")


def test_an_ambiguous_name_matches_nothing() -> None:
    table = SynonymTable({"Gastroenteritis": ["GE"], "Gonococcal epididymitis": ["GE"]})
    assert table.standard_name("GE") is None
    assert table.standard_name("gastroenteritis") == "Gastroenteritis"


@given(st.text())
def test_normalising_twice_changes_nothing(name: str) -> None:
    once = normalise_name(name)
    assert normalise_name(once) == once


@given(st.text())
def test_splitting_never_raises(text: str) -> None:
    split_tier(text)
