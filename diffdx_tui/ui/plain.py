"""The linear mode for screen readers and dumb terminals: labelled lines, no screen.

Role: reads vignettes from standard input, prints what happens as lines that make sense when read
aloud.  The same worker, the same events, no textual.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TextIO

from diffdx_tui.config import Config
from diffdx_tui.domain.diagnosis import split_tier
from diffdx_tui.domain.differential import ECHO, Slot
from diffdx_tui.domain.events import (
    Cancelled,
    Failed,
    Finished,
    ModelFailed,
    ModelLoading,
    ModelReady,
    NotSaved,
    RedFlagsFound,
    SlotClosed,
    Started,
    WorkerEvent,
)
from diffdx_tui.domain.red_flags import NOTICE as RED_FLAG_NOTICE
from diffdx_tui.domain.vignette import VignetteRefused
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.ui.answering import Answering, Choices
from diffdx_tui.ui.live_answer import LiveAnswer, describe_verdict
from diffdx_tui.ui.saved_work import SavedWork, SelectiveRecorder
from diffdx_tui.ui.terminal_signals import on_ending_signals
from diffdx_tui.ui.worker_link import WorkerFactory, WorkerLink

NOTICE = "Research and education only. Not a medical device."
_HELP = (
    "Commands: :again for another seed, :mode for guided or free, :ephemeral, :help, :quit. "
    "A vignette ends with an empty line. Control C stops an answer."
)
_LABELS = {
    "most_likely": "Most likely",
    "possible": "Possible",
    "unlikely_but_serious": "Unlikely but serious",
    "recommended_workup": "Recommended workup",
}


class _Ended(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class PlainSession:
    """One conversation in lines."""

    def __init__(
        self,
        config: Config,
        source: TextIO,
        output: TextIO,
        worker_factory: WorkerFactory | None = None,
    ) -> None:
        self._source, self._output = source, output
        self._saved_work = SavedWork(config)
        link = WorkerLink(worker_factory, self._open_recorder)
        self.answering = Answering(link, Choices.of(config))
        self._link = link
        self._text = ""

    def _open_recorder(self) -> SelectiveRecorder:
        return SelectiveRecorder(self._saved_work.open, self.answering.is_ephemeral)

    def say(self, line: str) -> None:
        """One line, harmless and at once."""
        print(make_visible_line(line), file=self._output, flush=True)

    def run(self) -> int:
        """Until the input ends or someone quits."""
        self.say(f"diffdx-tui, plain mode. {NOTICE}")
        self.say(_HELP)
        self._link.start()
        self.answering.load(self.answering.choices.spec)
        try:
            for entry in self._entries():
                if not self._obey(entry):
                    break
        except _Ended as ended:
            return ended.code
        finally:
            self.answering.close()
            self._saved_work.close()
        return 0

    def _entries(self) -> Iterator[str]:
        """Vignettes and commands, each as one text."""
        lines: list[str] = []
        self.say("Vignette:")
        for line in self._source:
            stripped = line.strip()
            if stripped and (lines or not stripped.startswith(":")):
                lines.append(line.rstrip("\n"))
                continue
            if lines:
                yield "\n".join(lines)
                lines = []
            elif stripped:
                yield stripped
            else:
                continue
            self.say("Vignette:")
        if lines:
            yield "\n".join(lines)

    def _obey(self, entry: str) -> bool:
        """Do what *entry* says; false to end."""
        choices = self.answering.choices
        match entry:
            case ":quit" | ":q":
                return False
            case ":help":
                self.say(_HELP)
            case ":mode":
                choices.toggle_mode()
                self.say(f"Mode: {choices.decoding.mode}")
            case ":ephemeral":
                choices.ephemeral = not choices.ephemeral
                self.say(f"Answers are {'ephemeral' if choices.ephemeral else 'saved'}")
            case ":again":
                self._ask(again=True)
            case _ if entry.startswith(":"):
                self.say(f"Unknown command {entry}. {_HELP}")
            case _:
                self._text = entry
                self._ask(again=False)
        return True

    def _ask(self, *, again: bool) -> None:
        try:
            ask = self.answering.ask_again if again else self.answering.ask
            live = ask(self._text)
        except VignetteRefused as refusal:
            self.say(f"Refused: {refusal}")
            return
        self._follow(live)

    def _follow(self, live: LiveAnswer) -> None:
        said = ""
        while True:
            try:
                for at, event in self._link.drain():
                    if isinstance(event, RedFlagsFound) and event.answer_id == live.answer_id:
                        self._say_flags(event)
                    line = self._line_of(event, live, at)
                    if line and line != said:
                        self.say(line)
                        said = line
                notice = self._saved_work.take_notice()
                if notice:
                    self.say(f"Warning: {notice}")
                if not self.answering.answering:
                    return
                time.sleep(0.03)
            except KeyboardInterrupt:
                self.say("Stopping")
                self.answering.cancel()

    def _say_flags(self, found: RedFlagsFound) -> None:
        for flag in found.flags:
            words = "; ".join(found.vignette[start:end] for start, end in flag.places)
            source = flag.citation
            self.say(
                f"Red flag: {flag.wording} Danger: {flag.danger.name}. Words: {words}. "
                f"Rule {flag.rule}. Source: {source.title}, {source.body} {source.year}"
            )
        if found.flags:
            self.say(RED_FLAG_NOTICE)
        if found.trouble:
            self.say(f"Warning: the red-flag rules could not be tried: {found.trouble}")

    def _line_of(self, event: WorkerEvent, live: LiveAnswer, at: float) -> str:
        """What to say about *event*, after taking it in; often nothing."""
        self.answering.take(event, at)
        match event:
            case ModelLoading(name=name, stage=stage, share=share):
                return f"Loading {name}: {stage}, {share:.0%}"
            case ModelReady(model=model):
                return f"Model: {model.name}, {model.device}, {model.precision}"
            case ModelFailed(message=message):
                return f"Model failed: {message}"
            case Started(answer_id=name) if name == live.answer_id:
                return f"Answer begins, {live.decoding.mode}, seed {live.decoding.seed}"
            case SlotClosed(answer_id=name, slot=slot) if name == live.answer_id:
                return self._slot_line(slot, live)
            case Finished(answer_id=name) | Cancelled(answer_id=name) if name == live.answer_id:
                return self._end_line(live)
            case NotSaved(answer_id=name, message=message) if name == live.answer_id:
                return f"Not saved: {message}"
            case Failed(answer_id=name, kind=kind, message=message) if name == live.answer_id:
                return f"Failed: {kind}: {message}"
        return ""

    def _slot_line(self, slot: Slot, live: LiveAnswer) -> str:
        if slot == ECHO:
            return ""
        progress = live.slots[slot]
        label = _LABELS.get(slot.field, slot.field)
        if slot.index is not None:
            label += f" {slot.index + 1}"
        if not progress.finished:
            label += ", unfinished"
        tier = split_tier(progress.text)
        if slot.field == "recommended_workup" or not tier.reasoning:
            return f"{label}: {progress.text}"
        return f"{label}: {tier.diagnosis}. Reasoning: {tier.reasoning}"

    def _end_line(self, live: LiveAnswer) -> str:
        words = [f"Answer {live.state}"]
        if live.verdict is not None:
            words.append(describe_verdict(live.verdict))
        if live.ttft is not None:
            words.append(f"first token {live.ttft:.2f} seconds")
        if live.tokens_per_s is not None:
            words.append(f"{live.tokens_per_s:.0f} tokens per second")
        words.append(f"{live.sampled} sampled and {live.forced} forced tokens")
        words.append("saved" if live.saved else "not saved" if live.not_saved else "ephemeral")
        return ", ".join(words)


def run_plain(
    config: Config,
    *,
    worker_factory: WorkerFactory | None = None,
    source: TextIO | None = None,
    output: TextIO | None = None,
) -> int:
    """Run the linear mode; returns the exit code."""
    session = PlainSession(config, source or sys.stdin, output or sys.stdout, worker_factory)

    def end(code: int) -> None:
        if code == 130 and session.answering.answering:
            raise KeyboardInterrupt
        raise _Ended(code)

    undo = on_ending_signals(end)
    try:
        return session.run()
    except _Ended as ended:
        return ended.code
    finally:
        undo()
