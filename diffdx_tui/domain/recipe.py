"""What a training run is told: the one definition of its settings, their limits and defaults.

Role: the frozen value that travels from form or command line through ``run.json`` to the trainer.
Defaults are the reference's (HAI-DiffDx-0.5B: NF4, r 8, alpha 16, 3 epochs) where it names them;
everything else is a named difference from them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.splits import FOLDS

ALL_LINEAR = "all-linear"
CURATED = "curated"
_LONGEST_NAME = 4_096
_NAMED = 7  # modules that are shown by name: those of one layer
_MODULE = re.compile(r"[A-Za-z0-9_.]{1,100}")

Name = Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME)]
Positive = Annotated[int, Field(ge=1, le=1_000_000)]


class RecipeError(ValueError):
    """A recipe cannot be used.

    Attributes:
        problems: what is wrong with each setting; ``""`` names the recipe as a whole.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(
            "; ".join(f"{name}: {what}" if name else what for name, what in problems.items())
        )
        self.problems = dict(problems)


class Recipe(BaseModel):
    """Settings of one training run.

    Attributes:
        base: ``mini``, another name of ``models list``, a local directory or a hub id.
        variant: the schema that is learned.
        data: ``curated``, or the path of a JSONL file whose rows have ``vignette`` and ``answer``.
        train_split: the curated split to learn from.
        fold: with a number, learn from the other four folds of the curated cases instead.
        rank: of the adapter's matrices.
        alpha: scale of the adapter; its weight is ``alpha / rank``.
        dropout: on the adapter's input.
        targets: which linear modules get an adapter, by the ends of their names.
        epochs: passes over the rows.
        max_steps: end after so many optimiser steps, even in the middle of an epoch.
        batch: rows an optimiser step, over all devices.
        micro_batch: rows a forward pass; ``None`` finds out what fits.
        rate: peak learning rate.
        schedule: how the rate falls after the warm-up.
        warmup: share of all steps in which the rate rises.
        weight_decay: of AdamW.
        clip: largest norm of the gradient; 0 is off.
        seed: of initialisation, dropout and order.
        precision: how the base's weights are stored.
        double_quant: quantise the NF4 scales too.
        adapter_precision: type of the trained matrices: fp32, or that of the computation
            (``native``); ``auto`` is fp32 so far (``docs/LOG.md``).
        eval_every: steps between validations; one at each epoch's end in any case.
        probe_every: steps between probes; ``None`` probes at each epoch's end.
        probe_cases: how many validation cases a probe answers; 0 is off.
        checkpoint_seconds: seconds between checkpoints.
        early_stopping: end after so many validations without improvement; ``None`` is off.
        max_tokens: longest row in tokens; ``None`` takes the model's context.
        wording: JSONL file with the answers of the same curated rows in other words; ``None`` takes
            the gold ones.  Names and echo are the gold ones' in any case.
        reasons: score the tokens of the reasons too; without, only the form, the echo, the names
            and the first item of the workup are learned, and nothing holds the reasons' language.
        shared_prefix: compute the system prompt once a micro-batch (exact).
        tensorboard: also write TensorBoard event files.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", str_strip_whitespace=True, allow_inf_nan=False
    )

    base: Name = "mini"
    variant: Variant = Variant.A
    data: Name = CURATED
    train_split: Literal["train"] = "train"
    fold: Annotated[int, Field(ge=0, lt=FOLDS)] | None = None
    rank: Annotated[int, Field(ge=1, le=1_024)] = 8
    alpha: Annotated[float, Field(gt=0, le=4_096)] = 16.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    targets: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 3
    max_steps: Positive | None = None
    batch: Annotated[int, Field(ge=1, le=4_096)] = 8
    micro_batch: Annotated[int, Field(ge=1, le=4_096)] | None = None
    rate: Annotated[float, Field(gt=0, le=1)] = 2e-4
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.05
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    clip: Annotated[float, Field(ge=0, le=1_000)] = 1.0
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    precision: Literal["nf4", "bf16", "fp16", "fp32", "auto"] = "nf4"
    double_quant: bool = True
    adapter_precision: Literal["auto", "native", "fp32"] = "auto"
    eval_every: Positive | None = None
    probe_every: Positive | None = None
    probe_cases: Annotated[int, Field(ge=0, le=1_000)] = 5
    checkpoint_seconds: Annotated[float, Field(gt=0, le=86_400)] = 30.0
    early_stopping: Positive | None = None
    max_tokens: Annotated[int, Field(ge=16, le=1_000_000)] | None = None
    wording: Name | None = None
    reasons: bool = True
    shared_prefix: bool = True
    tensorboard: bool = False

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_as_number(cls, value: Any, info: Any) -> Any:
        """``true`` would pass as the number 1."""
        numeric = cls.model_fields[info.field_name].annotation is not bool
        if numeric and isinstance(value, bool):
            raise ValueError(f"must not be {str(value).lower()}")
        return value

    @field_validator("base", "data", "wording")
    @classmethod
    def _printable(cls, value: str | None) -> str | None:
        if value is not None and not value.isprintable():
            raise ValueError("has characters that cannot be shown")
        return value

    @field_validator("targets", mode="before")
    @classmethod
    def _module_names(cls, value: Any) -> Any:
        """A list of names, also as one text with commas."""
        if isinstance(value, str) and value.strip() != ALL_LINEAR:
            value = tuple(name.strip() for name in value.split(","))
        if not isinstance(value, str):
            if not isinstance(value, list | tuple) or not value:
                raise ValueError(f"must be {ALL_LINEAR} or a list of modules' names")
            for name in value:
                if not isinstance(name, str) or not _MODULE.fullmatch(name):
                    raise ValueError(f"{name!r} is no module's name; {ALL_LINEAR} takes them all")
            return tuple(dict.fromkeys(value))
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        if self.micro_batch is not None and self.micro_batch > self.batch:
            raise ValueError(f"micro_batch {self.micro_batch} is larger than batch {self.batch}")
        if self.fold is not None and self.data != CURATED:
            raise ValueError("fold is of the curated cases: leave it out with data of your own")
        if self.wording is not None and self.data != CURATED:
            raise ValueError("wording is of the curated cases: leave it out with data of your own")
        return self

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; :func:`read_recipe` is the inverse."""
        return self.model_dump(mode="json")


