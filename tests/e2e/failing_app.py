"""The app with a fault planted behind F1; run as ``python -m tests.e2e.failing_app``."""

from __future__ import annotations

import sys

from diffdx_tui.config import read_config
from diffdx_tui.ui import app as app_module


class FailingApp(app_module.DiffdxApp):
    """The real app; only its help is broken."""

    def action_help(self) -> None:
        raise ValueError("planted")


if __name__ == "__main__":
    app_module.DiffdxApp = FailingApp  # type: ignore[misc]
    sys.exit(app_module.run_app(read_config()))
