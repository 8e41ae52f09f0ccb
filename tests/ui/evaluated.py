"""Evaluations for the screens: real rows, files and scoring; only the answers are made up."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from diffdx_tui.config import data_directory
from diffdx_tui.domain.decoding import Mode
from diffdx_tui.domain.differential import Variant, render, texts_of
from diffdx_tui.domain.evaluation import Plan, arms_of
from diffdx_tui.domain.evaluation_sets import read_set
from diffdx_tui.domain.events import Stats
from diffdx_tui.domain.verdict import judge
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.evaluation_plan import decodings_for
from diffdx_tui.store.evaluation_records import Output, OutputKey
from diffdx_tui.store.evaluation_writer import EvaluationWriter
from diffdx_tui.store.evaluations import EvaluationRegistry

ROWS = 3


def plan(modes: Sequence[Mode] = (Mode.FREE, Mode.GUIDED)) -> Plan:
    """Three rows of the test set, asked of the embedded model."""
    arm = {"label": "mini A", "model": "mini", "adapter": "none", "variant": Variant.A}
    return Plan(set="test", arms=tuple(arms_of(arm, decodings_for(modes, ["greedy"]))), limit=ROWS)


def create(home: Path) -> Path:
    """The folder of a new evaluation."""
    return EvaluationRegistry(home).create(plan()).directory


def answer(writer: EvaluationWriter, count: int, hostile: str = "") -> None:
    """The first *count* answers of each arm: the gold one, another row's, and no JSON."""
    rows = read_set("test", data_directory(), limit=ROWS)
    golds = [render(Variant.A, texts_of(rows.cases[gold.id].answer)) for gold in rows.rows]
    raws = [golds[0], golds[0], f"The patient is ill. {hostile}"]
    writer.expect(steps=ROWS * len(writer.record.plan.arms), eta_s=30.0)
    for arm in writer.record.plan.arms:
        for gold, raw in list(zip(rows.rows, raws, strict=True))[:count]:
            vignette = Vignette.parse(gold.vignette).text
            writer.append(
                Output(
                    OutputKey(arm.name, gold.id, 0),
                    hashlib.sha256(vignette.encode()).hexdigest(),
                    raw,
                    judge(raw, Variant.A, vignette).verdict,
                    Stats(total_s=1.0, tokens_sampled=100),
                )
            )
