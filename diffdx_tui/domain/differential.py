"""The four-tier differential: the one definition of the answer's shape.

Role: pydantic models for variants A (full), B (no ``unlikely_but_serious``) and C (no
``recommended_workup``).  Prompt, grammar, store, metrics and panels derive their field names and
order from here and from nowhere else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

INDENT = 2
"""JSON layout of an answer, as in the reference card's example."""

UNFINISHED = "(unfinished)"
"""What stands in a slot that was closed before the model wrote anything into it."""

NonBlank = Annotated[str, Field(min_length=1, pattern=r"\S")]
Pair = Annotated[list[NonBlank], Field(min_length=2, max_length=2)]


class Variant(StrEnum):
    """The full schema and the reference's two ablations."""

    A = "A"
    B = "B"
    C = "C"


class Differential(BaseModel):
    """Variant A, the full schema; each tier reads ``Diagnosis - reasoning``."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, title="Differential")

    symptoms: NonBlank = Field(description="the vignette, verbatim")
    most_likely: NonBlank = Field(description="leading diagnosis with reasoning")
    possible: Pair = Field(description="exactly two alternatives with reasoning")
    unlikely_but_serious: NonBlank = Field(description="the diagnosis that must not be missed")
    recommended_workup: NonBlank = Field(description="the next clinical step")


class DifferentialB(BaseModel):
    """Variant B: the full schema without ``unlikely_but_serious``."""

    model_config = Differential.model_config | ConfigDict(title="DifferentialB")

    symptoms: NonBlank = Field(description="the vignette, verbatim")
    most_likely: NonBlank = Field(description="leading diagnosis with reasoning")
    possible: Pair = Field(description="exactly two alternatives with reasoning")
    recommended_workup: NonBlank = Field(description="the next clinical step")


class DifferentialC(BaseModel):
    """Variant C: the full schema without ``recommended_workup``."""

    model_config = Differential.model_config | ConfigDict(title="DifferentialC")

    symptoms: NonBlank = Field(description="the vignette, verbatim")
    most_likely: NonBlank = Field(description="leading diagnosis with reasoning")
    possible: Pair = Field(description="exactly two alternatives with reasoning")
    unlikely_but_serious: NonBlank = Field(description="the diagnosis that must not be missed")


AnyDifferential = Differential | DifferentialB | DifferentialC

MODELS: dict[Variant, type[Differential] | type[DifferentialB] | type[DifferentialC]] = {
    Variant.A: Differential,
    Variant.B: DifferentialB,
    Variant.C: DifferentialC,
}


@dataclass(frozen=True, slots=True)
class Slot:
    """One string in the document: a field, or one entry of a list field.

    Attributes:
        field: the JSON key.
        index: the position in a list field, else ``None``.
    """

    field: str
    index: int | None = None

    @property
    def name(self) -> str:
        """``most_likely``, ``possible[0]``, ..."""
        return self.field if self.index is None else f"{self.field}[{self.index}]"

    @classmethod
    def parse(cls, name: str) -> Slot:
        """The inverse of :attr:`name`."""
        field, bracket, rest = name.partition("[")
        return cls(field, int(rest.removesuffix("]")) if bracket else None)


ECHO = Slot("symptoms")


@cache
def fields_of(variant: Variant) -> tuple[str, ...]:
    """The JSON keys of *variant*, in order."""
    return tuple(MODELS[variant].model_fields)


@cache
def slots_of(variant: Variant) -> tuple[Slot, ...]:
    """Every slot of *variant* in document order, the echo first."""
    return tuple(
        slot
        for name, field in MODELS[variant].model_fields.items()
        for slot in (
            [Slot(name, 0), Slot(name, 1)] if field.annotation is not str else [Slot(name)]
        )
    )


@cache
def skeleton_of(variant: Variant) -> tuple[str, ...]:
    """The literal JSON text around the slots: ``n`` slots have ``n + 1`` pieces.

    ``pieces[0] + slot0 + pieces[1] + slot1 + ... + pieces[n]`` is the document.
    """
    marks = [f"\x00{slot.name}\x00" for slot in slots_of(variant)]
    document = render(variant, dict(zip(slots_of(variant), marks, strict=True)))
    pieces, rest = [], document
    for mark in marks:
        piece, rest = rest.split(json.dumps(mark)[1:-1], maxsplit=1)
        pieces.append(piece)
    return (*pieces, rest)


def render(variant: Variant, texts: dict[Slot, str]) -> str:
    """The document in the project's one layout; a missing slot reads :data:`UNFINISHED`."""
    document: dict[str, Any] = {}
    for slot in slots_of(variant):
        text = texts.get(slot, UNFINISHED)
        if slot.index is None:
            document[slot.field] = text
        else:
            document.setdefault(slot.field, []).append(text)
    return json.dumps(document, ensure_ascii=False, indent=INDENT)


def escape(text: str) -> str:
    """*text* as it stands between the quotes of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def schema_of(variant: Variant) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of *variant*."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **MODELS[variant].model_json_schema(),
    }


def texts_of(differential: AnyDifferential) -> dict[Slot, str]:
    """The slots' texts of a parsed answer."""
    texts: dict[Slot, str] = {}
    for field in type(differential).model_fields:
        value = getattr(differential, field)
        if isinstance(value, str):
            texts[Slot(field)] = value
        else:
            texts.update({Slot(field, index): text for index, text in enumerate(value)})
    return texts
