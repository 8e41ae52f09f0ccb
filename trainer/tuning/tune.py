"""A run from its directory: load, gate, go on from where it was, train, finish.

Role: what ``python -m trainer tune`` does once the run's writer is open and the libraries may be
imported.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch

from diffdx_tui.domain.recipe import Recipe
from diffdx_tui.engine.catalogue import hash_weights
from diffdx_tui.engine.loading import use_threads
from diffdx_tui.engine.prompt import system_prompt
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.run_records import ADAPTER_FOLDER, Phase, RunState
from diffdx_tui.store.run_writer import RunWriter
from trainer.cards import write_card
from trainer.tuning.base import Base, attach_adapters, load_base
from trainer.tuning.checkpoints import ADAPTER_FILE, Progress, restore_latest
from trainer.tuning.distributed import Ranks
from trainer.tuning.finishing import write_adapter
from trainer.tuning.gates import Inspected, check_loss, inspect
from trainer.tuning.hardware import describe_hardware, describe_versions, peak_memory_mb
from trainer.tuning.journal import Journal
from trainer.tuning.learner import Learner
from trainer.tuning.loop import Loop, Material
from trainer.tuning.memory import choose_micro_batch
from trainer.tuning.rows import Case, CaseSets, read_cases, render_row, shared_prefix
from trainer.tuning.trouble import memory_errors_named


@dataclass(frozen=True, slots=True)
class Prepared:
    """A base with adapters and the gated rows.

    Attributes:
        prefix: leading tokens that a batch computes once; 0 with ``shared_prefix`` off.
        too_long: ids of rows that were left out.
        scored: scored tokens of the rows to learn from.
    """

    base: Base
    material: Material
    prefix: int
    too_long: tuple[str, ...]
    scored: int
    sha256: str


def tune(directory: Path, recipe: Recipe, writer: RunWriter | None, ranks: Ranks) -> RunState:
    """Train *recipe* in the run *directory*; how it ended.

    Args:
        writer: of the run; ``None`` in processes that do not write.

    Raises:
        EngineError, RowsError, GateError, CheckpointError, TrainingFailed: with a message to show.
    """
    journal = Journal(writer)
    prepared = prepare(recipe, journal)
    base, material = prepared.base, prepared.material
    if ranks.rank:  # the same adapters everywhere, but other dropout
        torch.manual_seed(recipe.seed + ranks.rank)
    longest = max(map(len, material.train))
    share = -(-recipe.batch // ranks.world)
    micro_batch = recipe.micro_batch or choose_micro_batch(base, share, longest)
    learner = Learner(base, recipe, prepared.prefix, micro_batch, ranks)
    progress = Progress(micro_batch=micro_batch, asked_micro_batch=recipe.micro_batch)
    restored = restore_latest(directory, learner, ranks.rank)
    if restored is not None:
        progress, notice = restored
        if progress.asked_micro_batch != recipe.micro_batch:  # changed at the resumption
            progress.micro_batch, progress.asked_micro_batch = micro_batch, recipe.micro_batch
        learner.micro_batch = progress.micro_batch
        if notice:
            journal.notice(notice)
    journal.rewind(progress.step, progress.evaluated, progress.probed)
    if recipe.tensorboard:
        journal.keep_event_file()
    loop = Loop(recipe, material, learner, journal, progress)
    _tell_facts(journal, prepared, loop)
    state = loop.run()
    if ranks.writes and write_adapter(directory, recipe.base, may_choose=recipe.fold is None):
        weights = (directory / ADAPTER_FOLDER / ADAPTER_FILE).read_bytes()
        journal.facts(
            sha256={"adapter": hashlib.sha256(weights).hexdigest()},
            measured={
                "peak_mb": peak_memory_mb(base.placement.device),
                "seconds": loop.progress.seconds + loop.progress.beside,
            },
        )
        _write_card(directory, journal)
    return state


def prepare(recipe: Recipe, journal: Journal) -> Prepared:
    """Load the base, put seeded adapters on and gate every row.

    Raises:
        EngineError, RowsError, GateError: with a message to show.
        MicroBatchTooLarge: not even the base fits into memory.
    """
    cases = read_cases(recipe)
    with memory_errors_named():
        base = load_base(recipe, lambda phase: journal.enter(Phase(phase)))
    use_threads(base.placement.threads)
    journal.enter(Phase.GATES)
    base = attach_adapters(base, recipe)
    train, validation = gate_rows(base, recipe, cases)
    prefix = shared_prefix([*train.kept, *validation.kept]) if recipe.shared_prefix else 0
    check_loss(base, train.kept[0])
    too_long = train.too_long + validation.too_long
    if too_long:
        journal.notice(
            f"{len(too_long)} rows are too long and left out: {', '.join(too_long[:8])}"
            + (" ..." if len(too_long) > 8 else "")
        )
    probe = cases.validation[: recipe.probe_cases]
    material = Material(train.kept, validation.kept, probe)
    return Prepared(base, material, prefix, too_long, train.scored, cases.sha256)


def gate_rows(base: Base, recipe: Recipe, cases: CaseSets) -> tuple[Inspected, Inspected]:
    """The rows to learn from and to validate on, all gated.

    Raises:
        GateError: a row fails.
    """
    limit = min(recipe.max_tokens or base.context, base.context)

    def gated(some: tuple[Case, ...]) -> Inspected:
        rows = [render_row(base.tokenizer, recipe.variant, case, recipe.reasons) for case in some]
        prefix = shared_prefix(rows) if recipe.shared_prefix else 0
        return inspect(some, rows, base.tokenizer, recipe.variant, limit, prefix)

    held = gated(cases.validation) if cases.validation else Inspected((), (), 0)
    return gated(cases.train), held


def _write_card(directory: Path, journal: Journal) -> None:
    """An adapter without a card is worth more than none."""
    try:
        write_card(directory)
    except StoreError as error:
        journal.notice(f"the model card was not written: {error}")


def _tell_facts(journal: Journal, prepared: Prepared, loop: Loop) -> None:
    base, recipe, material = prepared.base, loop.recipe, prepared.material
    placement = base.placement
    journal.facts(
        sha256={
            "data": prepared.sha256,
            "base": hash_weights(base.directory),
            "template": hashlib.sha256(system_prompt(recipe.variant).encode()).hexdigest(),
        },
        versions=describe_versions(),
        hardware=describe_hardware(placement.device),
        seeds={"adapters": recipe.seed, "order": recipe.seed, "dropout": recipe.seed},
        placement={
            "precision": placement.precision,
            "compute": str(placement.dtype).removeprefix("torch."),
            "reason": placement.reason,
        },
        rows={
            "train": len(material.train),
            "validation": len(material.validation),
            "too_long": list(prepared.too_long),
            "scored_tokens": prepared.scored,
            "shared_prefix": prepared.prefix,
            "steps": loop.steps,
            "micro_batch": loop.progress.micro_batch,
            "processes": loop.ranks.world,
        },
    )
