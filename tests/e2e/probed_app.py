"""The app with a probe in its event loop; writes the lags (seconds) it saw as JSON on exit.

Run as ``python -m tests.e2e.probed_app LAGS.json`` inside a pseudo-terminal.  A task sleeps for
5 ms again and again, and notes how much later than that it was let run while an answer streamed or
the Train screen showed a living run.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from diffdx_tui.commands.libraries import quiet_libraries
from diffdx_tui.config import read_config
from diffdx_tui.domain.events import State
from diffdx_tui.ui import app as app_module

_NAP = 0.005


class ProbedApp(app_module.DiffdxApp):
    """The real app; only watched."""

    lags: list[float] = []  # noqa: RUF012 - one app per process

    def begin_work(self) -> None:
        super().begin_work()
        self._probe = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_NAP)
            if self._is_busy():
                self.lags.append(time.perf_counter() - before - _NAP)

    def _is_busy(self) -> bool:
        if self.places.present.name == "Train":
            feed = getattr(self.screen, "_feed", None)
            return feed is not None and bool(feed.lines)
        live = self.answering.live
        return live is not None and live.state is State.STREAMING  # not while it waits for a model


def main() -> int:
    """Run the app; returns its exit code."""
    quiet_libraries()
    app_module.DiffdxApp = ProbedApp  # type: ignore[misc]
    code = app_module.run_app(read_config())
    Path(sys.argv[1]).write_text(json.dumps(ProbedApp.lags), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
