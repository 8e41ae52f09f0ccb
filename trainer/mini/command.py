"""``python -m trainer mini [base|train|score|package]``: the embedded model's way to a folder.

Role: parses arguments and wires the package's parts.  ``base`` is what a bare ``mini`` does;
``train`` is the first model's recipe, which speaks the schema.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from diffdx_tui.config import data_directory
from diffdx_tui.domain.decoding import Decoding, Mode
from diffdx_tui.domain.differential import Variant, render
from diffdx_tui.domain.knowledge import read_knowledge
from diffdx_tui.engine.catalogue import ModelSpec, locate
from diffdx_tui.engine.prompt import system_prompt
from diffdx_tui.engine.tokenizer import Tokenizer
from trainer.mini.answers import gold_answer
from trainer.mini.architecture import ROOM
from trainer.mini.base_command import add_base
from trainer.mini.cases import Casebook
from trainer.mini.examples import ExampleMaker
from trainer.mini.grounding import measure_grounding, write_grounding
from trainer.mini.measure import (
    make_probe,
    read_held_out,
    score_model,
    synonym_table,
    write_score,
)
from trainer.mini.package import describe_machine, hash_weights, write_card, write_package
from trainer.mini.pretraining import Pretraining, Recipe, pretrain
from trainer.mini.prose import write_vignette
from trainer.mini.selection import hash_knowledge, read_casebook
from trainer.mini.vocabulary import train_vocabulary, write_vocabulary

VOCABULARY = 4096
VOCABULARY_TEXTS = 6000
RESULTS = Path("docs/results/mini_held_out.json")


def main(arguments: list[str]) -> int:
    """Run one of the subcommands; the exit status."""
    named = bool(arguments) and not arguments[0].startswith("-")
    if not named and not {"-h", "--help"} & set(arguments):
        arguments = ["base", *arguments]
    values = _parser().parse_args(arguments)
    status: int = values.run(values)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainer mini", description=__doc__)
    commands = parser.add_subparsers(required=True)
    data = data_directory()

    add_base(commands)

    train = commands.add_parser("train", help="the first model: trained on the schema itself")
    train.add_argument("--seed", type=int, default=Recipe().seed)
    train.add_argument("--steps", type=int, default=Recipe().steps)
    train.add_argument("--minutes", type=float, help="choose the steps from a measured pace")
    train.add_argument("--threads", type=int, default=2)
    train.add_argument("--run-directory", type=Path, help="default: runs/mini-SEED")
    train.add_argument("--out", type=Path, default=data / "model" / "mini")
    train.add_argument("--knowledge", type=Path, default=data / "knowledge")
    train.add_argument("--resume", action="store_true", help="go on from the run's checkpoint")
    train.set_defaults(run=_train)

    score = commands.add_parser("score", help="top-1 on the held-out vignettes")
    score.add_argument("--model", default=str(data / "model" / "mini"))
    score.add_argument("--precision", default="auto")
    score.add_argument("--free", action="store_true", help="free decoding instead of guided")
    score.add_argument("--held-out", type=Path, default=data / "held_out.jsonl")
    score.add_argument("--out", type=Path, default=RESULTS)
    score.set_defaults(run=_score)

    grounding = commands.add_parser("grounding", help="are its reasons in the case?")
    grounding.add_argument("--model", default=str(data / "model" / "mini"))
    grounding.add_argument("--precision", default="auto")
    grounding.add_argument("--knowledge", type=Path, default=data / "knowledge")
    grounding.add_argument("--cases", type=int, default=200)
    grounding.add_argument("--seed", type=int, default=1001)
    grounding.add_argument("--out", type=Path, default=Path("docs/results/mini_grounding.json"))
    grounding.set_defaults(run=_grounding)

    package = commands.add_parser("package", help="put a run's last checkpoint in its place")
    package.add_argument("run_directory", type=Path)
    package.add_argument("--out", type=Path, default=data / "model" / "mini")
    package.set_defaults(run=_package)
    return parser


def _train(values: argparse.Namespace) -> int:
    directory: Path = values.run_directory or Path("runs") / f"mini-{values.seed}"
    if values.resume and not (directory / "state.pt").exists():
        print(f"{directory} holds no checkpoint to resume", file=sys.stderr)
        return 2
    if not values.resume and (directory / "state.pt").exists():
        print(f"{directory} already holds a run: --resume it, or remove it", file=sys.stderr)
        return 2
    torch.set_num_threads(values.threads)
    if not values.resume:
        # The run keeps its own copy: somebody may edit the entries while it trains.
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(values.knowledge, directory / "knowledge")
    book = read_casebook(directory / "knowledge")
    tokenizer = _vocabulary(book, directory, values.seed)
    recipe = Recipe(seed=values.seed, steps=values.steps)
    if values.resume:
        recipe = replace(recipe, steps=json.loads((directory / "run.json").read_text())["steps"])
    run = Pretraining(recipe, ExampleMaker(book, tokenizer, values.seed), tokenizer)
    if values.resume:
        run.load(directory)
    elif values.minutes:
        run = _paced(run, values.minutes)
    rows = read_held_out(data_directory() / "held_out.jsonl")
    probe = make_probe(rows, synonym_table(read_knowledge(directory / "knowledge")), tokenizer)
    about = {
        "knowledge_sha256": hash_knowledge(directory / "knowledge"),
        "conditions": [condition.id for condition in book.conditions],
        "machine": describe_machine(values.threads),
        "torch": str(torch.__version__),
    }
    pretrain(run, directory, about=about, probe=lambda now: {"held_out": probe(now.model)})
    write_package(directory, values.out, RESULTS)
    return 0


def _paced(run: Pretraining, minutes: float) -> Pretraining:
    """The same run from its start, with as many steps as fit into *minutes* at today's pace."""
    import time

    for _ in range(4):
        run.learn()
    begun = time.monotonic()
    for _ in range(8):
        run.learn()
    pace = (time.monotonic() - begun) / 8
    steps = max(run.recipe.warmup * 2, int(minutes * 60 / pace))
    return Pretraining(replace(run.recipe, steps=steps), run.maker, run.tokenizer)