DEFAULT = Recipe()
"""The reference's recipe on the embedded base."""

ABLATIONS: dict[str, dict[str, Any]] = {
    "A": {"variant": "A"},
    "B": {"variant": "B"},
    "C": {"variant": "C"},
    "rank-4": {"rank": 4, "alpha": 8},
    "rank-16": {"rank": 16, "alpha": 32},
    "attention-only": {"targets": ["q_proj", "k_proj", "v_proj", "o_proj"]},
    "no-dropout": {"dropout": 0.0},
    "single-quant": {"double_quant": False},
    "native-adapters": {"adapter_precision": "native"},
    "bf16-base": {"precision": "bf16"},
    "fp32-base": {"precision": "fp32"},
    "linear-schedule": {"schedule": "linear"},
    "no-warmup": {"warmup": 0.0},
    "half-rate": {"rate": 1e-4},
    "double-rate": {"rate": 4e-4},
    "one-epoch": {"epochs": 1},
    "no-reasons": {"reasons": False},
    "no-shared-prefix": {"shared_prefix": False},
}
"""Named differences from the default; A, B and C are the reference's own."""


def read_recipe(values: Mapping[str, Any]) -> Recipe:
    """The recipe of *values*; what is not given has its default.

    Raises:
        RecipeError: a setting is unknown or cannot be used.
    """
    try:
        return Recipe.model_validate(dict(values))
    except ValidationError as error:
        problems: dict[str, str] = {}
        for details in error.errors():
            name = str(details["loc"][0]) if details["loc"] else ""
            # Of a union each member complains; the first complaint is about what is wanted.
            problems.setdefault(name, _explain(details))
        raise RecipeError(problems) from None


def ablation(name: str) -> dict[str, Any]:
    """The differences that *name* stands for.

    Raises:
        RecipeError: there is no such ablation.
    """
    if name not in ABLATIONS:
        raise RecipeError({"ablation": f"{name!r} is none of {', '.join(ABLATIONS)}"})
    return dict(ABLATIONS[name])


def differences(recipe: Recipe, other: Recipe = DEFAULT) -> dict[str, tuple[Any, Any]]:
    """Setting to (of *recipe*, of *other*), as plain values, where the two differ."""
    ours, theirs = recipe.as_dict(), other.as_dict()
    return {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}


def describe(recipe: Recipe) -> str:
    """Base, variant, and what differs from the default, on one line."""
    changed = differences(recipe)
    named = [f"{recipe.base} {recipe.variant}"]
    for name, (value, _) in changed.items():
        if name not in ("base", "variant"):
            named.append(f"{name.replace('_', ' ')} {show_value(value)}")
    return ", ".join(named)


def show_value(value: Any) -> str:
    """A setting's plain value as a person writes it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        more = f"+{len(value) - _NAMED} more" if len(value) > _NAMED else ""
        return "+".join(map(str, value[:_NAMED])) + more
    return str(value)


def _explain(details: ErrorDetails) -> str:
    """A complaint of pydantic's in plain words."""
    context, given = details.get("ctx", {}), details["input"]
    shown = repr(given) if len(repr(given)) <= 80 else f"{repr(given)[:80]}…"
    match details["type"]:
        case "extra_forbidden":
            return f"there is no such setting; known: {', '.join(Recipe.model_fields)}"
        case "greater_than_equal":
            return f"must be at least {_limit(context['ge'])}, got {shown}"
        case "greater_than":
            return f"must be more than {_limit(context['gt'])}, got {shown}"
        case "less_than_equal":
            return f"must be at most {_limit(context['le'])}, got {shown}"
        case "less_than":
            return f"must be less than {_limit(context['lt'])}, got {shown}"
        case "int_parsing" | "int_type" | "int_from_float":
            return f"must be a whole number, got {shown}"
        case "float_parsing" | "float_type" | "finite_number":
            return f"must be a number, got {shown}"
        case "bool_parsing" | "bool_type":
            return f"must be true or false, got {shown}"
        case "literal_error" | "enum":
            return f"must be {context['expected']}, got {shown}"
        case "string_too_short":
            return "must not be empty"
        case "string_too_long":
            return f"must be at most {_LONGEST_NAME:,} characters"
        case "string_type":
            return f"must be text, got {shown}"
        case "value_error":
            return str(context["error"])
    return f"{details['msg']}, got {shown}"


def _limit(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"
