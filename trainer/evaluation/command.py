"""``python -m trainer evaluate DIRECTORY``: answer, score and report what is planned there.

Role: the process behind ``diffdx-tui evaluate``; also ``evaluate rescore DIRECTORY`` and
``evaluate report DIRECTORY``, which need no model.  Progress goes to standard output, which is the
evaluation's ``console.log`` when it runs detached.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from diffdx_tui.config import ConfigError, data_directory, home_directory
from diffdx_tui.domain.evaluation_sets import UNREADABLE, EvaluationSet, read_set
from diffdx_tui.engine.failures import EngineError
from diffdx_tui.store.directory_writer import RunBusy, is_locked
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.evaluation_records import RESULTS_FILE, EvaluationRecord
from diffdx_tui.store.evaluation_writer import EvaluationWriter, write_scores
from diffdx_tui.store.evaluations import read_outputs, read_record
from diffdx_tui.store.external_sets import external_directory
from diffdx_tui.store.run_files import read_json, write_json
from diffdx_tui.store.run_records import ADAPTER_FOLDER, LOCK_FILE, RUN_FILE, Phase, RunState
from trainer.evaluation.report import write_report

_REFUSED, _NO_MODEL, _FAILED, _CANCELLED = 3, 4, 5, 130
_DATA_ERRORS = (*UNREADABLE, ConfigError)


def main(arguments: list[str]) -> int:
    """Do what *arguments* say; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m trainer evaluate", description=__doc__)
    parser.add_argument("words", nargs="+", metavar="[rescore|report] DIRECTORY")
    words = parser.parse_args(arguments).words
    actions: dict[str, Callable[[Path], int]] = {"rescore": rescore, "report": report}
    if len(words) > 2 or (len(words) == 2 and words[0] not in actions):
        parser.error("expected DIRECTORY, rescore DIRECTORY or report DIRECTORY")
    action = actions[words[0]] if len(words) == 2 else evaluate
    try:
        return action(Path(words[-1]))
    except _DATA_ERRORS as error:
        return _complain(error, _REFUSED)
    except (RunBusy, StoreError) as error:
        return _complain(error, _FAILED)
    except EngineError as error:
        return _complain(error, _NO_MODEL)


def evaluate(directory: Path) -> int:
    """Answer what is not answered yet, then score and report all there is."""
    with EvaluationWriter(directory) as writer, _signals() as asked:
        state, message, status = _answer(writer, asked)
        try:
            if writer.done:
                writer.enter_phase(Phase.EVALUATING)
                make_files(directory)
        except (*_DATA_ERRORS, StoreError):
            if state is not RunState.FAILED:  # what went wrong first is what has to be said
                raise
        writer.end(state, message)  # last: whoever sees the end finds the figures
    return status


def _answer(writer: EvaluationWriter, asked: Callable[[], bool]) -> tuple[RunState, str, int]:
    """Have the arms answer: how that ended, what to say of it, and the exit status."""
    try:
        rows = rows_of(writer.record)
        from trainer.evaluation.answering import Stopped, answer_rows

        writer.add_facts(**_surroundings())
        try:
            answer_rows(writer, rows, _say, asked)
        except Stopped:
            return RunState.STOPPED, "asked to stop; `evaluate resume` goes on", _CANCELLED
    except (*_DATA_ERRORS, StoreError, EngineError) as error:
        code = _NO_MODEL if isinstance(error, EngineError) else _REFUSED
        return RunState.FAILED, str(error), _complain(error, code)
    return RunState.FINISHED, "", 0


def rescore(directory: Path) -> int:
    """Compute scores, figures and report anew from the outputs, without a model."""
    _expect_idle(directory)
    results = make_files(directory)
    _say(f"scored {results['outputs']} outputs of {len(results['config']['arms'])} arms again")
    return 0


def report(directory: Path) -> int:
    """Write the report anew from the results."""
    results = read_json(directory / RESULTS_FILE)
    if results is None:
        raise StoreError(f"{directory} has no {RESULTS_FILE}: rescore it")
    for path in write_report(directory, results):
        _say(str(path))
    return 0


def make_files(directory: Path) -> dict[str, Any]:
    """``scores.jsonl``, ``results.json`` and the report, from the outputs; the results.

    Raises:
        StoreError: a row has changed since it was answered, or nothing is answered.
    """
    from trainer.evaluation.results import make_results, score_lines, score_outputs
    from trainer.evaluation.rows import expect_same_rows

    record = read_record(directory)
    outputs = list(read_outputs(directory))
    if not outputs:
        raise StoreError(f"{directory} has no outputs to score")
    rows = rows_of(record)
    expect_same_rows(outputs, record.plan.arms, rows)
    scores = score_outputs(record, outputs, rows)
    results = make_results(record, outputs, rows, scores)
    write_scores(directory, score_lines(scores))
    write_json(directory / RESULTS_FILE, results)
    write_report(directory, results)
    _renew_cards(record)
    return results


def rows_of(record: EvaluationRecord) -> EvaluationSet:
    """The rows that *record* plans to ask.

    Raises:
        One of :data:`UNREADABLE`: a file cannot be used.
    """
    plan = record.plan
    external = Path(plan.external) if plan.external else external_directory(home_directory())
    return read_set(plan.set, data_directory(), external, plan.limit)


def _renew_cards(record: EvaluationRecord) -> None:
    """The cards of the runs whose adapters were asked tell of it; other adapters have none."""
    from trainer.cards import write_card

    adapters = {one for arm in record.plan.arms for one in (arm.adapter, *arm.folds) if one}
    for adapter in adapters:
        run = Path(adapter).parent
        if Path(adapter).name == ADAPTER_FOLDER and (run / RUN_FILE).is_file():
            try:
                write_card(run)
            except StoreError as error:  # a card is no reason to lose an evaluation
                _say(f"the card of {run.name} was not written: {error}")


def _surroundings() -> dict[str, Any]:
    import torch

    from trainer.tuning.hardware import describe_hardware, describe_versions

    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    return {"versions": describe_versions(), "hardware": describe_hardware(device)}


def _expect_idle(directory: Path) -> None:
    if (directory / LOCK_FILE).exists() and is_locked(directory):
        raise StoreError(f"{directory.name} is being evaluated: stop it, or wait")


@contextmanager
def _signals() -> Iterator[Callable[[], bool]]:
    """SIGINT and SIGTERM ask for an orderly end inside the block."""
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    before = {one: signal.signal(one, ask) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _say(text: str) -> None:
    print(text, flush=True)


def _complain(error: Exception, code: int) -> int:
    print(f"evaluate: {error}", file=sys.stderr, flush=True)
    return code
