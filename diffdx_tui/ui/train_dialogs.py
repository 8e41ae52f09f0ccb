"""The choices of the Train screen that are lists: base, ablation, how to go on.

Role: opens each picker and hands on what the person decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from diffdx_tui.domain.recipe import ABLATIONS, Recipe, show_value
from diffdx_tui.ui.model_picker import model_picker
from diffdx_tui.ui.picker import Item, Picker

if TYPE_CHECKING:
    from diffdx_tui.ui.app import DiffdxApp


def pick_base(app: DiffdxApp, present: str, use: Callable[[str], None]) -> None:
    """Choose the base to train on."""

    def choose(name: str | None) -> None:
        if name:
            use(name)

    app.push_screen(model_picker(present), choose)


def pick_ablation(app: DiffdxApp, use: Callable[[dict[str, Any]], None]) -> None:
    """Choose a named difference from the default."""
    items = [Item(name, name, _describe(changes)) for name, changes in ABLATIONS.items()]

    def choose(name: str | None) -> None:
        if name:
            use(dict(ABLATIONS[name]))

    app.push_screen(Picker("Ablation", items), choose)


def pick_resumption(app: DiffdxApp, recipe: Recipe, use: Callable[[dict[str, Any]], None]) -> None:
    """Choose how a run that has ended goes on from its last checkpoint."""
    ways: dict[str, dict[str, Any]] = {
        "as it was": {},
        "with half the rate": {"rate": recipe.rate / 2},
        "with the base in fp32": {"precision": "fp32"},
    }
    details = {
        "as it was": "from the last complete checkpoint",
        "with half the rate": "after a loss that was not a number",
        "with the base in fp32": "the same; slower, and needs more memory",
    }
    items = [Item(name, name, details[name], _describe(changes)) for name, changes in ways.items()]

    def choose(name: str | None) -> None:
        if name:
            use(ways[name])

    app.push_screen(Picker("Go on", items), choose)


def _describe(changes: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {show_value(value)}" for name, value in changes.items()
    )