def _vocabulary(book: Casebook, directory: Path, seed: int) -> Tokenizer:
    if not (directory / "tokenizer.json").exists():
        texts = vocabulary_texts(book, seed, VOCABULARY_TEXTS)
        write_vocabulary(train_vocabulary(texts, VOCABULARY), directory, ROOM)
    return Tokenizer.load(directory)


def vocabulary_texts(book: Casebook, seed: int, count: int) -> Iterator[str]:
    """What the BPE is trained on: vignettes, every third with its answer, and the prompt."""
    for number in range(count):
        rng = random.Random(f"{seed}/vocabulary/{number}")
        case = book.draw(rng)
        vignette = write_vignette(book, case, rng)
        yield vignette
        if number % 3 == 0:
            yield render(Variant.A, gold_answer(case, vignette, rng))
        if number % 10 == 0:
            yield f"system\n{system_prompt(Variant.A)}"


def _score(values: argparse.Namespace) -> int:
    decoding = Decoding(mode=Mode.FREE if values.free else Mode.GUIDED, temperature=0.0)
    rows = read_held_out(values.held_out)
    table = synonym_table(read_knowledge(data_directory() / "knowledge"))
    spec = ModelSpec(model=values.model, precision=values.precision)
    info, outcomes = score_model(spec, rows, table, decoding)
    folder = locate(spec).base_directory
    about: dict[str, str | int] = {
        "command": " ".join(["python -m trainer mini score", *_shown(values)]),
        "mode": str(decoding.mode),
        "precision": info.precision,
        "machine": describe_machine(torch.get_num_threads()),
        "weights_sha256": hash_weights(folder),
    }
    if (folder / "training.json").exists():
        training = json.loads((folder / "training.json").read_text(encoding="utf-8"))
        about |= {"seed": training["seed"], "steps_trained": training["step"]}
    score = write_score(outcomes, values.out, about)
    if (folder / "training.json").exists() and not values.free:
        write_card(folder, values.out)
    for outcome in outcomes:
        if not outcome.right:
            print(f"{outcome.id}: {outcome.gold} -> {outcome.named}")
    valid = sum(outcome.valid for outcome in outcomes)
    print(
        f"top-1 {score.k}/{score.n} = {score.k / score.n:.0%} "
        f"(Wilson 95 % {score.low:.0%} to {score.high:.0%}), valid {valid}/{score.n}"
    )
    return 0


def _shown(values: argparse.Namespace) -> list[str]:
    return ["--free"] if values.free else []


def _grounding(values: argparse.Namespace) -> int:
    book = read_casebook(values.knowledge)
    spec = ModelSpec(model=values.model, precision=values.precision)
    folder = locate(spec).base_directory
    found = measure_grounding(spec, book, values.seed, values.cases, Decoding())
    about: dict[str, str | int] = {
        "command": f"python -m trainer mini grounding --cases {values.cases}",
        "seed": values.seed,
        "weights_sha256": hash_weights(folder),
    }
    write_grounding(found, values.out, about)
    if (folder / "training.json").exists():
        write_card(folder, RESULTS)
    print(
        f"right name {found.named_right}/{found.cases}; of their reasons {found.grounded}/"
        f"{found.reasons} are in the case; {found.wholly_grounded} answers wholly, "
        f"{found.foreign} with text of no known reason"
    )
    return 0


def _package(values: argparse.Namespace) -> int:
    write_package(values.run_directory, values.out, RESULTS)
    print(f"wrote {values.out}")
    return 0
