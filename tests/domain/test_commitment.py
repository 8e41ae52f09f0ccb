"""A reader's diagnoses are matched by known names, and never by guessing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from diffdx_tui.config import data_directory
from diffdx_tui.domain.commitment import (
    DIAGNOSES,
    MAX_CHARACTERS,
    CommitmentRefused,
    case_sha256,
    commit,
    give_up,
)
from diffdx_tui.domain.commitment_match import Match, Standing, judge, standing_of
from diffdx_tui.domain.curated import Alternates, CuratedCase, Named, read_curated
from diffdx_tui.domain.differential import Slot
from diffdx_tui.domain.knowledge import read_knowledge
from diffdx_tui.domain.naming import NameTable

NOW = datetime(2024, 5, 6, tzinfo=UTC)
FIRST, SERIOUS = Slot("most_likely"), Slot("unlikely_but_serious")
POSSIBLE = Slot("possible", 0)


@pytest.fixture(scope="module")
def cases() -> tuple[CuratedCase, ...]:
    return read_curated(data_directory() / "vignettes.jsonl")


@pytest.fixture(scope="module")
def case(cases: tuple[CuratedCase, ...]) -> CuratedCase:
    """One with alternates in every tier, as a teacher might accept them."""
    case = next(case for case in cases if case.tiers.alternates.unlikely_but_serious)
    also = case.tiers.alternates.model_copy(
        update={
            "most_likely": (Named(name="Takotsubo syndrome", icd10="I42.8"),),
            "possible": (Named(name="Panic attack", icd10="F41.0", accept=("anxiety attack",)),),
        }
    )
    return case.model_copy(update={"tiers": case.tiers.model_copy(update={"alternates": also})})


@pytest.fixture(scope="module")
def names(cases: tuple[CuratedCase, ...]) -> NameTable:
    return NameTable.build(read_knowledge(data_directory() / "knowledge"), cases)


def matches(case: CuratedCase, names: NameTable, texts: dict[Slot, str]) -> dict[Slot, Match]:
    return {one.slot: one.match for one in judge(case, commit(case, texts, NOW), names)}


def test_each_kind_of_match(case: CuratedCase, names: NameTable) -> None:
    tiers = case.tiers
    texts = {
        FIRST: f"{tiers.most_likely.accept[0]} - because I say so",
        POSSIBLE: tiers.unlikely_but_serious.name,
        Slot("possible", 1): "complete nonsense disease",
        SERIOUS: tiers.alternates.unlikely_but_serious[0].name.upper(),
    }
    found = matches(case, names, texts)
    assert found == {
        FIRST: Match.SAME,
        POSSIBLE: Match.ELSEWHERE,
        Slot("possible", 1): Match.UNKNOWN,
        SERIOUS: Match.ALTERNATE,
    }
    danger = tiers.alternates.unlikely_but_serious[0].name
    found = matches(case, names, {FIRST: "Psoriasis", POSSIBLE: danger})
    assert found[FIRST] is Match.DIFFERENT and found[POSSIBLE] is Match.DIFFERENT
    assert found[SERIOUS] is Match.EMPTY


def test_alternates_count_in_their_own_tier_alone(case: CuratedCase, names: NameTable) -> None:
    first, possible = "takotsubo syndrome - after a shock", "Anxiety attack"
    found = matches(case, names, {FIRST: first, POSSIBLE: possible, SERIOUS: possible})
    assert found[FIRST] is found[POSSIBLE] is Match.ALTERNATE
    assert found[SERIOUS] is Match.DIFFERENT
    assert matches(case, names, {FIRST: possible})[FIRST] is Match.DIFFERENT


def test_every_alternate_is_accepted_in_its_own_tier(
    cases: tuple[CuratedCase, ...], names: NameTable
) -> None:
    asked = 0
    for case in cases:
        for field, some in case.tiers.alternates.by_tier().items():
            slot = POSSIBLE if field == "possible" else Slot(field)
            for one in some:
                found = matches(case, names, {FIRST: "x", slot: one.name})
                assert found[slot] is Match.ALTERNATE, (case.id, one.name)
                asked += 1
    assert asked > len(cases)


def test_a_gold_diagnosis_of_the_tier_goes_before_an_alternate(
    case: CuratedCase, names: NameTable
) -> None:
    """Where a name is known by its code alone, and both have it."""
    gold = case.tiers.most_likely
    also = Alternates(most_likely=(Named(name="Another name", icd10=gold.icd10),))
    both = case.model_copy(update={"tiers": case.tiers.model_copy(update={"alternates": also})})
    known = NameTable(codes={"by code": (gold.icd10,)})
    assert matches(both, known, {FIRST: "By code"})[FIRST] is Match.SAME


def test_the_order_of_the_possible_does_not_matter(case: CuratedCase, names: NameTable) -> None:
    one, two = case.tiers.possible
    texts = {FIRST: "x", POSSIBLE: two.name, Slot("possible", 1): one.name}
    found = matches(case, names, texts)
    assert found[POSSIBLE] is found[Slot("possible", 1)] is Match.SAME


def test_every_gold_answer_is_right_by_its_own_names(
    cases: tuple[CuratedCase, ...], names: NameTable
) -> None:
    for case in cases:
        tiers = case.tiers
        texts = {FIRST: tiers.most_likely.name, SERIOUS: tiers.unlikely_but_serious.name}
        texts |= {Slot("possible", n): one.name for n, one in enumerate(tiers.possible)}
        judged = judge(case, commit(case, texts, NOW), names)
        assert {one.match for one in judged} == {Match.SAME}, case.id


def test_standings(case: CuratedCase, names: NameTable) -> None:
    def standing(first: str) -> Standing:
        commitment = commit(case, {FIRST: first}, NOW)
        return standing_of(judge(case, commitment, names), commitment)

    assert standing_of(None, None) is Standing.TO_DO
    assert standing_of(None, give_up(case, NOW)) is Standing.SHOWN
    assert standing(case.tiers.most_likely.name) is Standing.RIGHT
    assert standing(case.tiers.alternates.most_likely[0].name) is Standing.RIGHT
    assert standing("Psoriasis") is Standing.DIFFERS
    assert standing("blorb") is Standing.UNCLEAR


@pytest.mark.parametrize("texts", [{}, {FIRST: " \n"}, {SERIOUS: "MI"}])
def test_a_first_diagnosis_is_needed(case: CuratedCase, texts: dict[Slot, str]) -> None:
    with pytest.raises(CommitmentRefused, match="most likely"):
        commit(case, texts, NOW)


def test_long_texts_are_refused(case: CuratedCase) -> None:
    with pytest.raises(CommitmentRefused, match="characters"):
        commit(case, {FIRST: "x" * (MAX_CHARACTERS + 1)}, NOW)


def test_the_hash_is_of_question_and_gold(cases: tuple[CuratedCase, ...]) -> None:
    assert len({case_sha256(case) for case in cases}) == len(cases)
    case = cases[0]
    assert case_sha256(case.model_copy(update={"reviews": ()})) == case_sha256(case)
    reworded = case.answer.model_copy(update={"recommended_workup": "nothing"})
    assert case_sha256(case.model_copy(update={"answer": reworded})) != case_sha256(case)
    assert len(DIAGNOSES) == 4
