"""``python -m trainer COMMAND``: one door to everything that trains or measures.

Role: a dispatch table and nothing else; each command's module parses its own arguments and is
imported only when it is asked for.
"""

from __future__ import annotations

import sys
from importlib import import_module

COMMANDS = {
    "data": ("trainer.data.command", "check the curated data, or draw its splits"),
    "data-card": ("trainer.data_card", "write the data card's tables and plots"),
    "evaluate": ("trainer.evaluation.command", "answer, score and report a planned evaluation"),
    "card": ("trainer.cards", "write a run's model card"),
    "export": ("trainer.export.command", "merge a run's adapter into its base"),
    "baselines": ("trainer.evaluation.baselines", "score the simplest answers there are"),
    "mini": ("trainer.mini.command", "train or score the embedded model"),
    "figures": ("trainer.figures", "write README's figures from the results files"),
    "merge-policy": ("trainer.merge_policy", "measure ways to run an adapter on a 4-bit base"),
    "red-flags": ("trainer.red_flag_measure", "measure the red-flag rules on labelled cases"),
    "bench-train": ("trainer.bench_train", "measure training against a plain SFTTrainer"),
    "tune": ("trainer.tuning.command:tune", "train the run in a run directory"),
    "preview": ("trainer.tuning.command:preview", "show what a recipe would learn"),
    "preflight": ("trainer.tuning.command:preflight", "measure one step of a recipe"),
    "standin": ("trainer.standin", "make a random-weight stand-in of the true size"),
}


def main(arguments: list[str]) -> int:
    """Run the command that *arguments* name; the exit status."""
    if not arguments or arguments[0] not in COMMANDS:
        asked_for_help = bool(arguments) and arguments[0] in ("-h", "--help")
        lines = ["usage: python -m trainer COMMAND ...", ""]
        lines += [f"  {name:14} {about}" for name, (_, about) in COMMANDS.items()]
        print("\n".join(lines), file=sys.stdout if asked_for_help else sys.stderr)
        return 0 if asked_for_help else 2
    place, _, name = COMMANDS[arguments[0]][0].partition(":")
    status: int = getattr(import_module(place), name or "main")(arguments[1:])
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
