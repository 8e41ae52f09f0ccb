"""Findings read from a vignette: which, where in the text, and whether they are there.

Role: the reader.  :func:`read_findings` matches the lexicon's phrases, reads numbers with their
units, and lets the words around each mention decide (see :mod:`diffdx_tui.domain.assertion`).
It takes any text and never raises for one; what it does not recognise it leaves out.  It is a
teaching aid, **not clinician-validated**.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from diffdx_tui.domain.assertion import PRESENT, Context, Doubt, Judgement
from diffdx_tui.domain.clauses import Token, tokenise
from diffdx_tui.domain.lexicon import Entry, Lexicon, NumericSign, Reading, read_lexicon
from diffdx_tui.domain.measurements import Measurement, read_measurements
from diffdx_tui.domain.patient import Patient, read_patient
from diffdx_tui.domain.phrase_trie import Match


class State(StrEnum):
    """Whether the text says that the finding is there."""

    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One mention.

    Attributes:
        id: the lexicon's id.
        state: present, absent, or unknown (told as history, of a relative, feared, in doubt).
        doubt: why the state is unknown, else ``Doubt.NONE``.
        start: first character in the vignette.
        end: one past the last character.
        value: the number, where the finding was read from one.
        unit: its canonical unit.
        implied_by: the id that was read, where this finding follows from a narrower one.
    """

    id: str
    state: State
    start: int
    end: int
    doubt: Doubt = Doubt.NONE
    value: float | None = None
    unit: str = ""
    implied_by: str = ""


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """Everything read from one vignette."""

    findings: tuple[Finding, ...]
    patient: Patient

    def present(self) -> dict[str, list[Finding]]:
        """The mentions of every finding that is there, by id."""
        table: dict[str, list[Finding]] = {}
        for finding in self.findings:
            if finding.state is State.PRESENT:
                table.setdefault(finding.id, []).append(finding)
        return table

    def absent(self) -> frozenset[str]:
        """Ids that the text denies and nowhere affirms."""
        denied = {finding.id for finding in self.findings if finding.state is State.ABSENT}
        return frozenset(denied - self.present().keys())


def read_findings(text: str, lexicon: Lexicon | None = None) -> tuple[Finding, ...]:
    """All findings that *text* mentions, in reading order."""
    return read_case(text, lexicon).findings


def read_case(text: str, lexicon: Lexicon | None = None) -> CaseFacts:
    """Findings and patient of one vignette; never raises for any text."""
    lexicon = read_lexicon() if lexicon is None else lexicon
    tokens = tokenise(text)
    patient = read_patient(text)
    matches = _outermost(lexicon.phrases.find(tokens), lexicon)
    context = Context(
        tokens, [(match.first, match.stop) for match in matches if match.payload.present]
    )
    found = [
        _worded(match, tokens, context, lexicon)
        for match in matches
        if match.payload.present is not None
    ]
    found += _numeric(read_measurements(text), tokens, context, lexicon, patient)
    found += _implied(found, lexicon)
    unique = dict.fromkeys(found)
    ordered = sorted(unique, key=lambda finding: (finding.start, -finding.end, finding.id))
    return CaseFacts(tuple(ordered), patient)


def _outermost(matches: Sequence[Match[Reading]], lexicon: Lexicon) -> list[Match[Reading]]:
    """Without what lies inside a longer phrase of the same or a narrower finding.

    *No pleuritic chest pain* does not deny chest pain.
    """
    by_length = sorted(matches, key=lambda match: (match.first - match.stop, match.first))
    kept: list[Match[Reading]] = []
    at: dict[int, list[Match[Reading]]] = {}
    for match in by_length:
        if any(_covers(longer, match, lexicon) for longer in at.get(match.first, ())):
            continue
        kept.append(match)
        for index in range(match.first, match.stop):
            at.setdefault(index, []).append(match)
    return sorted(kept, key=lambda match: (match.first, match.stop))


def _covers(longer: Match[Reading], match: Match[Reading], lexicon: Lexicon) -> bool:
    finding, other = longer.payload.finding, match.payload.finding
    if longer.stop < match.stop:
        return finding == other
    return finding == other or other in lexicon.implied[finding]


def _worded(
    match: Match[Reading], tokens: Sequence[Token], context: Context, lexicon: Lexicon
) -> Finding:
    start, end = tokens[match.first].start, tokens[match.stop - 1].end
    if not match.payload.present:
        return Finding(match.payload.finding, State.ABSENT, start, end)
    entry = lexicon.entries[match.payload.finding]
    judgement = context.judge(match.first, match.stop)
    return _finding(entry, judgement, start, end)


def _finding(entry: Entry, judgement: Judgement, start: int, end: int) -> Finding:
    doubt = judgement.doubt
    if doubt is Doubt.HISTORICAL and entry.background:
        doubt = Doubt.NONE
    if doubt in (Doubt.HYPOTHETICAL, Doubt.UNCERTAIN) and entry.even_if_feared:
        doubt = Doubt.NONE
    if doubt:
        return Finding(entry.id, State.UNKNOWN, start, end, doubt)
    return Finding(entry.id, State.ABSENT if judgement.absent else State.PRESENT, start, end)


def _numeric(
    measurements: Iterable[Measurement],
    tokens: Sequence[Token],
    context: Context,
    lexicon: Lexicon,
    patient: Patient,
) -> list[Finding]:
    """Numbers as findings: above its bound a finding is there, below it is not."""
    signs = [
        (entry.id, sign)
        for entry in lexicon.entries.values()
        for sign in entry.numeric
        if sign.applies(patient.age)
    ]
    ends = [token.end for token in tokens]
    found = []
    for measurement in measurements:
        judgement = _judge_number(measurement, ends, context)
        if judgement != PRESENT:
            continue
        for finding, sign in signs:
            if sign.measure is measurement.measure:
                found.append(_measured(finding, sign, measurement))
    return found


def _measured(finding: str, sign: NumericSign, measurement: Measurement) -> Finding:
    state = State.PRESENT if sign.holds(measurement.value) else State.ABSENT
    return Finding(
        finding,
        state,
        measurement.start,
        measurement.end,
        value=measurement.value,
        unit=measurement.unit,
    )


def _judge_number(measurement: Measurement, ends: Sequence[int], context: Context) -> Judgement:
    """What the words around the first word of a measurement say of it."""
    index = bisect_right(ends, measurement.start)
    return context.judge(index, index + 1) if index < len(ends) else PRESENT


def _implied(found: Sequence[Finding], lexicon: Lexicon) -> list[Finding]:
    """What follows from the findings that are there."""
    return [
        Finding(broader, State.PRESENT, one.start, one.end, one.doubt, one.value, one.unit, one.id)
        for one in found
        if one.state is State.PRESENT
        for broader in sorted(lexicon.implied[one.id])
    ]
