"""Can this patient have these diseases?

Role: age, sex and pregnancy of a row against the bounds in the knowledge base, where it knows the
disease, and against the ICD-10 chapters and blocks that belong to one sex, to pregnancy or to the
newborn.
"""

from __future__ import annotations

import re
from functools import lru_cache

from diffdx_tui.domain.knowledge import Condition, Domain
from diffdx_tui.domain.patient import Patient, read_patient
from trainer.data.material import Fault, Material
from trainer.data.rationale import numbers_in
from trainer.data.tiers import named_diagnoses, named_tiers, synonym_table

_FEMALE = re.compile(r"C5[1-8]|D0[67]\.[0-3]|D2[5-8]|N7|N8[0-9]|N9[0-8]|O|F53|E28|Z3[2-9]")
_MALE = re.compile(r"C6[0-3]|D29|N4|E29")
_NEWBORN = re.compile(r"P(?!9[0-6])")  # P90-P96 run into the first months
_NEWBORN_YEARS = 0.25
_FERTILE = (11, 56)
_ADULT = 16
_SLACK = 5
_ROUNDED = 0.15  # a stated age is rounded: "nine months" is 0.8


def check_age(material: Material) -> list[Fault]:
    """``age-fit``: within the knowledge base's bounds; newborn codes only in the newborn.

    A bound is where that entry's script is usual, so five years beyond still fit, and an entry
    binds only the ages it is written for: those of childhood children, the others adults.  An
    alternate may be as unusual at that age as a teacher accepts.
    """
    bounds = {condition.name: condition for condition in material.knowledge}
    table = synonym_table(material.knowledge)
    faults = []
    for case in material.answered:
        for field, entry, _ in named_tiers(case):
            standard = table.standard_name(entry.name)
            if standard and not _age_fits(case.age, bounds[standard]):
                ages = bounds[standard].ages
                message = f"{field}: {entry.name} at {case.age:g}, known from {ages.min:g} to "
                faults.append(Fault(case.id, "age-fit", f"{message}{ages.max:g}"))
            if _NEWBORN.match(entry.icd10) and case.age > _NEWBORN_YEARS:
                faults.append(Fault(case.id, "age-fit", f"{field}: {entry.icd10} at {case.age:g}"))
    return faults


def _age_fits(age: float, condition: Condition) -> bool:
    written_for_children = (
        condition.domain is Domain.PAEDIATRIC or condition.ages.max + _SLACK < _ADULT
    )
    if written_for_children != (age < _ADULT):
        return True
    slack = 0.0 if written_for_children else _SLACK
    return condition.ages.min - slack <= age <= condition.ages.max + slack


def check_sex(material: Material) -> list[Fault]:
    """``sex-fit``: the blocks of ICD-10 that belong to one sex."""
    faults = []
    for case in material.answered:
        for field, entry in named_diagnoses(case):
            other = _MALE if case.sex == "female" else _FEMALE
            if other.match(entry.icd10):
                faults.append(
                    Fault(case.id, "sex-fit", f"{field}: {entry.name} ({entry.icd10}), {case.sex}")
                )
    return faults


def check_pregnancy(material: Material) -> list[Fault]:
    """``pregnancy-fit``: who is pregnant can be, and says so; chapter O wants a fertile age."""
    faults = []
    for case in material.answered:
        low, high = _FERTILE
        fertile = case.sex == "female" and low <= case.age <= high
        if case.pregnant and not fertile:
            faults.append(
                Fault(case.id, "pregnancy-fit", f"pregnant: {case.sex}, {case.age:g} years")
            )
        if _patient(case.vignette).gestation is not None and fertile and not case.pregnant:
            faults.append(Fault(case.id, "pregnancy-fit", "the vignette gives weeks of gestation"))
        if case.pregnant and "pregnancy" not in case.present:
            faults.append(
                Fault(case.id, "pregnancy-fit", "pregnant, but the list of findings lacks it")
            )
        for field, entry in named_diagnoses(case):
            if entry.icd10.startswith("O") and not fertile:
                faults.append(Fault(case.id, "pregnancy-fit", f"{field}: {entry.icd10}"))
    return faults


def check_stated(material: Material) -> list[Fault]:
    """``age-stated``: where the vignette gives an age, it gives the row's.

    In years, months, weeks or days.  Sex is not compared: in one case of thirty the reader takes
    a relative's.
    """
    faults = []
    for case in material.answered:
        patient = _patient(case.vignette)
        if patient.age is None or (patient.age < 1 and case.age >= _FERTILE[0]):
            continue  # an infant's age in an adult's case is the baby's
        units = (1.0, 12.0, 52.18, 365.25)
        stated = (number / unit for number in numbers_in(case.vignette) for unit in units)
        slack = max(0.02, case.age * _ROUNDED)
        if not any(abs(age - case.age) <= slack for age in (patient.age, *stated)):
            faults.append(
                Fault(case.id, "age-stated", f"reads as {patient.age:g}, row says {case.age:g}")
            )
    return faults


@lru_cache(maxsize=1024)
def _patient(text: str) -> Patient:
    return read_patient(text)
