"""Numbers with units: temperature, pulse, pressure and the other vital signs, read from free text.

Role: one regular expression per measure, each result in one canonical unit with its place in the
text.  A number that is out of any living range is not a measurement and is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Measure(StrEnum):
    """What is measured; the value after the name is its canonical unit."""

    TEMPERATURE = "temperature"
    PULSE = "pulse"
    SYSTOLIC = "systolic"
    DIASTOLIC = "diastolic"
    RESPIRATORY_RATE = "respiratory-rate"
    SATURATION = "saturation"
    GLUCOSE = "glucose"
    GCS = "gcs"
    LACTATE = "lactate"
    KETONES = "ketones"
    POTASSIUM = "potassium"
    SODIUM = "sodium"
    CAPILLARY_REFILL = "capillary-refill"
    ARM_DIFFERENCE = "arm-difference"


UNITS: dict[Measure, str] = {
    Measure.TEMPERATURE: "°C",
    Measure.PULSE: "/min",
    Measure.SYSTOLIC: "mmHg",
    Measure.DIASTOLIC: "mmHg",
    Measure.RESPIRATORY_RATE: "/min",
    Measure.SATURATION: "%",
    Measure.GLUCOSE: "mmol/L",
    Measure.GCS: "",
    Measure.LACTATE: "mmol/L",
    Measure.KETONES: "mmol/L",
    Measure.POTASSIUM: "mmol/L",
    Measure.SODIUM: "mmol/L",
    Measure.CAPILLARY_REFILL: "s",
    Measure.ARM_DIFFERENCE: "mmHg",
}
_LIVING: dict[Measure, tuple[float, float]] = {
    Measure.TEMPERATURE: (24, 44),
    Measure.PULSE: (15, 320),
    Measure.SYSTOLIC: (30, 300),
    Measure.DIASTOLIC: (15, 200),
    Measure.RESPIRATORY_RATE: (3, 120),
    Measure.SATURATION: (30, 100),
    Measure.GLUCOSE: (0.3, 110),
    Measure.GCS: (3, 15),
    Measure.LACTATE: (0.2, 30),
    Measure.KETONES: (0, 20),
    Measure.POTASSIUM: (1, 12),
    Measure.SODIUM: (95, 200),
    Measure.CAPILLARY_REFILL: (0, 20),
    Measure.ARM_DIFFERENCE: (0, 200),
}
MG_DL_PER_MMOL_L = 18.016  # glucose


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number: ``value`` in the canonical unit ``unit``, read at ``start`` to ``end``."""

    measure: Measure
    value: float
    unit: str
    start: int
    end: int


def fahrenheit_to_celsius(degrees: float) -> float:
    """Degrees Fahrenheit as degrees Celsius."""
    return (degrees - 32) * 5 / 9


def glucose_in_mmol(value: float, unit: str) -> float:
    """Glucose in mmol/L; without a unit, 40 and more can only be mg/dL in everyday practice."""
    in_mg = unit.lower().startswith("mg") or (not unit and value >= 40)
    return value / MG_DL_PER_MMOL_L if in_mg else value


