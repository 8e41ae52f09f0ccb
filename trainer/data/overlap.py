"""Is a text taken from elsewhere: another row, the knowledge base, the held-out or external sets?

Role: the near-duplicate and leakage checks, by shared word runs, 5-gram Jaccard and TF-IDF cosine
(:mod:`diffdx_tui.domain.retrieval`).  The two rows of a minimal pair are alike by design and are
not compared.  The bounds stand well above what independent texts reach; the highest values found
are written to the results file.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from diffdx_tui.domain.curated import CuratedCase
from diffdx_tui.domain.knowledge import Condition, Phrasings
from diffdx_tui.domain.retrieval import TfidfIndex, ngrams, split_terms
from trainer.data.material import Fault, Material
from trainer.data.rationale import rationales

Grams = frozenset[tuple[str, ...]]
_N = 5
_NEAREST = 5  # the row itself and its twin are among them
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What two texts may share: no run of *run* words, and below these two figures."""

    run: int
    jaccard: float
    cosine: float


WITHIN = Bounds(run=8, jaccard=0.05, cosine=0.45)
"""Between rows, and between rows and the held-out set."""
EXTERNAL = Bounds(run=7, jaccard=0.02, cosine=0.35)
"""Zero overlap: between rows and other people's sets."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two texts are: figures from 0 to 1, and a run of words that both hold, or none."""

    row: str
    other: str
    jaccard: float
    cosine: float
    run: str


def check_rows(material: Material) -> list[Fault]:
    """``near-duplicate``: vignettes of different groups, within and across splits."""
    return _judge("near-duplicate", likenesses(material.answered), WITHIN)


def check_held_out(material: Material) -> list[Fault]:
    """``held-out-overlap``: vignettes and the project's own held-out texts."""
    found = likenesses_to(material.answered, material.held_out, WITHIN)
    return _judge("held-out-overlap", found, WITHIN)


def check_external(material: Material) -> list[Fault]:
    """``external-overlap``: vignettes and every external set that is at hand."""
    found = likenesses_to(material.answered, material.external, EXTERNAL)
    return _judge("external-overlap", found, EXTERNAL)


def check_sentences(material: Material) -> list[Fault]:
    """``shared-sentence``: a sentence of five words or more in two rows.

    In vignettes of different groups, and in rationales of any two rows.
    """
    seen: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    faults = []
    for case in material.answered:
        texts = [(case.group, case.vignette)]
        texts += [(case.id, text) for _, text in rationales(case)]
        for owner, text in texts:
            for sentence in _sentences(text):
                owners = seen[sentence]
                other = next((row for own, row in owners.items() if own != owner), None)
                if other and other != case.id:
                    faults.append(
                        Fault(f"{case.id} + {other}", "shared-sentence", " ".join(sentence))
                    )
                owners[owner] = case.id
    return faults


def check_templates(material: Material) -> list[Fault]:
    """``template-sentence``: a row holds a whole knowledge-base phrase of five words or more."""
    phrases = _phrases(material.knowledge)
    faults = []
    for case in material.answered:
        answer = case.answer
        texts = (case.vignette, *(text for _, text in rationales(case)), answer.recommended_workup)
        for text in texts:
            grams = _grams(text, _N)
            for first in grams & phrases.keys():
                faults += [
                    Fault(case.id, "template-sentence", f"{phrase!r} of the knowledge base")
                    for phrase in phrases[first]
                    if _grams(phrase, _N) <= grams
                ]
    return faults


# ------------------------------------------------------------------ comparing


def likenesses(cases: Sequence[CuratedCase]) -> list[Likeness]:
    """Every two cases of different groups that share a 5-gram or are each other's nearest."""
    texts = {case.id: case.vignette for case in cases}
    group = {case.id: case.group for case in cases}
    pairs: dict[tuple[str, str], Likeness] = {}
    for one in _compare(texts, texts, WITHIN.run):
        if group[one.row] != group[one.other]:
            key = min(one.row, one.other), max(one.row, one.other)
            if key not in pairs or one.cosine > pairs[key].cosine:
                pairs[key] = one  # the nearest of one may not have it among its own nearest
    return list(pairs.values())


