"""``python -m trainer mini base|bag|cases|unseen``: the embedded model's base and its measures.

Role: parses arguments and wires casebook, vocabulary, documents, loop and measure.  A run that was
stopped goes on by the same command; one that ended goes on from where its rate began to fall when
more steps are asked for.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from diffdx_tui.config import data_directory
from diffdx_tui.domain.curated import read_curated
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.knowledge import read_knowledge
from diffdx_tui.engine.tokenizer import Tokenizer
from trainer.mini.architecture import ROOM
from trainer.mini.bag import Bag, measure_bag
from trainer.mini.base_measure import (
    REQUEST,
    Judge,
    adheres,
    draw_pairs,
    load_base,
    measure_unseen,
    share,
    summarise,
    write_measured,
)
from trainer.mini.base_training import BaseRecipe, BaseRun, train
from trainer.mini.cases import Casebook
from trainer.mini.chatter import read_chatter
from trainer.mini.documents import Author
from trainer.mini.evidence import Evidence, draw_reads, learn_evidence
from trainer.mini.measure import read_held_out
from trainer.mini.own_words import WORDING_FILE, write_words
from trainer.mini.package import describe_machine, hash_weights
from trainer.mini.phrasings import for_training
from trainer.mini.rows import RowMaker
from trainer.mini.selection import hash_knowledge
from trainer.mini.unseen import UnseenCases, as_rows, probe_unseen
from trainer.mini.vocabulary import train_vocabulary, write_vocabulary

VOCABULARY = 6144
VOCABULARY_DOCUMENTS = 12_000
PROBE_CASES = 100


def add_base(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The subcommand ``base``."""
    base = commands.add_parser("base", help="train the base model from scratch, or go on")
    base.add_argument("--run", dest="directory", type=Path, default=Path("runs/base-1"))
    base.add_argument("--seed", type=int, default=BaseRecipe().seed)
    base.add_argument("--steps", type=int, default=BaseRecipe().steps)
    base.add_argument("--threads", type=int, default=1)
    base.add_argument("--knowledge", type=Path, default=data_directory() / "knowledge")
    base.set_defaults(run=train_base)

    bag = commands.add_parser("bag", help="what the words alone say: the base's yardstick")
    bag.add_argument("--run", dest="directory", type=Path, default=Path("runs/base-1"))
    bag.add_argument("--seed", type=int, default=BaseRecipe().seed)
    bag.add_argument("--external", type=Path, help="folder of the external sets")
    bag.add_argument("--knowledge", type=Path, default=data_directory() / "knowledge")
    bag.add_argument("--out", type=Path, default=Path("docs/results/mini_bag.json"))
    bag.set_defaults(run=score_bag)

    cases = commands.add_parser("cases", help="write generated cases in wordings never seen")
    cases.add_argument("--count", type=int, default=300)
    cases.add_argument("--seed", type=int, default=3001)
    cases.add_argument("--knowledge", type=Path, default=data_directory() / "knowledge")
    cases.add_argument("--out", type=Path, default=data_directory() / "generated.jsonl")
    cases.set_defaults(run=write_cases)

    unseen = commands.add_parser("unseen", help="free answers to cases in wordings never seen")
    unseen.add_argument("--run", dest="directory", type=Path, default=Path("runs/base-1"))
    unseen.add_argument("--cases", type=int, default=300)
    unseen.add_argument("--pairs", type=int, default=100)
    unseen.add_argument("--schema-cases", type=int, default=50)
    unseen.add_argument("--seed", type=int, default=2001)
    unseen.add_argument("--threads", type=int, default=1)
    unseen.add_argument("--out", type=Path, default=Path("docs/results/mini_base.json"))
    unseen.set_defaults(run=measure_base)

    words = commands.add_parser("words", help="write the curated answers in a base's own words")
    words.add_argument("--model", type=Path, required=True, help="folder of a base")
    words.add_argument("--out", type=Path, help=f"MODEL/{WORDING_FILE}")
    words.set_defaults(run=write_wording)


def write_wording(values: argparse.Namespace) -> int:
    """Write the curated answers in the own words of a base."""
    path = values.out or values.model / WORDING_FILE
    cases = read_curated(data_directory() / "vignettes.jsonl")
    try:
        cut = write_words(*load_base(values.model), cases, path)
    except (OSError, ValueError) as error:
        print(f"{values.model} cannot write: {error}", file=sys.stderr)
        return 4
    print(f"{path}: {len(cases)} answers; {cut} reasons did not end and were cut")
    return 0


