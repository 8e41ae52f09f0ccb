"""The command line's grammar: every command, flag and help text.

Role: the one argparse tree; help, parsing and shell completion derive from it.  Flags of commands
have no defaults of their own, so that `diffdx-tui --model X ask` and `diffdx-tui ask --model X`
mean the same.
"""

from __future__ import annotations

import argparse
from typing import Any

from diffdx_tui import NOTICE, __version__
from diffdx_tui.commands.evaluation_arguments import add_ablate, add_evaluate
from diffdx_tui.commands.grammar import (
    CommandParser,
    add_command,
    add_json_flag,
    add_model_flags,
    add_variant_flag,
    count,
)
from diffdx_tui.commands.run_arguments import add_runs, add_train

SHELLS = ("bash", "zsh", "fish")
EXPORT_FORMATS = ("jsonl", "md", "csv")
_EXITS = (
    "exit codes: 0 answered, 2 usage, 3 input refused, 4 model unavailable, 5 generation failed, "
    "130 cancelled"
)


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
    add_model_flags(parser)
    _add_ephemeral_flag(parser)
    parser.add_argument(
        "--ascii", action="store_true", default=argparse.SUPPRESS, help="draw with ASCII only"
    )
    parser.add_argument("--theme", default=argparse.SUPPRESS, help="colour theme of the app")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _add_ask(commands)
    _add_batch(commands)
    _add_sessions(commands)
    add_train(commands)
    add_runs(commands)
    add_evaluate(commands)
    add_ablate(commands)
    _add_models(commands)
    _add_external(commands)
    _add_schema(commands)
    _add_bench(commands)
    _add_doctor(commands)
    _add_completion(commands)
    return parser


def _add_ask(commands: Any) -> None:
    ask = add_command(commands, "ask", "answer one vignette", epilog=_EXITS)
    ask.add_argument(
        "text", nargs="?", metavar="TEXT", help="the vignette; - or nothing reads standard input"
    )
    form = ask.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON document at the end")
    form.add_argument("--jsonl", action="store_true", help="print each event as a JSON line")
    add_model_flags(ask)
    _add_decoding_flags(ask)
    _add_ephemeral_flag(ask)


def _add_batch(commands: Any) -> None:
    batch = add_command(
        commands,
        "batch",
        "answer many vignettes, resumably",
        epilog="IN has the columns or keys id and vignette. OUT gets a JSON line for each answer; "
        "ids that OUT already has are skipped, so an interrupted run is continued by running it "
        "again.",
    )
    batch.add_argument("input", metavar="IN", help="a .jsonl or .csv file")
    batch.add_argument("output", metavar="OUT", help="the .jsonl file to write or to continue")
    add_model_flags(batch)
    _add_decoding_flags(batch)
    _add_ephemeral_flag(batch)


def _add_sessions(commands: Any) -> None:
    sessions = add_command(commands, "sessions", "saved work")
    actions = sessions.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = add_command(actions, "list", "newest first: id, date, state, verdict, first words")
    search = add_command(actions, "search", "full-text search in vignettes, tiers, notes and tags")
    search.add_argument("query", nargs="+", metavar="QUERY", help="words that must all occur")
    for action in (listing, search):
        action.add_argument("--limit", type=count, default=50, metavar="N", help="at most N")
        add_json_flag(action)
    show = add_command(actions, "show", "one session with its answers, or one answer")
    show.add_argument("id", metavar="ID", help="its id or how it begins")
    add_json_flag(show)
    export = add_command(actions, "export", "write sessions to a file or to standard output")
    export.add_argument("ids", nargs="*", metavar="ID", help="which; all of them by default")
    export.add_argument(
        "--format", choices=EXPORT_FORMATS, help="jsonl is lossless; by default as FILE is called"
    )
    export.add_argument("--output", metavar="FILE", help="by default standard output")
    importing = add_command(actions, "import", "add sessions from a JSONL export")
    importing.add_argument("file", metavar="FILE", help="- reads standard input")
    delete = add_command(actions, "delete", "delete sessions; they can be restored for 30 days")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    restore = add_command(actions, "restore", "bring deleted sessions back")
    for action in (delete, restore):
        action.add_argument("ids", nargs="+", metavar="ID", help="an id or how it begins")


def _add_models(commands: Any) -> None:
    models = add_command(commands, "models", "which models there are")
    actions = models.add_subparsers(dest="action", metavar="ACTION", required=True)
    add_json_flag(
        add_command(actions, "list", "known models, and whether they are on this machine")
    )
    pull = add_command(actions, "pull", "download a model into the hub's local cache")
    use = add_command(actions, "use", "make a model the default")
    for action in (pull, use):
        action.add_argument("name", metavar="NAME", help="a listed name or a hub id (owner/name)")


def _add_external(commands: Any) -> None:
    external = add_command(commands, "external", "other people's test vignettes, for scoring only")
    actions = external.add_subparsers(dest="action", metavar="ACTION", required=True)
    pull = add_command(actions, "pull", "download them, or take a copy, and check it")
    pull.add_argument("--from", dest="source", metavar="DIR", help="a folder that has the files")
    add_json_flag(add_command(actions, "list", "which are here, and whether they are whole"))


def _add_schema(commands: Any) -> None:
    schema = add_command(commands, "schema", "print the answer's JSON Schema")
    add_variant_flag(schema)


def _add_bench(commands: Any) -> None:
    bench = add_command(commands, "bench", "compare this engine with the reference's usage")
    add_model_flags(bench, variant=False)
    bench.add_argument(
        "--answers", type=count, default=5, metavar="N", help="of each side (%(default)s)"
    )
    bench.add_argument(
        "--max-new-tokens", type=count, default=200, metavar="N", help="a side (%(default)s)"
    )
    add_json_flag(bench)


def _add_doctor(commands: Any) -> None:
    doctor = add_command(
        commands,
        "doctor",
        "check this machine and say what to do",
        epilog="exit code 1: a check failed",
    )
    add_json_flag(doctor)


def _add_completion(commands: Any) -> None:
    completion = add_command(
        commands,
        "completion",
        "print a completion script for a shell",
        epilog='bash: eval "$(diffdx-tui completion bash)"; zsh: save it as _diffdx-tui in a '
        "folder of $fpath; fish: save it as ~/.config/fish/completions/diffdx-tui.fish",
    )
    completion.add_argument("shell", choices=SHELLS)


def _add_ephemeral_flag(parser: CommandParser) -> None:
    parser.add_argument(
        "--ephemeral", action="store_true", default=argparse.SUPPRESS, help="save nothing"
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
