"""The program's own colours, beside Textual's themes.

Role: three calm palettes (dark, light, high contrast) with one colour a tier.  A tier is always
named and marked as well: colour only repeats it.
"""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.theme import Theme

DARK = Theme(
    name="diffdx-dark",
    primary="#7aa2c9",
    secondary="#8fb3a5",
    accent="#d9a962",
    foreground="#d5dae0",
    background="#14181d",
    surface="#1a2027",
    panel="#232b34",
    success="#8cbf88",
    warning="#d9a962",
    error="#d97b7b",
    dark=True,
    variables={
        "tier-most-likely": "#7fb3d9",
        "tier-possible": "#8fbfa0",
        "tier-serious": "#e08f7f",
        "tier-workup": "#b9a3d6",
        "border": "#7aa2c9",
        "border-blurred": "#3b4754",
        "block-cursor-background": "#2f4358",
        "block-cursor-foreground": "#f2f5f8",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#27323e",
        "input-selection-background": "#3d5a78 80%",
        "scrollbar": "#33404d",
        "scrollbar-background": "#1a2027",
        "scrollbar-corner-color": "#1a2027",
    },
)

LIGHT = Theme(
    name="diffdx-light",
    primary="#2f6690",
    secondary="#3f7d66",
    accent="#9a6413",
    foreground="#23292f",
    background="#f6f5f1",
    surface="#fdfcf9",
    panel="#e8e6df",
    success="#2f7a3f",
    warning="#9a6413",
    error="#a83a3a",
    dark=False,
    variables={
        "tier-most-likely": "#1f5f93",
        "tier-possible": "#2f7153",
        "tier-serious": "#a8432f",
        "tier-workup": "#68489c",
        "border": "#2f6690",
        "border-blurred": "#c3c0b6",
        "block-cursor-background": "#d3e0ea",
        "block-cursor-foreground": "#14202b",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#e3e7e9",
        "input-selection-background": "#a9c7de",
        "scrollbar": "#c3c0b6",
        "scrollbar-background": "#efede6",
        "scrollbar-corner-color": "#efede6",
    },
)

CONTRAST = Theme(
    name="diffdx-contrast",
    primary="#ffff66",
    secondary="#66ffff",
    accent="#ffcc00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    success="#66ff66",
    warning="#ffcc00",
    error="#ff8080",
    dark=True,
    variables={
        "tier-most-likely": "#66d9ff",
        "tier-possible": "#7dff9b",
        "tier-serious": "#ff9d80",
        "tier-workup": "#e0b3ff",
        "border": "#ffff66",
        "border-blurred": "#b0b0b0",
        "text-muted": "#d0d0d0",
        "block-cursor-background": "#ffff66",
        "block-cursor-foreground": "#000000",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#444444",
        "input-selection-background": "#5555ff",
    },
)

DEFAULTS = {
    "tier-most-likely": "$primary",
    "tier-possible": "$success",
    "tier-serious": "$error",
    "tier-workup": "$secondary",
}
"""The tiers' colours under a theme that does not name them."""


BARE_CSS = """
.-ascii VignettePane, .-ascii TokenStream { border: ascii $border-blurred; }
.-ascii VignettePane:focus, .-ascii TokenStream:focus { border: ascii $border; }
.-ascii Picker > Vertical, .-ascii Form > VerticalScroll { border: ascii $border; }
.-ascii HelpScreen > VerticalScroll, .-ascii ComparisonView > VerticalScroll,
.-ascii RedFlagDialog > VerticalScroll {
    border: ascii $border;
}
.-ascii TierPanel { border-left: ascii $border-blurred; }
.-ascii #preview { border-top: ascii $border-blurred; }
.-ascii #preview:focus { border-top: ascii $border; }
.-ascii SessionsScreen.-wide #preview { border-top: none; border-left: ascii $border-blurred; }
.-ascii Question > VerticalScroll, .-ascii RunPage > VerticalScroll,
.-ascii ReportPage > VerticalScroll, .-ascii ExamplesPage > VerticalScroll,
.-ascii ArmCases > Vertical {
    border: ascii $border;
}
.-ascii ProbePane { border: ascii $border-blurred; }
.-ascii ProbePane:focus { border: ascii $border; }
.-ascii RunsScreen Chart, .-ascii EvaluateScreen #below { border-top: ascii $border-blurred; }
.-ascii RunsScreen Chart:focus { border-top: ascii $border; }
.-ascii RunsScreen.-wide Chart { border-top: none; border-left: ascii $border-blurred; }
.-ascii ArmCases VerticalScroll { border-top: ascii $border-blurred; }
.-ascii ArmCases.-wide VerticalScroll { border-top: none; border-left: ascii $border-blurred; }
.-ascii Toast { border-left: ascii $border; border-right: none; }
.-bare Choice:focus { text-style: reverse; }
.-bare FormRow > Input:focus, .-bare SettingRow > Input:focus { text-style: underline; }
.-bare TokenStream > .token-stream--forced { text-style: dim; }
"""
"""Frames for ASCII terminals, and marks where there is no colour; outside the widgets because a
widget's own style sheet cannot look at the application's classes."""


def tier_defaults(app: App[int]) -> dict[str, str]:
    """Values for the tiers' colour variables under themes that lack them."""
    colours = app.current_theme.to_color_system().generate()
    return {name: colours[wanted.removeprefix("$")] for name, wanted in DEFAULTS.items()}


def install_themes(app: App[int], wanted: str) -> None:
    """Register ours and switch to *wanted*, or to the dark one when nobody knows it."""
    for theme in (DARK, LIGHT, CONTRAST):
        app.register_theme(theme)
    app.theme = wanted if wanted in app.available_themes else DARK.name


def pick_theme(app: App[Any]) -> None:
    """Let the person choose; the program's own come first."""
    from diffdx_tui.ui.picker import Item, Picker

    items = [
        Item(name, name, hint="" if theme.dark else "light")
        for name, theme in sorted(
            app.available_themes.items(),
            key=lambda entry: (not entry[0].startswith("diffdx"), entry[0]),
        )
    ]

    def choose(name: str | None) -> None:
        if name:
            app.theme = name

    app.push_screen(Picker("Theme", items, present=app.theme), choose)