def train_base(values: argparse.Namespace) -> int:
    """Start or continue the run in ``values.directory``; 0 when it reached its last step."""
    directory: Path = values.directory
    torch.set_num_threads(values.threads)
    knowledge = _own_knowledge(directory, values.knowledge)
    chatter = _own_chatter(directory)
    tokenizer = _vocabulary(knowledge, directory, values.seed)
    author = make_author(knowledge, values.seed, chatter, spell_tokens(tokenizer))
    recipe = BaseRecipe(seed=values.seed, steps=values.steps)
    evidence = _evidence(recipe, author, tokenizer, directory)
    run = BaseRun(recipe, RowMaker(author, tokenizer), tokenizer, evidence)
    if not _go_on(run, directory):
        return 2
    about = {
        "knowledge_sha256": hash_knowledge(knowledge),
        "conditions": [condition.id for condition in author.book.conditions],
        "machine": describe_machine(values.threads),
        "torch": str(torch.__version__),
    }
    finished = train(run, directory, about=about, probe=_probe(knowledge))
    print("finished" if finished else f"stopped at step {run.step}; the same command goes on")
    return 0


def score_bag(values: argparse.Namespace) -> int:
    """Learn the run's evidence if it has none, score it as an arm and print what counts."""
    directory: Path = values.directory
    torch.set_num_threads(1)
    knowledge = _own_knowledge(directory, values.knowledge)
    author = make_author(knowledge, values.seed, _own_chatter(directory))
    entries = read_knowledge(knowledge)
    tokenizer = _vocabulary(knowledge, directory, values.seed)
    recipe = BaseRecipe(seed=values.seed)
    evidence = _evidence(recipe, author, tokenizer, directory)
    assert evidence is not None
    bag = Bag(author.book.conditions, tokenizer, evidence)
    data = data_directory()
    held_out = read_held_out(data / "held_out.jsonl")
    figures: dict[str, Any] = {
        "command": "python -m trainer mini bag",
        "notice": "Schema and echo are given. Gold answers are not clinician-validated.",
        "recipe": asdict(recipe.evidence) if recipe.evidence else None,
        "seed": values.seed,
        "knowledge_sha256": hash_knowledge(knowledge),
        "machine": describe_machine(1),
        **measure_bag(bag, entries, held_out, data, values.external),
    }
    write_measured(values.out, figures, [])
    shown = {"held_out": figures["held_out"]}
    for name, metrics in figures["sets"].items():
        wanted = [metric for metric in ("ACC1", "ACC3", "MNM-recall") if metric in metrics]
        shown |= {f"{name} {metric}": metrics[metric] for metric in wanted}
    for name, one in shown.items():
        print(f"{name:32} {one['k']:.0f}/{one['n']}  {one['low']:.3f} to {one['high']:.3f}")
    return 0


def write_cases(values: argparse.Namespace) -> int:
    """Write the evaluation set ``generated``."""
    drawn = UnseenCases(read_knowledge(values.knowledge), values.seed).draw(values.count)
    lines = [row.model_dump_json() for row in as_rows(drawn)]
    values.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} cases of {len({told.case.condition.id for told in drawn})} conditions")
    return 0


def _own_knowledge(directory: Path, source: Path) -> Path:
    """The run's own copy: somebody may edit the entries while it trains."""
    knowledge = directory / "knowledge"
    if not knowledge.exists():
        fresh = directory / "knowledge.new"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(source, fresh)
        fresh.rename(knowledge)
    return knowledge


