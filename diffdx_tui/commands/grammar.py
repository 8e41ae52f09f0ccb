"""Pieces of the command line's grammar that every command shares.

Role: the parser that echoes harmlessly, and flags that mean the same wherever they are.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn

from diffdx_tui.commands.exits import Exit
from diffdx_tui.config import PRECISIONS
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.visible import make_visible


class CommandParser(argparse.ArgumentParser):
    """A parser that takes flags only as written and echoes what was typed harmlessly."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how it is used; exit code 2."""
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"{self.prog}: {make_visible(message)}\n")


def add_command(commands: Any, name: str, about: str, **settings: Any) -> CommandParser:
    """A command, or an action of one; *about* is its help in the list and on its own page."""
    command: CommandParser = commands.add_parser(name, help=about, description=about, **settings)
    return command


def add_json_flag(parser: CommandParser) -> None:
    """``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_variant_flag(parser: CommandParser) -> None:
    """``--variant``; not in the namespace unless it is given."""
    parser.add_argument(
        "--variant",
        type=str.upper,
        choices=[str(variant) for variant in Variant],
        default=argparse.SUPPRESS,
        help="A: full schema; B: no unlikely_but_serious; C: no recommended_workup",
    )


def add_model_flags(parser: CommandParser, *, variant: bool = True) -> None:
    """``--model``, ``--adapter``, ``--variant``, ``--precision``; not there unless given."""
    parser.add_argument(
        "--model",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help="a name of `models list`, a directory or a hub id",
    )
    parser.add_argument(
        "--adapter",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help="a PEFT adapter's directory or hub id; none takes none",
    )
    if variant:
        add_variant_flag(parser)
    parser.add_argument(
        "--precision", choices=PRECISIONS, default=argparse.SUPPRESS, help="of the weights"
    )


def count(text: str) -> int:
    """The type of an argument that counts something."""
    number = int(text)
    if not 1 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 to 1,000,000")
    return number


count.__name__ = "number"  # argparse names the type in its message
