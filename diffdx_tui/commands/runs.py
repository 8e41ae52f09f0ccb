"""``diffdx-tui runs``: training runs without the app.

Role: lists, shows, follows, asks, compares, exports, deletes and restores.  Data goes to standard
output, what was done to standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from diffdx_tui.commands.console import emit_json, emit_line, tell
from diffdx_tui.commands.exits import CommandError, Exit
from diffdx_tui.commands.libraries import quiet_libraries
from diffdx_tui.commands.run_export import export_run
from diffdx_tui.commands.run_follow import follow_run, metrics_values
from diffdx_tui.commands.run_requests import ask_run, resume
from diffdx_tui.commands.run_text import comparison_rows, run_line, run_lines, table_lines
from diffdx_tui.commands.settings import settings_of
from diffdx_tui.domain.recipe import describe
from diffdx_tui.store.run_reader import RunNews
from diffdx_tui.store.run_records import Control, MetricsLine, record_values
from diffdx_tui.store.run_registry import Run, RunRegistry


def run(options: argparse.Namespace) -> int:
    """Do what ``options.action`` says; returns the exit code."""
    registry = RunRegistry(settings_of(options).home)
    return _ACTIONS[options.action](registry, options)


def _list(registry: RunRegistry, options: argparse.Namespace) -> int:
    found = registry.list_deleted() if options.deleted else registry.list()
    shown = found.runs[: options.limit]
    if options.json:
        emit_json([run_values(one) for one in shown])
    else:
        for one in shown:
            emit_line(run_line(one))
    for note in found.notes:
        tell(note)
    if not found.runs:
        tell("there are no deleted runs" if options.deleted else "there are no runs yet")
    elif len(shown) < len(found.runs):
        tell(f"{len(shown)} of {len(found.runs)}; --limit shows more")
    return Exit.ANSWERED


def _show(registry: RunRegistry, options: argparse.Namespace) -> int:
    found = registry.read(options.id)
    news = registry.reader(found.id).read_all()
    if options.json:
        metrics: list[MetricsLine] = [*news.steps, *news.validations, *news.probes]
        emit_json(
            {
                **run_values(found),
                "run": record_values(found.record),
                "metrics": [
                    metrics_values(one) for one in sorted(metrics, key=lambda one: one.step)
                ],
                "events": _event_values(news),
            }
        )
        return Exit.ANSWERED
    for line in run_lines(found, news, ascii_only=_wants_ascii(options)):
        emit_line(line)
    return Exit.ANSWERED


def _follow(registry: RunRegistry, options: argparse.Namespace) -> int:
    return follow_run(registry, registry.directory(options.id).name, as_json=options.json)


def _ask(control: Control) -> Callable[[RunRegistry, argparse.Namespace], int]:
    def ask(registry: RunRegistry, options: argparse.Namespace) -> int:
        return ask_run(registry, options.id, control, options.timeout)

    return ask


def _resume(registry: RunRegistry, options: argparse.Namespace) -> int:
    quiet_libraries()
    return resume(registry, options, settings_of(options).home)


def _compare(registry: RunRegistry, options: argparse.Namespace) -> int:
    runs = [registry.read(one) for one in options.ids]
    if options.json:
        emit_json([run_values(one) for one in runs])
        return Exit.ANSWERED
    for line in table_lines(comparison_rows(runs)):
        emit_line(line)
    tell("losses of different bases, data or splits cannot be compared")
    return Exit.ANSWERED


def _export(registry: RunRegistry, options: argparse.Namespace) -> int:
    quiet_libraries()
    return export_run(registry, options, settings_of(options).home)


def _delete(registry: RunRegistry, options: argparse.Namespace) -> int:
    runs = [registry.read(one) for one in options.ids]
    if not options.yes and not _agrees(runs):
        tell("nothing was deleted")
        return Exit.ANSWERED
    for one in runs:
        registry.delete(one.id)
        tell(f"deleted; `diffdx-tui runs restore {one.id}` brings it back within 30 days")
    return Exit.ANSWERED


def _agrees(runs: list[Run]) -> bool:
    if not sys.stdin.isatty():
        raise CommandError("there is nobody to ask: say --yes to delete", Exit.USAGE)
    for one in runs:
        tell(run_line(one))
    tell("Delete? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _restore(registry: RunRegistry, options: argparse.Namespace) -> int:
    for one in options.ids:
        tell(f"restored {registry.restore(one)}")
    return Exit.ANSWERED


def run_values(found: Run) -> dict[str, Any]:
    """A run for JSON."""
    status, beat = found.status, found.status.heartbeat
    return {
        "id": found.id,
        "created": found.record.created.isoformat(),
        "state": str(status.state),
        "message": status.message,
        "pending": sorted(status.pending),
        "adapter": found.has_adapter,
        "about": describe(found.record.recipe),
        "recipe": found.record.recipe.as_dict(),
        "heartbeat": None if beat is None else asdict(beat),
    }


def _event_values(news: RunNews) -> list[dict[str, Any]]:
    return [{"t": event.t, "kind": event.kind, **event.details} for event in news.events]


def _wants_ascii(options: argparse.Namespace) -> bool:
    from diffdx_tui.ui.glyphs import ASCII, choose_glyphs

    return choose_glyphs(settings_of(options)) is ASCII


_ACTIONS: dict[str, Callable[[RunRegistry, argparse.Namespace], int]] = {
    "list": _list,
    "show": _show,
    "follow": _follow,
    "pause": _ask(Control.PAUSE),
    "resume": _resume,
    "save": _ask(Control.SAVE),
    "stop": _ask(Control.STOP),
    "compare": _compare,
    "export": _export,
    "delete": _delete,
    "restore": _restore,
}
