"""A run's adapter, loaded where it can be asked.

Role: the one way from a run to Explore, for the Train and the Runs screens.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from diffdx_tui.store.run_records import ADAPTER_FOLDER, RunRecord

if TYPE_CHECKING:
    from diffdx_tui.ui.app import DiffdxApp


def hand_to_explore(app: DiffdxApp, directory: Path, record: RunRecord) -> bool:
    """Load the adapter of the run at *directory* and go to Explore; whether it has one."""
    adapter = directory / ADAPTER_FOLDER
    if not (adapter / "adapter_config.json").is_file():
        app.tell("this run has left no adapter: finished and stopped runs do", severity="warning")
        return False
    recipe = record.recipe
    spec = replace(
        app.answering.choices.spec,
        model=recipe.base,
        adapter=str(adapter.absolute()),
        variant=recipe.variant,
    )
    app.places.go("Explore")
    app.load_model(spec)
    app.tell(f"loading the adapter of run {directory.name[-8:]}")
    return True
