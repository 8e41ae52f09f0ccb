"""Names to diseases: known, unknown, ambiguous, and told apart."""

from __future__ import annotations

import pytest

from diffdx_tui.domain.curated import CuratedCase
from diffdx_tui.domain.naming import NameTable, Target, same_disease

KETOACIDOSIS = Target("Diabetic ketoacidosis", "E11.1", ("DKA",))
HYPEROSMOLAR = Target("Hyperosmolar hyperglycaemic state", "E11.0", ("HHS",))
PNEUMONIA = Target("Pneumonia", "J18")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("E11.0", "E11.1", False),
        ("E11", "E11.1", True),
        ("J93.9", "J93.0", True),
        ("I21", "I21", True),
        ("I21", "I20", False),
        ("L51.1", "L51.1", True),
    ],
)
def test_three_characters_unless_the_codes_tell_apart(first: str, second: str, same: bool) -> None:
    assert same_disease(first, second) is same
    assert same_disease(second, first) is same


def test_accepted_names_decide_before_codes(names: NameTable) -> None:
    targets = (KETOACIDOSIS, HYPEROSMOLAR)
    assert names.find("DKA", targets) == {0}
    assert names.find("HHS", targets) == {1}
    assert names.find("the hyperosmolar hyperglycemic state", targets) == {1}


def test_the_knowledge_bases_synonyms_are_known(names: NameTable) -> None:
    assert names.find("heart attack", [Target("Acute myocardial infarction", "I21")]) == {0}
    assert names.find("Community-acquired pneumonia", [PNEUMONIA]) == {0}


def test_an_unknown_name_is_nothing_and_has_no_code(names: NameTable) -> None:
    for name in ("Flumbert disease", "", "(unfinished)", "pneumonia of the elbow"):
        assert names.find(name, [PNEUMONIA, KETOACIDOSIS]) == frozenset()
        assert names.codes_of(name) == ()


def test_a_name_with_several_codes_keeps_them() -> None:
    table = NameTable(codes={"as": ("I35.0", "M45")})
    targets = (Target("Aortic stenosis", "I35.0"), Target("Ankylosing spondylitis", "M45"))
    assert table.find("AS", targets) == {0, 1}
    assert table.find("AS", [PNEUMONIA]) == frozenset()


def test_what_repeats(names: NameTable) -> None:
    assert names.repeats("Acute myocardial infarction", "heart attack")
    assert names.repeats("Flumbert disease", "flumbert disease")
    assert not names.repeats("Diabetic ketoacidosis", "Hyperosmolar hyperglycaemic state")
    assert not names.repeats("Flumbert disease", "Humbert disease")


def test_every_gold_name_is_its_own_diagnosis(
    cases: tuple[CuratedCase, ...], names: NameTable
) -> None:
    for case in cases:
        tiers = case.tiers
        named = (tiers.most_likely, *tiers.possible, tiers.unlikely_but_serious)
        targets = [Target(one.name, one.icd10, one.accept) for one in named]
        for place, one in enumerate(named):
            assert names.find(one.name, targets) == {place}, (case.id, one.name)
            assert names.codes_of(one.name)
        for some in tiers.alternates.by_tier().values():
            assert all(names.codes_of(name) for one in some for name in (one.name, *one.accept))
