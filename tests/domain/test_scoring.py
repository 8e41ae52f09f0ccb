"""One output against one gold answer: every metric right, wrong, not asked and unanswerable."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffdx_tui.domain.curated import CuratedCase
from diffdx_tui.domain.differential import Slot, Variant, fields_of, render, texts_of
from diffdx_tui.domain.metrics import LOWER_IS_BETTER, CaseScore, Metric, measure
from diffdx_tui.domain.naming import NameTable, Target
from diffdx_tui.domain.scoring import SHARED_FIELDS, Gold, gold_of, score_output

VIGNETTE = (
    "Man of 60, ex-smoker, crushing chest pain for an hour, sweating, vomited once. No fever. "
    "BP 150/90, pulse 96, sats 97% on air. ECG: ST elevation in II, III and aVF."
)
GOLD = Gold(
    id="case",
    vignette=VIGNETTE,
    most_likely=Target("Acute myocardial infarction", "I21", ("heart attack", "STEMI")),
    domain="cardiac",
    age=60,
    sex="male",
    emergency=True,
    possible=(Target("Acute pericarditis", "I30"), Target("Myocarditis", "I40")),
    fourth=Target("Aortic dissection", "I71.0", ("acute aortic syndrome",)),
    also_first=(Target("Takotsubo syndrome", "I42.8", ("stress cardiomyopathy",)),),
    also_possible=(Target("Panic attack", "F41.0"), Target("Pneumonia", "J18")),
    also_fourth=(Target("Pulmonary embolism", "I26", ("PE",)),),
    tests=("ECG", "troponin"),
    tests_avoided=("D-dimer",),
)
TEXTS = {
    Slot("symptoms"): VIGNETTE,
    Slot("most_likely"): "Acute myocardial infarction - crushing chest pain with ST elevation.",
    Slot("possible", 0): "Acute pericarditis - chest pain, but no rub.",
    Slot("possible", 1): "Myocarditis - chest pain with sweating.",
    Slot("unlikely_but_serious"): "Aortic dissection - a tear could reach the coronary.",
    Slot("recommended_workup"): "Repeat ECG and send troponin.",
}


def scored(
    names: NameTable, variant: Variant = Variant.A, gold: Gold = GOLD, **texts: str
) -> CaseScore:
    """The score of the right answer with some slots (``most_likely``, ``possible0``) changed."""
    slots = {slot.name.replace("[", "").replace("]", ""): slot for slot in TEXTS}
    changed = {**TEXTS, **{slots[name]: text for name, text in texts.items()}}
    return score_output(render(variant, changed), gold, variant, names)


def test_the_right_answer_is_right_in_everything(names: NameTable) -> None:
    score = scored(names)
    assert {m: v for m, v in score.values.items() if bool(v) is (m in LOWER_IS_BETTER)} == {}
    assert (score.unmatched, score.denied, score.ungrounded) == ((), (), ())
    assert score.claims > 0


def test_every_gold_answer_is_perfect_in_every_metric(
    cases: tuple[CuratedCase, ...], names: NameTable
) -> None:
    scores = [
        score_output(render(Variant.A, texts_of(case.answer)), gold_of(case), Variant.A, names)
        for case in cases
    ]
    assert [(score.case, score.ungrounded) for score in scores if score.ungrounded] == []
    assert sum(score.claims for score in scores) > 2 * len(cases)  # or nothing was read at all
    for metric, figure in measure(scores).items():
        assert figure.n > 0, metric
        assert figure.k == (0 if metric in LOWER_IS_BETTER else figure.n), metric


@pytest.mark.parametrize(
    ("texts", "rank"),
    [
        ({"most_likely": "Heart attack: chest pain"}, 1),
        ({"most_likely": "Myocarditis - x", "possible1": "STEMI - x"}, 3),
        ({"most_likely": "Acute pericarditis - x", "possible0": "acute MI - x"}, 2),
        ({"most_likely": "Costochondritis - x", "unlikely_but_serious": "heart attack - x"}, 4),
        ({"most_likely": "Costochondritis - x"}, 0),
        ({"most_likely": "Flumbert disease - x"}, 0),
    ],
)
def test_rank_of_the_leading_diagnosis(names: NameTable, texts: dict[str, str], rank: int) -> None:
    values = scored(names, **texts).values
    assert values[Metric.ACC1] is (rank == 1)
    assert values[Metric.ACC3] is (1 <= rank <= 3)
    assert values[Metric.ANY4] is (rank > 0)
    assert values[Metric.MRR] == pytest.approx(1 / rank if rank else 0)


@pytest.mark.parametrize(
    ("one", "other", "right"),
    [
        ("Acute pericarditis", "Migraine", True),
        ("Flumbert disease", "Myocarditis", True),
        ("Pneumonia", "Migraine", True),
        ("(unfinished)", "panic attack", True),
        ("Migraine", "Takotsubo syndrome", False),  # accepted, but higher
        ("PE", "Aortic dissection", False),
        ("Heart attack", "Flumbert disease", False),
    ],
)
def test_one_of_the_possible_is_gold_or_accepted(
    names: NameTable, one: str, other: str, right: bool
) -> None:
    values = scored(names, possible0=f"{one} - x", possible1=f"{other} - x").values
    assert values[Metric.POSS] is right


def test_an_alternates_name_is_not_the_gold_diagnosis_by_code() -> None:
    """ICD-10 has one code for both."""
    table = NameTable(codes={"paroxysmal hemicrania": ("G44.0",)})
    gold = replace(GOLD, most_likely=Target("Cluster headache", "G44.0"))
    known = replace(gold, also_possible=(Target("Paroxysmal hemicrania", "G44.0"),))
    for one, right in ((gold, True), (known, False)):
        values = scored(table, gold=one, most_likely="Paroxysmal hemicrania - x").values
        assert values[Metric.ACC1] is right


def test_alternates_of_the_upper_tiers_change_no_other_metric(names: NameTable) -> None:
    strict = replace(GOLD, also_first=(), also_possible=())
    for texts in (
        {"most_likely": "Takotsubo syndrome - x"},
        {"possible0": "Panic attack - x"},
        {"unlikely_but_serious": "Pneumonia - x"},
        {"unlikely_but_serious": "stress cardiomyopathy - x"},
    ):
        one, other = (scored(names, gold=gold, **texts).values for gold in (GOLD, strict))
        assert {**one, Metric.POSS: True} == {**other, Metric.POSS: True}


def test_an_unknown_name_is_listed_a_known_wrong_one_is_not(names: NameTable) -> None:
    score = scored(names, most_likely="Flumbert disease - x", possible0="Migraine - x")
    assert [(one.slot, one.name) for one in score.unmatched] == [
        ("most_likely", "Flumbert disease")
    ]


@pytest.mark.parametrize(
    ("fourth", "recall", "plus"),
    [
        ("Acute aortic syndrome - x", True, True),
        ("PE - x", True, True),
        ("Migraine - x", False, False),
        ("Acute pericarditis - x", False, False),  # repeats a tier of its own
        ("Ectopic pregnancy - x", False, False),  # not in a man of 60
        ("Flumbert disease - x", False, False),
    ],
)
def test_must_not_miss(names: NameTable, fourth: str, recall: bool, plus: bool) -> None:
    values = scored(names, unlikely_but_serious=fourth).values
    assert (values[Metric.MNM_RECALL], values[Metric.MNM_PLAUS]) == (recall, plus)


def test_mnm_plus_takes_what_the_knowledge_base_lists(names: NameTable) -> None:
    """And an emergency among the gold tiers, as long as the output does not repeat itself."""
    (entry,) = names.conditions_of("Acute pericarditis")
    listed = next(one.name for one in entry.dangerous if not names.find(one.name, GOLD.targets))
    values = scored(names, unlikely_but_serious=f"{listed} - x").values
    assert (values[Metric.MNM_RECALL], values[Metric.MNM_PLAUS]) == (False, True)
    values = scored(
        names,
        most_likely="Myocarditis - x",
        possible1="Pneumonia - x",
        unlikely_but_serious="STEMI - x",
    ).values
    assert values[Metric.MNM_PLAUS] is True


def test_danger_missed(names: NameTable) -> None:
    assert scored(names).values[Metric.DANGER_MISS] is False
    assert scored(names, most_likely="Reflux - x").values[Metric.DANGER_MISS] is True
    fourth = scored(names, unlikely_but_serious="Costochondritis - x")
    assert fourth.values[Metric.DANGER_MISS] is True
    moved = scored(names, possible0="PE - x", unlikely_but_serious="Costochondritis - x")
    assert moved.values[Metric.DANGER_MISS] is False
    calm = replace(GOLD, emergency=False, fourth=Target("Acute pericarditis", "I30"), possible=())
    assert Metric.DANGER_MISS not in scored(names, gold=calm).values


def test_repeating_itself(names: NameTable) -> None:
    assert scored(names, possible1="Heart attack - x").values[Metric.INV] is True
    assert scored(names, possible0="A - x", possible1="a - y").values[Metric.INV] is True
    assert scored(names, possible0="A b - x", possible1="B c - y").values[Metric.INV] is False


def test_false_and_made_up_reasons(names: NameTable) -> None:
    score = scored(names, possible0="Acute pericarditis - fever and neck stiffness.")
    assert [claim.finding for claim in score.denied] == ["fever"]
    assert [claim.finding for claim in score.ungrounded] == ["neck-stiffness"]
    assert (score.values[Metric.NEG], score.values[Metric.UNG]) == (True, True)


@pytest.mark.parametrize(
    ("workup", "right"),
    [
        ("Send cardiac enzymes.", True),
        ("No ECG needed.", False),
        ("ECG and D-dimer.", False),
        ("ECG, no D-dimer.", True),
        ("Reassure.", False),
    ],
)
def test_workup(names: NameTable, workup: str, right: bool) -> None:
    assert scored(names, recommended_workup=workup).values[Metric.WORK] is right


def test_variant_b_is_not_asked_for_the_fourth_tier(names: NameTable) -> None:
    score = scored(names, Variant.B)
    fourth = {Metric.ANY4, Metric.MNM_RECALL, Metric.MNM_PLAUS}
    assert not fourth & score.values.keys()
    assert score.values[Metric.DANGER_MISS] is False  # the leading emergency is still asked for
    assert score.values[Metric.WORK] is True
    assert measure([score])[Metric.BOIL].n == 0


def test_variant_c_is_not_asked_for_the_workup(names: NameTable) -> None:
    score = scored(names, Variant.C)
    assert Metric.WORK not in score.values
    assert score.values[Metric.MNM_RECALL] is True


def test_all_variants_are_asked_the_same_on_shared_fields(names: NameTable) -> None:
    content = []
    for variant in Variant:
        raw = render(variant, TEXTS)
        content.append(score_output(raw, GOLD, variant, names, SHARED_FIELDS))
    assert content[0].values == content[1].values == content[2].values
    assert {"symptoms", "most_likely", "possible"} == SHARED_FIELDS


@pytest.mark.parametrize("raw", ["", "I cannot help.", '{"symptoms": 1}', "[" * 3000])
def test_an_output_that_cannot_be_parsed(names: NameTable, raw: str) -> None:
    values = score_output(raw, GOLD, Variant.A, names).values
    assert {metric for metric, value in values.items() if value} == {Metric.DANGER_MISS}
    assert not {Metric.INV, Metric.NEG, Metric.UNG} & values.keys()
    assert {Metric.ACC1, Metric.MNM_RECALL, Metric.WORK, Metric.ECHO} <= values.keys()


def test_text_around_the_object_breaks_strict_alone(names: NameTable) -> None:
    values = score_output(f"Sure! {render(Variant.A, TEXTS)}", GOLD, Variant.A, names).values
    assert (values[Metric.SCH_STRICT], values[Metric.SCH_LENIENT]) == (False, True)
    assert values[Metric.ACC1] is True


def test_echo_by_byte_and_by_word(names: NameTable) -> None:
    values = scored(names, symptoms=VIGNETTE.replace("vomited", "was sick")).values
    assert values[Metric.ECHO] is False
    assert 0.9 < values[Metric.ECHO_WORDS] < 1


def test_an_unfinished_tier_is_no_diagnosis(names: NameTable) -> None:
    score = scored(names, possible0="(unfinished)", possible1="(unfinished)")
    assert score.values[Metric.INV] is False
    assert score.unmatched == ()


def test_external_gold_leaves_out_what_it_lacks(names: NameTable) -> None:
    bare = Gold(id="x", vignette=VIGNETTE, most_likely=GOLD.most_likely)
    values = scored(names, gold=bare).values
    absent = {Metric.MNM_RECALL, Metric.MNM_PLAUS, Metric.DANGER_MISS, Metric.WORK}
    assert not (absent | {Metric.POSS}) & values.keys()
    assert values[Metric.ACC1] is True


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(3)))
def test_moving_the_leading_diagnosis_up_never_hurts(order: list[int]) -> None:
    """ACC1 implies ACC3 implies ANY4, and MRR follows the place."""
    table = NameTable()
    diagnoses = ["Acute myocardial infarction - x", "Acute pericarditis - x", "Myocarditis - x"]
    one, two, three = (diagnoses[place] for place in order)
    values = scored(table, most_likely=one, possible0=two, possible1=three).values
    assert values[Metric.ACC3] is values[Metric.ANY4] is True
    assert values[Metric.MRR] == pytest.approx(1 / (order.index(0) + 1))
    assert values[Metric.ACC1] is (order[0] == 0)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80), st.sampled_from(list(Variant)))
def test_any_text_scores(text: str, variant: Variant) -> None:
    document = {name: [text, text] if name == "possible" else text for name in fields_of(variant)}
    for raw in (text, json.dumps(document)):
        score = score_output(raw, GOLD, variant, NameTable())
        assert all(0 <= value <= 1 for value in score.values.values())
        assert score.values[Metric.SCH_LENIENT] >= score.values[Metric.SCH_STRICT]
