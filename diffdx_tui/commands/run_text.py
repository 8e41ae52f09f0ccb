"""Runs as lines to read.

Role: pure functions from the store's values to text; making it harmless is the console's part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size

from diffdx_tui import NOTICE
from diffdx_tui.commands.console import output_width
from diffdx_tui.domain.curve import sparkline
from diffdx_tui.domain.intervals import wilson
from diffdx_tui.domain.recipe import describe, differences, show_value
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.store.run_reader import RunNews
from diffdx_tui.store.run_records import (
    EventKind,
    MetricsLine,
    Probe,
    RunRecord,
    StepMetrics,
    Validation,
)
from diffdx_tui.store.run_registry import Run

_SPARKLINE_WIDTH = 60
_LAST_NOTICES = 5


def run_line(run: Run) -> str:
    """Id, date, state, steps, losses, recipe; cut to the terminal's width."""
    beat = run.status.heartbeat
    when = run.record.created.astimezone().strftime("%Y-%m-%d %H:%M")
    steps = f"{run.status.step}/{beat.steps}" if beat and beat.steps else str(run.status.step)
    loss = number_text(beat.loss if beat else None)
    best = number_text(beat.best_loss if beat else None)
    line = (
        f"{run.id}  {when}  {run.status.state:<8}  {steps:>9}  loss {loss:>6}  "
        f"best {best:>6}  {make_visible_line(describe(run.record.recipe))}"
    )
    width = output_width()
    if width is None or cell_len(line) <= width:
        return line
    return set_cell_size(line, width - 1).rstrip() + "…"


def metrics_line(line: MetricsLine, steps: int | None) -> str:
    """A line of metrics."""
    match line:
        case StepMetrics():
            return _step_line(line, steps)
        case Validation():
            loss = "not finite" if line.loss is None else f"{line.loss:.4f}"
            return f"step {line.step}  validation loss {loss}"
        case Probe():
            return f"step {line.step}  probe: {probe_text(line.strict, line.n)}"


def _step_line(line: StepMetrics, steps: int | None) -> str:
    words = [f"step {line.step}" + (f"/{steps}" if steps else "")]
    words.append("loss not finite" if line.loss is None else f"loss {line.loss:.4f}")
    if line.rate is not None:
        words.append(f"rate {line.rate:.2e}")
    if line.grad_norm is not None:
        words.append(f"norm {line.grad_norm:.3f}")
    if line.tokens_per_s is not None:
        words.append(f"{line.tokens_per_s:,.0f} tok/s")
    if line.seconds is not None:
        words.append(seconds_text(line.seconds))
    return "  ".join(words)


def probe_text(strict: int, n: int) -> str:
    """Strict adherence on the probe's cases, with what so few of them can say."""
    if not 0 <= strict <= n or n == 0:
        return f"{strict}/{n} strictly valid"
    low, high = wilson(strict, n)
    return f"{strict}/{n} strictly valid (95 % interval {low:.0%} to {high:.0%})"


def run_lines(run: Run, news: RunNews, *, ascii_only: bool) -> Iterator[str]:
    """One run with its curve and its last words."""
    record, status = run.record, run.status
    yield NOTICE
    yield _field("RUN", run.id)
    yield _field("CREATED", f"{record.created.astimezone():%Y-%m-%d %H:%M}")
    yield _field("STATE", f"{status.state}" + (f": {status.message}" if status.message else ""))
    beat = status.heartbeat
    if beat is not None:
        of = f" of {beat.steps}" if beat.steps else ""
        yield _field("STEPS", f"{beat.step}{of}, {beat.phase}")
        if beat.eta_s is not None and status.state.is_live:
            yield _field("LEFT", seconds_text(beat.eta_s))
    if status.pending:
        yield _field("ASKED", ", ".join(sorted(status.pending)) + ", not yet confirmed")
    yield _field("RECIPE", describe(record.recipe))
    for told in record.resumes:
        yield _field("RESUMED", _resume_text(told))
    yield from _curve_lines(news, ascii_only=ascii_only)
    yield _field("ADAPTER", "there" if run.has_adapter else "none yet")
    yield from _fact_lines(record)
    notices = [event for event in news.events if event.kind == EventKind.NOTICE]
    for event in notices[-_LAST_NOTICES:]:
        yield _field("NOTICE", str(event.details.get("message", "")))


