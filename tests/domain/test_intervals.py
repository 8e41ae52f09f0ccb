"""Our statistics are scipy's and statsmodels'."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from diffdx_tui.domain.intervals import bootstrap_mean, holm, mcnemar_exact, wilson

SHARES = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
OUTCOMES = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=120)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@settings(max_examples=30, deadline=None)
@given(SHARES)
def test_wilson_is_statsmodels(share: tuple[int, int]) -> None:
    low, high = proportion_confint(*share, method="wilson")
    assert wilson(*share) == pytest.approx((low, high), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(SHARES)
def test_wilson_holds_the_share_and_narrows_with_n(share: tuple[int, int]) -> None:
    k, n = share
    low, high = wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1
    wider, narrower = wilson(k, n), wilson(10 * k, 10 * n)
    assert narrower.high - narrower.low < wider.high - wider.low


def test_wilson_of_nothing_and_of_nonsense() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    for k, n in ((3, 2), (-1, 2)):
        with pytest.raises(ValueError):
            wilson(k, n)


@settings(max_examples=30, deadline=None)
@given(OUTCOMES)
def test_mcnemar_is_statsmodels_and_scipy(outcomes: list[tuple[bool, bool]]) -> None:
    first, second = [a for a, _ in outcomes], [b for _, b in outcomes]
    ours = mcnemar_exact(first, second)
    table = [[sum(a == x and b == y for a, b in outcomes) for y in (1, 0)] for x in (1, 0)]
    assert (ours.only_first, ours.only_second) == (table[0][1], table[1][0])
    n = ours.only_first + ours.only_second
    if n:
        assert ours.p == pytest.approx(mcnemar(table, exact=True).pvalue)
        assert ours.p == pytest.approx(stats.binomtest(ours.only_first, n).pvalue)
    else:
        assert ours.p == 1.0


def test_mcnemar_refuses_other_cases() -> None:
    with pytest.raises(ValueError):
        mcnemar_exact([True], [True, False])


@settings(max_examples=8, deadline=None)  # theirs takes a tenth of a second
@given(P_VALUES)
def test_holm_is_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_bootstrap_of_single_rows_is_scipys() -> None:
    values = np.random.default_rng(1).random(60)
    ours = bootstrap_mean(values.tolist(), [str(n) for n in range(60)], resamples=20_000)
    theirs = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=2
    ).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.004)


def test_rows_of_a_group_are_drawn_together() -> None:
    values = [float(n % 2) for n in range(40)]
    alone = bootstrap_mean(values, [str(n) for n in range(40)])
    mixed_pairs = bootstrap_mean(values, [str(n // 2) for n in range(40)])
    alike_pairs = bootstrap_mean(sorted(values), [str(n // 2) for n in range(40)])
    assert mixed_pairs == (0.5, 0.5)  # every pair holds a 0 and a 1: nothing varies
    assert alike_pairs.high - alike_pairs.low > alone.high - alone.low


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_bootstrap_is_repeatable_and_within_the_values(values: list[float]) -> None:
    groups = [str(n) for n in range(len(values))]
    low, high = bootstrap_mean(values, groups, resamples=50)
    assert (low, high) == bootstrap_mean(values, groups, resamples=50)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


def test_no_mean_of_nothing() -> None:
    with pytest.raises(ValueError):
        bootstrap_mean([], [])
