"""What stands beside the text: findings, pairs, tests, reviews.

Role: the checks of a row's metadata against its answer, its twin, the lexicon and the review
record.
"""

from __future__ import annotations

from functools import lru_cache

from diffdx_tui.domain.curated import CuratedCase
from diffdx_tui.domain.knowledge import Condition
from diffdx_tui.domain.lexicon import read_lexicon
from trainer.data.material import WHOLE_SET, Fault, Material

REVIEWERS = ("r1", "r2")
LATER_REVIEWERS = ("r3", "r4")
"""Who read again, in full, the rows that were edited after their first two reviews."""
ROUND_TWO = ("r5", "r6")
"""Who judged the alternates of every row, and in full the rows changed since their last review."""
_RECORDS = (REVIEWERS + ROUND_TWO, REVIEWERS + LATER_REVIEWERS + ROUND_TWO)
PAIRS = (30, 40)
_CHECKS = range(1, 11)
ALTERNATE_CHECK = 8
"""The check that a faulty alternate fails: codes and accepted names."""
KNOWN_SHARE = 0.4
"""Share of a row's finding ids that lexicon or knowledge base must know."""


def check_findings(material: Material) -> list[Fault]:
    """``finding-ids``: each once, spelt as the lexicon spells it, enough of them known to it.

    Ids that only one case needs are the row's own; an id that differs from a known one by a plural
    or the order of its words is a slip.
    """
    known = known_ids(material.knowledge)
    spelt = {_spelling(one): one for one in known}
    faults = []
    for case in material.answered:
        ids = (*case.present, *case.absent)
        for one in sorted(set(ids)):
            if ids.count(one) > 1:
                faults.append(Fault(case.id, "finding-ids", f"{one} comes twice"))
            usual = spelt.get(_spelling(one), one)
            if one not in known and usual != one:
                faults.append(Fault(case.id, "finding-ids", f"{one}: the lexicon has {usual}"))
        share = sum(one in known for one in ids) / len(ids)
        if share < KNOWN_SHARE:
            faults.append(Fault(case.id, "finding-ids", f"only {share:.0%} of the ids are known"))
    return faults


def check_pairs(material: Material) -> list[Fault]:
    """``pairs``: both ways, one group, first tiers that differ, a decisive finding that flips."""
    by_id = {case.id: case for case in material.answered}
    faults = []
    for case in material.answered:
        if case.pair is None:
            continue
        twin = by_id.get(case.pair)
        if twin is None or twin.pair != case.id:
            faults.append(Fault(case.id, "pairs", f"{case.pair} does not point back"))
        elif twin.group != case.group or twin.domain != case.domain:
            faults.append(Fault(case.id, "pairs", f"another group or domain than {twin.id}"))
        elif twin.tiers.most_likely.icd10 == case.tiers.most_likely.icd10:
            faults.append(Fault(case.id, "pairs", f"the same first tier as {twin.id}"))
        elif not _flips(case, twin):
            faults.append(Fault(case.id, "pairs", f"{case.decisive} stands alike in {twin.id}"))
    return faults


def check_pair_count(material: Material) -> list[Fault]:
    """``pair-count``: 30 to 40 minimal pairs in the set."""
    pairs = sum(case.pair is not None for case in material.cases) / 2
    low, high = PAIRS
    if low <= pairs <= high:
        return []
    return [Fault(WHOLE_SET, "pair-count", f"{pairs:g} pairs, not {low} to {high}")]


def check_tests(material: Material) -> list[Fault]:
    """``tests``: the workup asks for every required test; none is also to be avoided."""
    faults = []
    for case in material.answered:
        workup = case.answer.recommended_workup.casefold()
        faults += [
            Fault(case.id, "tests", f"the workup lacks {test}")
            for test in case.tests_required
            if test.casefold() not in workup
        ]
        both = {one.casefold() for one in case.tests_required}
        both &= {one.casefold() for one in case.tests_avoided}
        faults += [Fault(case.id, "tests", f"{one} is required and avoided") for one in both]
    return faults


def check_source(material: Material) -> list[Fault]:
    """``source``: a web address where the illness script can be read up."""
    return [
        Fault(case.id, "source", case.source.url)
        for case in material.answered
        if not case.source.url.startswith("https://")
    ]


def check_reviews(material: Material) -> list[Fault]:
    """``reviews``: r1, r2, r5, r6, perhaps r3 and r4, and what was done about all that failed."""
    faults = []
    for case in material.cases:
        names = tuple(review.reviewer for review in case.reviews)
        if names not in _RECORDS:
            message = "not reviewed by r1, r2, r5 and r6, or by r1 to r6, each once in order"
            faults.append(Fault(case.id, "reviews", message))
        for review in case.reviews:
            if review.failed and not review.resolution.strip():
                faults.append(Fault(case.id, "reviews", f"{review.reviewer}: nothing resolved"))
            if any(one not in _CHECKS for one in review.failed):
                faults.append(Fault(case.id, "reviews", f"{review.reviewer}: no such check"))
            if review.alternates_failed and ALTERNATE_CHECK not in review.failed:
                message = f"{review.reviewer}: an alternate failed, check {ALTERNATE_CHECK} did not"
                faults.append(Fault(case.id, "reviews", message))
    return faults


@lru_cache(maxsize=2)
def known_ids(knowledge: tuple[Condition, ...]) -> frozenset[str]:
    """Finding ids of the lexicon and the knowledge base."""
    ids = set(read_lexicon().entries)
    for condition in knowledge:
        ids.update(finding.id for finding in condition.findings)
        ids.update(finding.id for finding in condition.negatives)
    return frozenset(ids)


def _spelling(finding: str) -> tuple[str, ...]:
    return tuple(sorted(word.removesuffix("s") for word in finding.split("-")))


def _flips(case: CuratedCase, twin: CuratedCase) -> bool:
    """Whether the decisive finding stands otherwise in the twin, or its own does here."""
    for one, other in ((case, twin), (twin, case)):
        if one.decisive in one.present and one.decisive not in other.present:
            return True
        if one.decisive in one.absent and one.decisive not in other.absent:
            return True
    return False
