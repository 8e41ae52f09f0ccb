"""diffdx-tui: a terminal explorer of clinical reasoning, for research and teaching only."""

__version__ = "0.1.0"

NOTICE = "Research and education only. Not a medical device."
