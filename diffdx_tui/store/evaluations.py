"""All evaluations of a home folder: make, list, find, follow, stop, delete and restore them.

Role: the door to evaluations for command line and screens; it never imports the evaluator.  A
folder is only ever reached by an id of the right form, or by a path that a person gave on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from diffdx_tui.domain.evaluation import Plan
from diffdx_tui.domain.identity import is_id, new_id
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.evaluation_records import (
    EVALUATION_FILE,
    OUTPUTS_FILE,
    RESULTS_FILE,
    SCORES_FILE,
    EvaluationRecord,
    Output,
    OutputKey,
    Score,
    parse_output,
    parse_record,
    parse_score,
    record_values,
)
from diffdx_tui.store.run_files import explain_os, read_json, write_json, write_whole
from diffdx_tui.store.run_reader import RunStatus, Tail, judge, read_lines
from diffdx_tui.store.run_records import CONTROL_FOLDER, Control
from diffdx_tui.store.shelf import RunStateError, Shelf


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation as a list shows it.

    Attributes:
        directory: its folder.
        status: how it is now; its ``step`` of ``heartbeat.steps`` are outputs.
        has_results: whether figures have been made.
    """

    directory: Path
    record: EvaluationRecord
    status: RunStatus
    has_results: bool

    @property
    def id(self) -> str:
        """Its id."""
        return self.record.id


@dataclass(frozen=True, slots=True)
class EvaluationList:
    """Evaluations, newest first, and what else lies in the folder, a sentence each."""

    evaluations: tuple[Evaluation, ...]
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class EvaluationNews:
    """Outputs that came since the last look; call again at once if there are ``more``."""

    outputs: list[Output] = field(default_factory=list)
    more: bool = False


class EvaluationReader:
    """Follows one evaluation.

    Attributes:
        directory: its folder.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._tail = Tail(directory / OUTPUTS_FILE)

    def record(self) -> EvaluationRecord:
        """``evaluation.json``.

        Raises:
            StoreError: it is missing or cannot be read.
        """
        return read_record(self.directory)

    def status(self) -> RunStatus:
        """How it is now."""
        return judge(self.directory, EVALUATION_FILE)

    def poll(self) -> EvaluationNews:
        """Outputs that came since the last call, up to about a mebibyte of them.

        Raises:
            StoreError: the file cannot be read.
        """
        lines, _ = self._tail.read()
        outputs = [parse_output(values) for values in read_lines(lines)]
        return EvaluationNews([one for one in outputs if one is not None], self._tail.more)

    def scores(self) -> dict[OutputKey, Score]:
        """How the outputs were judged; empty until the evaluator has scored them."""
        found = (parse_score(values) for values in read_lines(self.directory / SCORES_FILE))
        return {one.key: one for one in found if one is not None}

    def results(self) -> dict[str, Any] | None:
        """``results.json``; ``None`` before there are any.

        Raises:
            StoreError: it cannot be read.
        """
        return read_json(self.directory / RESULTS_FILE)


class EvaluationRegistry:
    """The evaluations under one home folder; holds nothing open, so any thread may use it.

    Ids may be given by their first characters, and ``last`` is the newest.  Methods raise
    ``UnknownId`` and ``AmbiguousId`` for an id that fits none or several, and ``StoreError`` when
    a file cannot be read or written.
    """

    def __init__(self, home: Path) -> None:
        self.folder = home / "evaluations"
        listing = "diffdx-tui evaluate list"
        self._shelf = Shelf(self.folder, "evaluation", EVALUATION_FILE, listing)

    def create(
        self,
        plan: Plan,
        directory: Path | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> Evaluation:
        """Make the folder of a new evaluation; nothing runs yet.

        Args:
            directory: make it here instead of under the home folder.
            facts: what is known already, such as the ``command``.
        """
        record = EvaluationRecord(new_id(), datetime.now(UTC), plan, dict(facts or {}))
        place = directory or self.folder / record.id
        if (place / EVALUATION_FILE).exists():
            raise StoreError(f"{place} holds an evaluation already: resume it, or name another")
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=directory is not None)
            (place / CONTROL_FOLDER).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise explain_os(error, place) from error
        write_json(place / EVALUATION_FILE, record_values(record))
        return read_evaluation(place)

    def list(self) -> EvaluationList:
        """All under the home folder, newest first."""
        return EvaluationList(*self._shelf.list(read_evaluation))

    def list_deleted(self) -> EvaluationList:
        """Those that can be restored."""
        return EvaluationList(*self._shelf.list(read_evaluation, deleted=True))

    def read(self, name: str) -> Evaluation:
        """One evaluation."""
        return read_evaluation(self.directory(name))

    def directory(self, name: str) -> Path:
        """The folder of the evaluation that *name* names: an id, ``last``, or a path to one."""
        path = Path(name).expanduser()
        if name and (path / EVALUATION_FILE).is_file():
            return path.absolute()
        return self._shelf.find(name)

    def reader(self, name: str) -> EvaluationReader:
        """To follow one."""
        return EvaluationReader(self.directory(name))

    def find_same(self, plan: Plan, inputs: Mapping[str, Any]) -> Evaluation | None:
        """The newest evaluation of exactly *plan* on the same *inputs*, whatever its state.

        Args:
            inputs: hashes that were among the facts it was created with.
        """
        for one in self.list().evaluations:
            if one.record.plan == plan and one.record.facts.get("inputs") == dict(inputs):
                return one
        return None

    def request_stop(self, name: str) -> None:
        """Ask a living evaluation to end; what is answered is kept.

        Raises:
            RunStateError: no process is there to obey.
        """
        directory = self.directory(name)
        state = judge(directory, EVALUATION_FILE).state
        if not state.is_live:
            raise RunStateError(f"evaluation {directory.name} is {state}: there is nothing to stop")
        write_whole(directory / CONTROL_FOLDER / Control.STOP, b"", durable=False)

    def delete(self, name: str) -> str:
        """Put one aside for 30 days; returns its id.  Those put aside earlier go for good.

        Raises:
            RunStateError: a process works on it.
        """
        return self._shelf.delete(name)

    def restore(self, name: str) -> str:
        """Bring a deleted one back; returns its id."""
        return self._shelf.restore(name)


def read_record(directory: Path) -> EvaluationRecord:
    """``evaluation.json`` of the evaluation at *directory*.

    Raises:
        StoreError: it is missing or cannot be read.
    """
    values = read_json(directory / EVALUATION_FILE)
    if values is None:
        raise StoreError(f"{directory} is no evaluation: it has no {EVALUATION_FILE}")
    return parse_record(values, str(directory / EVALUATION_FILE))


def read_outputs(directory: Path) -> Iterator[Output]:
    """All whole outputs, in the order in which they came; of a key that comes twice the first."""
    seen: set[OutputKey] = set()
    for values in read_lines(directory / OUTPUTS_FILE):
        output = parse_output(values)
        if output is not None and output.key not in seen:
            seen.add(output.key)
            yield output


def read_evaluation(directory: Path) -> Evaluation:
    """The evaluation at *directory*, and how it is.

    Raises:
        StoreError: it is none.
    """
    record = read_record(directory)
    if is_id(directory.name):
        record = replace(record, id=directory.name)
    status = judge(directory, EVALUATION_FILE)
    return Evaluation(directory, record, status, (directory / RESULTS_FILE).is_file())
