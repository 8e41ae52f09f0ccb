"""The checks of the curated data: green on the data, and each red for its planted fault only."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from diffdx_tui.domain.curated import CuratedCase
from diffdx_tui.domain.splits import rows_sha256
from tests.trainer.data_material import FLIPPED, Row, echo_off_by_a_space, part, whole
from trainer.data import rationale
from trainer.data.material import WHOLE_SET, Fault, type_rows
from trainer.data.registry import CHECKS, run_checks
from trainer.data.statistics import describe


def checked(rows: list[Row], **changes: Any) -> list[Fault]:
    """The faults of *rows* by every check that holds for a part."""
    material = replace(whole(), raw=type_rows(rows), regression=(), **changes)
    return [fault for check in CHECKS if not check.of_set for fault in check.find(material)]


def checked_set(rows: list[Row], **changes: Any) -> list[Fault]:
    """The faults of the whole set by the checks that count over it; the hash is kept current."""
    material = replace(whole(), raw=type_rows(rows))
    if material.splits is not None:
        current = material.splits.model_copy(update={"sha256": rows_sha256(material.cases)})
        material = replace(material, splits=current)
    material = replace(material, **changes)
    return [fault for check in CHECKS if check.of_set for fault in check.find(material)]


def of(rows: list[Row], id: str) -> Row:
    return next(row for row in rows if row["id"] == id)


def say(row: Row, old: str, new: str) -> None:
    """Change the vignette and its echo."""
    assert old in row["vignette"]
    row["vignette"] = row["answer"]["symptoms"] = row["vignette"].replace(old, new)


def reason(row: Row, text: str, field: str = "most_likely") -> None:
    """Put *text* at the head of a tier's reasoning."""
    name, _, rest = row["answer"][field].partition(" - ")
    row["answer"][field] = f"{name} - {text}, {rest}"


# ------------------------------------------------------------- green on the data


def test_the_data_is_green() -> None:
    faults = [str(fault) for found in run_checks(whole()).values() for fault in found]
    assert not faults, "\n".join(faults)


def test_the_part_that_faults_are_planted_in_is_green() -> None:
    assert checked(part()) == []


def test_enough_is_read_for_the_check_of_facts_to_mean_something() -> None:
    figures = describe(replace(whole(), held_out={}))
    assert sum(figures["claims_read"].values()) > 600
    assert figures["tier_four_constant_per_domain"] < 0.25
    assert figures["finding_ids"]["known"] / figures["finding_ids"]["all"] > 0.8


def test_most_planted_denied_findings_are_caught() -> None:
    phrases = {
        finding.id: finding.rationale
        for condition in whole().knowledge
        for finding in condition.findings
    }
    planted = caught = 0
    for row in part([case.id for case in whole().cases[::3]]):
        denied = next((one for one in row["absent"] if one in phrases), None)
        if denied:
            planted += 1
            reason(row, phrases[denied])
            case = CuratedCase.model_validate_json(json.dumps(row))
            material = replace(whole(), raw=(), regression=(case,))
            found = rationale.check_asserted(material)
            caught += any(fault.rule == "fact-denied" for fault in found)
    assert planted > 60
    assert caught / planted > 0.55, f"{caught}/{planted}"


# --------------------------------------------------------------- planted in a row


def _no_acuity(row: Row) -> None:
    del row["acuity"]


def _echo_that_the_door_changes(row: Row) -> None:
    say(row, ". ", ".\r\n")


def _one_alternative(row: Row) -> None:
    row["answer"]["possible"].pop()


def _three_alternatives(row: Row) -> None:
    row["answer"]["possible"].append("Costochondritis - sore cartilage")


def _asserts_what_is_denied(row: Row) -> None:
    reason(row, "a purpuric rash and seizures")


def _asserts_what_is_not_told(row: Row) -> None:
    name = row["answer"]["most_likely"].partition(" - ")[0]
    row["answer"]["most_likely"] = (
        f"{name} - haemoptysis with fever at 39.4 °C, headache and a resisted neck in a student."
    )


def _denies_what_is_told(row: Row) -> None:
    reason(row, "no neck stiffness")


def _makes_up_a_number(row: Row) -> None:
    reason(row, "white cells of 27.3")


def _names_another_disease(row: Row) -> None:
    row["answer"]["most_likely"] = row["answer"]["most_likely"].replace(
        "Bacterial meningitis", "Viral encephalitis"
    )


def _same_disease_twice(row: Row) -> None:
    row["tiers"]["possible"][0]["accept"].append("pyogenic meningitis")
    row["tiers"]["most_likely"]["accept"].append("pyogenic meningitis")


