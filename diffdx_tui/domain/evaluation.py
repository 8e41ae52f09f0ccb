"""What an evaluation is told: which arms answer which set, and how.

Role: the frozen plan that travels from form or command line through ``evaluation.json`` to the
evaluator.  An arm is one model with one schema and one way of decoding.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from diffdx_tui.domain.decoding import REFERENCE_FREE, Decoding, Mode
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.splits import FOLDS

EXTERNAL = "external:"
SetName = Literal[
    "test", "val", "cv", "train", "external:avey", "external:semigran", "generated", "regression"
]
SETS: tuple[SetName, ...] = get_args(SetName)
LEARNT_FROM = frozenset({"test", "val", "cv", "train"})
"""The sets of curated rows: a training on those may have seen some of them."""

DECODINGS: dict[str, Decoding] = {
    "greedy": Decoding(alternatives=0, max_new_tokens=1_024),
    "reference": replace(REFERENCE_FREE, alternatives=0),
    "no-penalty": replace(REFERENCE_FREE, alternatives=0, repetition_penalty=1.0),
}
"""Ways of decoding by name.

*Greedy* has room for the longest gold answer; the reference's 600 new tokens have not in every
vocabulary.  *No-penalty* is the reference's without its repetition penalty, which also weighs on
the words of the prompt and so on the echo.
"""

Perturbation = Literal["order", "irrelevant", "spelling", "units"]
PERTURBATIONS: dict[Perturbation, str] = {
    "order": "its sentences in another order, the first one first",
    "irrelevant": "with a sentence more that has no bearing on anything",
    "spelling": "with about one word in twelve misspelt",
    "units": "temperatures and glucose in the other unit",
}
"""Ways of telling a case otherwise that leave its answer as it is."""

BASELINE = "baseline"
ABLATED = (BASELINE, *(str(variant) for variant in Variant))
"""The arms of the reference's table."""

Name = Annotated[str, Field(min_length=1, max_length=4_096)]


class PlanError(ValueError):
    """An evaluation cannot be planned like this; the message says what to change."""


class Arm(BaseModel):
    """One model with one schema and one way of decoding.

    Attributes:
        name: unique in the plan.
        label: what answers, apart from seed and decoding: *baseline*, *A*, a model's name.
        model: catalogue name, directory or hub id of the base.
        adapter: directory or hub id; ``none`` for the bare base, ``None`` for the model's own.
        folds: five adapters for ``cv``; the rows of fold *i* are answered with the *i*-th, which
            was trained without them.  Instead of *adapter*.
        precision: of the weights; ``auto`` is resolved by the engine.
        way: name of the decoding, for tables; ``decoding`` is what counts.
        samples: answers a case; the *i*-th is drawn with the decoding's seed + *i*.
        seed: of the training; ``None`` where there was none or it is not known.
        perturbation: how the cases are told otherwise; rows it does not change are not asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    label: Name
    model: Name = "mini"
    adapter: Name | None = None
    folds: tuple[Name, ...] = ()
    variant: Variant = Variant.A
    precision: str = "auto"
    way: Name = "greedy"
    decoding: Decoding = DECODINGS["greedy"]
    samples: Annotated[int, Field(ge=1, le=1_000)] = 1
    seed: int | None = None
    perturbation: Perturbation | None = None

    @field_validator("name", "label", "way")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("has characters that cannot be shown")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Arm:
        if self.folds and (len(self.folds) != FOLDS or self.adapter is not None):
            raise ValueError(f"{self.name}: cv needs {FOLDS} adapters, one a fold, and no other")
        if self.samples > 1 and self.decoding.temperature == 0:
            raise ValueError(
                f"{self.name}: a greedy answer is the same every time: give a temperature, or "
                "decode as the reference"
            )
        return self

    @property
    def mode(self) -> Mode:
        """Free or guided."""
        return self.decoding.mode


class Plan(BaseModel):
    """One evaluation.

    Attributes:
        set: what is answered.
        limit: only so many rows, spread evenly over the set.
        external: folder of the external sets; the home folder's by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    set: SetName
    arms: Annotated[tuple[Arm, ...], Field(min_length=1, max_length=1_000)]
    limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    external: str | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Plan:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError("two arms have the same name")
        if self.set != "cv" and any(arm.folds for arm in self.arms):
            raise ValueError("an adapter for each fold is for the set cv")
        return self

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; :func:`read_plan` is the inverse."""
        return self.model_dump(mode="json")

    @property
    def fingerprint(self) -> str:
        """The same for the same plan."""
        text = json.dumps(self.as_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def read_plan(values: Mapping[str, Any]) -> Plan:
    """The plan of *values*.

    Raises:
        PlanError: something in it cannot be used.
    """
    try:
        return Plan.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise PlanError(f"{place}: {message}" if place else message) from None


def decoding_for(way: str, mode: Mode, changes: Mapping[str, Any] | None = None) -> Decoding:
    """The decoding called *way* in *mode*, with *changes*.

    Raises:
        PlanError: there is no such way.
        DecodingError: a change is out of range.
    """
    if way not in DECODINGS:
        raise PlanError(f"decoding {way!r} is none of {', '.join(DECODINGS)}")
    return replace(DECODINGS[way], mode=mode, **(changes or {}))


def arms_of(
    arm: Mapping[str, Any], decodings: Sequence[tuple[str, Decoding]], name: str | None = None
) -> list[Arm]:
    """*arm* (all but name, way and decoding) once for each of *decodings* (way, settings).

    Args:
        name: how the names begin; with the label by default.

    Several ``samples`` are drawn where there is something to draw; beside such a decoding a greedy
    one answers once.

    Raises:
        PlanError: a value cannot be used.
    """
    drawn = any(decoding.temperature for _, decoding in decodings)
    made = []
    for way, decoding in decodings:
        words = [name or str(arm["label"])]
        words += [str(decoding.mode), *([way] if way != "greedy" else [])]
        try:
            values = {**arm, "name": " ".join(words), "way": way, "decoding": decoding}
            if drawn and not decoding.temperature:
                values["samples"] = 1
            made.append(Arm.model_validate(values))
        except ValidationError as error:
            raise PlanError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
    return made


def perturbed_arms(arms: Sequence[Arm], perturbations: Sequence[Perturbation]) -> list[Arm]:
    """The greedy ones of *arms*, asked each case again in the ways of *perturbations*.

    Greedy ones only: a drawn answer changes by itself.

    Raises:
        PlanError: there are perturbations, but no greedy arm.
    """
    greedy = [arm for arm in arms if arm.decoding.temperature == 0]
    if perturbations and not greedy:
        raise PlanError("cases told otherwise need a greedy arm: a drawn answer changes by itself")
    return [
        arm.model_copy(update={"name": f"{arm.name}, {one}", "perturbation": one})
        for one in perturbations
        for arm in greedy
    ]
