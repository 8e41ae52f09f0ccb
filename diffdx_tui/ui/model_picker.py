"""Choosing a model.

Role: lists what the catalogue knows; anything typed that is not listed is a path or a hub id.
"""

from __future__ import annotations

from diffdx_tui.engine.catalogue import CATALOGUE, is_here
from diffdx_tui.ui.picker import Item, Picker


def known_models() -> list[Item]:
    """The catalogue's entries by name."""
    return [
        Item(entry.name, entry.name, entry.about, "" if is_here(entry.name) else "not on this disk")
        for entry in CATALOGUE.values()
    ]


def model_picker(present: str) -> Picker:
    """A picker with *present* marked."""
    return Picker(
        "Model",
        known_models(),
        prompt="search, or type a folder or hub id",
        free_text="load this folder or hub id",
        present=present,
    )
