"""Answers of no model, for tests of scoring, reports and cards."""

from __future__ import annotations

from pathlib import Path

from diffdx_tui.config import data_directory
from diffdx_tui.domain.differential import Variant, fields_of, render, texts_of
from diffdx_tui.domain.evaluation_sets import read_set
from diffdx_tui.domain.verdict import judge
from diffdx_tui.store.evaluation_records import Output, OutputKey
from diffdx_tui.store.evaluation_writer import EvaluationWriter
from diffdx_tui.store.run_records import RunState
from trainer.evaluation.rows import hash_text

HOSTILE = "<script>alert(1)</script>|`\x1b[2J"


def write_answers(directory: Path, raws: dict[str, dict[str, str]]) -> None:
    """Finished outputs by arm and case, as a model would have left them."""
    rows = {row.id: row for row in read_set("test", data_directory()).rows}
    with EvaluationWriter(directory) as writer:
        for name, answers in raws.items():
            for case, raw in answers.items():
                text = rows[case].vignette
                verdict = judge(raw, Variant.A, text).verdict
                writer.append(Output(OutputKey(name, case, 0), hash_text(text), raw, verdict))
        writer.end(RunState.FINISHED)


def gold_answers(variant: Variant = Variant.A) -> dict[str, str]:
    fields = fields_of(variant)
    answers = {}
    for case in read_set("test", data_directory()).cases.values():
        texts = {slot: one for slot, one in texts_of(case.answer).items() if slot.field in fields}
        answers[case.id] = render(variant, texts)
    return answers