def _code_under_the_other(row: Row) -> None:
    row["tiers"]["most_likely"]["icd10"] = "J11"
    row["tiers"]["possible"][1]["icd10"] = "J11.1"


def _no_such_code(row: Row) -> None:
    row["tiers"]["alternates"]["unlikely_but_serious"][0]["icd10"] = "U99.9"


def _gives_itself_away(row: Row) -> None:
    say(row, "Half the corridor has flu.", "Half the corridor fears bacterial meningitis.")


def _too_young(row: Row) -> None:
    row["tiers"]["possible"][1] = {"name": "Giant cell arteritis", "icd10": "M31.6", "accept": []}
    row["answer"]["possible"][1] = (
        "Giant cell arteritis - a headache with light aversion raises it, yet a resisted neck does "
        "not belong to an artery."
    )


def _other_sex(row: Row) -> None:
    row["tiers"]["possible"][1]["icd10"] = "N44"


def _pregnant_without_saying_so(row: Row) -> None:
    row["pregnant"] = True


def _another_age(row: Row) -> None:
    row["age"] = 62


def _finding_twice(row: Row) -> None:
    row["present"].append(row["present"][0])


def _finding_misspelt(row: Row) -> None:
    row["present"].append("night-sweat")


def _twin_that_does_not_exist(row: Row) -> None:
    row["pair"] = "cardiac-c99"


def _test_left_out(row: Row) -> None:
    row["tests_required"].append("bone scan")


def _test_required_and_avoided(row: Row) -> None:
    row["tests_avoided"].append(row["tests_required"][0].upper())


def _source_without_address(row: Row) -> None:
    row["source"]["url"] = "a textbook"


def _one_review(row: Row) -> None:
    row["reviews"].pop()


def _one_later_review(row: Row) -> None:
    row["reviews"].append(row["reviews"][0] | {"reviewer": "r3"})


def _first_round_alone(row: Row) -> None:
    row["reviews"] = row["reviews"][:2]


def _alternate_failed_without_its_check(row: Row) -> None:
    row["reviews"][-1] |= {"failed": [], "alternates_failed": ["Cluster headache"]}


def _nothing_resolved(row: Row) -> None:
    row["reviews"][0] |= {"failed": [5], "comment": "a fact too many", "resolution": " "}


def _thin_reasoning(row: Row) -> None:
    row["answer"]["possible"][1] = "Influenza - half the corridor has it."


def _takes_a_template(row: Row) -> None:
    phrase = next(
        text
        for condition in whole().knowledge
        for factor in condition.risk_factors
        for text in factor.lay
        if len(text.split()) > 8 and condition.domain == "dermatological"
    )
    say(row, "Half the corridor has flu.", f"She says: {phrase}.")


PLANTED: list[tuple[Callable[[Row], None], str, str]] = [
    (_no_acuity, "infectious-c10", "schema"),
    (echo_off_by_a_space, "infectious-c10", "echo"),
    (_echo_that_the_door_changes, "infectious-c10", "echo"),
    (_one_alternative, "infectious-c10", "two-alternatives"),
    (_three_alternatives, "infectious-c10", "two-alternatives"),
    (_asserts_what_is_denied, "neurological-c10", "fact-denied"),
    (_asserts_what_is_not_told, "neurological-c10", "fact-missing"),
    (_denies_what_is_told, "neurological-c10", "fact-affirmed"),
    (_makes_up_a_number, "neurological-c10", "fact-number"),
    (_names_another_disease, "neurological-c10", "tier-label"),
    (_same_disease_twice, "neurological-c10", "tiers-distinct"),
    (_code_under_the_other, "neurological-c10", "tiers-subtype"),
    (_no_such_code, "cardiac-c01", "icd-valid"),
    (_gives_itself_away, "neurological-c10", "names-itself"),
    (_too_young, "neurological-c10", "age-fit"),
    (_other_sex, "neurological-c10", "sex-fit"),
    (_pregnant_without_saying_so, "neurological-c10", "pregnancy-fit"),
    (_another_age, "cardiac-c01", "age-stated"),
    (_finding_twice, "infectious-c10", "finding-ids"),
    (_finding_misspelt, "infectious-c10", "finding-ids"),
    (_twin_that_does_not_exist, "infectious-c10", "pairs"),
    (_test_left_out, "infectious-c10", "tests"),
    (_test_required_and_avoided, "infectious-c10", "tests"),
    (_source_without_address, "infectious-c10", "source"),
    (_one_review, "infectious-c10", "reviews"),
    (_one_later_review, "infectious-c10", "reviews"),
    (_first_round_alone, "infectious-c10", "reviews"),
    (_alternate_failed_without_its_check, "infectious-c10", "reviews"),
    (_nothing_resolved, "infectious-c10", "reviews"),
    (_thin_reasoning, "neurological-c10", "length"),
    (_takes_a_template, "neurological-c10", "template-sentence"),
]


