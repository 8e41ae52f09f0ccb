"""Commitments to curated cases are kept, and the first one stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from diffdx_tui.domain.commitment import Commitment
from diffdx_tui.domain.differential import Slot
from diffdx_tui.store import SessionStore

FIRST = Commitment(
    "cardiac-c01",
    "ab" * 32,
    datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
    {Slot("most_likely"): "MI", Slot("possible", 1): "'; DROP TABLE commitments; --\x1b[31m"},
)


def test_they_come_back_as_they_were(store: SessionStore) -> None:
    assert store.add_commitment(FIRST)
    given_up = replace(FIRST, case_id="cardiac-c02", texts={})
    assert store.add_commitment(given_up)
    assert store.commitments() == (FIRST, given_up)
    assert store.commitments()[1].gave_up


def test_the_first_stands_and_another_wording_is_another_case(store: SessionStore) -> None:
    store.add_commitment(FIRST)
    assert not store.add_commitment(replace(FIRST, texts={Slot("most_likely"): "PE"}))
    later = replace(FIRST, case_sha256="cd" * 32, committed=datetime(2025, 1, 1, tzinfo=UTC))
    assert store.add_commitment(later)
    assert store.commitments() == (FIRST, later)
    assert store.forget_commitment("cardiac-c01") == 2
    assert store.commitments() == ()


def test_they_outlast_the_program(path: Path) -> None:
    with SessionStore.open(path) as store:
        store.add_commitment(FIRST)
    with SessionStore.open(path) as store:
        assert store.commitments() == (FIRST,)


@pytest.mark.parametrize("text", ["\ud800half", "naïve 日本\n", "a" * 500])
def test_any_text_can_be_kept(store: SessionStore, text: str) -> None:
    store.add_commitment(replace(FIRST, texts={Slot("most_likely"): text}))
    (kept,) = store.commitments()
    assert kept.texts[Slot("most_likely")] == text.replace("\ud800", "\ufffd")