_LINK = (
    r"(?:\s{0,2}(?:is|was|of|at|reads?|reading|now|=|:|~|around|about|said|says|read|up|to|just|only))"
    r"{0,3}"
)
_NUM = r"(?P<n>\d{1,3}(?:[.,]\d{1,2})?)(?![\d/]|[.,]\d)"
_INT = r"(?P<n>\d{1,3})(?![\d.]*\d)"
# Not "no fever of 39": negation is the reader's matter; here only digits are read.
_PATTERNS: dict[Measure, tuple[str, ...]] = {
    Measure.TEMPERATURE: (
        rf"\b(?:temp(?:erature)?s?|thermometer|fever|pyrexi[ac]l?|febrile|tmax|T)\b{_LINK}\s{{0,2}}{_NUM}"
        r"\s{0,2}(?:°|º|degrees?|deg)?\s{0,2}(?P<u>[CF]\b|celsius|fahrenheit|centigrade)?",
        rf"(?<![\d.]){_NUM}\s{{0,2}}(?:(?:°|º|degrees?|deg)\s{{0,2}}"
        r"(?P<u>[CF]\b|celsius|fahrenheit|centigrade)?|(?P<u2>[CF])\b)",
    ),
    Measure.PULSE: (
        rf"\b(?:HR|heart[\s-]rate|pulse(?:\s+rate)?|P|PR|tachy(?:cardic)?|tachycardia|"
        rf"brady(?:cardic)?|bradycardia)\b(?:\s(?:regular|irregular|weak|thready))?"
        rf"{_LINK}\s{{0,2}}{_INT}(?!\s{{0,2}}(?:%|°|mg|mm|year|day|hour|h\b))",
        rf"(?<![\d./]){_INT}\s{{0,2}}(?:bpm\b|beats?\s?(?:/|per|a)\s?min)",
    ),
    Measure.RESPIRATORY_RATE: (
        r"\b(?:RR|resps?|resp(?:iratory)?[\s-]rate|breathing(?:\s+rate)?|"
        rf"tachypn(?:o?eic|o?ea))\b{_LINK}\s{{0,2}}{_INT}(?!\s{{0,2}}(?:%|°|year|day|hour))",
        rf"(?<![\d./]){_INT}\s{{0,2}}(?:breaths?\s?(?:/|per|a)\s?min)",
    ),
    Measure.SATURATION: (
        r"\b(?:SpO2|SaO2|SPO₂|SpO₂|O2\s?sats?|sats?|sat(?:uration|urating|ting)s?"
        rf"(?:\sof\soxygen)?|oxygen\s+(?:level|sats?|saturations?)|pulse\s?ox(?:imetry)?)"
        rf"\b{_LINK}\s{{0,2}}{_INT}\s?%?",
        rf"(?<![\d.]){_INT}\s?%\s{{0,2}}(?:on|in|RA\b)\s?(?:room|air|RA\b|\d|oxygen|O2|a\s)?",
    ),
    Measure.GLUCOSE: (
        r"\b(?:glucose|BMs?|BSL|BGL|CBG|FSBG|dextrostick|(?:blood\s+)?sugars?|"
        r"finger[\s-]?(?:stick|prick))\b"
        rf"(?:\s(?:blood\s)?(?:glucose|sugar))?{_LINK}\s{{0,2}}"
        r"(?P<n>\d{1,4}(?:[.,]\d{1,2})?)(?![\d/]|[.,]\d)\s{0,2}(?P<u>mmol|mg)?",
    ),
    Measure.GCS: (
        rf"\b(?:GCS|glasgow(?:\s+coma)?(?:\s+(?:scale|score))?)\b{_LINK}\s{{0,2}}"
        r"(?P<n>\d{1,2})(?!\d)",
    ),
    Measure.LACTATE: (rf"\blactate\b{_LINK}\s{{0,2}}{_NUM}",),
    Measure.KETONES: (rf"\b(?:blood\s+)?ketones?\b{_LINK}\s{{0,2}}{_NUM}",),
    Measure.POTASSIUM: (
        rf"\bK\+?{_LINK}\s{{0,2}}{_NUM}(?!\s?(?:g|mg|km|race|run|%))",
        rf"\b[Pp]otassium\b{_LINK}\s{{0,2}}{_NUM}",
    ),
    Measure.SODIUM: (rf"\b(?:sodium|Na\+?){_LINK}\s{{0,2}}{_INT}",),
    Measure.CAPILLARY_REFILL: (
        rf"\b(?:CRT|cap(?:illary)?[\s-]refill(?:\s+time)?){_LINK}\s{{0,2}}[<>]?\s?"
        r"(?P<n>\d{1,2}(?:\.\d)?)(?!\d)",
    ),
}
_CASED = frozenset({Measure.POTASSIUM})
_COMPILED: tuple[tuple[Measure, re.Pattern[str]], ...] = tuple(
    (measure, re.compile(pattern, 0 if measure in _CASED else re.IGNORECASE))
    for measure, patterns in _PATTERNS.items()
    for pattern in patterns
)
# "flexes to 40 degrees" is an angle
_MOVEMENT = re.compile(r"flex|exten|abduct|angle|rotat|rais|tilt|propped|bend|lift", re.IGNORECASE)
_PRESSURE = re.compile(
    r"(?<![\d/.])(?P<s>\d{2,3})\s?(?:/|\sover\s)\s?(?P<d>\d{2,3})(?![\d/])(?P<u>\s{0,2}mm\s?Hg)?",
    re.IGNORECASE,
)
_SYSTOLIC_ONLY = re.compile(
    r"\b(?:systolic(?:\s+(?:bp|blood\s+pressure|pressure))?|SBP|BP|(?:blood\s+)?pressure)\b"
    rf"{_LINK}(?:\s(?:systolic|palp))?\s{{0,2}}(?P<n>\d{{2,3}})(?![\d/]|\s?/|\s+over)"
    r"(?!\s{0,2}(?:%|days?|years?|weeks?|hours?|min|tablets?))"
    r"|(?<![\d/])(?P<n2>\d{2,3})\s(?:systolic|palp)\b",
    re.IGNORECASE,
)


