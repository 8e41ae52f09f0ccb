"""Reads a run's directory while it is being written: everybody's side but the trainer's.

Role: follows metrics and events from where it last was, and judges a run's state by what it said
and by whether its process lives; it never writes.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.owner import is_alive
from diffdx_tui.store.run_files import read_json
from diffdx_tui.store.run_records import (
    CONTROL_FOLDER,
    ENDED_STATES,
    EVENTS_FILE,
    HEARTBEAT_FILE,
    LAUNCH_FILE,
    METRICS_FILE,
    RUN_FILE,
    Control,
    Heartbeat,
    Phase,
    Probe,
    RunEvent,
    RunRecord,
    RunState,
    StepMetrics,
    Validation,
    number,
    parse_event,
    parse_heartbeat,
    parse_metrics,
    parse_record,
)

SILENT_SECONDS = 15.0
"""A living run says something every second; after so long without, something is wrong."""
_FORGOTTEN_SECONDS = 3_600.0  # a run of another machine that has said nothing for so long
_CREATED_SECONDS = 10.0  # between making a run's folder and starting its process
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How a run is.

    Attributes:
        state: judged from what it said and from whether its process lives.
        heartbeat: what it last said; ``None`` before its first word.
        age_s: seconds since then.
        message: why it ended or what is wrong; empty when all is well.
        pending: requests that it has not obeyed yet.
    """

    state: RunState
    heartbeat: Heartbeat | None
    age_s: float | None = None
    message: str = ""
    pending: frozenset[Control] = frozenset()

    @property
    def phase(self) -> Phase | None:
        """What it is busy with; ``None`` before its first word."""
        return self.heartbeat.phase if self.heartbeat else None

    @property
    def step(self) -> int:
        """Optimiser steps done."""
        return self.heartbeat.step if self.heartbeat else 0


@dataclass(slots=True)
class RunNews:
    """What came since the last look.

    Attributes:
        restarted: what was read before no longer counts: the run went back to a checkpoint.
        more: there is more to read already.
    """

    steps: list[StepMetrics] = field(default_factory=list)
    validations: list[Validation] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    events: list[RunEvent] = field(default_factory=list)
    restarted: bool = False
    more: bool = False


class RunReader:
    """Follows one run.

    Attributes:
        directory: the run's.
        unreadable: how many lines were of no known kind.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.unreadable = 0
        self._metrics = Tail(directory / METRICS_FILE)
        self._events = Tail(directory / EVENTS_FILE)

    def record(self) -> RunRecord:
        """``run.json``.

        Raises:
            StoreError: it is missing or cannot be read.
        """
        return read_record(self.directory)

    def status(self) -> RunStatus:
        """How the run is now."""
        return judge(self.directory)

    def poll(self) -> RunNews:
        """What came since the last call, up to about a mebibyte of it (then ``more``).

        Raises:
            StoreError: the files cannot be read.
        """
        news = RunNews()
        lines, news.restarted = self._metrics.read()
        for values in self._parsed(lines):
            match parse_metrics(values):
                case StepMetrics() as step:
                    news.steps.append(step)
                case Validation() as validation:
                    news.validations.append(validation)
                case Probe() as probe:
                    news.probes.append(probe)
                case None:
                    self.unreadable += 1
        lines, _ = self._events.read()
        for values in self._parsed(lines):
            event = parse_event(values)
            if event is None:
                self.unreadable += 1
            else:
                news.events.append(event)
        news.more = self._metrics.more or self._events.more
        return news

    def read_all(self) -> RunNews:
        """Everything there is, read anew."""
        fresh = RunReader(self.directory)
        news = fresh.poll()
        while news.more:
            next_news = fresh.poll()
            if next_news.restarted:
                news = RunNews(events=news.events)
            news.steps += next_news.steps
            news.validations += next_news.validations
            news.probes += next_news.probes
            news.events += next_news.events
            news.more = next_news.more
        return news

    def _parsed(self, lines: list[bytes]) -> Iterator[dict[str, Any]]:
        found = list(read_lines(lines))
        self.unreadable += len(lines) - len(found)
        return iter(found)


def read_lines(source: Path | Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The JSON objects of lines; a line that is none is left out, and so is a half one."""
    if isinstance(source, Path):
        try:
            content = source.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"{source} cannot be read: {error.strerror}") from error
        source = content[: content.rfind(b"\n") + 1].splitlines()
    for line in source:
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(values, dict):
            yield values


