"""The splits: groups together, domains even, frozen for exactly these rows."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffdx_tui.config import data_directory
from diffdx_tui.domain.curated import CuratedCase, read_curated
from diffdx_tui.domain.splits import (
    Splits,
    SplitsError,
    draw_splits,
    read_splits,
    rows_sha256,
    select,
)

CASES = read_curated(data_directory() / "vignettes.jsonl")
FROZEN = read_splits(data_directory() / "splits.json")


def _assert_sound(splits: Splits) -> None:
    assert [len(splits.ids(name)) for name in ("train", "val", "test")] == [200, 25, 25]
    group_of = {case.id: case.group for case in CASES}
    for lists in ([splits.train, splits.val, splits.test], splits.folds):
        owners = {group_of[one]: set() for one in group_of}
        for number, ids in enumerate(lists):
            for one in ids:
                owners[group_of[one]].add(number)
        assert all(len(owner) == 1 for owner in owners.values())
    domain_of: dict[str, str] = {case.id: case.domain for case in CASES}
    for ids in (splits.val, splits.test):
        assert set(Counter(domain_of[one] for one in ids).values()) <= {2, 3}
    for fold in splits.folds:
        assert set(Counter(domain_of[one] for one in fold).values()) == {5}


def test_frozen_splits_are_sound_and_of_these_rows() -> None:
    _assert_sound(FROZEN)
    assert FROZEN.sha256 == rows_sha256(CASES), "rows changed: python -m trainer data split"
    assert draw_splits(CASES, FROZEN.seed) == FROZEN


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_any_seed_draws_sound_splits(seed: int) -> None:
    _assert_sound(draw_splits(CASES, seed))


def test_a_changed_letter_changes_the_hash() -> None:
    changed = CASES[0].model_copy(update={"source": CASES[1].source})
    assert rows_sha256([changed, *CASES[1:]]) != FROZEN.sha256


def test_an_unknown_id_is_named() -> None:
    with pytest.raises(SplitsError, match="no-such"):
        select(CASES, ["no-such"])


def test_groups_that_cannot_fill_a_share_are_refused() -> None:
    def large(case: CuratedCase) -> CuratedCase:
        return case.model_copy(update={"group": case.domain})

    with pytest.raises(SplitsError, match="no groups make up"):
        draw_splits([large(case) for case in CASES], 1)
