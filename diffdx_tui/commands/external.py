"""``diffdx-tui external``: get other people's test vignettes, and say what is here.

Role: the two actions on the command line.  Without ``--from`` only ``pull`` goes to the network.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from diffdx_tui.commands.console import emit_json, emit_line, tell
from diffdx_tui.commands.exits import CommandError, Exit
from diffdx_tui.commands.settings import settings_of
from diffdx_tui.domain.external import NOTES, SETS, ExternalError
from diffdx_tui.store.external_sets import NotFetched, Presence, copy_set, fetch_set, look_up


def run(options: argparse.Namespace) -> int:
    """Do what ``options.action`` says; returns the exit code."""
    return _pull(options) if options.action == "pull" else _list(options)


def _pull(options: argparse.Namespace) -> int:
    home = settings_of(options).home
    for one in SETS:
        there = look_up(one, home)
        if there.intact:
            tell(f"{one.name} is here already")
        else:
            there = _get(options, home, there)
        emit_line(str(there.path))
    for note in NOTES:
        tell(note)
    return Exit.ANSWERED


def _get(options: argparse.Namespace, home: Path, there: Presence) -> Presence:
    try:
        if options.source is not None:
            return copy_set(there.one, Path(options.source).expanduser(), home)
        tell(f"downloading {there.one.name}")
        return fetch_set(there.one, home)
    except NotFetched as error:
        raise CommandError(
            f"{error}: get {there.one.file} by other means and run "
            "`diffdx-tui external pull --from DIR`",
            Exit.FAILED,
        ) from error
    except (ExternalError, RuntimeError) as error:  # RuntimeError: an unknown ~name
        raise CommandError(f"{error}; nothing was kept", Exit.REFUSED) from error


def _list(options: argparse.Namespace) -> int:
    home = settings_of(options).home
    found = [look_up(one, home) for one in SETS]
    if options.json:
        emit_json({"sets": [_values(there) for there in found], "notes": NOTES})
        return Exit.ANSWERED
    for there in found:
        emit_line(f"{there.one.name:<10}  {_state(there)}")
    for note in NOTES:
        tell(note)
    if any(not there.intact for there in found):
        tell("`diffdx-tui external pull` gets them, `pull --from DIR` copies them")
    return Exit.ANSWERED


def _state(there: Presence) -> str:
    if there.rows is None:
        return f"not here       {there.one.rows} rows expected"
    check = "sha256 ok" if there.intact else "sha256 DIFFERS: pull it again"
    return f"here           {there.rows} rows, {check}, scoring only"


def _values(there: Presence) -> dict[str, object]:
    return {
        "name": there.one.name,
        "path": str(there.path),
        "here": there.rows is not None,
        "rows": there.rows,
        "rows_expected": there.one.rows,
        "sha256_ok": there.intact,
        "use": "scoring only",
    }