@pytest.mark.parametrize(
    ("plant", "id", "rule"), PLANTED, ids=[plant.__name__.strip("_") for plant, _, _ in PLANTED]
)
def test_a_planted_fault_is_found_by_its_rule_alone(
    plant: Callable[[Row], None], id: str, rule: str
) -> None:
    rows = part()
    plant(of(rows, id))
    found = checked(rows)
    assert found, "nothing found"
    assert {(fault.row, fault.rule) for fault in found} == {(id, rule)}, list(map(str, found))
    assert all(fault.message for fault in found)


ALSO = [
    ("Bacterial meningitis", "R51", "tiers-distinct"),  # the first tier's name
    ("Purulent meningitis", "R51", "tiers-distinct"),  # its accepted one
    ("influenza", "R51", "tiers-distinct"),  # a gold possible one
    ("Listeria infection of the meninges", "G00.9", "tiers-distinct"),  # an unspecific code
    ("Infection of the meninges", "G00", "tiers-subtype"),  # its whole category
    ("Acute bacterial meningitis of adults", "R51", "tiers-subtype"),  # by its words
    ("Migraine", "G43.99", "icd-valid"),
    ("Testicular torsion", "N44", "sex-fit"),
]


@pytest.mark.parametrize("tier", ["most_likely", "possible", "unlikely_but_serious"])
@pytest.mark.parametrize(("name", "icd10", "rule"), ALSO, ids=[name for name, *_ in ALSO])
def test_a_faulty_alternate_is_found_in_each_tier(
    tier: str, name: str, icd10: str, rule: str
) -> None:
    rows = part()
    row = of(rows, "neurological-c10")
    row["tiers"]["alternates"][tier].append({"name": name, "icd10": icd10, "accept": []})
    found = checked(rows)
    assert {(fault.row, fault.rule) for fault in found} == {("neurological-c10", rule)}
    assert all(f"{tier} alternate" in fault.message or icd10 in fault.message for fault in found)


def test_an_alternate_named_twice_is_found() -> None:
    twice = {"name": "Cluster headache", "icd10": "G44.0", "accept": []}
    for first, second in [("most_likely", "possible"), ("possible", "possible")]:
        rows = part()
        lists = of(rows, "neurological-c10")["tiers"]["alternates"]
        lists[first].append(twice)
        assert checked(rows) == []
        lists[second].append(twice)
        assert [fault.rule for fault in checked(rows)] == ["tiers-distinct"]


def test_two_diseases_of_one_subdivided_code_may_stand_side_by_side() -> None:
    """ICD-10 has C44.3 for basal and squamous cell carcinoma alike."""
    rows = part(["dermatological-c21"])
    tiers = rows[0]["tiers"]
    codes = [one["icd10"] for one in tiers["alternates"]["unlikely_but_serious"]]
    assert tiers["most_likely"]["icd10"] in codes
    assert checked(rows) == []


def test_a_twin_with_the_same_first_tier_or_finding_is_found() -> None:
    rows = part()
    first, second = (of(rows, id) for id in FLIPPED)
    second["present"].append(first["decisive"])
    second["absent"].remove(first["decisive"])
    first["present"].append(second["decisive"])
    found = {(fault.row, fault.rule) for fault in checked(rows)}
    assert found == {(id, "pairs") for id in FLIPPED}


# ---------------------------------------------------------- planted between texts


def test_a_row_that_repeats_another_is_found() -> None:
    rows = part()
    source, copied = of(rows, "abdominal-c10"), of(rows, "infectious-c10")
    sentence = "She has swigged antacid all through and says the curry did it."
    say(source, "She has swigged antacid all through.", sentence)
    say(copied, "No bowels today.", sentence)
    found = checked(rows)
    assert {fault.rule for fault in found} == {"near-duplicate", "shared-sentence"}
    assert all({*fault.row.split(" + ")} == {source["id"], copied["id"]} for fault in found)


def test_a_rationale_used_twice_is_found() -> None:
    rows = part()
    first, second = (of(rows, id) for id in ("abdominal-c10", "infectious-c10"))
    sentence = "None of this can be settled at the bedside alone."
    for row in (first, second):
        row["answer"]["unlikely_but_serious"] += f" {sentence}"
    found = checked(rows)
    assert {fault.rule for fault in found} == {"shared-sentence"}


