"""The program's entrance: parses arguments, picks what to run, ends with an exit code.

Role: floor 4.  Everything heavy is imported by the command that needs it, so that ``--help`` and
``sessions list`` read neither torch nor textual.  Nothing leaves here as a traceback.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from diffdx_tui.commands.arguments import build_parser
from diffdx_tui.commands.console import report
from diffdx_tui.commands.exits import CommandError, Exit, Interrupted, exit_of
from diffdx_tui.commands.trouble_log import TroubleLog


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with *argv* (by default the process's); returns the exit code."""
    _prepare_streams()
    with TroubleLog() as log:
        try:
            code = _run(argv)
            sys.stdout.flush()
            return code
        except BrokenPipeError:
            _let_go_of_stdout()
            return Exit.PIPE_CLOSED
        except Interrupted as interruption:
            report("stopped")
            return interruption.code
        except KeyboardInterrupt:
            report("stopped")
            return Exit.CANCELLED
        except Exception as error:
            return _explain(error, log)


def _run(argv: Sequence[str] | None) -> int:
    try:
        options = build_parser().parse_args(argv)
    except SystemExit as ending:  # argparse has said what there is to say
        return ending.code if isinstance(ending.code, int) else int(Exit.USAGE)
    if options.command is None:
        return _run_app(options)
    # A command's module has the command's name.
    command = importlib.import_module(f"diffdx_tui.commands.{options.command}")
    return int(command.run(options))


def _run_app(options: argparse.Namespace) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandError(
            "the app needs a terminal for input and output: without one use "
            "`diffdx-tui ask`, `diffdx-tui batch`, or see `diffdx-tui --help`",
            Exit.USAGE,
        )
    from diffdx_tui.commands.libraries import quiet_libraries
    from diffdx_tui.commands.settings import settings_of

    quiet_libraries()
    config = settings_of(options)
    if options.plain:
        from diffdx_tui.ui.plain import run_plain

        return run_plain(config)
    from diffdx_tui.ui.app import run_app

    return run_app(config)


def _explain(error: Exception, log: TroubleLog) -> int:
    """Say what went wrong in one line; what nobody foresaw is logged whole."""
    code = exit_of(error)
    if code is not None:
        report(str(error))
        if isinstance(error, OSError):
            _let_go_of_stdout()
        return code
    if log.write_traceback(error):
        report(f"internal error ({type(error).__name__}); details are in {log.path}")
    else:
        report(f"internal error ({type(error).__name__}: {error}); {log.path} cannot be written")
    return Exit.FAILED


def _prepare_streams() -> None:
    """Streams that were closed by the caller swallow their text; none fails on a character."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115


def _let_go_of_stdout() -> None:
    """Python flushes standard output once more at its end, and would complain a second time."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
