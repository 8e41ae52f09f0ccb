"""``diffdx-tui schema``: the answer's JSON Schema."""

from __future__ import annotations

import argparse

from diffdx_tui.commands.console import emit_json
from diffdx_tui.commands.exits import Exit
from diffdx_tui.domain.differential import Variant, schema_of


def run(options: argparse.Namespace) -> int:
    """Print it; variant A unless another one is asked for."""
    emit_json(schema_of(Variant(getattr(options, "variant", "A"))))
    return Exit.ANSWERED
