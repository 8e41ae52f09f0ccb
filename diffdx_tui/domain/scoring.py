"""One output against one gold answer.

Role: the content metrics as a pure function of (raw output, gold).  Screen, evaluation and paper
call :func:`score_output` and :func:`diffdx_tui.domain.metrics.measure` and nothing else, so they
show the same number.  What each metric means stands in
:data:`diffdx_tui.domain.metrics.DEFINITIONS`; choices worth arguing about are argued for below.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from diffdx_tui.domain.curated import CuratedCase, Named
from diffdx_tui.domain.diagnosis import normalise_name, split_tier
from diffdx_tui.domain.differential import (
    UNFINISHED,
    AnyDifferential,
    Slot,
    Variant,
    fields_of,
    texts_of,
)
from diffdx_tui.domain.grounding import (
    Claim,
    Grounding,
    KnownFacts,
    asserted_findings,
    ground,
    known_facts,
)
from diffdx_tui.domain.knowledge import Condition
from diffdx_tui.domain.metrics import CaseScore, Metric, UnmatchedName
from diffdx_tui.domain.naming import NameTable, Target
from diffdx_tui.domain.verdict import judge
from diffdx_tui.domain.workup import names_test

FOURTH = Slot("unlikely_but_serious")
WORKUP = Slot("recommended_workup")
TIERS = (Slot("most_likely"), Slot("possible", 0), Slot("possible", 1), FOURTH)
SHARED_FIELDS = frozenset(fields_of(Variant.B)) & frozenset(fields_of(Variant.C))
"""What all three variants have: the ground on which they can be compared."""


@dataclass(frozen=True, slots=True)
class Gold:
    """What an output is held against; external sets leave out what they do not have.

    Attributes:
        also_first: other diagnoses that are accepted in the first tier.
        also_possible: others that are accepted in the second.
        also_fourth: others that are accepted as the must-not-miss.
        emergency: whether the leading diagnosis is one.
        present: annotated findings.
        absent: annotated findings.
        tests: required tests; empty if the set names none.
    """

    id: str
    vignette: str
    most_likely: Target
    group: str = ""
    pair: str | None = None
    domain: str = ""
    age: float | None = None
    sex: str | None = None
    emergency: bool = False
    possible: tuple[Target, ...] = ()
    fourth: Target | None = None
    also_first: tuple[Target, ...] = ()
    also_possible: tuple[Target, ...] = ()
    also_fourth: tuple[Target, ...] = ()
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    tests_avoided: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[Target, ...]:
        """All diagnoses of the case: the gold ones, the leading one first, then the alternates.

        All of them, because a name that is one's own must not count for another by its code: an
        accepted alternate in the first tier is no right leading diagnosis.
        """
        fourth = () if self.fourth is None else (self.fourth, *self.also_fourth)
        return (self.most_likely, *self.possible, *fourth, *self.also_first, *self.also_possible)

    @property
    def alternatives(self) -> frozenset[int]:
        """Places in :attr:`targets` of the possible diagnoses and their alternates."""
        end = len(self.targets)
        also = range(end - len(self.also_possible), end)
        return frozenset((*range(1, 1 + len(self.possible)), *also))

    @property
    def dangers(self) -> frozenset[int]:
        """Places in :attr:`targets` of the must-not-miss diagnosis and its alternates."""
        if self.fourth is None:
            return frozenset()
        start = 1 + len(self.possible)
        return frozenset(range(start, start + 1 + len(self.also_fourth)))


def gold_of(case: CuratedCase) -> Gold:
    """The gold answer of a curated row."""
    tiers, also = case.tiers, case.tiers.alternates
    return Gold(
        id=case.id,
        vignette=case.vignette,
        most_likely=_target(tiers.most_likely),
        group=case.group,
        pair=case.pair,
        domain=case.domain,
        age=case.age,
        sex=case.sex,
        emergency=case.acuity == "emergency",
        possible=tuple(map(_target, tiers.possible)),
        fourth=_target(tiers.unlikely_but_serious),
        also_first=tuple(map(_target, also.most_likely)),
        also_possible=tuple(map(_target, also.possible)),
        also_fourth=tuple(map(_target, also.unlikely_but_serious)),
        present=case.present,
        absent=case.absent,
        tests=case.tests_required,
        tests_avoided=case.tests_avoided,
    )


def _target(named: Named) -> Target:
    return Target(named.name, named.icd10, named.accept)


def score_output(
    raw: str,
    gold: Gold,
    variant: Variant,
    names: NameTable,
    fields: Collection[str] | None = None,
) -> CaseScore:
    """Score the text a model wrote.

    Args:
        raw: the whole output.
        gold: what it is held against.
        variant: the schema it was asked for.
        names: the table of diagnoses.
        fields: grade these fields only (:data:`SHARED_FIELDS` compares the variants); all of the
            variant's by default.  Adherence and echo are judged on the whole output in any case.
    """
    judgement = judge(raw, variant, gold.vignette)
    verdict, differential = judgement.verdict, judgement.differential
    graded = frozenset(fields_of(variant))
    graded &= graded if fields is None else frozenset(fields)
    values: dict[Metric, bool | float] = {
        Metric.SCH_STRICT: verdict.strict,
        Metric.SCH_LENIENT: verdict.lenient,
        Metric.ECHO: verdict.echo_exact,
        Metric.ECHO_WORDS: verdict.echo or 0.0,
    }
    texts = _graded_texts(differential, graded)
    tiers = {slot: split_tier(text).diagnosis for slot, text in texts.items() if slot in TIERS}
    tiers = {slot: name for slot, name in tiers.items() if normalise_name(name)}
    found = {slot: names.find(name, gold.targets) for slot, name in tiers.items()}
    values |= _rank_leading(found, graded)
    if gold.possible:
        values[Metric.POSS] = any(found.get(slot, set()) & gold.alternatives for slot in TIERS[1:3])
    values |= _judge_fourth(tiers, found, gold, names, graded)
    missed = _danger_missed(found, gold, names, graded)
    if missed is not None:
        values[Metric.DANGER_MISS] = missed
    if gold.tests and WORKUP.field in graded:
        values[Metric.WORK] = _works_up(texts.get(WORKUP, ""), gold)
    if differential is None:
        return CaseScore(gold.id, gold.group or gold.id, gold.pair, gold.domain, values)
    values[Metric.INV] = _repeats_itself(tiers, names)
    claims = _claims(texts)
    facts = _facts_of(gold)
    denied = tuple(claim for claim in claims if ground(claim, facts) is Grounding.DENIED)
    unsaid = tuple(claim for claim in claims if ground(claim, facts) is Grounding.UNSAID)
    values |= {Metric.NEG: bool(denied), Metric.UNG: bool(unsaid)}
    return CaseScore(
        case=gold.id,
        group=gold.group or gold.id,
        pair=gold.pair,
        domain=gold.domain,
        values=values,
        fourth=_disease_key(tiers.get(FOURTH, ""), names),
        first=_disease_key(tiers.get(TIERS[0], ""), names),
        unmatched=_unmatched(tiers, found, names),
        denied=denied,
        ungrounded=unsaid,
        claims=len(claims),
    )


def _graded_texts(differential: AnyDifferential | None, graded: Collection[str]) -> dict[Slot, str]:
    if differential is None:
        return {}
    return {
        slot: text
        for slot, text in texts_of(differential).items()
        if slot.field in graded and text.strip() != UNFINISHED
    }


# ------------------------------------------------------------------- the leading diagnosis


def _rank_leading(
    found: Mapping[Slot, frozenset[int]], graded: Collection[str]
) -> dict[Metric, bool | float]:
    """Where the gold leading diagnosis stands.

    MRR ranks over the tiers that are graded, so on shared fields it ends at rank three.  ANY4 asks
    for four tiers and does not apply without the fourth.
    """
    ranks = [rank for rank, slot in enumerate(TIERS, start=1) if 0 in found.get(slot, ())]
    rank = min(ranks, default=0)
    values: dict[Metric, bool | float] = {
        Metric.ACC1: rank == 1,
        Metric.ACC3: 1 <= rank <= 3,
        Metric.MRR: 1 / rank if rank else 0.0,
    }
    if FOURTH.field in graded:
        values[Metric.ANY4] = rank > 0
    return values


# ------------------------------------------------------------------- the must-not-miss


def _judge_fourth(
    tiers: Mapping[Slot, str],
    found: Mapping[Slot, frozenset[int]],
    gold: Gold,
    names: NameTable,
    graded: Collection[str],
) -> dict[Metric, bool | float]:
    """MNM-recall and MNM-plaus, where gold and output both have the tier."""
    if gold.fourth is None or FOURTH.field not in graded:
        return {}
    recalled = bool(found.get(FOURTH, frozenset()) & gold.dangers)
    plausible = recalled or _plausible_danger(tiers, found, gold, names)
    return {Metric.MNM_RECALL: recalled, Metric.MNM_PLAUS: plausible}


def _plausible_danger(
    tiers: Mapping[Slot, str],
    found: Mapping[Slot, frozenset[int]],
    gold: Gold,
    names: NameTable,
) -> bool:
    """A danger that a teacher could accept though the gold answer has another one.

    It is no repetition of the output's own tiers, fits the patient's age and sex, and is either a
    diagnosis of the gold answer that is an emergency, or one that the knowledge base lists as a
    dangerous alternative of a diagnosis in the gold answer (accepted alternates not counted).
    """
    name = tiers.get(FOURTH, "")
    if not name or any(
        names.repeats(name, other) for slot, other in tiers.items() if slot != FOURTH
    ):
        return False
    if not all(_fits(entry, gold) for entry in names.conditions_of(name)):
        return False
    known = gold.dangers.union(range(1 + len(gold.possible)))
    if any(_is_emergency(gold.targets[place], gold, names) for place in found[FOURTH] & known):
        return True
    listed = [
        Target(danger.name, danger.icd10)
        for target in gold.targets[: 2 + len(gold.possible)]
        for entry in names.conditions_of(target.name)
        for danger in entry.dangerous
    ]
    return bool(names.find(name, listed))


def _fits(entry: Condition, gold: Gold) -> bool:
    """Whether *entry* can befall a patient of the case's age and sex; unknown ones can."""
    young_or_old = gold.age is not None and not entry.ages.min <= gold.age <= entry.ages.max
    other_sex = entry.sex in ("female", "male") and gold.sex not in (None, entry.sex)
    return not young_or_old and not other_sex


