"""Comparing two answers: moved, new, gone, and the words that changed."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from diffdx_tui.domain.comparison import (
    DiagnosisChange,
    Operation,
    WordChange,
    compare,
    compare_words,
)
from diffdx_tui.domain.diagnosis import SynonymTable
from diffdx_tui.domain.differential import UNFINISHED, Slot, Variant, slots_of

SYMPTOMS, MOST_LIKELY, FIRST, SECOND, SERIOUS, WORKUP = slots_of(Variant.A)
SYNONYMS = SynonymTable({"Myocardial infarction": ["heart attack", "MI"]})

BEFORE = {
    SYMPTOMS: "Chest pain.",
    MOST_LIKELY: "Heart attack - pressure in the chest",
    FIRST: "Oesophageal spasm - after a meal",
    SECOND: "Pericarditis - sharp",
    SERIOUS: "Aortic dissection - tearing",
    WORKUP: "ECG and troponin",
}
AFTER = {
    SYMPTOMS: "Chest pain.",
    MOST_LIKELY: "Pericarditis - sharp, better on sitting up",
    FIRST: "Pneumothorax - young and tall",
    SECOND: "Esophageal spasm: after a meal",
    SERIOUS: "Myocardial infarction - must not be missed",
    WORKUP: "ECG, echo and troponin",
}


def test_moved_new_gone_and_kept() -> None:
    comparison = compare(BEFORE, AFTER, SYNONYMS)
    assert comparison.moved == (
        DiagnosisChange("Pericarditis", "possible", "most_likely"),
        DiagnosisChange("Myocardial infarction", "most_likely", "unlikely_but_serious"),
    )
    assert comparison.new == (DiagnosisChange("Pneumothorax", None, "possible"),)
    assert comparison.gone == (DiagnosisChange("Aortic dissection", "unlikely_but_serious", None),)
    kept = DiagnosisChange("Esophageal spasm", "possible", "possible")
    assert kept in comparison.diagnoses, "a spelling and a place in the list are no change"


def test_without_synonyms_other_names_are_other_diagnoses() -> None:
    comparison = compare(BEFORE, AFTER)
    assert "Myocardial infarction" in {change.name for change in comparison.new}
    assert "Heart attack" in {change.name for change in comparison.gone}


def test_a_diagnosis_in_two_tiers_is_paired_with_its_own_tier_first() -> None:
    before = {MOST_LIKELY: "MI - a", SERIOUS: "MI - b"}
    after = {FIRST: "MI - c", SERIOUS: "MI - d"}
    assert compare(before, after).diagnoses == (
        DiagnosisChange("MI", "most_likely", "possible"),
        DiagnosisChange("MI", "unlikely_but_serious", "unlikely_but_serious"),
    )


def test_fields_in_the_documents_order_with_their_words() -> None:
    comparison = compare(BEFORE, AFTER)
    assert [field.slot for field in comparison.fields] == list(slots_of(Variant.A))
    assert not comparison.fields[0].changed
    assert comparison.fields[-1].words == (
        WordChange(Operation.REPLACE, "ECG", "ECG, echo"),
        WordChange(Operation.EQUAL, " and troponin", " and troponin"),
    )


def test_unfinished_and_missing_fields() -> None:
    before = {MOST_LIKELY: "Migraine", SERIOUS: UNFINISHED}
    after = {MOST_LIKELY: "Migraine", WORKUP: "CT"}
    comparison = compare(before, after)
    assert comparison.diagnoses == (DiagnosisChange("Migraine", "most_likely", "most_likely"),)
    assert [(field.slot, field.before, field.after) for field in comparison.fields] == [
        (MOST_LIKELY, "Migraine", "Migraine"),
        (SERIOUS, UNFINISHED, None),
        (WORKUP, None, "CT"),
    ]
    assert compare({}, {}).fields == ()


def test_an_unknown_slot_comes_last() -> None:
    odd = Slot("possible", 7)
    assert [field.slot for field in compare({odd: "x", WORKUP: "y"}, {}).fields] == [WORKUP, odd]


@given(st.text(), st.text())
def test_the_parts_give_both_texts_back(before: str, after: str) -> None:
    changes = compare_words(before, after)
    assert "".join(change.before for change in changes) == before
    assert "".join(change.after for change in changes) == after
    for change in changes:
        equal = change.before.split() == change.after.split()
        assert equal == (change.operation is Operation.EQUAL) or not (change.before + change.after)


@given(st.dictionaries(st.sampled_from(slots_of(Variant.A)), st.text()))
def test_an_answer_is_equal_to_itself(texts: dict[Slot, str]) -> None:
    comparison = compare(texts, texts)
    assert not (comparison.moved or comparison.new or comparison.gone)
    assert not any(field.changed for field in comparison.fields)


def test_long_repetitive_texts_are_compared_in_time() -> None:
    begin = time.perf_counter()
    compare_words("x " + "a b " * 1_000, "b a " * 1_000 + "y")
    assert time.perf_counter() - begin < 5