def likenesses_to(
    cases: Sequence[CuratedCase], others: Mapping[str, str], bounds: Bounds
) -> list[Likeness]:
    """Every case with what it is like among *others*."""
    return _compare({case.id: case.vignette for case in cases}, others, bounds.run)


def _compare(texts: Mapping[str, str], others: Mapping[str, str], run: int) -> list[Likeness]:
    if not others:
        return []
    holders: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for other, text in others.items():
        for gram in _grams(text, _N):
            holders[gram].append(other)
    both = {**texts, **others}  # one index, so that a term of either side has its weight
    index = _index(tuple(both.values()))
    ids = list(both)
    found = []
    for row, text in texts.items():
        grams = _grams(text, _N)
        shared = Counter(other for gram in grams for other in holders.get(gram, ()))
        nearest = ((ids[place], cosine) for place, cosine in index.nearest(text, len(ids)))
        cosines = dict(islice((one for one in nearest if one[0] in others), _NEAREST))
        for other in sorted(shared.keys() | cosines.keys()):
            union = len(grams) + len(_grams(others[other], _N)) - shared[other]
            runs = _grams(text, run) & _grams(others[other], run) if shared[other] else ()
            found.append(
                Likeness(
                    row=row,
                    other=other,
                    jaccard=shared[other] / union if union else 0.0,
                    cosine=cosines.get(other, 0.0),
                    run=" ".join(min(runs)) if runs else "",
                )
            )
    return found


def _judge(rule: str, found: Iterable[Likeness], bounds: Bounds) -> list[Fault]:
    faults = []
    for one in found:
        reasons = []
        if one.run:
            reasons.append(f"both hold {one.run!r}")
        if one.jaccard >= bounds.jaccard:
            reasons.append(f"5-gram Jaccard {one.jaccard:.3f}")
        if one.cosine >= bounds.cosine:
            reasons.append(f"TF-IDF cosine {one.cosine:.2f}")
        if reasons:
            faults.append(Fault(f"{one.row} + {one.other}", rule, ", ".join(reasons)))
    return faults


@lru_cache(maxsize=8192)
def _grams(text: str, n: int) -> Grams:
    return ngrams(text, n)


@lru_cache(maxsize=8)
def _index(texts: tuple[str, ...]) -> TfidfIndex:
    return TfidfIndex.build(texts)


@lru_cache(maxsize=4096)
def _sentences(text: str) -> tuple[tuple[str, ...], ...]:
    terms = (tuple(split_terms(sentence)) for sentence in _SENTENCE.split(text))
    return tuple(words for words in terms if len(words) >= _N)


@lru_cache(maxsize=2)
def _phrases(knowledge: tuple[Condition, ...]) -> Mapping[tuple[str, ...], list[str]]:
    """Every phrase of five words or more, by its smallest 5-gram."""
    table: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for phrase in {phrase for condition in knowledge for phrase in _said(condition)}:
        grams = ngrams(phrase, _N)
        if grams:
            table[min(grams)].append(phrase)
    return table


def _said(condition: Condition) -> Iterable[str]:
    entries: tuple[Phrasings, ...] = (*condition.findings, *condition.negatives)
    for entry in entries:
        yield from (*entry.clinical, *entry.triage, *entry.lay, *entry.narrative)
    yield from (one.rationale for one in condition.findings)
    yield from (one.rationale for one in condition.negatives)
    for factor in condition.risk_factors:
        yield from (*factor.clinical, *factor.lay)
    for other in (*condition.mimics, *condition.dangerous):
        yield from (other.fits, other.differs)
    yield from (test.separates for test in condition.first_tests)
