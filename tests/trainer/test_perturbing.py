"""Cases told otherwise are the same cases: nothing said is lost, added to or changed in value."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffdx_tui.config import data_directory
from diffdx_tui.domain.curated import CuratedCase, read_curated
from diffdx_tui.domain.evaluation import PERTURBATIONS
from diffdx_tui.domain.findings import read_findings
from diffdx_tui.domain.measurements import Measure, read_measurements
from trainer.evaluation.perturbing import IRRELEVANT, perturb, split_sentences

TEXT = (
    "A 52-year-old man has chest pain. It came on at rest. Temp 37.4 °C, glucose 6.1 mmol/L. "
    "He does not smoke. No cough without fever was noticed."
)


@pytest.fixture(scope="module")
def cases() -> tuple[CuratedCase, ...]:
    return read_curated(data_directory() / "vignettes.jsonl")


def values(text: str) -> list[tuple[Measure, float]]:
    return [(one.measure, one.value) for one in read_measurements(text)]


def test_the_same_case_is_told_the_same_way_every_time_and_another_one_otherwise() -> None:
    for name in PERTURBATIONS:
        told = perturb(name, TEXT, "a")
        assert told is not None and told != TEXT
        perturb.cache_clear()
        assert perturb(name, TEXT, "a") == told
    assert len({perturb("spelling", TEXT, str(case)) for case in range(8)}) > 1


def test_sentences_are_moved_whole_and_lean_on_what_they_leant_on() -> None:
    told = [perturb("order", TEXT, str(case)) for case in range(20)]
    for text in told:
        assert text is not None
        assert text.startswith("A 52-year-old man has chest pain. It came on at rest.")
        assert sorted(split_sentences(text + " ")) == sorted(split_sentences(TEXT + " "))
    assert len(set(told)) > 1


def test_what_has_no_order_keeps_it() -> None:
    assert (
        perturb("order", "A long sentence about one man and one thing only. It hurts.", "a") is None
    )
    assert perturb("order", "First line, long enough to open.\nSecond.\nThird.", "a") is None


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Seen by Dr. Brown. Temp. 37.4 is e.g. normal. Yes.", 3),
        ('She said "It hurts. Help me." Then she left.', 2),
        ("pH 7.27. lower case goes on. End.", 2),
        ("One!", 1),
    ],
)
def test_where_a_sentence_ends(text: str, sentences: int) -> None:
    found = split_sentences(text)
    assert len(found) == sentences and "".join(found) == text


def test_every_curated_case_keeps_its_words_in_another_order(
    cases: tuple[CuratedCase, ...],
) -> None:
    changed = 0
    for case in cases:
        told = perturb("order", case.vignette, case.id)
        if told is not None:
            changed += 1
            assert Counter(told.split()) == Counter(case.vignette.split()), case.id
    assert changed > 0.9 * len(cases)


def test_what_is_added_has_no_bearing(cases: tuple[CuratedCase, ...]) -> None:
    for sentence in IRRELEVANT:
        assert not read_findings(sentence) and not read_measurements(sentence), sentence
    for case in cases:
        told = perturb("irrelevant", case.vignette, case.id)
        assert told is not None
        (added,) = [one for one in IRRELEVANT if one in told]
        without = " ".join(told.replace(added, " ", 1).split()).rstrip(".")
        assert without == " ".join(case.vignette.split()).rstrip("."), case.id
        assert not told.startswith(added)


def test_slips_make_no_other_word_and_touch_no_number_or_denial(
    cases: tuple[CuratedCase, ...],
) -> None:
    def words(text: str) -> list[str]:
        return re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", text)

    known = {word.casefold() for case in cases for word in words(case.vignette)}
    denials = ("no", "not", "without", "never", "denies", "none")
    for case in cases:
        told = perturb("spelling", case.vignette, case.id)
        assert told is not None
        assert re.findall(r"\d+", told) == re.findall(r"\d+", case.vignette)
        before, after = words(case.vignette), words(told)
        assert len(before) == len(after)
        slips = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
        assert 1 <= len(slips) <= max(2, len(case.vignette.split()) // 12), case.id
        for old, new in slips:
            assert new.casefold() not in known, (case.id, old, new)
            assert (old[0], old[-1]) == (new[0], new[-1]) and old not in denials


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Temp 37.4 °C, well.", "Temp 99.3 °F, well."),
        ("T 38.7, HR 106.", "T 101.7 °F, HR 106."),
        ("It was 102.9 °F.", "It was 39.4 °C."),
        ("glucose 6.1 mmol/L, thin", "glucose 110 mg/dL, thin"),
        ("sugar 84 mg/dL.", "sugar 4.7 mmol/L."),
        ("BM 9.4. Foot warm", "BM 169 mg/dL. Foot warm"),
        # Half of a pair would be another case; a woman of 77 is no temperature.
        ("Fever, 38.8 to 40.1 °C, for days.", None),
        ("Temp 37.7 before, 38.2 with aspirin.", None),
        ("glucose 10.8, then 11.4 mmol/L", None),
        ("77F, fell ill.", None),
        ("potassium 5.6 mmol/L", None),
    ],
)
def test_units_are_converted_with_their_value(text: str, told: str | None) -> None:
    assert perturb("units", text, "a") == told


def test_curated_values_stay_what_they_were(cases: tuple[CuratedCase, ...]) -> None:
    changed = 0
    for case in cases:
        told = perturb("units", case.vignette, case.id)
        if told is not None:
            changed += 1
            before, after = values(case.vignette), values(told)
            assert [one for one, _ in before] == [one for one, _ in after], case.id
            for (_, old), (_, new) in zip(before, after, strict=True):
                assert new == pytest.approx(old, abs=0.06), (case.id, told)
    assert changed > 80


@given(st.sampled_from(list(PERTURBATIONS)), st.text(max_size=300), st.text(max_size=5))
def test_any_text_can_be_asked_for(name: str, text: str, case: str) -> None:
    told = perturb(name, text, case)  # type: ignore[arg-type]
    assert told is None or told != text