def _curve_lines(news: RunNews, *, ascii_only: bool) -> Iterator[str]:
    if news.steps:
        yield _field("LOSS", _curve_text([step.loss for step in news.steps], ascii_only))
    if news.validations:
        yield _field("VALIDATION", _curve_text([one.loss for one in news.validations], ascii_only))
        finite = [(one.loss, one.step) for one in news.validations if one.loss is not None]
        if finite:
            loss, step = min(finite)
            yield _field("BEST VALIDATION", f"{number_text(loss)} at step {step}")
    if news.probes:
        last = news.probes[-1]
        yield _field("PROBE", f"{probe_text(last.strict, last.n)} at step {last.step}")


def _curve_text(losses: Sequence[float | None], ascii_only: bool) -> str:
    curve = sparkline(losses, _SPARKLINE_WIDTH, ascii_only=ascii_only)
    return f"{number_text(losses[0])} {curve} {number_text(losses[-1])}"


def _fact_lines(record: RunRecord) -> Iterator[str]:
    for name, value in record.facts.items():
        if isinstance(value, Mapping):
            value = ", ".join(f"{key} {one}" for key, one in value.items())
        yield _field(name.upper().replace("_", " "), str(value))


def _resume_text(told: Mapping[str, Any]) -> str:
    text = f"from step {told.get('from_step')}"
    changes = told.get("changes")
    if isinstance(changes, Mapping) and changes:
        text += " with " + ", ".join(f"{name} {value}" for name, value in changes.items())
    return text


def comparison_rows(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """What differs between the recipes, and what came of each: (name, a value a run)."""
    recipes = [run.record.recipe for run in runs]
    differing = {name for recipe in recipes for name in differences(recipe, recipes[0])}
    rows = [("run", [run.id for run in runs])]
    for name in type(recipes[0]).model_fields:
        if name in differing or name in ("base", "variant"):
            values = [show_value(recipe.as_dict()[name]) for recipe in recipes]
            rows.append((name.replace("_", " "), [make_visible_line(value) for value in values]))
    beats = [run.status.heartbeat for run in runs]
    rows += [
        ("state", [str(run.status.state) for run in runs]),
        ("steps", [str(run.status.step) for run in runs]),
        ("last loss", [number_text(beat.loss if beat else None) for beat in beats]),
        ("last validation", [number_text(beat.val_loss if beat else None) for beat in beats]),
        ("best validation", [number_text(beat.best_loss if beat else None) for beat in beats]),
        ("at step", [_or_dash(beat.best_step if beat else None) for beat in beats]),
        (
            "probe",
            [
                f"{beat.strict}/{beat.n}" if beat and beat.n and beat.strict is not None else "-"
                for beat in beats
            ],
        ),
    ]
    return rows


def table_lines(rows: Iterable[tuple[str, list[str]]]) -> Iterator[str]:
    """Rows with their columns aligned."""
    rows = list(rows)
    columns = list(zip(*([name, *values] for name, values in rows), strict=True))
    widths = [max(map(cell_len, column)) for column in columns]
    for name, values in rows:
        cells = zip([name, *values], widths, strict=True)
        yield "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in cells).rstrip()


def number_text(value: float | None) -> str:
    """A loss; a dash for none."""
    return "-" if value is None else f"{value:.4f}" if abs(value) < 1_000 else f"{value:.3g}"


def seconds_text(seconds: float) -> str:
    """A duration as hours, minutes and seconds."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)


def _field(label: str, value: str) -> str:
    return f"{label}: {make_visible_line(value)}"
