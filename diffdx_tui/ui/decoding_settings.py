"""The dialog for decoding, precision and variant.

Role: shows what will be used for the next answer and checks what is typed by the domain's rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from diffdx_tui.config import PRECISIONS
from diffdx_tui.domain.decoding import REFERENCE_FREE, Decoding, DecodingError, Mode
from diffdx_tui.domain.differential import Variant
from diffdx_tui.engine.catalogue import ModelSpec
from diffdx_tui.ui.fields import Choice, FormRow, text_field
from diffdx_tui.ui.form import Form
from diffdx_tui.ui.glyphs import UNICODE, Glyphs

_NUMBERS = (
    ("seed", "Seed", int),
    ("temperature", "Temperature (0 greedy)", float),
    ("top_p", "Top-p", float),
    ("repetition_penalty", "Repetition penalty", float),
    ("max_new_tokens", "Most new tokens", int),
)
_VARIANTS = {
    "A: full schema": Variant.A,
    "B: without unlikely but serious": Variant.B,
    "C: without workup": Variant.C,
}
_ON, _OFF = "over prompt and answer", "over the answer only"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the dialog edits."""

    decoding: Decoding
    precision: str
    variant: Variant
    ephemeral: bool

    def applied_to(self, spec: ModelSpec) -> ModelSpec:
        """*spec* with the chosen precision and variant."""
        return replace(spec, precision=self.precision, variant=self.variant)


def _number_text(value: int | float) -> str:
    """Every digit of *value*: what is shown is read back."""
    return repr(value).removesuffix(".0")


class DecodingSettings(Form[Settings]):
    """All of it on one page."""

    TITLE_TEXT = "Decoding settings"
    ACCEPT = "use"

    def __init__(self, present: Settings, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs)
        self._present = present

    def rows(self) -> ComposeResult:
        decoding = self._present.decoding
        mode = Choice(["guided", "free"], str(decoding.mode), id="mode", glyphs=self.glyphs)
        yield FormRow("Mode", mode)
        for name, label, _ in _NUMBERS:
            yield FormRow(label, text_field(_number_text(getattr(decoding, name)), id=name))
        penalty = _ON if decoding.penalise_prompt else _OFF
        yield FormRow(
            "Penalty counts", Choice([_OFF, _ON], penalty, id="penalise", glyphs=self.glyphs)
        )
        precision = Choice(PRECISIONS, self._present.precision, id="precision", glyphs=self.glyphs)
        yield FormRow("Precision (reloads)", precision)
        names = list(_VARIANTS)
        variant = names[list(_VARIANTS.values()).index(self._present.variant)]
        yield FormRow("Variant (reloads)", Choice(names, variant, id="variant", glyphs=self.glyphs))
        keep = "ephemeral: nothing is saved" if self._present.ephemeral else "saved"
        yield FormRow(
            "Answers are",
            Choice(["saved", "ephemeral: nothing is saved"], keep, id="keep", glyphs=self.glyphs),
        )
        yield Static(
            "\nGuided: valid JSON by construction. Free: what the model does by itself, with the "
            "reference's settings (temperature 0.1, penalty 1.1 over all).",
            markup=False,
            classes="hint",
        )

    @on(Choice.Turned)
    def _mode_turned(self, event: Choice.Turned) -> None:
        if event.choice.id != "mode":
            return
        # The reference's own figures belong to free mode; show them where they can be changed.
        preset = REFERENCE_FREE if event.choice.value == "free" else Decoding()
        for name in ("temperature", "top_p", "repetition_penalty", "max_new_tokens"):
            self.query_one(f"#{name}", Input).value = _number_text(getattr(preset, name))
        self.query_one("#penalise", Choice).choose(_ON if preset.penalise_prompt else _OFF)

    def result(self) -> Settings:
        values: dict[str, int | float] = {}
        for name, label, kind in _NUMBERS:
            typed = self.query_one(f"#{name}", Input).value.strip()
            try:
                values[name] = kind(typed)
            except ValueError:
                wanted = "a whole number" if kind is int else "a number"
                raise DecodingError(f"{label} must be {wanted}, got {typed!r}") from None
        decoding = replace(
            self._present.decoding,
            mode=Mode(self.query_one("#mode", Choice).value),
            penalise_prompt=self.query_one("#penalise", Choice).value == _ON,
            **values,  # type: ignore[arg-type]
        )
        return Settings(
            decoding,
            self.query_one("#precision", Choice).value,
            _VARIANTS[self.query_one("#variant", Choice).value],
            self.query_one("#keep", Choice).value != "saved",
        )
