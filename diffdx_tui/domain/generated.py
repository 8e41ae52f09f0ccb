"""Generated cases: vignettes made from the knowledge base, in wordings kept back from training.

Role: the typed row of ``data/generated.jsonl`` and its gold answer, which is the illness script's.
They show whether a model reads what the generator writes in words it has not met, and nothing about
texts that people write.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from diffdx_tui.domain.knowledge import Alternative, Condition, Slug
from diffdx_tui.domain.naming import Target
from diffdx_tui.domain.scoring import Gold


class GeneratedError(ValueError):
    """The generated cases cannot be used; the message names the file and the row."""


class GeneratedCase(BaseModel):
    """One row.

    Attributes:
        condition: id of the knowledge base's entry.
        voice: the vignette's main voice.
        age: years, fractions for infants.
        present, absent: ids of the entry's findings and negatives that the text states.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Slug
    condition: Slug
    voice: str
    age: float = Field(ge=0, le=110)
    sex: str
    present: tuple[Slug, ...]
    absent: tuple[Slug, ...]
    vignette: str = Field(min_length=20)


def read_generated(path: Path) -> tuple[GeneratedCase, ...]:
    """All rows of *path*, in file order.

    Raises:
        GeneratedError: the file cannot be read, or a row has another form.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise GeneratedError(f"{path.name}: {error}") from error
    cases = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                cases.append(GeneratedCase.model_validate_json(line))
            except ValueError as error:
                raise GeneratedError(f"{path.name}: line {number}: {error}") from error
    return tuple(cases)


def gold_of_generated(case: GeneratedCase, entries: Mapping[str, Condition]) -> Gold:
    """The illness script as a gold answer: each of its mimics and dangers is accepted.

    Its tests are left out: they are phrases for reading ("troponin now and in three hours, ECG"),
    not the names of single tests that a workup can be searched for.

    Raises:
        GeneratedError: the knowledge base has no such entry.
    """
    entry = entries.get(case.condition)
    if entry is None:
        raise GeneratedError(f"{case.id}: the knowledge base has no condition {case.condition!r}")
    danger, *dangers = map(_target, entry.dangerous)
    return Gold(
        id=case.id,
        vignette=case.vignette,
        most_likely=Target(entry.name, entry.icd10, entry.synonyms),
        domain=entry.domain,
        age=case.age,
        sex=case.sex,
        emergency=entry.acuity == "emergency",
        possible=tuple(map(_target, entry.mimics)),
        fourth=danger,
        also_fourth=tuple(dangers),
        present=case.present,
        absent=case.absent,
    )


def _target(alternative: Alternative) -> Target:
    return Target(alternative.name, alternative.icd10)
