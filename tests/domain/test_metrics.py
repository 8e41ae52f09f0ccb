"""From scores of cases to figures of an arm."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffdx_tui.domain.intervals import wilson
from diffdx_tui.domain.metrics import (
    DEFINITIONS,
    CaseScore,
    Figure,
    Metric,
    compare,
    measure,
    values_of,
)


def score(
    case: str,
    values: dict[Metric, bool | float],
    fourth: str = "",
    domain: str = "cardiac",
    pair: str | None = None,
) -> CaseScore:
    return CaseScore(case, case, pair, domain, values, fourth)


def test_every_metric_is_defined_and_measured() -> None:
    assert set(DEFINITIONS) == set(Metric) == set(measure([]))
    assert all(figure.n == 0 and figure.value is None for figure in measure([]).values())


@given(st.lists(st.sampled_from([True, False, None]), max_size=40))
def test_n_counts_what_applies(outcomes: list[bool | None]) -> None:
    scores = [
        score(str(place), {} if right is None else {Metric.WORK: right})
        for place, right in enumerate(outcomes)
    ]
    figure = measure(scores)[Metric.WORK]
    assert (figure.k, figure.n) == (outcomes.count(True), len(outcomes) - outcomes.count(None))
    assert (figure.low, figure.high) == wilson(outcomes.count(True), figure.n)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=12), st.randoms())
def test_the_order_of_rows_changes_no_share(rows: list[tuple[bool, float]], rng: object) -> None:
    scores = [
        score(str(place), {Metric.ACC1: right, Metric.MRR: rank})
        for place, (right, rank) in enumerate(rows)
    ]
    before = measure(scores)
    rng.shuffle(scores)  # type: ignore[attr-defined]
    after = measure(scores)
    assert before[Metric.ACC1] == after[Metric.ACC1]
    assert before[Metric.MRR].value == pytest.approx(after[Metric.MRR].value)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(0))
def test_one_more_right_never_lowers_a_figure(outcomes: list[bool], place: int) -> None:
    better = outcomes.copy()
    better[place % len(better)] = True
    before, after = (
        measure([score(str(n), {Metric.ACC1: one}) for n, one in enumerate(many)])[Metric.ACC1]
        for many in (outcomes, better)
    )
    assert after.k >= before.k
    assert after.low >= before.low
    assert after.high >= before.high


def test_a_mean_without_variation_claims_no_certainty() -> None:
    figure = Figure.of_mean([0.0] * 25, [str(n) for n in range(25)])
    assert (figure.low, figure.high) == wilson(0, 25)
    assert Figure.of_mean([0.0, 0.5], ["a", "b"]).interval == "group-bootstrap"


def test_boilerplate_is_the_arms_wrong_habit_by_domain() -> None:
    wrong, right = {Metric.MNM_RECALL: False}, {Metric.MNM_RECALL: True}
    scores = [
        score("a", wrong, "sepsis"),
        score("b", wrong, "sepsis"),
        score("c", right, "sepsis"),
        score("d", wrong, "stroke"),
        score("e", wrong, "stroke", domain="neurological"),
        score("f", wrong, ""),
        score("g", {}, "sepsis"),
    ]
    assert values_of(scores, Metric.BOIL) == {
        "a": True,
        "b": True,
        "c": False,  # right here, however often it is said
        "d": False,
        "e": False,  # said once
    }


def test_pairs_need_both_rows() -> None:
    right, wrong = {Metric.ACC1: True}, {Metric.ACC1: False}
    scores = [
        score("b", right, pair="a"),
        score("a", right, pair="b"),
        score("c", right, pair="d"),
        score("d", wrong, pair="c"),
        score("e", right, pair="not scored"),
        score("f", right),
    ]
    assert values_of(scores, Metric.PAIR) == {"a": True, "c": False}
    assert measure(scores)[Metric.PAIR] == Figure.of_share(1, 2)


def test_arms_are_compared_on_the_cases_both_have() -> None:
    first = [score(str(n), {Metric.ACC1: True}) for n in range(6)]
    second = [score(str(n), {Metric.ACC1: False}) for n in range(5)]
    test = compare(first, second, Metric.ACC1)
    assert (test.only_first, test.only_second) == (5, 0)
    assert test.p == pytest.approx(2 / 2**5)
    with pytest.raises(ValueError, match="mean"):
        compare(first, second, Metric.MRR)


def test_a_figure_as_json() -> None:
    values = json.loads(json.dumps(Figure.of_share(1, 3).as_dict()))
    assert (values["k"], values["n"], values["interval"]) == (1, 3, "wilson")
    assert values["value"] == pytest.approx(1 / 3, abs=1e-6)


def test_a_flip_is_another_leading_diagnosis_right_or_wrong() -> None:
    def twins(one: str, first: str, second: str, right: tuple[bool, bool]) -> list[CaseScore]:
        a, b = f"{one}1", f"{one}2"
        return [
            replace(score(a, {Metric.ACC1: right[0]}, pair=b), first=first),
            replace(score(b, {Metric.ACC1: right[1]}, pair=a), first=second),
        ]

    scores = [
        *twins("a", "sah", "meningitis", (True, True)),
        *twins("b", "sah", "migraine", (True, False)),
        *twins("c", "sah", "sah", (True, False)),
        *twins("d", "", "", (False, False)),  # two answers that name nothing do not differ
        score("e", {Metric.ACC1: True}, pair="gone"),
    ]
    assert values_of(scores, Metric.FLIP) == {"a1": True, "b1": True, "c1": False, "d1": False}
    assert values_of(scores, Metric.PAIR) == {"a1": True, "b1": False, "c1": False, "d1": False}
    figures = measure(scores)
    assert (figures[Metric.FLIP].k, figures[Metric.FLIP].n) == (2, 4)
