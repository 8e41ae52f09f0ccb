"""The app in this terminal with a scripted worker; run by ``test_terminal.py``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from diffdx_tui.config import Config


def make_worker(listener: Any, open_store: Any) -> Any:
    """A worker that also writes to descriptors 1 and 2, as native libraries do."""
    from tests.ui.scripted_worker import TEXTS, ScriptedWorker

    os.write(1, b"STRAY-ONE")
    os.write(2, b"STRAY-TWO")
    text = "Gout - " + "words that fill the panel " * 14
    delay = float(os.environ.get("SCRIPT_DELAY", "0.004"))
    return ScriptedWorker(listener, open_store, delay=delay, texts=dict.fromkeys(TEXTS, text))


if __name__ == "__main__":
    from diffdx_tui.ui.app import run_app

    config = Config(home=Path(sys.argv[1]), theme="diffdx-dark")
    sys.exit(run_app(config, worker_factory=make_worker))
