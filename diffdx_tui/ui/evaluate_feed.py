"""What is known of one evaluation on the screen: outputs as they come, then scores and figures.

Role: keeps up with an evaluation's directory off the event loop; what was read is taken in on it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diffdx_tui.config import data_directory
from diffdx_tui.domain.evaluation_sets import EvaluationSet, read_set
from diffdx_tui.store.evaluation_records import (
    RESULTS_FILE,
    SCORES_FILE,
    EvaluationRecord,
    Output,
    OutputKey,
    Score,
)
from diffdx_tui.store.evaluations import EvaluationReader
from diffdx_tui.store.external_sets import external_directory
from diffdx_tui.store.run_reader import RunStatus


@dataclass(slots=True)
class _Reading:
    """What one look brought; ``None`` where the file is as it was."""

    status: RunStatus
    outputs: list[Output] = field(default_factory=list)
    more: bool = False
    results: dict[str, Any] | None = None
    scores: dict[OutputKey, Score] | None = None


class EvaluationFeed:
    """Everything read of one evaluation so far.

    Attributes:
        directory: its folder.
        record: ``evaluation.json``.
        status: how it is; ``None`` before the first look.
        outputs: answers by key, in the order in which they came.
        results: ``results.json``; empty before there is one.
        scores: how the outputs were judged.
        complete: whether everything that was there has been read.
    """

    def __init__(self, directory: Path, record: EvaluationRecord) -> None:
        self.directory, self.record = directory, record
        self.status: RunStatus | None = None
        self.outputs: dict[OutputKey, Output] = {}
        self.results: dict[str, Any] = {}
        self.scores: dict[OutputKey, Score] = {}
        self.complete = False
        self._reader = EvaluationReader(directory)
        self._seen: dict[str, int] = {}

    async def follow(self) -> None:
        """Take in what came since the last look.

        Raises:
            StoreError: the files cannot be read.
        """
        reading = await asyncio.to_thread(self._look)
        self.status = reading.status
        for output in reading.outputs:
            self.outputs.setdefault(output.key, output)
        if reading.results is not None:
            self.results = reading.results
        if reading.scores is not None:
            self.scores = reading.scores
        self.complete = not reading.more

    def _look(self) -> _Reading:
        status, news = self._reader.status(), self._reader.poll()
        return _Reading(
            status,
            news.outputs,
            news.more,
            self._reader.results() if self._is_new(RESULTS_FILE) else None,
            self._reader.scores() if self._is_new(SCORES_FILE) else None,
        )

    def _is_new(self, name: str) -> bool:
        """Whether a file was made since it was last looked for."""
        try:
            made = (self.directory / name).stat().st_mtime_ns
        except OSError:
            return False
        before, self._seen[name] = self._seen.get(name), made
        return before != made

    def answered(self) -> Counter[str]:
        """How many outputs each arm has."""
        return Counter(key.arm for key in self.outputs)

    def read_gold(self, home: Path) -> EvaluationSet:
        """The rows it is scored on; takes a moment, so call it off the event loop.

        Raises:
            One of ``evaluation_sets.UNREADABLE``: a file cannot be used.
        """
        plan = self.record.plan
        external = Path(plan.external) if plan.external else external_directory(home)
        return read_set(plan.set, data_directory(), external, plan.limit)