def measure_base(values: argparse.Namespace) -> int:
    """Measure the run's last checkpoint and print what counts."""
    directory: Path = values.directory
    torch.set_num_threads(values.threads)
    model, tokenizer = load_base(directory / "model")
    knowledge = directory / "knowledge"
    entries = read_knowledge(knowledge)
    judge = Judge(entries)
    cases = UnseenCases(entries, values.seed).draw(values.cases)
    outcomes = measure_unseen(model, tokenizer, cases, judge)
    figures: dict[str, Any] = {
        "command": f"python -m trainer mini unseen --run {directory} --cases {values.cases}",
        "step": json.loads((directory / "kept.json").read_text(encoding="utf-8"))["step"],
        "weights_sha256": hash_weights(directory / "model"),
        "request": REQUEST,
        **summarise(outcomes),
    }
    pairs = draw_pairs(make_author(knowledge, values.seed).contrasts, values.seed, values.pairs)
    halves = measure_unseen(model, tokenizer, [half for pair in pairs for half in pair], judge)
    both = [one.right and other.right for one, other in zip(halves[::2], halves[1::2], strict=True)]
    figures["pairs_both_right"] = share(sum(both), len(both))
    few = cases[: values.schema_cases]
    figures["schema_strict"] = share(adheres(model, tokenizer, few, Variant.A), len(few))
    write_measured(values.out, figures, outcomes)
    for name, figure in figures.items():
        if isinstance(figure, dict) and "k" in figure:
            print(f"{name:26} {figure['k']}/{figure['n']}  {figure['low']} to {figure['high']}")
    for part in ("by_domain", "by_register"):
        for name, figure in figures[part].items():
            print(f"  {name:24} {figure['k']}/{figure['n']}")
    print("\n".join(figures["errors"][:25]))
    return 0


def make_author(
    knowledge: Path, seed: int | str, chatter: Sequence[str] = (), tokens: Sequence[str] = ()
) -> Author:
    """The author of the training documents: every condition, no wording that is kept back."""
    entries = for_training(read_knowledge(knowledge))
    return Author(Casebook(entries), entries, seed, chatter, tokens)


def spell_tokens(tokenizer: Tokenizer) -> list[str]:
    """The tokens that are whole characters, as text."""
    ids = (id for id in range(tokenizer.vocab_size) if not tokenizer.is_added(id))
    texts = map(tokenizer.decode, ([id] for id in ids))
    return [text for text in texts if text.isprintable() and "\ufffd" not in text]


def vocabulary_texts(author: Author, count: int) -> Iterator[str]:
    """What the BPE is trained on: generated turns and nothing else."""
    for number in range(count):
        for turn in author.write(number).turns:
            yield f"{turn.role}\n{turn.text}"


def _own_chatter(directory: Path) -> list[str]:
    """The run's own copy, a sentence a line: the program's texts will change."""
    path = directory / "chatter.txt"
    if not path.exists():
        fresh = path.with_suffix(".new")
        fresh.write_text("\n".join(read_chatter()) + "\n", encoding="utf-8")
        fresh.replace(path)
    return path.read_text(encoding="utf-8").splitlines()


def _vocabulary(knowledge: Path, directory: Path, seed: int) -> Tokenizer:
    if not (directory / "tokenizer.json").exists():
        author = make_author(knowledge, f"{seed}/vocabulary", _own_chatter(directory))
        trained = train_vocabulary(vocabulary_texts(author, VOCABULARY_DOCUMENTS), VOCABULARY)
        write_vocabulary(trained, directory, ROOM)
    return Tokenizer.load(directory)


def _evidence(
    recipe: BaseRecipe, author: Author, tokenizer: Tokenizer, directory: Path
) -> Evidence | None:
    """What is known of the tokens, learned when the run begins and kept with it."""
    if recipe.evidence is None:
        return None
    path = directory / "evidence.safetensors"
    if not path.exists():
        reads = list(draw_reads(author, tokenizer, recipe.evidence.vignettes, recipe.seed))
        scale = recipe.shape.hidden**0.5
        learned = learn_evidence(
            reads, tokenizer, scale, recipe.evidence, recipe.seed, author.chatter
        )
        learned.save(path)
    return Evidence.load(path)


def _go_on(run: BaseRun, directory: Path) -> bool:
    """Load the state to go on from, if there is one; false where the run cannot go on."""
    if not (directory / "state.pt").exists():
        return True
    settled = json.loads((directory / "run.json").read_text(encoding="utf-8"))
    if settled["seed"] != run.recipe.seed:
        print(f"{directory} holds a run of seed {settled['seed']}", file=sys.stderr)
        return False
    run.load(directory / "state.pt")
    plateau_ended = round(settled["steps"] * (1 - run.recipe.fall))
    if run.recipe.steps > settled["steps"] and run.step > plateau_ended:
        run.load(directory / "plateau.pt")
    elif run.recipe.steps < settled["steps"]:
        run.recipe = replace(run.recipe, steps=max(run.recipe.steps, run.step))
    return True


def _probe(knowledge: Path) -> Callable[[BaseRun], dict[str, float]]:
    cases = UnseenCases(read_knowledge(knowledge), seed=500).draw(PROBE_CASES)
    return lambda run: probe_unseen(run, cases)
