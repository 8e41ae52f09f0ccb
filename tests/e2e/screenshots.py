"""Takes README's screenshots: the real app, the real embedded model, no terminal between.

Run as ``python -m tests.e2e.screenshots docs/screenshots``.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from diffdx_tui.commands.libraries import quiet_libraries
from diffdx_tui.config import Config
from diffdx_tui.ui.app import DiffdxApp
from diffdx_tui.ui.vignette_pane import VignettePane

VIGNETTE = (
    "A 67-year-old woman with hypertension presents with sudden onset severe headache described "
    "as the worst of her life, associated with neck stiffness and photophobia. She vomited twice. "
    "No fever."
)
SIZES = ((80, 24), (160, 50))


async def take(folder: Path, columns: int, rows: int, home: Path) -> None:
    """One screenshot of Explore and one of Sessions at this size."""
    app = DiffdxApp(Config(home=home))
    async with app.run_test(size=(columns, rows)) as pilot:
        await _until(pilot, lambda: app.answering.model.info is not None)
        app.screen.query_one(VignettePane).text = VIGNETTE
        await pilot.press("f5")
        await _until(pilot, lambda: app.answering.live is not None and not app.answering.answering)
        await pilot.pause(0.3)
        _save(app, folder / f"explore-{columns}x{rows}.svg")
        await pilot.press("f9")
        await pilot.pause(0.5)
        _save(app, folder / f"sessions-{columns}x{rows}.svg")


async def _until(pilot: Pilot[int], done: Callable[[], bool]) -> None:
    for _ in range(600):
        if done():
            return
        await pilot.pause(0.1)
    raise RuntimeError("the app did not get there in a minute")


def _save(app: DiffdxApp, path: Path) -> None:
    path.write_text(app.export_screenshot(title="diffdx-tui"), encoding="utf-8")
    print(path)


def main() -> None:
    """Both sizes."""
    quiet_libraries()
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for columns, rows in SIZES:
        with tempfile.TemporaryDirectory() as home:
            asyncio.run(take(folder, columns, rows, Path(home)))


if __name__ == "__main__":
    main()
