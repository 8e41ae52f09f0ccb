"""The row as it is written: schema, echo, two alternatives.

Role: the only checks that look at raw values, because a row that breaks them cannot be typed.
"""

from __future__ import annotations

import json

from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.verdict import judge
from diffdx_tui.domain.vignette import VignetteRefused, normalise
from trainer.data.material import Fault, Material, RawRow

ROWS = 250


def check_schema(material: Material) -> list[Fault]:
    """``schema``: fields, types and ids of every row, and the judge's strict verdict.

    Left to their own rules: an echo that differs, and a wrong number of alternatives.
    """
    faults = []
    for row in material.raw:
        for error in row.error.errors() if row.error else ():
            place = ".".join(map(str, error["loc"]))
            if place == "answer.possible" or "symptoms must repeat" in error["msg"]:
                continue
            faults.append(Fault(row.id, "schema", f"{place or 'row'}: {error['msg']}"))
    ids = [row.id for row in material.raw]
    faults += [Fault(one, "schema", "the id comes twice") for one in set(ids) if ids.count(one) > 1]
    for case in material.answered:
        raw = json.dumps(case.answer.model_dump(), ensure_ascii=False)
        verdict = judge(raw, Variant.A, case.vignette).verdict
        if not verdict.strict:
            faults.append(Fault(case.id, "schema", f"the judge says {verdict.violations}"))
    return faults


def check_echo(material: Material) -> list[Fault]:
    """``echo``: ``symptoms`` is the vignette byte for byte, and passes the app's door unchanged."""
    faults = []
    for row in material.raw:
        vignette, echo = row.values.get("vignette"), _answer(row).get("symptoms")
        if not isinstance(vignette, str) or not isinstance(echo, str):
            continue  # a fault of the schema
        if echo.encode() != vignette.encode():
            faults.append(Fault(row.id, "echo", _first_difference(vignette, echo)))
        elif not _is_normal(vignette):
            faults.append(Fault(row.id, "echo", "the app's normalisation would change this text"))
    return faults


def check_alternatives(material: Material) -> list[Fault]:
    """``two-alternatives``: exactly two, none empty."""
    faults = []
    for row in material.raw:
        possible = _answer(row).get("possible")
        if isinstance(possible, list) and len([one for one in possible if str(one).strip()]) != 2:
            faults.append(Fault(row.id, "two-alternatives", f"there are {len(possible)}"))
    return faults


def check_count(material: Material) -> list[Fault]:
    """``row-count``: 250 rows."""
    number = len(material.raw)
    return [] if number == ROWS else [Fault("(all rows)", "row-count", f"{number}, not {ROWS}")]


def _answer(row: RawRow) -> dict[str, object]:
    answer = row.values.get("answer")
    return answer if isinstance(answer, dict) else {}


def _is_normal(text: str) -> bool:
    try:
        return normalise(text) == text
    except VignetteRefused:
        return False


def _first_difference(vignette: str, echo: str) -> str:
    at = next(
        (n for n, (one, other) in enumerate(zip(vignette, echo, strict=False)) if one != other),
        min(len(vignette), len(echo)),
    )
    return f"differs from character {at}: {vignette[at : at + 20]!r}, echoed {echo[at : at + 20]!r}"
