"""The grammar of ``train`` and ``runs``.

Role: a flag for every setting of a recipe, under its own name, so that form, file and command line
never differ; whether a value can be used is the recipe's to say.
"""

from __future__ import annotations

import argparse
from typing import Any, get_args

from diffdx_tui.commands.grammar import (
    CommandParser,
    add_command,
    add_json_flag,
    add_variant_flag,
    count,
)
from diffdx_tui.domain.recipe import ABLATIONS, DEFAULT, Recipe, show_value

RUN_EXITS = (
    "exit codes: 0 done, 2 usage, 3 no such run, or not in the state it is in, 4 model "
    "unavailable, 5 the run failed or did not confirm, 130 cancelled"
)
CONFIRM_SECONDS = 60
RESUME_SETTINGS = ("rate", "precision", "micro_batch")
"""Settings that a person can change when a run goes on from its checkpoint."""

_HELP = {
    "base": "what to tune: a name of `models list`, a directory or a hub id",
    "data": "curated, or a JSONL file whose rows have vignette and answer",
    "fold": "learn from the other four of the five folds, 0 to 4",
    "rank": "of the adapter's matrices",
    "alpha": "scale of the adapter; its weight is alpha/rank",
    "dropout": "on the adapter's input",
    "targets": "all-linear, or the modules' names with commas",
    "epochs": "passes over the rows",
    "max_steps": "end after so many steps",
    "batch": "rows a step, over all devices",
    "micro_batch": "rows a forward pass; none finds out what fits",
    "rate": "peak learning rate",
    "schedule": "how the rate falls after the warm-up",
    "warmup": "share of the steps in which the rate rises",
    "weight_decay": "of AdamW",
    "clip": "largest norm of the gradient; 0 is off",
    "precision": "how the base's weights are stored",
    "seed": "of initialisation, dropout and order",
    "eval_every": "steps between validations; none: at each epoch's end",
    "probe_every": "steps between probes; none: at each epoch's end",
    "probe_cases": "validation cases that a probe answers; 0 is off",
    "checkpoint_seconds": "seconds between checkpoints",
    "early_stopping": "end after so many validations without improvement; none is off",
    "max_tokens": "longest row; none takes the model's context",
    "double_quant": "quantise the NF4 scales too",
    "adapter_precision": "type of the trained matrices; native is that of the computation",
    "wording": "JSONL file with the curated rows' answers in other words",
    "reasons": "score the reasons too; without, nothing holds their language",
    "shared_prefix": "compute the system prompt once a micro-batch (exact)",
    "tensorboard": "also write TensorBoard event files",
}


def add_train(commands: Any) -> None:
    """``train``."""
    train = add_command(
        commands,
        "train",
        "tune an adapter, in a process of its own",
        epilog="Prints the run's id and returns; the run goes on when the terminal is closed. "
        "Flags win over --ablation, that over --recipe, that over the defaults, which are the "
        "reference's. exit codes: 0 started (with --follow: finished or stopped), 2 usage or a "
        "setting that cannot be used, 3 data refused, 4 model unavailable, 5 failed, 130 no "
        "longer following",
    )
    train.add_argument("--recipe", metavar="FILE", help="settings as JSON; - reads standard input")
    train.add_argument(
        "--ablation",
        choices=list(ABLATIONS),
        metavar="NAME",
        help=f"a named difference from the defaults: {', '.join(ABLATIONS)}",
    )
    train.add_argument("--dry-run", action="store_true", help="print the recipe, start nothing")
    going = train.add_mutually_exclusive_group()
    going.add_argument("--follow", action="store_true", help="print the metrics until it ends")
    going.add_argument(
        "--prepare",
        action="store_true",
        help="print the folder of a new run that is not started, for torchrun or accelerate launch",
    )
    add_json_flag(train)
    settings = train.add_argument_group("settings")
    add_variant_flag(train)
    for name in Recipe.model_fields:
        if name not in ("variant", "train_split"):
            _add_setting(settings, name, f" ({show_value(getattr(DEFAULT, name))})")


def _add_setting(group: Any, name: str, default_text: str = "") -> None:
    """A flag for the recipe's setting *name*; not in the namespace unless it is given."""
    flag, default = f"--{name.replace('_', '-')}", getattr(DEFAULT, name)
    about = f"{_HELP[name]}{default_text}"
    if isinstance(default, bool):
        group.add_argument(
            flag, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=about
        )
        return
    words = [one for one in get_args(Recipe.model_fields[name].annotation) if isinstance(one, str)]
    metavar = "NAME" if isinstance(default, str) else "X" if isinstance(default, float) else "N"
    form: dict[str, Any] = {"choices": words} if words else {"metavar": metavar}
    group.add_argument(flag, **form, default=argparse.SUPPRESS, help=about)


def add_runs(commands: Any) -> None:
    """``runs``."""
    runs = add_command(
        commands,
        "runs",
        "training runs",
        epilog=f"ID is an id, how it begins, or last for the newest run. {RUN_EXITS}",
    )
    actions = runs.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _add_action(actions, "list", "newest first: id, date, state, steps, losses, recipe")
    listing.add_argument("--limit", type=count, default=50, metavar="N", help="at most N")
    listing.add_argument("--deleted", action="store_true", help="those that can be restored")
    add_json_flag(listing)
    show = _add_action(actions, "show", "one run: recipe, state, loss curve, probes", one=True)
    add_json_flag(show)
    follow = _add_action(actions, "follow", "print metrics until the run ends", one=True)
    add_json_flag(follow)
    _add_requests(actions)
    compare = _add_action(actions, "compare", "what differs, and what came of it", many=True)
    add_json_flag(compare)
    export = _add_action(
        actions, "export", "copy a run's adapter, card, recipe and metrics", one=True
    )
    export.add_argument("output", metavar="OUT", help="a new folder, or a new .tar.gz file")
    form = export.add_mutually_exclusive_group()
    form.add_argument("--merged", action="store_true", help="base and adapter as one model")
    form.add_argument("--gguf-adapter", action="store_true", help="the adapter as GGUF")
    delete = _add_action(
        actions, "delete", "delete runs; they can be restored for 30 days", many=True
    )
    delete.add_argument("--yes", action="store_true", help="do not ask")
    _add_action(actions, "restore", "bring deleted runs back", many=True)


def _add_requests(actions: Any) -> None:
    for name, about in (
        ("pause", "hold on and save, and wait until it has"),
        ("resume", "go on: a paused run, or from its checkpoint one that was stopped or died"),
        ("save", "write a checkpoint, and wait until it is written"),
        ("stop", "save and end, and wait until it has"),
    ):
        action = _add_action(actions, name, about, one=True)
        action.add_argument(
            "--timeout",
            type=count,
            default=CONFIRM_SECONDS,
            metavar="SECONDS",
            help="wait so long for the run to confirm (%(default)s); the request stays",
        )
        if name == "resume":
            for setting in RESUME_SETTINGS:
                _add_setting(action, setting)


def _add_action(
    actions: Any, name: str, about: str, *, one: bool = False, many: bool = False
) -> CommandParser:
    action = add_command(actions, name, about, epilog=RUN_EXITS)
    if one:
        action.add_argument("id", metavar="ID", help="its id, how it begins, or last")
    if many:
        action.add_argument("ids", nargs="+", metavar="ID", help="an id, how it begins, or last")
    return action
