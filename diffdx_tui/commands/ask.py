"""``diffdx-tui ask``: one vignette, one answer, streamed.

Role: reads the vignette, asks, prints it in one of three forms, and ends with the contract's exit
code.  A failed answer is printed as a document too (``--json``), with its reason on standard error.
"""

from __future__ import annotations

import argparse
import os
import sys

from diffdx_tui import NOTICE
from diffdx_tui.answer import Request
from diffdx_tui.commands.answer_views import AnswerView, view_of
from diffdx_tui.commands.asking import follow_answer, load_engine, open_recorder
from diffdx_tui.commands.console import messages_are_watched, report, tell
from diffdx_tui.commands.exits import CommandError, Exit, exit_of_failure
from diffdx_tui.commands.interruption import Interruption
from diffdx_tui.commands.settings import decoding_of, settings_of
from diffdx_tui.document import Outcome
from diffdx_tui.domain.events import State
from diffdx_tui.domain.red_flags import announce_red_flags
from diffdx_tui.domain.vignette import Vignette, VignetteRefused

_MOST_BYTES = 1_000_000  # far more than any vignette; keeps an endless input from filling memory


def run(options: argparse.Namespace) -> int:
    """Answer; returns the exit code."""
    config, decoding = settings_of(options), decoding_of(options)
    with Interruption() as interruption:
        request = Request(_read_vignette(options.text), decoding)
        tell(NOTICE)
        view = view_of(options)
        # Before the model is loaded, and also when there is none.
        view.show(announce_red_flags(request.answer_id, request.vignette.text))
        with open_recorder(config) as store:
            engine = load_engine(config)
            outcome = follow_answer(request, engine, store, interruption, view.show, announce=False)
        saved = outcome.recorded and not config.ephemeral
        return _end(outcome, view, interruption, saved=saved)


def _read_vignette(text: str | None) -> Vignette:
    if text is not None and text != "-":
        # Bytes of an argument that are not UTF-8 arrive as half surrogate pairs.
        is_bytes = any("\udc80" <= character <= "\udcff" for character in text)
        return Vignette.decode(os.fsencode(text)) if is_bytes else Vignette.parse(text)
    if sys.stdin.isatty():
        if text is None:
            raise CommandError(
                "no vignette: give it as an argument, or - to type it here", Exit.USAGE
            )
        tell("Type the vignette; Ctrl+D on an empty line ends it.")
    data = sys.stdin.buffer.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise VignetteRefused(
            f"the input is longer than {_MOST_BYTES:,} bytes: that is no vignette"
        )
    return Vignette.decode(data)


def _end(outcome: Outcome, view: AnswerView, interruption: Interruption, *, saved: bool) -> int:
    if interruption.code == Exit.PIPE_CLOSED:
        raise BrokenPipeError
    view.finish(outcome)
    if outcome.failure is not None:
        report(f"{outcome.failure.kind}: {outcome.failure.message}")
        return exit_of_failure(outcome.failure.kind)
    if messages_are_watched():
        tell(_summary(outcome, saved=saved))
    if outcome.state is State.CANCELLED and interruption.code is not None:
        return interruption.code
    return Exit.ANSWERED


def _summary(outcome: Outcome, *, saved: bool) -> str:
    verdict, stats = outcome.verdict, outcome.stats
    assert verdict is not None and stats is not None  # it did not fail
    return ", ".join(
        (
            str(outcome.state),
            "valid" if verdict.strict else "not valid",
            f"first token {stats.ttft_s:.2f} s",
            f"{stats.tokens_per_s:.0f} tok/s",
            f"{stats.tokens_sampled} sampled + {stats.tokens_forced} forced",
            f"saved as {outcome.session_id}" if saved else "not saved",
        )
    )
