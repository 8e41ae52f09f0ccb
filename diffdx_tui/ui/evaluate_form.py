"""Choosing what is evaluated: a set, models and adapters, modes, and the way of decoding.

Role: makes a :class:`~diffdx_tui.domain.evaluation.Plan`; what an adapter has learnt from is
refused by the planning itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from diffdx_tui.domain.decoding import DecodingError, Mode
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.evaluation import DECODINGS, SETS, Arm, Plan
from diffdx_tui.domain.recipe import describe
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.engine.catalogue import CATALOGUE, NO_ADAPTER, is_here
from diffdx_tui.engine.failures import EngineError
from diffdx_tui.evaluation_plan import decodings_for, locate_models, plan_model, plan_runs
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.run_registry import Run, RunRegistry
from diffdx_tui.ui.fields import Choice, FormRow, text_field
from diffdx_tui.ui.form import Form
from diffdx_tui.ui.glyphs import UNICODE, Glyphs

_MODES = {"guided": (Mode.GUIDED,), "free": (Mode.FREE,), "free and guided": tuple(Mode)[::-1]}
_CV = "cv"


class EvaluationForm(Form[Plan]):
    """Set, modes, decoding, a yes or no for what is known here, and any other model by name."""

    TITLE_TEXT = "New evaluation"
    ACCEPT = "start"
    DEFAULT_CSS = """
    EvaluationForm FormRow.arm > .label { width: 1fr; }
    EvaluationForm FormRow.arm > Choice { width: 16; }
    """

    def __init__(
        self, registry: RunRegistry, runs: Sequence[Run], glyphs: Glyphs = UNICODE
    ) -> None:
        super().__init__(glyphs)
        self._registry = registry
        self._runs = {run.id: run for run in runs if run.has_adapter}
        self._models = [name for name in CATALOGUE if is_here(name)]

    def rows(self) -> ComposeResult:
        glyphs = self.glyphs
        yield FormRow("Set", Choice(SETS, "test", id="set", glyphs=glyphs))
        yield FormRow("Mode", Choice(list(_MODES), "free and guided", id="mode", glyphs=glyphs))
        yield FormRow("Decoding", Choice(list(DECODINGS), "greedy", id="way", glyphs=glyphs))
        yield FormRow("Rows at most", text_field("", id="limit", placeholder="all"))
        yield Static(Content("Who answers: models, each in the schema chosen"), classes="hint")
        yield FormRow("Schema", Choice(list(Variant), Variant.A, id="variant", glyphs=glyphs))
        for place, name in enumerate(self._models):
            yield self._arm_row(name, f"model-{place}")
        where = "folder or hub id"
        own = f"empty: its own; none, {where}"
        yield FormRow("Another model", text_field("", id="model", placeholder=where))
        yield FormRow("Its adapter", text_field("", id="adapter", placeholder=own))
        if self._runs:
            yield Static(Content("Runs, each in the schema it learnt"), classes="hint")
        for run in self._runs.values():
            name = f"run {run.id[-8:]}  {make_visible_line(describe(run.record.recipe))}"
            yield self._arm_row(name, f"run-{run.id}")

    def _arm_row(self, label: str, id: str) -> FormRow:
        row = FormRow(label, Choice(["no", "yes"], "no", id=id, glyphs=self.glyphs))
        row.add_class("arm")
        return row

    def _value(self, id: str) -> str:
        return self.query_one(f"#{id}", Choice).value

    def _typed(self, id: str) -> str:
        return self.query_one(f"#{id}", Input).value.strip()

    def result(self) -> Plan:
        try:
            plan = Plan(**self._plan_values())
            locate_models(plan)
        except ValidationError as error:
            raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
        except (DecodingError, StoreError, EngineError) as error:
            raise ValueError(str(error)) from None
        return plan

    def _plan_values(self) -> dict[str, Any]:
        set_name: Any = self._value("set")
        decodings = decodings_for(_MODES[self._value("mode")], [self._value("way")])
        arms: list[Arm] = []
        variant = Variant(self._value("variant"))
        for model, adapter in self._models_chosen():
            arms += plan_model(model, set_name, decodings, adapter=adapter, variant=variant)
        chosen = [run_id for run_id in self._runs if self._value(f"run-{run_id}") == "yes"]
        if chosen and set_name == _CV:
            arms += plan_runs(self._registry, chosen, set_name, decodings)
        else:
            for run_id in chosen:
                arms += plan_runs(self._registry, [run_id], set_name, decodings)
        if not arms:
            raise ValueError("choose who answers: turn at least one row to yes")
        return {"set": set_name, "arms": tuple(arms), "limit": self._limit()}

    def _models_chosen(self) -> list[tuple[str, str | None]]:
        """Models with their adapters; ``None`` is the catalogue's own."""
        chosen = [
            (name, "")
            for place, name in enumerate(self._models)
            if self._value(f"model-{place}") == "yes"
        ]
        model, adapter = self._typed("model"), self._typed("adapter")
        if adapter and not model:
            raise ValueError("an adapter needs its model: name it in the row above")
        if model:
            chosen.append((model, adapter))
        return [(name, adapter or _own_adapter(name)) for name, adapter in chosen]

    def _limit(self) -> int | None:
        typed = self._typed("limit")
        if not typed:
            return None
        if not typed.isdecimal() or int(typed) < 1:
            raise ValueError(f"rows at most: {typed!r} is no whole number above 0")
        return int(typed)


def _own_adapter(model: str) -> str | None:
    """What a model without a named adapter answers with."""
    entry = CATALOGUE.get(model)
    return None if entry is not None and entry.adapters else NO_ADAPTER
