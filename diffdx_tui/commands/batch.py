"""``diffdx-tui batch``: many vignettes from a file, a JSON line for each answer.

Role: joins rows, engine and output file.  Everything that is done stays done: a run that was
stopped, killed or failed in places is continued by running it again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from diffdx_tui import NOTICE
from diffdx_tui.answer import Request
from diffdx_tui.commands.asking import follow_answer, load_engine, open_recorder
from diffdx_tui.commands.batch_output import BatchOutput
from diffdx_tui.commands.batch_progress import progress_of
from diffdx_tui.commands.batch_rows import BadRow, Row, read_rows
from diffdx_tui.commands.console import report, tell
from diffdx_tui.commands.exits import CommandError, Exit, exit_of_failure
from diffdx_tui.commands.interruption import Interruption
from diffdx_tui.commands.settings import decoding_of, settings_of
from diffdx_tui.config import Config
from diffdx_tui.document import document_of
from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.events import AnswerEvent, Failed, ModelInfo, State


def run(options: argparse.Namespace) -> int:
    """Answer all rows that are not answered yet; returns the exit code."""
    config, decoding = settings_of(options), decoding_of(options)
    source, target = Path(options.input), Path(options.output)
    if target.exists() and source.exists() and source.samefile(target):
        raise CommandError("IN and OUT are the same file", Exit.USAGE)
    tell(NOTICE)
    with Interruption() as interruption:
        rows, bad = _read(source)
        with BatchOutput(target) as output:
            waiting = [row for row in rows if str(row.id) not in output.done]
            if len(waiting) < len(rows):
                tell(f"{len(rows) - len(waiting)} of {len(rows)} rows are answered already")
            failures = _answer_all(waiting, config, decoding, output, interruption)
    if interruption.code is not None:
        tell("stopped; run it again to go on")
        return interruption.code
    tell(f"{len(rows) - len(failures)} answered, {len(bad)} refused, {len(failures)} failed")
    if any(code is not Exit.REFUSED for code in failures):
        return Exit.FAILED
    return Exit.REFUSED if bad or failures else Exit.ANSWERED


def _read(source: Path) -> tuple[list[Row], list[BadRow]]:
    """All rows, before the first is answered: what is wrong is told at once."""
    rows: list[Row] = []
    bad: list[BadRow] = []
    for row in read_rows(source):
        if isinstance(row, Row):
            rows.append(row)
        else:
            bad.append(row)
            report(f"row {row.number} is skipped: {row.reason}")
    return rows, bad


def _answer_all(
    rows: list[Row],
    config: Config,
    decoding: Decoding,
    output: BatchOutput,
    interruption: Interruption,
) -> list[Exit]:
    """Answer *rows* until they end or a signal comes; returns how each failed one failed."""
    failures: list[Exit] = []
    if not rows:
        return failures
    with open_recorder(config) as store:
        engine = load_engine(config)
        _warn_of_mixture(output, engine.info, decoding)
        with interruption.gently(), progress_of(len(rows)) as progress:
            for row in rows:
                if interruption.requested():
                    break
                request = Request(row.vignette, decoding)
                outcome = follow_answer(request, engine, store, interruption, _show_nothing)
                if outcome.state is State.FINISHED:
                    output.append(row.id, document_of(outcome))
                elif outcome.failure is not None:
                    failures.append(_tell_failure(row, outcome.failure))
                progress.step()
    return failures


def _tell_failure(row: Row, failure: Failed) -> Exit:
    report(f"row {row.number} failed: {failure.kind}: {failure.message}")
    return exit_of_failure(failure.kind)


def _warn_of_mixture(output: BatchOutput, model: ModelInfo, decoding: Decoding) -> None:
    """Answers of two models or settings in one file are hard to tell apart later."""
    if output.first is None:
        return
    earlier = output.first.get("model"), output.first.get("decoding")
    keys = ("base", "adapter_sha256", "variant", "precision")
    now = model.as_dict()
    same_model = isinstance(earlier[0], dict) and all(earlier[0].get(k) == now[k] for k in keys)
    if not same_model or earlier[1] != decoding.as_dict():
        report(f"note: {output.path} begins with answers of another model or other settings")


def _show_nothing(event: AnswerEvent) -> None:
    """A batch shows whole answers only."""