def read_measurements(text: str) -> tuple[Measurement, ...]:
    """All measurements in *text*, in reading order; overlapping readings are kept once."""
    found = [*_pressures(text), *_simple(text)]
    found.sort(key=lambda one: (one.start, -one.end))
    kept: list[Measurement] = []
    for one in found:
        if not any(
            other.measure is one.measure and one.start < other.end and other.start < one.end
            for other in kept[-8:]
        ):
            kept.append(one)
    return tuple(kept)


def _simple(text: str) -> Iterator[Measurement]:
    for measure, pattern in _COMPILED:
        for match in pattern.finditer(text):
            groups = match.groupdict()
            unit = groups.get("u") or groups.get("u2") or ""
            if not unit and _MOVEMENT.search(text, max(0, match.start() - 40), match.start()):
                continue
            value = float(groups["n"].replace(",", "."))
            value = _CANONICAL.get(measure, _as_is)(value, unit)
            low, high = _LIVING[measure]
            if low <= value <= high:
                yield _measurement(measure, value, match.start(), match.end())


def _measurement(measure: Measure, value: float, start: int, end: int) -> Measurement:
    return Measurement(measure, round(value, 2), UNITS[measure], start, end)


def _as_is(value: float, _unit: str) -> float:
    return value


def _celsius(value: float, unit: str) -> float:
    """Without a unit, more than 80 can only be Fahrenheit."""
    in_fahrenheit = unit.lower().startswith("f") or (not unit and value > 80)
    return fahrenheit_to_celsius(value) if in_fahrenheit else value


_CANONICAL: dict[Measure, Callable[[float, str], float]] = {
    Measure.TEMPERATURE: _celsius,
    Measure.GLUCOSE: glucose_in_mmol,
}


def _pressures(text: str) -> Iterator[Measurement]:
    """``BP 84/50`` as two numbers; a bare pair counts where it can be nothing but a pressure."""
    previous: tuple[int, int, int] | None = None  # systolic, start, end
    for match in _PRESSURE.finditer(text):
        upper, lower = int(match["s"]), int(match["d"])
        if not (50 <= upper <= 290 and 20 <= lower <= 180 and 8 <= upper - lower <= 160):
            continue
        yield _measurement(Measure.SYSTOLIC, upper, match.start(), match.end())
        yield _measurement(Measure.DIASTOLIC, lower, match.start(), match.end())
        if previous is not None and _two_arms(text, previous[1], match.end()):
            difference = abs(previous[0] - upper)
            yield _measurement(Measure.ARM_DIFFERENCE, difference, previous[1], match.end())
        previous = (upper, match.start(), match.end())
    for match in _SYSTOLIC_ONLY.finditer(text):
        number = match["n"] or match["n2"]
        if 40 <= int(number) <= 290:
            yield _measurement(Measure.SYSTOLIC, int(number), match.start(), match.end())


_ARM = re.compile(r"\b(?:arm|R|L|right|left)\b")


def _two_arms(text: str, start: int, end: int) -> bool:
    """Two pressures close together with both sides named."""
    window = text[max(0, start - 12) : end + 22]
    if end - start > 70:
        return False
    sides = {side[0].lower() for side in _ARM.findall(window) if side != "arm"}
    return len(sides) == 2
