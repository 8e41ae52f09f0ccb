"""The three forms in which ``ask`` prints an answer: labelled lines, a document, events.

Role: takes events and the outcome, writes standard output.
"""

from __future__ import annotations

import argparse
from typing import Protocol

from diffdx_tui.commands.console import (
    emit,
    emit_json,
    emit_line,
    has_colour,
    output_width,
    report,
    tell,
)
from diffdx_tui.commands.labelled_lines import LabelledLines
from diffdx_tui.commands.red_flag_text import check_lines, flag_lines
from diffdx_tui.document import Outcome, audit_of, document_of, event_document
from diffdx_tui.domain.differential import ECHO
from diffdx_tui.domain.events import AnswerEvent, RedFlagsFound, SlotClosed, SlotText, Started
from diffdx_tui.domain.red_flags import NOTICE


class AnswerView(Protocol):
    """What ``ask`` needs of a form."""

    def show(self, event: AnswerEvent) -> None:
        """Take the next event."""

    def finish(self, outcome: Outcome) -> None:
        """The answer has ended."""


def view_of(options: argparse.Namespace) -> AnswerView:
    """The form that the flags ask for."""
    if options.json:
        return DocumentView()
    return EventsView() if options.jsonl else LinesView()


class LinesView:
    """A labelled line per red flag, then one per tier as it streams, then what the check found."""

    def __init__(self) -> None:
        self._found: RedFlagsFound | None = None
        self._lines = LabelledLines(emit, output_width(), colour=has_colour())
        self._starts = 0

    def show(self, event: AnswerEvent) -> None:
        if isinstance(event, RedFlagsFound):
            self._show_flags(event)
        elif isinstance(event, Started):
            self._starts += 1
            if self._starts > 1:
                self._lines.end()
                report(f"beginning anew in {event.model.precision}")
        elif isinstance(event, SlotText) and event.slot != ECHO:
            self._lines.add(event.slot, event.text)
        elif isinstance(event, SlotClosed):
            self._lines.end()

    def finish(self, outcome: Outcome) -> None:
        self._lines.end()
        if outcome.verdict is None:
            return
        for violation in outcome.verdict.violations:
            place = "" if violation.position is None else f" (character {violation.position})"
            tell(f"not valid: {violation.name.replace('_', ' ')}: {violation.detail}{place}")
        if not self._lines.written and outcome.raw:
            emit_line("RAW OUTPUT:\n" + outcome.raw)
        self._show_check(outcome)

    def _show_flags(self, found: RedFlagsFound) -> None:
        self._found = found
        for label, text in flag_lines(found):
            self._lines.line(label, text)
        if found.flags:
            tell(NOTICE)
        if found.trouble:
            report(f"the red-flag rules could not be tried: {found.trouble}")

    def _show_check(self, outcome: Outcome) -> None:
        audit = audit_of(outcome, self._found) if self._found else None
        if audit is not None and self._found is not None:
            for label, text in check_lines(audit, self._found.flags):
                self._lines.line(label, text)


class DocumentView:
    """One JSON document at the end."""

    def show(self, event: AnswerEvent) -> None:
        """Nothing yet."""

    def finish(self, outcome: Outcome) -> None:
        emit_json(document_of(outcome))


class EventsView:
    """Each event as a JSON line."""

    def show(self, event: AnswerEvent) -> None:
        emit_json(event_document(event), indent=None)

    def finish(self, outcome: Outcome) -> None:
        """The last event has said it."""
