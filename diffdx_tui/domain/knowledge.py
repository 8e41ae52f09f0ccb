"""Knowledge records: what the project knows about each condition, as typed data.

Role: the one definition of an entry in ``data/knowledge/<domain>.yaml``.  A clinician can read
and edit the files; the generator of training text, the red-flag rules and the checks read them
through :func:`read_conditions`.  The content is **not clinician-validated**.

Every finding carries phrasings in four registers, each with its own grammar, so that a text
generator can combine them without mangling a sentence:

``clinical``
    noun phrases, as in "presents with *neck stiffness*";
``triage``
    telegraphic fragments, as in "*worst HA of life, sudden*";
``lay``
    whole first-person sentences without the full stop, as in "*I can't put my chin down*"
    (in the paediatric domain the parent speaks: "*he keeps pulling at his ear*");
``narrative``
    third-person verb phrases that follow "She " or "He ", as in "*cannot bear bright light*".

``narrative`` and ``triage`` may hold the placeholders ``{he} {him} {his} {himself}``, filled in
by the patient's sex.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from diffdx_tui.domain.diagnosis import SynonymTable

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=400)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
IcdCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][0-9]{2}(\.[0-9]{1,2})?$")]


class Domain(StrEnum):
    """The ten clinical domains of the reference model's curated set."""

    CARDIAC = "cardiac"
    NEUROLOGICAL = "neurological"
    ABDOMINAL = "abdominal"
    RESPIRATORY = "respiratory"
    INFECTIOUS = "infectious"
    DERMATOLOGICAL = "dermatological"
    MUSCULOSKELETAL = "musculoskeletal"
    PAEDIATRIC = "paediatric"
    ENDOCRINE = "endocrine"
    PSYCHIATRIC = "psychiatric"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ages(_Record):
    """Plausible ages in years (fractions for infants) and the range where it is usual."""

    min: float = Field(ge=0, le=110)
    max: float = Field(ge=0, le=110)
    typical: tuple[float, float]

    @model_validator(mode="after")
    def _ordered(self) -> Ages:
        low, high = self.typical
        if not self.min <= low <= high <= self.max:
            raise ValueError("ages must satisfy min <= typical[0] <= typical[1] <= max")
        return self


class Phrasings(_Record):
    """Ways to say one thing, by register; see the module's head for the grammar of each."""

    clinical: tuple[Text, ...] = Field(min_length=2)
    triage: tuple[Text, ...] = Field(min_length=1)
    lay: tuple[Text, ...] = Field(min_length=1)
    narrative: tuple[Text, ...] = Field(min_length=1)


class ConditionFinding(Phrasings):
    """One finding of a condition: how often it is there and how people put it."""

    id: Slug
    kind: Literal["symptom", "sign", "vital", "test", "history"]
    likelihood: float = Field(gt=0, le=1, description="share of patients who have it, 0 to 1")
    decisive: bool = Field(default=False, description="points to this condition above its mimics")
    rationale: Text = Field(description="short noun phrase for use in the reasoning")


class NegativeFinding(Phrasings):
    """A pertinent negative: a finding whose absence is usual and worth stating."""

    id: Slug = Field(description="id of the finding that is absent, e.g. 'fever'")
    rationale: Text = Field(description="short phrase for the reasoning, e.g. 'no fever'")


class RiskFactor(_Record):
    """Background that raises the chance of the condition."""

    clinical: tuple[Text, ...] = Field(min_length=1)
    lay: tuple[Text, ...] = Field(min_length=1)


class Alternative(_Record):
    """Another diagnosis to weigh against the condition, by name (it may have its own entry)."""

    name: Text
    icd10: IcdCode
    fits: Text = Field(description="what this presentation shares with it")
    differs: Text = Field(description="the finding that separates the two")


class Test(_Record):
    """A first investigation and what it separates."""

    __test__ = False  # not a pytest class

    name: Text
    separates: Text


class Source(_Record):
    """A guideline or standard text that supports the entry."""

    title: Text
    body: Text
    year: int = Field(ge=1990, le=2026)
    url: Text