def _is_emergency(target: Target, gold: Gold, names: NameTable) -> bool:
    """The row says so of its leading diagnosis; of others, the knowledge base.

    A diagnosis without an entry of its own is one if the knowledge base lists it as dangerous.
    """
    if target == gold.most_likely:
        return gold.emergency
    entries = names.conditions_of(target.name)
    if entries:
        return any(entry.acuity == "emergency" for entry in entries)
    return names.is_listed_danger(target.name)


def _danger_missed(
    found: Mapping[Slot, frozenset[int]],
    gold: Gold,
    names: NameTable,
    graded: Collection[str],
) -> bool | None:
    """Whether an emergency of the case is named nowhere; ``None`` if it has none.

    The emergencies are the leading diagnosis of a row of that acuity, and the must-not-miss one if
    the knowledge base rates it so; for that an accepted alternate will do.  Without a fourth field
    only the first is asked for, in the fields there are.
    """
    named = frozenset[int]().union(*found.values())
    missed = [0 not in named] if gold.emergency else []
    fourth = gold.fourth if FOURTH.field in graded else None
    if fourth is not None and _is_emergency(fourth, gold, names):
        missed.append(not named & gold.dangers)
    return any(missed) if missed else None


def _disease_key(name: str, names: NameTable) -> str:
    """One key for all names of a disease, as far as they are known."""
    entries = names.conditions_of(name)
    if entries:
        return entries[0].id
    return "/".join(sorted(names.codes_of(name))) or normalise_name(name)


