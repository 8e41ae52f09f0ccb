"""Claims of a rationale: what is one, and what the case says of it."""

from __future__ import annotations

import pytest

from diffdx_tui.domain.grounding import Grounding, asserted_findings, ground, known_facts

CASE = (
    "45-year-old man, worst headache of his life since this morning, vomited twice, neck feels "
    "stiff. No fever, no rash. T 36.8, BP 150/90, sats 97% on air. His mother had migraine."
)


def judged(rationale: str, case: str = CASE) -> dict[str, Grounding]:
    facts = known_facts(case)
    return {claim.finding: ground(claim, facts) for claim in asserted_findings(rationale)}


def test_the_reference_cards_own_mistake() -> None:
    """Its model argued "fever" for a case that denies it."""
    found = judged("fever, neck stiffness and vomiting suggest inflamed meninges")
    assert found["fever"] is Grounding.DENIED
    assert found["neck-stiffness"] is Grounding.STATED
    assert found["vomiting"] is Grounding.STATED


def test_a_finding_that_nobody_mentioned() -> None:
    assert judged("photophobia and vomiting")["photophobia"] is Grounding.UNSAID


@pytest.mark.parametrize(
    "rationale",
    [
        "fever would be expected",
        "it usually comes with fever",
        "vomiting fits, but there is no fever",
        "a rash can follow within hours",
        "fever is missing, although he is ill",
        "vomiting rather than fever led",
        "if fever develops it moves up",
    ],
)
def test_what_is_no_statement_is_no_claim(rationale: str) -> None:
    assert not {"fever", "rash"} & judged(rationale).keys()


def test_doubt_in_one_clause_leaves_the_next_alone() -> None:
    found = judged("a bleed would not be gradual, but fever points elsewhere")
    assert found == {"fever": Grounding.DENIED}


def test_the_cases_own_words_are_grounded() -> None:
    case = "Woman of 60 whose ankles swelled over a week. Puffing on the hill, frothy pink spit."
    assert judged("pink froth on the hill", case) == {"frothy-sputum": Grounding.STATED}


def test_a_number_denies_only_when_it_is_clear_of_the_bound() -> None:
    rationale = "low fever and loss of appetite"
    assert judged(rationale, "Man, 30. T 37.9.")["fever"] is Grounding.STATED
    assert judged(rationale, "Man, 30. T 36.6.")["fever"] is Grounding.DENIED


def test_annotation_adds_to_the_text_and_wins() -> None:
    claims = asserted_findings("photophobia with fever")
    facts = known_facts(CASE, present=("photophobia", "fever"))
    assert {ground(claim, facts) for claim in claims} == {Grounding.STATED}
    facts = known_facts(CASE, absent=("photophobia",))
    assert ground(claims[0], facts) is Grounding.DENIED


def test_an_onset_or_degree_of_what_is_stated_is_no_falsehood() -> None:
    facts = known_facts("Woman, 80, muddled today.", present=("confusion", "exertional-dyspnoea"))
    claims = asserted_findings("new confusion and breathlessness")
    assert [ground(claim, facts) for claim in claims] == [Grounding.STATED] * 2


def test_annotated_history_is_not_widened() -> None:
    facts = known_facts("Man, 30, well.", present=("previous-vomiting", "family-history-of-rash"))
    assert "vomiting" not in facts.stated


def test_denying_the_broad_denies_the_narrow() -> None:
    assert judged("high fever since noon")["high-fever"] is Grounding.DENIED
