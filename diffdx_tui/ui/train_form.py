"""The settings of a run to come, a row each, with the reason beside what cannot be used.

Role: edits a :class:`~diffdx_tui.domain.recipe.Recipe`; the recipe itself decides what is valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.recipe import DEFAULT, Recipe, RecipeError, read_recipe, show_value
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.ui.fields import Choice, text_field
from diffdx_tui.ui.glyphs import UNICODE, Glyphs


@dataclass(frozen=True, slots=True)
class Setting:
    """One row: the recipe's field, what it is called, and what to know about it."""

    name: str
    label: str
    hint: str = ""
    choices: tuple[str, ...] = ()


SETTINGS = (
    Setting("data", "Data", "curated, or the path of a JSONL file"),
    Setting("variant", "Variant", "A all, B no serious, C no workup", tuple(Variant)),
    Setting("base", "Base", "mini, folder or hub id; F4 lists"),
    Setting("rank", "Rank"),
    Setting("alpha", "Alpha", "the adapter weighs alpha / rank"),
    Setting("epochs", "Epochs"),
    Setting("max_steps", "Most steps", "empty: no limit"),
    Setting("batch", "Batch", "rows an optimiser step"),
    Setting("rate", "Rate", "peak learning rate"),
    Setting("schedule", "Schedule", "", ("cosine", "linear", "constant")),
    Setting("seed", "Seed"),
    Setting("precision", "Precision", "of the base", ("nf4", "bf16", "fp16", "fp32", "auto")),
    Setting("eval_every", "Validate every", "steps; empty: each epoch"),
    Setting("probe_every", "Probe every", "steps; empty: each epoch"),
    Setting("probe_cases", "Probe cases", "0 is off"),
    Setting("fold", "Fold", "empty: none; else 0 to 4 validates"),
    Setting("targets", "Targets", "all-linear, or names with commas"),
    Setting("dropout", "Dropout"),
    Setting("micro_batch", "Micro-batch", "empty: what fits"),
    Setting("warmup", "Warm-up", "share of all steps"),
    Setting("weight_decay", "Weight decay"),
    Setting("clip", "Clip", "largest gradient norm; 0 is off"),
    Setting("early_stopping", "Early stopping", "validations; empty: off"),
    Setting("max_tokens", "Longest row", "tokens; empty: the model's context"),
    Setting("checkpoint_seconds", "Checkpoint every", "seconds"),
    Setting("double_quant", "Double quant", "", ("yes", "no")),
    Setting("shared_prefix", "Shared prefix", "the system prompt once: exact", ("yes", "no")),
    Setting("tensorboard", "TensorBoard", "event files as well", ("yes", "no")),
)


class SettingRow(Horizontal):
    """Label, field, and beside them a hint or what is wrong."""

    DEFAULT_CSS = """
    SettingRow { height: 1; width: 1fr; }
    SettingRow > .label { width: 18; padding: 0 0 0 1; color: $text-muted; }
    SettingRow > .note { width: 1fr; padding: 0 1; color: $text-muted; }
    SettingRow > .note.-wrong { color: $error; }
    SettingRow > Choice { width: 22; }
    SettingRow > Input {
        border: none; height: 1; width: 22; padding: 0 1; background: $panel;
    }
    SettingRow > Input:focus { background: $block-cursor-blurred-background; }
    SettingRow:focus-within > .label { color: $foreground; text-style: bold; }
    """

    def __init__(self, setting: Setting, value: str, glyphs: Glyphs) -> None:
        super().__init__()
        self.setting = setting
        self._glyphs = glyphs
        if setting.choices:
            self.field: Choice | Input = Choice(
                setting.choices, value, id=setting.name, glyphs=glyphs
            )
        else:
            self.field = text_field(value, id=setting.name)

    def compose(self) -> ComposeResult:
        yield Static(self.setting.label, markup=False, classes="label")
        yield self.field
        yield Static(self.setting.hint, markup=False, classes="note")

    def say(self, problem: str) -> None:
        """Show *problem* beside the field; none shows the hint."""
        note = self.query_one(".note", Static)
        note.set_class(bool(problem), "-wrong")
        text = f"{self._glyphs.failed} {make_visible_line(problem)}" if problem else ""
        note.update(Content(text or self.setting.hint))


class RecipeForm(VerticalScroll, can_focus=False):
    """All settings; the recipe is read anew at every key."""

    DEFAULT_CSS = """
    RecipeForm { height: 1fr; width: 1fr; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Next row", show=False, priority=True),
        Binding("up", "app.focus_previous", "Previous row", show=False, priority=True),
    ]

    class Edited(Message):
        """A setting was changed."""

    def __init__(self, recipe: Recipe = DEFAULT, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._rows = {
            setting.name: SettingRow(setting, _shown(recipe, setting), glyphs)
            for setting in SETTINGS
        }

        self._known = self.values()

    def compose(self) -> ComposeResult:
        yield from self._rows.values()

    def values(self) -> dict[str, Any]:
        """What stands in the rows; an empty one that may be is ``None``."""
        return {name: _plain(row.setting, row.field.value) for name, row in self._rows.items()}

    def recipe(self) -> Recipe:
        """The recipe of the rows.

        Raises:
            RecipeError: it cannot be used.
        """
        return read_recipe(self.values())

    def show(self, values: Mapping[str, Any]) -> None:
        """Put *values* in the rows; what has no row is left out."""
        for name, value in values.items():
            if name not in self._rows:
                continue
            field = self._rows[name].field
            text = "" if value is None else show_value(value)
            if isinstance(field, Choice):
                field.choose(text)
            else:
                field.value = ",".join(value) if isinstance(value, list | tuple) else text
        self._known = self.values()
        self._check()

    def focus_setting(self, name: str) -> None:
        """Put the cursor in the row of *name*."""
        if name in self._rows:
            self._rows[name].field.focus()

    def complain(self, problems: Mapping[str, str]) -> None:
        """Show each problem beside its row, and hints beside the others."""
        for name, row in self._rows.items():
            row.say(problems.get(name, ""))

    def problems(self) -> dict[str, str]:
        """What cannot be used, by setting; ``""`` is the recipe as a whole."""
        try:
            self.recipe()
        except RecipeError as error:
            return error.problems
        return {}

    @on(Input.Changed)
    @on(Choice.Turned)
    def _edited(self, event: Message) -> None:
        event.stop()
        self._check()
        if self.values() != self._known:  # fields also tell of values that were put in
            self._known = self.values()
            self.post_message(self.Edited())

    def _check(self) -> None:
        self.complain(self.problems())


def describe_problems(problems: Mapping[str, str]) -> str:
    """What cannot be used, each by what its row is called."""
    labels = {setting.name: setting.label for setting in SETTINGS}
    return "; ".join(
        f"{labels.get(name, name)}: {what}" if name else what for name, what in problems.items()
    )


def _shown(recipe: Recipe, setting: Setting) -> str:
    value = recipe.as_dict()[setting.name]
    return "" if value is None else show_value(value)


def _plain(setting: Setting, text: str) -> Any:
    if setting.choices == ("yes", "no"):
        return text == "yes"
    text = text.strip()
    may_be_none = Recipe.model_fields[setting.name].default is None
    return None if may_be_none and not text else text