# ------------------------------------------------------------------- the rest


def _repeats_itself(tiers: Mapping[Slot, str], names: NameTable) -> bool:
    diagnoses = list(tiers.values())
    return any(
        names.repeats(one, other)
        for place, one in enumerate(diagnoses)
        for other in diagnoses[place + 1 :]
    )


def _unmatched(
    tiers: Mapping[Slot, str], found: Mapping[Slot, frozenset[int]], names: NameTable
) -> tuple[UnmatchedName, ...]:
    return tuple(
        UnmatchedName(slot.name, name)
        for slot, name in tiers.items()
        if not found[slot] and not names.codes_of(name)
    )


def _works_up(workup: str, gold: Gold) -> bool:
    asked = any(names_test(workup, test) for test in gold.tests)
    return asked and not any(names_test(workup, test) for test in gold.tests_avoided)


def _claims(texts: Mapping[Slot, str]) -> list[Claim]:
    return [
        claim
        for slot, text in texts.items()
        if slot in TIERS
        for claim in _asserted(split_tier(text).reasoning)
    ]


@lru_cache(maxsize=4096)
def _asserted(rationale: str) -> tuple[Claim, ...]:
    """As read, once: arms repeat themselves and results are scored again."""
    return asserted_findings(rationale)


@lru_cache(maxsize=512)
def _facts_of(gold: Gold) -> KnownFacts:
    return known_facts(gold.vignette, gold.present, gold.absent)
