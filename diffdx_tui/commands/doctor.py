"""``diffdx-tui doctor``: is everything here that the program needs, and what to do if not.

Role: runs the checks, each by itself, and prints a line for each.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable

from diffdx_tui import __version__
from diffdx_tui.commands import machine_checks, terminal_checks
from diffdx_tui.commands.console import PassingLine, emit, emit_json, emit_line, has_colour
from diffdx_tui.commands.exits import Exit
from diffdx_tui.commands.finding import Finding, Level, fail
from diffdx_tui.commands.libraries import quiet_libraries

_LOG = logging.getLogger(__name__)

CHECKS: dict[str, Callable[[], Finding]] = {
    "terminal": terminal_checks.check_terminal,
    "colour": terminal_checks.check_colour,
    "characters": terminal_checks.check_characters,
    "clipboard": terminal_checks.check_clipboard,
    "tmux": terminal_checks.check_tmux,
    "settings": machine_checks.check_settings,
    "torch": machine_checks.check_torch,
    "gpu": machine_checks.check_gpu,
    "nf4": machine_checks.check_nf4,
    "embedded model": machine_checks.check_embedded_model,
    "chosen model": machine_checks.check_chosen_model,
    "hub cache": machine_checks.check_hub_cache,
    "home folder": machine_checks.check_home,
    "database": machine_checks.check_database,
    "search": machine_checks.check_search,
    "disk": machine_checks.check_disk,
}
_COLOURS = {Level.OK: "32", Level.WARN: "33", Level.FAIL: "31"}


def run(options: argparse.Namespace) -> int:
    """Check everything; exit code 1 if something does not work."""
    quiet_libraries()
    findings: dict[str, Finding] = {}
    with PassingLine() as line:
        for name, check in CHECKS.items():
            line.show(f"checking {name}")
            findings[name] = _examine(name, check)
            line.clear()
            if not options.json:
                _print(name, findings[name])
    if options.json:
        checks = [
            {"name": name, "level": str(f.level), "found": f.found, "advice": f.advice}
            for name, f in findings.items()
        ]
        emit_json({"version": __version__, "checks": checks})
    failed = any(finding.level is Level.FAIL for finding in findings.values())
    return Exit.UNWELL if failed else Exit.ANSWERED


def _examine(name: str, check: Callable[[], Finding]) -> Finding:
    """A check that breaks is a finding too."""
    try:
        return check()
    except Exception as error:
        _LOG.warning("check %s broke", name, exc_info=error)
        reason = (str(error).strip() or "no message").splitlines()[0]
        return fail(f"{type(error).__name__}: {reason}", _ADVICE.get(name, "see diffdx-tui.log"))


def _print(name: str, finding: Finding) -> None:
    level = f"{finding.level:<4}"
    emit(f"\x1b[{_COLOURS[finding.level]}m{level}\x1b[0m" if has_colour() else level)
    emit_line(f"  {name:<14}  {finding.found}")
    if finding.advice:
        emit_line(f"{'':22}-> {finding.advice}")


_ADVICE = {
    "torch": "install diffdx-tui again: torch cannot be imported",
    "gpu": "install diffdx-tui again: torch cannot be imported",
    "nf4": "use --precision bf16 or fp32; or install bitsandbytes again",
    "chosen model": "see the line about settings",
}