@pytest.mark.parametrize("field", ["held_out", "external"])
def test_a_row_taken_from_another_set_is_found(field: str) -> None:
    rows = part()
    text = of(rows, "neurological-c14")["vignette"]
    found = checked(rows, **{field: {"other-1": text, "other-2": "a cut thumb, nothing else"}})
    rule = "held-out-overlap" if field == "held_out" else "external-overlap"
    assert {(fault.row, fault.rule) for fault in found} == {("neurological-c14 + other-1", rule)}


def test_external_sets_allow_no_run_of_seven_words() -> None:
    rows = part()
    run = " ".join(of(rows, "neurological-c14")["vignette"].split()[:7])
    other = f"Quite another story about a gardener, a wall and his thumb. {run}."
    found = checked(rows, external={"other-1": other})
    assert [fault.rule for fault in found] == ["external-overlap"]
    assert checked(rows, external={"other-1": other.rsplit(" ", 1)[0]}) == []


# ------------------------------------------------------------ planted in the set


def rows_of_set() -> list[Row]:
    return part([row.id for row in whole().raw])


def test_the_set_that_faults_are_planted_in_is_green() -> None:
    assert checked_set(rows_of_set()) == []


def test_too_many_alike_first_tiers_are_found() -> None:
    rows = rows_of_set()
    for row in rows[::40]:
        row["tiers"]["most_likely"]["icd10"] = "B54"
    assert {fault.rule for fault in checked_set(rows)} == {"tier-balance"}


def test_a_tier_four_that_the_domain_gives_away_is_found() -> None:
    rows = rows_of_set()
    for row in [row for row in rows if row["domain"] == "cardiac"][:8]:
        row["tiers"]["unlikely_but_serious"]["icd10"] = "I71.0"
    found = checked_set(rows)
    assert [fault.rule for fault in found] == ["tier-balance"]
    assert "cardiac" in found[0].message


@pytest.mark.parametrize(
    ("field", "value"), [("acuity", "emergency"), ("sex", "male"), ("voice", "letter")]
)
def test_a_lopsided_mix_is_found(field: str, value: str) -> None:
    rows = rows_of_set()
    for row in rows:
        if row["domain"] == "endocrine":
            row[field] = value
    found = checked_set(rows)
    assert {fault.rule for fault in found} == {"case-mix"}
    assert all("endocrine" in fault.message for fault in found)


def test_missing_ages_and_settings_are_found() -> None:
    rows = rows_of_set()
    for row in rows:
        row["age"] = max(row["age"], 2)
        row["setting"] = "ward" if row["setting"] == "ambulance" else row["setting"]
    messages = [fault.message for fault in checked_set(rows)]
    assert any("under 1" in message for message in messages)
    assert any("ambulance" in message for message in messages)


def test_too_few_pairs_are_found() -> None:
    rows = rows_of_set()
    for row in rows:
        if row["domain"] in ("cardiac", "abdominal", "endocrine"):
            row["pair"] = None
    assert {fault.rule for fault in checked_set(rows)} == {"pair-count"}


def test_a_missing_row_is_found() -> None:
    rules = {fault.rule for fault in checked_set(rows_of_set()[1:])}
    assert rules == {"row-count", "case-mix", "splits"}  # its domain and its list lack it too


def test_a_changed_letter_is_found_by_the_hash() -> None:
    rows = rows_of_set()
    rows[0]["source"]["title"] += "."
    found = checked_set(rows, splits=whole().splits)
    assert [(fault.row, fault.rule) for fault in found] == [(WHOLE_SET, "splits")]
    assert "trainer data split" in found[0].message


def test_a_pair_torn_apart_is_found() -> None:
    splits = whole().splits
    assert splits is not None
    pair = next(case for case in whole().cases if case.pair and case.id in splits.test)
    single = next(
        case
        for case in whole().cases
        if case.domain == pair.domain and case.id in splits.train and case.pair is None
    )
    swap = {pair.id: single.id, single.id: pair.id}
    torn = splits.model_copy(
        update={
            "train": tuple(swap.get(one, one) for one in splits.train),
            "test": tuple(swap.get(one, one) for one in splits.test),
        }
    )
    found = checked_set(rows_of_set(), splits=torn)
    assert {fault.rule for fault in found} == {"splits"}
    assert {fault.row for fault in found} <= {pair.id, pair.pair}


def test_a_regression_case_in_a_split_is_found() -> None:
    splits = whole().splits
    assert splits is not None
    leaked = splits.model_copy(update={"train": (*splits.train[1:], "regression-sah")})
    found = checked_set(rows_of_set(), splits=leaked)
    assert ("regression-sah", "splits") in {(fault.row, fault.rule) for fault in found}


def test_a_thin_knowledge_base_is_found() -> None:
    found = checked_set(rows_of_set(), knowledge=whole().knowledge[1:])
    assert [fault.rule for fault in found] == ["knowledge"]
