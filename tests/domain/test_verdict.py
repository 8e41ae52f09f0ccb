"""The judge: each rule has a fault that breaks it, and only it."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffdx_tui.domain.differential import Slot, Variant, render, slots_of
from diffdx_tui.domain.slot_reader import SlotReader
from diffdx_tui.domain.verdict import Verdict, judge

GOOD = render(Variant.A, {slot: f"{slot.name} - text" for slot in slots_of(Variant.A)})
VALUES = json.loads(GOOD)


def changed(**changes: object) -> str:
    return json.dumps(VALUES | changes)


def without(key: str) -> str:
    return json.dumps({name: value for name, value in VALUES.items() if name != key})


@pytest.mark.parametrize(
    ("raw", "name", "lenient"),
    [
        (f"Sure! {GOOD}", "text_before", True),
        (f"```json\n{GOOD}\n```", "text_before", True),
        (f"{GOOD} I hope this helps", "text_after", True),
        (GOOD + GOOD, "text_after", True),
        ("no idea", "no_object", False),
        ("", "no_object", False),
        ("[1, 2]", "not_an_object", False),
        (GOOD[:-1], "not_json", False),
        (GOOD.replace('",\n', '"\n', 1), "not_json", False),
        (GOOD.replace('"most_likely"', '"symptoms"'), "duplicate_key", False),
        (without("unlikely_but_serious"), "missing_key", False),
        (changed(advice="rest"), "unexpected_key", False),
        (changed(most_likely=["a"]), "wrong_type", False),
        (changed(most_likely=None), "wrong_type", False),
        (changed(possible="a, b"), "wrong_type", False),
        (changed(possible=["a"]), "possible_count", False),
        (changed(possible=["a", "b", "c"]), "possible_count", False),
        (changed(possible=["a", 2]), "wrong_type", False),
        (changed(recommended_workup=" \n"), "empty_text", False),
        (changed(possible=["a", ""]), "empty_text", False),
        (GOOD.replace("text", "\\ud800", 1), "not_json", False),
        (changed(most_likely=float("nan")), "not_json", False),
    ],
)
def test_each_fault_is_named(raw: str, name: str, lenient: bool) -> None:
    verdict = judge(raw, Variant.A).verdict
    assert not verdict.strict
    assert verdict.lenient is lenient
    assert name in [violation.name for violation in verdict.violations]


@pytest.mark.parametrize("raw", [GOOD, f"  {GOOD}\n", json.dumps(VALUES)])
def test_layout_does_not_matter(raw: str) -> None:
    assert judge(raw, Variant.A).verdict == Verdict(True, True)


def test_positions_point_at_the_fault() -> None:
    raw = f"Here: {GOOD} done"
    by_name = {violation.name: violation for violation in judge(raw, Variant.A).verdict.violations}
    assert by_name["text_before"].position == 0
    assert raw[by_name["text_after"].position :] == " done"  # type: ignore[misc]
    wrong = changed(most_likely=3)
    position = judge(wrong, Variant.A).verdict.violations[0].position
    assert wrong[position:].startswith('"most_likely"')  # type: ignore[misc]


def test_a_full_answer_is_not_variant_b() -> None:
    names = [violation.name for violation in judge(GOOD, Variant.B).verdict.violations]
    assert names == ["unexpected_key"]


def test_echo_is_judged_apart() -> None:
    exact = judge(changed(symptoms="chest pain"), Variant.A, "chest pain").verdict
    assert exact.strict and exact.echo_exact
    near = judge(changed(symptoms="sudden pains"), Variant.A, "sudden pain").verdict
    assert near.strict and not near.echo_exact
    assert near.echo == pytest.approx(0.5), "one of two words"
    spaced = judge(changed(symptoms="chest  pain"), Variant.A, "chest pain").verdict
    assert not spaced.echo_exact, "only identity is exact"


def test_a_long_repetitive_echo_is_judged_at_once() -> None:
    started = time.perf_counter()
    judge(changed(symptoms="the pain is " * 340), Variant.A, "pain the is " * 333)
    assert time.perf_counter() - started < 5


@given(st.text())
def test_never_raises_and_strict_implies_parsed(raw: str) -> None:
    judgement = judge(raw, Variant.A, "pain")
    assert judgement.verdict.strict == (not judgement.verdict.violations)
    assert Verdict.from_dict(json.loads(json.dumps(judgement.verdict.as_dict()))) == (
        judgement.verdict
    )


@given(st.text(alphabet='{}[]":,\\ab1 \n', max_size=60))
def test_never_raises_on_things_like_json(raw: str) -> None:
    judge(raw, Variant.A, "pain")


def test_deep_nesting_is_survived() -> None:
    assert not judge("{" * 100_000 + "}" * 100_000, Variant.A).verdict.lenient


@pytest.mark.parametrize("variant", list(Variant))
@given(data=st.data())
def test_the_reader_shows_what_the_judge_parses(variant: Variant, data: st.DataObject) -> None:
    """Fed in any pieces, escaped in either way, the stream reader finds every slot's text."""
    texts = {
        slot: data.draw(st.text(st.characters(exclude_categories=["Cs"])))
        for slot in slots_of(variant)
    }
    raw = render(variant, texts)
    if data.draw(st.booleans()):
        raw = json.dumps(json.loads(raw))  # \\u escapes, surrogate pairs included
    shown: dict[Slot, str] = dict.fromkeys(slots_of(variant), "")
    closed = set()
    reader = SlotReader(variant)
    while raw:
        cut = data.draw(st.integers(1, max(1, len(raw))))
        for piece in reader.feed(raw[:cut]):
            shown[piece.slot] += piece.text
            if piece.closed:
                closed.add(piece.slot)
        raw = raw[cut:]
    assert shown == texts
    assert closed == set(slots_of(variant))


@given(st.text(alphabet='{}[]":,\\abu0d1 \n', max_size=80))
def test_the_reader_never_raises(raw: str) -> None:
    list(SlotReader(Variant.A).feed(raw))
