"""The grammar of ``evaluate`` and ``ablate``.

Role: flags under the names of the plan's settings; whether a value can be used is the plan's to
say.
"""

from __future__ import annotations

import argparse
from typing import Any

from diffdx_tui.commands.grammar import (
    CommandParser,
    add_command,
    add_json_flag,
    add_model_flags,
    count,
)
from diffdx_tui.config import PRECISIONS
from diffdx_tui.domain.evaluation import ABLATED, DECODINGS, PERTURBATIONS, SETS

EXITS = (
    "exit codes: 0 done, 2 usage or a set that the adapter has learnt, 3 data refused or no such "
    "evaluation, 4 model unavailable, 5 failed, 130 stopped; what is answered is kept, and resume "
    "goes on"
)
MODES = ("free", "guided", "both")


def add_evaluate(commands: Any) -> None:
    """``evaluate``."""
    evaluate = add_command(
        commands,
        "evaluate",
        "score a model's or a run's answers, resumably",
        epilog=f"ID is an id, how it begins, last, or an evaluation's folder. {EXITS}",
    )
    add_model_flags(evaluate)
    _add_set_flags(evaluate)
    evaluate.add_argument(
        "--runs",
        metavar="ID[,ID...]",
        help="what a run learnt instead of a model; for cv five runs, one a fold",
    )
    evaluate.add_argument("--mode", choices=MODES, default="both", help="(%(default)s)")
    _add_decoding_flag(evaluate, "greedy")
    for flag, kind, about in (
        ("--seed", int, "of the sampler"),
        ("--temperature", float, "0 is greedy"),
        ("--top-p", float, "nucleus mass, 1 is off"),
        ("--repetition-penalty", float, "1 is off"),
        ("--max-new-tokens", int, "bound on the answer"),
    ):
        evaluate.add_argument(flag, type=kind, metavar=flag[2].upper(), help=about)
    evaluate.add_argument("--out", metavar="DIR", help="a new folder instead of one under home")
    evaluate.add_argument(
        "--detach", action="store_true", help="print the folder and return; it goes on by itself"
    )
    add_json_flag(evaluate)
    _add_actions(evaluate)


def _add_actions(evaluate: CommandParser) -> None:
    actions = evaluate.add_subparsers(dest="action", metavar="ACTION")
    listing = add_command(actions, "list", "newest first: id, date, state, answers, set, arms")
    listing.add_argument("--limit", type=count, default=50, metavar="N", help="at most N")
    add_json_flag(listing)
    for name, about in (
        ("show", "its figures"),
        ("resume", "go on, or make the figures of a finished one anew"),
        ("stop", "end it; what is answered is kept"),
        ("rescore", "compute scores, figures and report from the outputs, without a model"),
        ("report", "write report.md and report.html from the figures"),
        ("delete", "delete it; it can be restored for 30 days"),
        ("restore", "bring a deleted one back"),
    ):
        action = add_command(actions, name, about, epilog=EXITS)
        action.add_argument("id", metavar="ID", help="its id, how it begins, last, or its folder")
        if name in ("show", "resume"):
            add_json_flag(action)


def add_ablate(commands: Any) -> None:
    """``ablate``."""
    ablate = add_command(
        commands,
        "ablate",
        "train and evaluate baseline, A, B and C, beside the reference's table",
        epilog="Trainings and answers that are there for the same recipe and data are used again, "
        f"so a stopped ablation is continued by running it again. {EXITS}",
    )
    ablate.add_argument("--base", metavar="NAME", help="what to tune (mini)")
    ablate.add_argument(
        "--variants",
        type=_one_of(ABLATED),
        default=ABLATED,
        metavar="LIST",
        help=f"arms, with commas (by default {','.join(ABLATED)})",
    )
    ablate.add_argument(
        "--seeds", type=_seeds, metavar="LIST", help="of the trainings (the recipe's, else 1)"
    )
    ablate.add_argument(
        "--modes",
        type=_one_of(("free", "guided")),
        default=("free", "guided"),
        metavar="LIST",
        help="free, guided or both, with commas (both)",
    )
    _add_decoding_flag(ablate, ",".join(DECODINGS))
    _add_set_flags(ablate)
    ablate.add_argument(
        "--cv", action="store_true", help="the same as --set cv: five trainings an arm"
    )
    ablate.add_argument(
        "--recipe",
        metavar="FILE",
        help="settings of all trainings as JSON; flags win over it, variant and fold do not count",
    )
    ablate.add_argument("--epochs", type=count, metavar="N", help="passes over the rows (3)")
    ablate.add_argument("--max-steps", type=count, metavar="N", help="end trainings after N steps")
    ablate.add_argument("--rate", type=float, metavar="X", help="peak learning rate (0.0002)")
    ablate.add_argument("--batch", type=count, metavar="N", help="rows a step (8)")
    ablate.add_argument("--rank", type=count, metavar="N", help="of the adapters (8)")
    ablate.add_argument("--alpha", type=float, metavar="X", help="scale of the adapters (16)")
    ablate.add_argument("--precision", choices=PRECISIONS, help="of the base's weights (nf4)")
    ablate.add_argument("--out", metavar="FILE", help="also write the results as JSON here")
    add_json_flag(ablate)


def _add_set_flags(parser: CommandParser) -> None:
    parser.add_argument("--set", choices=SETS, default="test", help="rows to answer (%(default)s)")
    parser.add_argument("--limit", type=count, metavar="N", help="only N rows, spread evenly")
    parser.add_argument(
        "--external", metavar="DIR", help="folder of the external sets (by default in home)"
    )


def _add_decoding_flag(parser: CommandParser, default: str) -> None:
    parser.add_argument(
        "--decoding",
        type=_one_of(tuple(DECODINGS)),
        default=tuple(default.split(",")),
        metavar="LIST",
        help=f"{', '.join(DECODINGS)}, with commas ({default}); no-penalty is the reference's "
        "without its repetition penalty",
    )
    parser.add_argument(
        "--samples",
        type=count,
        default=1,
        metavar="K",
        help="answers a case where the decoding draws; greedy beside it answers once (%(default)s)",
    )
    parser.add_argument(
        "--perturb",
        type=_one_of(tuple(PERTURBATIONS)),
        default=(),
        metavar="LIST",
        help="ask greedy arms again, the cases told otherwise: "
        f"{', '.join(PERTURBATIONS)}, with commas",
    )


def _one_of(known: tuple[str, ...]) -> Any:
    """The type of a list with commas whose words are among *known*."""

    def words(text: str) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
        for word in found:
            if word not in known:
                raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(known)}")
        return found

    return words


def _seeds(text: str) -> tuple[int, ...]:
    try:
        return tuple(dict.fromkeys(int(word) for word in text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of whole numbers") from None