class Tail:
    """Whole lines of a growing file, each once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.more = False
        self._offset = 0
        self._file_id: int | None = None

    def read(self) -> tuple[list[bytes], bool]:
        """New whole lines, and whether the file was replaced or cut, so that it begins anew."""
        self.more = False
        try:
            with self.path.open("rb") as file:
                about = os.fstat(file.fileno())
                replaced = self._file_id not in (None, about.st_ino)
                restarted = replaced or about.st_size < self._offset
                if restarted:
                    self._offset = 0
                self._file_id = about.st_ino
                file.seek(self._offset)
                chunk = self._whole_lines(file.read(_CHUNK), file)
        except FileNotFoundError:
            restarted = self._file_id is not None
            self._offset, self._file_id = 0, None
            return [], restarted
        except OSError as error:
            raise StoreError(f"{self.path} cannot be read: {error.strerror}") from error
        self._offset += len(chunk)
        self.more = self._offset < about.st_size and bool(chunk)
        return chunk.splitlines(), restarted

    def _whole_lines(self, chunk: bytes, file: Any) -> bytes:
        """*chunk* up to its last line end; more is read only for a line longer than a chunk."""
        while chunk and b"\n" not in chunk:
            more = file.read(_CHUNK)
            if not more:
                return b""
            chunk += more
        return chunk[: chunk.rfind(b"\n") + 1]


def read_record(directory: Path) -> RunRecord:
    """``run.json`` of the run at *directory*.

    Raises:
        StoreError: it is missing or cannot be read.
    """
    values = read_json(directory / RUN_FILE)
    if values is None:
        raise StoreError(f"{directory} is no run: it has no {RUN_FILE}")
    return parse_record(values, str(directory / RUN_FILE))


def judge(directory: Path, record: str = RUN_FILE) -> RunStatus:
    """How the run at *directory* is, from what it said last and from whether its process lives.

    Args:
        record: the file that was there first; an evaluation is judged by the same files as a run.
    """
    heartbeat = _read_heartbeat(directory)
    launch = _read_quietly(directory / LAUNCH_FILE)
    now = time.time()
    launched = number(launch.get("t"))
    if launched is not None and (heartbeat is None or heartbeat.t < launched):
        return _judge_launched(str(launch.get("owner", "")), now - launched, heartbeat)
    if heartbeat is None:
        return _judge_unlaunched(directory / record, now)
    age = max(0.0, now - heartbeat.t)
    state, message = heartbeat.state, heartbeat.message
    if state not in ENDED_STATES:
        alive = is_alive(heartbeat.owner)
        if alive is False or (alive is None and age > _FORGOTTEN_SECONDS):
            state = RunState.DEAD
            message = "its process ended without a word (killed, out of memory, power cut)"
        elif age > SILENT_SECONDS:
            state = RunState.SILENT
            message = f"no sign of life for {age:.0f} s"
            message += "" if alive else "; it runs on another machine"
    return RunStatus(state, heartbeat, age, message, pending_requests(directory))


def _judge_launched(owner: str, age: float, heartbeat: Heartbeat | None) -> RunStatus:
    """A process was started *age* seconds ago that has not said anything yet."""
    alive = is_alive(owner)
    if alive is False or (alive is None and age > _FORGOTTEN_SECONDS):
        message = "its process ended before it could say anything: see console.log"
        return RunStatus(RunState.DEAD, heartbeat, None, message)
    return RunStatus(RunState.STARTING, heartbeat)


def _judge_unlaunched(record: Path, now: float) -> RunStatus:
    try:
        created = record.stat().st_mtime
    except OSError:
        created = 0.0
    if now - created < _CREATED_SECONDS:
        return RunStatus(RunState.STARTING, None)
    return RunStatus(RunState.DEAD, None, None, "it was never started")


def _read_heartbeat(directory: Path) -> Heartbeat | None:
    return parse_heartbeat(_read_quietly(directory / HEARTBEAT_FILE))


def _read_quietly(path: Path) -> dict[str, Any]:
    try:
        return read_json(path) or {}
    except StoreError:
        return {}


def pending_requests(directory: Path) -> frozenset[Control]:
    """What the run at *directory* is asked and has not yet obeyed; costs a look at one folder."""
    try:
        names = {path.name for path in (directory / CONTROL_FOLDER).iterdir()}
    except OSError:
        return frozenset()
    return frozenset(control for control in Control if control in names)
