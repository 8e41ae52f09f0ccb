"""Is the set as a whole a fair sample: diagnoses, domains, people, places?

Role: tier balance and case mix, as counts with bounds.  Tier four must not be guessable from the
domain, or a model could learn it without reading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import get_args

from diffdx_tui.domain.curated import CuratedCase, Setting, Voice
from diffdx_tui.domain.knowledge import Domain
from trainer.data.material import WHOLE_SET, Fault, Material

PER_DOMAIN = 25
FIRST_TIER_MOST = 5
"""Rows that may share the ICD-10 category of the first tier."""
GUESS_BELOW = 0.25
"""Accuracy that a constant per domain may reach on tier four."""
_DOMAIN_BOUNDS = {"acuity": (5, 12), "sex": (9, 16), "voice": (1, 9)}
_VOICES_PER_DOMAIN = 6
_SETTING_MOST = 0.4
AGE_BANDS = (("under 1", 1), ("1-15", 16), ("16-39", 40), ("40-64", 65), ("65 and over", 200))
_BAND_LEAST = 8


def check_tiers(material: Material) -> list[Fault]:
    """``tier-balance``: first tiers not too often alike, tier four not predictable."""
    cases = material.cases
    faults = []
    for code, number in _most(cases, lambda case: case.tiers.most_likely.icd10[:3]):
        if number > FIRST_TIER_MOST:
            faults.append(
                Fault(WHOLE_SET, "tier-balance", f"{number} first tiers of category {code}")
            )
    for domain in Domain:
        rows = [case for case in cases if case.domain == domain]
        for code, number in _most(rows, _fourth):
            if number >= GUESS_BELOW * PER_DOMAIN:
                faults.append(
                    Fault(WHOLE_SET, "tier-balance", f"{domain}: tier four is {code} in {number}")
                )
    accuracy = constant_accuracy(cases)
    if accuracy >= GUESS_BELOW:
        faults.append(
            Fault(WHOLE_SET, "tier-balance", f"a constant per domain is right in {accuracy:.0%}")
        )
    return faults


def check_mix(material: Material) -> list[Fault]:
    """``case-mix``: domains, acuity, sex, voices, settings and ages, within bounds."""
    cases = material.cases
    faults = []
    for domain in Domain:
        rows = [case for case in cases if case.domain == domain]
        if len(rows) != PER_DOMAIN:
            faults.append(_mix(f"{domain}: {len(rows)} rows, not {PER_DOMAIN}"))
        for field, (low, high) in _DOMAIN_BOUNDS.items():
            for value, number in Counter(getattr(case, field) for case in rows).items():
                if not low <= number <= high:
                    faults.append(_mix(f"{domain}: {number} rows are {value}"))
        voices = len({case.voice for case in rows})
        if voices < _VOICES_PER_DOMAIN:
            faults.append(_mix(f"{domain}: {voices} voices, fewer than {_VOICES_PER_DOMAIN}"))
    faults += _missing(cases, "voice", get_args(Voice)) + _missing(
        cases, "setting", get_args(Setting)
    )
    for setting, number in _most(cases, lambda case: case.setting):
        if number > _SETTING_MOST * len(cases):
            faults.append(_mix(f"{number} rows are set in {setting}"))
    bands = age_bands(cases)
    faults += [
        _mix(f"{number} rows of age {band}, fewer than {_BAND_LEAST}")
        for band, number in bands.items()
        if number < _BAND_LEAST
    ]
    return faults


def constant_accuracy(cases: Sequence[CuratedCase]) -> float:
    """How often the commonest tier-four category of its domain is a row's."""
    right = sum(
        Counter(_fourth(case) for case in cases if case.domain == domain).most_common(1)[0][1]
        for domain in {case.domain for case in cases}
    )
    return right / len(cases) if cases else 0.0


def age_bands(cases: Sequence[CuratedCase]) -> dict[str, int]:
    """Rows by age band."""
    counts = dict.fromkeys((name for name, _ in AGE_BANDS), 0)
    for case in cases:
        counts[next(name for name, below in AGE_BANDS if case.age < below)] += 1
    return counts


def _fourth(case: CuratedCase) -> str:
    return case.tiers.unlikely_but_serious.icd10[:3]


def _most(
    cases: Sequence[CuratedCase], key: Callable[[CuratedCase], Hashable]
) -> list[tuple[Hashable, int]]:
    return Counter(map(key, cases)).most_common()


def _missing(cases: Sequence[CuratedCase], field: str, values: Sequence[str]) -> list[Fault]:
    found = {getattr(case, field) for case in cases}
    return [_mix(f"no row of {field} {value}") for value in values if value not in found]


def _mix(message: str) -> Fault:
    return Fault(WHOLE_SET, "case-mix", message)
