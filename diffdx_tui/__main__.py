"""``python -m diffdx_tui`` is ``diffdx-tui``."""

from __future__ import annotations

import sys

from diffdx_tui.cli import main

if __name__ == "__main__":
    sys.exit(main())
