"""The command line's grammar: every command, flag and help text.

Role: the one argparse tree; help, parsing and shell completion derive from it.  Flags of commands
have no defaults of their own, so that `diffdx-tui --model X ask` and `diffdx-tui ask --model X`
mean the same.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn

from diffdx_tui import NOTICE, __version__
from diffdx_tui.commands.exits import Exit
from diffdx_tui.config import PRECISIONS
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.visible import make_visible

SHELLS = ("bash", "zsh", "fish")
EXPORT_FORMATS = ("jsonl", "md", "csv")
_EXITS = (
    "exit codes: 0 answered, 2 usage, 3 input refused, 4 model unavailable, 5 generation failed, "
    "130 cancelled"
)


class CommandParser(argparse.ArgumentParser):
    """A parser that takes flags only as written and echoes what was typed harmlessly."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how it is used; exit code 2."""
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"{self.prog}: {make_visible(message)}\n")


def build_parser() -> CommandParser:
    """The whole tree."""
    parser = CommandParser(
        prog="diffdx-tui",
        description="A terminal explorer of clinical reasoning: a vignette in, a streamed "
        f"four-tier differential out. {NOTICE} Without a command it opens the app.",
        epilog=_EXITS,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument(
        "--plain",
        action="store_true",
        help="labelled lines instead of a screen, for screen readers",
    )
    _add_model_flags(parser)
    _add_ephemeral_flag(parser)
    parser.add_argument(
        "--ascii", action="store_true", default=argparse.SUPPRESS, help="draw with ASCII only"
    )
    parser.add_argument("--theme", default=argparse.SUPPRESS, help="colour theme of the app")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _add_ask(commands)
    _add_batch(commands)
    _add_sessions(commands)
    _add_models(commands)
    _add_schema(commands)
    _add_bench(commands)
    _add_doctor(commands)
    _add_completion(commands)
    return parser


def _add_ask(commands: Any) -> None:
    ask = _command(commands, "ask", "answer one vignette", epilog=_EXITS)
    ask.add_argument(
        "text", nargs="?", metavar="TEXT", help="the vignette; - or nothing reads standard input"
    )
    form = ask.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON document at the end")
    form.add_argument("--jsonl", action="store_true", help="print each event as a JSON line")
    _add_model_flags(ask)
    _add_decoding_flags(ask)
    _add_ephemeral_flag(ask)


def _add_batch(commands: Any) -> None:
    batch = _command(
        commands,
        "batch",
        "answer many vignettes, resumably",
        epilog="IN has the columns or keys id and vignette. OUT gets a JSON line for each answer; "
        "ids that OUT already has are skipped, so an interrupted run is continued by running it "
        "again.",
    )
    batch.add_argument("input", metavar="IN", help="a .jsonl or .csv file")
    batch.add_argument("output", metavar="OUT", help="the .jsonl file to write or to continue")
    _add_model_flags(batch)
    _add_decoding_flags(batch)
    _add_ephemeral_flag(batch)


def _add_sessions(commands: Any) -> None:
    sessions = _command(commands, "sessions", "saved work")
    actions = sessions.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _command(actions, "list", "newest first: id, date, state, verdict, first words")
    search = _command(actions, "search", "full-text search in vignettes, tiers, notes and tags")
    search.add_argument("query", nargs="+", metavar="QUERY", help="words that must all occur")
    for action in (listing, search):
        action.add_argument("--limit", type=_count, default=50, metavar="N", help="at most N")
        _add_json_flag(action)
    show = _command(actions, "show", "one session with its answers, or one answer")
    show.add_argument("id", metavar="ID", help="its id or how it begins")
    _add_json_flag(show)
    export = _command(actions, "export", "write sessions to a file or to standard output")
    export.add_argument("ids", nargs="*", metavar="ID", help="which; all of them by default")
    export.add_argument(
        "--format", choices=EXPORT_FORMATS, help="jsonl is lossless; by default as FILE is called"
    )
    export.add_argument("--output", metavar="FILE", help="by default standard output")
    importing = _command(actions, "import", "add sessions from a JSONL export")
    importing.add_argument("file", metavar="FILE", help="- reads standard input")
    delete = _command(actions, "delete", "delete sessions; they can be restored for 30 days")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    restore = _command(actions, "restore", "bring deleted sessions back")
    for action in (delete, restore):
        action.add_argument("ids", nargs="+", metavar="ID", help="an id or how it begins")


def _add_models(commands: Any) -> None:
    models = _command(commands, "models", "which models there are")
    actions = models.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_json_flag(_command(actions, "list", "known models, and whether they are on this machine"))
    pull = _command(actions, "pull", "download a model into the hub's local cache")
    use = _command(actions, "use", "make a model the default")
    for action in (pull, use):
        action.add_argument("name", metavar="NAME", help="a listed name or a hub id (owner/name)")


def _add_schema(commands: Any) -> None:
    schema = _command(commands, "schema", "print the answer's JSON Schema")
    _add_variant_flag(schema)


def _add_bench(commands: Any) -> None:
    bench = _command(commands, "bench", "compare this engine with the reference's usage")
    _add_model_flags(bench, variant=False)
    bench.add_argument(
        "--answers", type=_count, default=5, metavar="N", help="of each side (%(default)s)"
    )
    bench.add_argument(
        "--max-new-tokens", type=_count, default=200, metavar="N", help="a side (%(default)s)"
    )
    _add_json_flag(bench)


def _add_doctor(commands: Any) -> None:
    doctor = _command(
        commands,
        "doctor",
        "check this machine and say what to do",
        epilog="exit code 1: a check failed",
    )
    _add_json_flag(doctor)


def _add_completion(commands: Any) -> None:
    completion = _command(
        commands,
        "completion",
        "print a completion script for a shell",
        epilog='bash: eval "$(diffdx-tui completion bash)"; zsh: save it as _diffdx-tui in a '
        "folder of $fpath; fish: save it as ~/.config/fish/completions/diffdx-tui.fish",
    )
    completion.add_argument("shell", choices=SHELLS)


def _command(commands: Any, name: str, about: str, **settings: Any) -> CommandParser:
    command: CommandParser = commands.add_parser(name, help=about, description=about, **settings)
    return command


def _add_json_flag(parser: CommandParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_ephemeral_flag(parser: CommandParser) -> None:
    parser.add_argument(
        "--ephemeral", action="store_true", default=argparse.SUPPRESS, help="save nothing"
    )


def _add_variant_flag(parser: CommandParser) -> None:
    parser.add_argument(
        "--variant",
        type=str.upper,
        choices=[str(variant) for variant in Variant],
        default=argparse.SUPPRESS,
        help="A: full schema; B: no unlikely_but_serious; C: no recommended_workup",
    )


def _add_model_flags(parser: CommandParser, *, variant: bool = True) -> None:
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
        _add_variant_flag(parser)
    parser.add_argument(
        "--precision", choices=PRECISIONS, default=argparse.SUPPRESS, help="of the weights"
    )


def _add_decoding_flags(parser: CommandParser) -> None:
    decoding = parser.add_argument_group("decoding")
    decoding.add_argument(
        "--free",
        action="store_true",
        help="let the model write by itself, with the reference's settings",
    )
    decoding.add_argument(
        "--reference-decoding",
        action="store_true",
        help="the reference's temperature and repetition penalty, prompt included",
    )
    decoding.add_argument("--seed", type=int, metavar="N", help="of the sampler")
    decoding.add_argument("--temperature", type=float, metavar="T", help="0 is greedy")
    decoding.add_argument("--top-p", type=float, metavar="P", help="nucleus mass, 1 is off")
    decoding.add_argument("--top-k", type=int, metavar="K", help="likeliest tokens, 0 is off")
    decoding.add_argument("--repetition-penalty", type=float, metavar="R", help="1 is off")
    decoding.add_argument("--max-new-tokens", type=int, metavar="N", help="bound on the answer")


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 to 1,000,000")
    return number


_count.__name__ = "number"  # argparse names the type in its message
