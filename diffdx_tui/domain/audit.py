"""A finished differential held against its vignette: dangers left out, claims without ground.

Role: the check that follows every answer, as one pure function.  It uses the same readers as the
red flags and the scores, and like them prefers silence to a false charge: what it lists is worth a
look, what it does not list is not thereby right.  A teaching aid, **not clinician-validated**.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from diffdx_tui.domain.diagnosis import normalise_name, split_tier
from diffdx_tui.domain.differential import ECHO, UNFINISHED, AnyDifferential, Slot, texts_of
from diffdx_tui.domain.grounding import Grounding, asserted_findings, ground, known_facts
from diffdx_tui.domain.knowledge import read_knowledge
from diffdx_tui.domain.lexicon import findings_directory
from diffdx_tui.domain.naming import NameTable, Target
from diffdx_tui.domain.red_flags import Danger, RedFlag

NOTICE = (
    "Teaching aid, not clinician-validated. It finds only what its reader recognises: "
    "an empty list does not mean that the answer is right."
)
_WORKUP = "recommended_workup"


@dataclass(frozen=True, slots=True)
class GroundlessClaim:
    """Words of a tier's reasoning, and the finding they assert without ground in the vignette.

    Attributes:
        slot: the tier.
        finding: the lexicon's id.
        text: the words.
        start: their first character in the tier's text.
        end: one past the last.
    """

    slot: Slot
    finding: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Audit:
    """What the check found.

    Attributes:
        red_flags_unanswered: rules that fired and whose danger no tier names.  A rule may point to
            a state ("respiratory failure") where a good answer names its cause.
        denied: claims of a finding that the vignette denies.
        unsaid: claims of a finding that the reader does not meet in the vignette; often the answer
            only puts it in other words.
    """

    red_flags_unanswered: tuple[str, ...]
    denied: tuple[GroundlessClaim, ...]
    unsaid: tuple[GroundlessClaim, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, the notice among them."""
        return {
            "red_flags_unanswered": list(self.red_flags_unanswered),
            "claims_denied": [_plain(claim) for claim in self.denied],
            "claims_unsaid": [_plain(claim) for claim in self.unsaid],
            "notice": NOTICE,
        }


def _plain(claim: GroundlessClaim) -> dict[str, Any]:
    return {**asdict(claim), "slot": claim.slot.name}


def audit(vignette: str, differential: AnyDifferential, flags: Sequence[RedFlag]) -> Audit:
    """Check *differential* against *vignette* and the red *flags* it raised.

    Milliseconds, but the first answer that leaves a danger unnamed by its own words reads the
    knowledge base for its other names (about a second).

    Raises:
        ValueError: a file of the lexicon or the knowledge base cannot be used.
    """
    tiers = {
        slot: text
        for slot, text in texts_of(differential).items()
        if slot != ECHO and text.strip() != UNFINISHED
    }
    facts = known_facts(vignette)
    groundless: dict[Grounding, list[GroundlessClaim]] = {each: [] for each in Grounding}
    diagnoses = []
    for slot, text in tiers.items():
        if slot.field == _WORKUP:
            continue
        diagnoses.append(split_tier(text).diagnosis)
        reasoning = split_tier(text).reasoning
        offset = text.rfind(reasoning)
        for claim in asserted_findings(reasoning):
            place = (claim.start + offset, claim.end + offset)
            said = GroundlessClaim(slot, claim.finding, claim.text, *place)
            groundless[ground(claim, facts)].append(said)
    return Audit(
        red_flags_unanswered=_unanswered(flags, tiers.values(), diagnoses),
        denied=tuple(groundless[Grounding.DENIED]),
        unsaid=tuple(groundless[Grounding.UNSAID]),
    )


def _unanswered(
    flags: Sequence[RedFlag], texts: Iterable[str], diagnoses: Sequence[str]
) -> tuple[str, ...]:
    forms = [f" {normalise_name(text)} " for text in texts]
    waiting = [flag for flag in flags if not _named(flag.danger, forms)]
    if not waiting:
        return ()
    names = _known_names()
    return tuple(
        flag.rule
        for flag in waiting
        if not any(names.find(one, [_target(flag.danger)]) for one in diagnoses)
    )


def _named(danger: Danger, forms: Sequence[str]) -> bool:
    """Whether the danger's own name stands, whole words, in one of the texts."""
    return any(f" {normalise_name(danger.name)} " in form for form in forms)


def _target(danger: Danger) -> Target:
    return Target(danger.name, danger.icd10)


@lru_cache(maxsize=1)
def _known_names() -> NameTable:
    """The knowledge base's names; the curated answers are for scoring only."""
    return NameTable.build(read_knowledge(findings_directory().parent / "knowledge"), ())