class Condition(_Record):
    """One illness script."""

    id: Slug
    name: Text
    synonyms: tuple[Text, ...] = Field(min_length=1)
    domain: Domain
    icd10: IcdCode
    ages: Ages
    sex: Literal["any", "female", "male", "mostly-female", "mostly-male"]
    settings: tuple[Literal["emergency", "primary care", "ward", "clinic", "home"], ...] = Field(
        min_length=1
    )
    acuity: Literal["emergency", "urgent", "routine"]
    tempo: Literal["sudden", "hours", "days", "weeks", "months", "episodic"]
    findings: tuple[ConditionFinding, ...] = Field(min_length=5)
    negatives: tuple[NegativeFinding, ...] = Field(min_length=2)
    risk_factors: tuple[RiskFactor, ...] = Field(min_length=1)
    mimics: tuple[Alternative, ...] = Field(min_length=2)
    dangerous: tuple[Alternative, ...] = Field(min_length=1)
    first_tests: tuple[Test, ...] = Field(min_length=2)
    avoid: tuple[Text, ...] = ()
    sources: tuple[Source, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Condition:
        ids = [finding.id for finding in self.findings]
        if len(set(ids)) != len(ids):
            raise ValueError(f"{self.id}: a finding id appears twice")
        both = set(ids) & {negative.id for negative in self.negatives}
        if both:
            raise ValueError(f"{self.id}: finding both present and denied: {sorted(both)}")
        if not any(finding.decisive for finding in self.findings):
            raise ValueError(f"{self.id}: no decisive finding")
        return self

    @property
    def icd10_category(self) -> str:
        """The three-character ICD-10 category, the level at which answers are matched."""
        return self.icd10[:3]


class KnowledgeError(ValueError):
    """A knowledge file cannot be used; the message names the file and the entry."""


def read_conditions(path: Path) -> tuple[Condition, ...]:
    """Read one domain file.

    Args:
        path: ``data/knowledge/<domain>.yaml``, a list of entries.

    Raises:
        KnowledgeError: the file is not a YAML list, or an entry does not fit the model.
    """
    try:
        rows: Any = yaml.load(path.read_text(encoding="utf-8"), Loader=_safe_loader())
    except yaml.YAMLError as error:
        raise KnowledgeError(f"{path.name}: not readable as YAML: {error}") from error
    if not isinstance(rows, list):
        raise KnowledgeError(f"{path.name}: expected a list of conditions")
    conditions = []
    for number, row in enumerate(rows, start=1):
        try:
            conditions.append(Condition.model_validate(row))
        except ValueError as error:
            label = row.get("id", number) if isinstance(row, dict) else number
            raise KnowledgeError(f"{path.name}: entry {label}: {error}") from error
    return tuple(conditions)


def _safe_loader() -> Any:
    """The C loader where libyaml is there (ten times faster), else the pure Python one."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@lru_cache(maxsize=4)
def read_knowledge(directory: Path) -> tuple[Condition, ...]:
    """Read every domain file of *directory*, in the order of :class:`Domain`.

    Raises:
        KnowledgeError: a file is unusable, an entry sits in another domain's file, or an id
            appears twice.
    """
    conditions: list[Condition] = []
    for path in _domain_files(directory):
        for condition in read_conditions(path):
            if condition.domain != path.stem:
                raise KnowledgeError(f"{path.name}: {condition.id} says domain {condition.domain}")
            conditions.append(condition)
    seen: set[str] = set()
    for condition in conditions:
        if condition.id in seen:
            raise KnowledgeError(f"condition {condition.id} is defined twice")
        seen.add(condition.id)
    return tuple(conditions)


@lru_cache(maxsize=4)
def read_synonyms(directory: Path) -> SynonymTable:
    """The knowledge base's names as a table; the first call reads all files (about a second).

    Raises:
        KnowledgeError: as :func:`read_knowledge`.
    """
    return SynonymTable({entry.name: entry.synonyms for entry in read_knowledge(directory)})


def _domain_files(directory: Path) -> Iterator[Path]:
    for domain in Domain:
        path = directory / f"{domain}.yaml"
        if path.is_file():
            yield path
