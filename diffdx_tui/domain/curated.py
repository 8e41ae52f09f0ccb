"""Curated cases: hand-written vignettes with a gold four-tier answer and what it rests on.

Role: the typed row of ``data/vignettes.jsonl``.  The text is free prose, the answer is variant A
(B and C drop a field), and the metadata makes every claim of the answer checkable.
**Not clinician-validated.**
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from diffdx_tui.domain.differential import Differential
from diffdx_tui.domain.knowledge import Domain, IcdCode, Slug, Text

Prose = Annotated[str, StringConstraints(min_length=60, max_length=1500)]
Voice = Literal[
    "letter", "triage", "patient", "parent", "witness", "handover", "narrative", "note", "call"
]
Setting = Literal["emergency", "primary care", "ward", "clinic", "home", "ambulance"]


REVIEW_CHECKS = (
    "the vignette is plausible and sufficient and does not give its first diagnosis away",
    "the most likely is what a careful clinician puts first from this text alone",
    "the two possible are plausible, different and no subtypes",
    "the must-not-miss is dangerous, compatible, less likely and no complication of the first",
    "every fact of a rationale stands in the vignette",
    "the workup is the right next step, safe, in order, without doses",
    "findings present, absent and decisive agree with the text",
    "codes and accepted names are right",
    "age, sex, pregnancy, setting and acuity agree with the text",
    "own words, no template, no brand; a minimal pair differs in one decisive finding",
)
"""What reviewers checked; :attr:`Review.failed` counts from 1."""
ALTERNATES_ONLY = "alternates only"
"""How the comment of a review begins that judged a row's alternates and no more of it."""


class CuratedError(ValueError):
    """The curated cases cannot be used; the message names the file and the row."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Named(_Record):
    """A diagnosis of the answer, with its code and the names that count as the same."""

    name: Text
    icd10: IcdCode
    accept: tuple[Text, ...] = ()


class Alternates(_Record):
    """Other diagnoses that a fair teacher would accept in each tier; they are no synonyms."""

    most_likely: tuple[Named, ...] = ()
    possible: tuple[Named, ...] = ()
    unlikely_but_serious: tuple[Named, ...] = ()

    def by_tier(self) -> dict[str, tuple[Named, ...]]:
        """The three lists by the tier's field, in order."""
        return {
            "most_likely": self.most_likely,
            "possible": self.possible,
            "unlikely_but_serious": self.unlikely_but_serious,
        }


class GoldTiers(_Record):
    """What the tiers mean, apart from how they are worded, and what is accepted beside them."""

    most_likely: Named
    possible: tuple[Named, Named]
    unlikely_but_serious: Named
    alternates: Alternates = Alternates()

    def by_tier(self) -> dict[str, tuple[Named, ...]]:
        """The gold diagnoses by the tier's field, in order; alternates are not among them."""
        return {
            "most_likely": (self.most_likely,),
            "possible": self.possible,
            "unlikely_but_serious": (self.unlikely_but_serious,),
        }


class Source(_Record):
    """Where the illness script can be read up."""

    title: Text
    url: Text


class Review(_Record):
    """One reviewer's verdict on a row: the numbers of the checks it failed, and why.

    Attributes:
        alternates_failed: names of accepted alternates, as they then were, that a fair teacher
            would mark wrong; one is enough to fail check 8.
    """

    reviewer: Text
    failed: tuple[int, ...] = ()
    comment: str = ""
    resolution: str = ""
    alternates_failed: tuple[Text, ...] = ()

    @property
    def of_alternates(self) -> bool:
        """Whether only the row's alternates were judged."""
        return self.comment.startswith(ALTERNATES_ONLY)


class CuratedCase(_Record):
    """One row.

    Attributes:
        group: rows that must stay in one split (a minimal pair, variations of one case).
        pair: the other row of a minimal pair, in which one finding flips the first tier.
        age: years, fractions for infants.
        decisive: the finding that tells the first tier from the others.
    """

    id: Slug
    group: Slug
    pair: Slug | None = None
    domain: Domain
    voice: Voice
    age: float = Field(ge=0, le=110)
    sex: Literal["female", "male"]
    pregnant: bool = False
    setting: Setting
    acuity: Literal["emergency", "urgent", "routine"]
    vignette: Prose
    answer: Differential
    present: tuple[Slug, ...] = Field(min_length=3)
    absent: tuple[Slug, ...] = ()
    decisive: Slug
    tiers: GoldTiers
    tests_required: tuple[Text, ...] = Field(min_length=1)
    tests_avoided: tuple[Text, ...] = ()
    source: Source
    reviews: tuple[Review, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> CuratedCase:
        if self.answer.symptoms != self.vignette:
            raise ValueError(f"{self.id}: symptoms must repeat the vignette exactly")
        if set(self.present) & set(self.absent):
            raise ValueError(f"{self.id}: a finding is both present and absent")
        if self.decisive not in self.present and self.decisive not in self.absent:
            raise ValueError(f"{self.id}: the decisive finding is neither present nor absent")
        return self


def read_curated(path: Path) -> tuple[CuratedCase, ...]:
    """All rows of *path*, in file order.

    Raises:
        CuratedError: the file cannot be read, a row breaks a rule or an id comes twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CuratedError(f"{path.name}: {error}") from error
    cases: dict[str, CuratedCase] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            case = CuratedCase.model_validate_json(line)
        except ValueError as error:
            raise CuratedError(f"{path.name}: line {number}: {error}") from error
        if case.id in cases:
            raise CuratedError(f"{path.name}: line {number}: {case.id} comes twice")
        cases[case.id] = case
    return tuple(cases.values())
