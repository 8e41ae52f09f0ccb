"""``python -m trainer baselines``: what answers without any thought would score.

Role: two arms that read little or nothing of the vignette, so that a model's figures have a floor.
*Constant*: for each tier the diagnosis that training rows of the domain have there most often (a
name is used once; the earlier row wins a tie), and the three tests they require most often.  It is
told the domain, which a model is not.  *Nearest*: the answer of the training row whose vignette is
nearest by TF-IDF, its echo replaced by the vignette.  Both are given schema and echo for nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from diffdx_tui.config import data_directory
from diffdx_tui.domain.curated import CuratedCase, CuratedError, Named, read_curated
from diffdx_tui.domain.diagnosis import normalise_name
from diffdx_tui.domain.differential import ECHO, Slot, Variant, render, texts_of
from diffdx_tui.domain.knowledge import Domain, KnowledgeError, read_knowledge
from diffdx_tui.domain.metrics import DEFINITIONS, MEANS, CaseScore, Figure, Metric, measure
from diffdx_tui.domain.naming import NameTable
from diffdx_tui.domain.retrieval import TfidfIndex
from diffdx_tui.domain.scoring import TIERS, WORKUP, gold_of, score_output
from diffdx_tui.domain.splits import Splits, SplitsError, read_splits, rows_sha256, select

Answerer = Callable[[CuratedCase], str]
TESTS_NAMED = 3
COMMAND = "python -m trainer baselines"
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Constant:
    """The same answer for every row of a domain."""

    texts: dict[Domain, dict[Slot, str]]

    @classmethod
    def fit(cls, rows: Sequence[CuratedCase]) -> Constant:
        """Count the diagnoses and tests of *rows*."""
        domains = dict.fromkeys(row.domain for row in rows)
        return cls({one: _commonest([r for r in rows if r.domain == one]) for one in domains})

    def __call__(self, case: CuratedCase) -> str:
        """The domain's answer.

        Raises:
            KeyError: no training row was of that domain.
        """
        return render(Variant.A, {**self.texts[case.domain], ECHO: case.vignette})


@dataclass(frozen=True)
class Nearest:
    """The answer of the nearest training row."""

    rows: tuple[CuratedCase, ...]
    index: TfidfIndex

    @classmethod
    def fit(cls, rows: Sequence[CuratedCase]) -> Nearest:
        """Index the vignettes of *rows*."""
        return cls(tuple(rows), TfidfIndex.build(row.vignette for row in rows))

    def __call__(self, case: CuratedCase) -> str:
        """That row's answer, about this vignette."""
        (nearest,) = self.index.nearest(case.vignette)
        answer = texts_of(self.rows[nearest.place].answer)
        return render(Variant.A, {**answer, ECHO: case.vignette})


ARMS: dict[str, Callable[[Sequence[CuratedCase]], Answerer]] = {
    "constant": Constant.fit,
    "nearest": Nearest.fit,
}


def _commonest(rows: Sequence[CuratedCase]) -> dict[Slot, str]:
    texts: dict[Slot, str] = {}
    used: set[str] = set()
    for place, slot in enumerate(TIERS):
        counts = Counter(normalise_name(named.name) for row in rows for named in _tier(row, place))
        spelling = {
            normalise_name(named.name): named.name
            for row in reversed(rows)
            for named in _tier(row, place)
        }
        form = next(form for form, _ in counts.most_common() if form not in used)
        used.add(form)
        texts[slot] = f"{spelling[form]} - stated most often here in the training cases."
    tests = Counter(test for row in rows for test in row.tests_required)
    named_tests = [test for test, _ in tests.most_common(TESTS_NAMED)]
    return {**texts, WORKUP: f"{', '.join(named_tests)}."}


def _tier(row: CuratedCase, place: int) -> tuple[Named, ...]:
    """What is right in a tier: either alternative in both, any accepted danger in the last.

    What is accepted beside the gold diagnoses of the other tiers is not counted: ACC1, ACC3 and
    MRR are strict.
    """
    tiers = row.tiers
    dangers = (tiers.unlikely_but_serious, *tiers.alternates.unlikely_but_serious)
    return ((tiers.most_likely,), tiers.possible, tiers.possible, dangers)[place]


# ------------------------------------------------------------------------ measuring


def score_arm(
    fit: Callable[[Sequence[CuratedCase]], Answerer],
    train: Sequence[CuratedCase],
    test: Sequence[CuratedCase],
    names: NameTable,
) -> list[CaseScore]:
    """Fit on *train*, answer *test*, score."""
    answer = fit(train)
    return [score_output(answer(case), gold_of(case), Variant.A, names) for case in test]


def score_folds(
    fit: Callable[[Sequence[CuratedCase]], Answerer],
    cases: Sequence[CuratedCase],
    splits: Splits,
    names: NameTable,
) -> list[CaseScore]:
    """Every row scored once, by an arm fitted on the other folds."""
    scores: list[CaseScore] = []
    for fold in splits.folds:
        held = set(fold)
        train = [case for case in cases if case.id not in held]
        scores += score_arm(fit, train, select(cases, fold), names)
    return scores


def measure_baselines(
    cases: Sequence[CuratedCase], splits: Splits, names: NameTable
) -> dict[str, dict[str, list[CaseScore]]]:
    """Scores by set (``test``, ``cv``) and arm."""
    train, test = select(cases, splits.train), select(cases, splits.test)
    return {
        "test": {arm: score_arm(fit, train, test, names) for arm, fit in ARMS.items()},
        "cv": {arm: score_folds(fit, cases, splits, names) for arm, fit in ARMS.items()},
    }


def document(
    scores: dict[str, dict[str, list[CaseScore]]], cases: Sequence[CuratedCase], splits: Splits
) -> dict[str, Any]:
    """The results file."""
    return {
        "command": COMMAND,
        "notice": "Rows and metrics are not clinician-validated. Schema and echo are given.",
        "config": {
            "variant": "A",
            "train": len(splits.train),
            "test": len(splits.test),
            "folds": len(splits.folds),
            "constant": f"per domain, commonest name per tier, {TESTS_NAMED} commonest tests",
            "nearest": "TF-IDF (sublinear tf, smoothed idf), cosine, one neighbour",
        },
        "rows_sha256": rows_sha256(cases),
        "definitions": {str(metric): DEFINITIONS[metric] for metric in Metric},
        "sets": {
            name: {arm: _arm(arm_scores) for arm, arm_scores in arms.items()}
            for name, arms in scores.items()
        },
    }


def _arm(scores: Sequence[CaseScore]) -> dict[str, Any]:
    unmatched = sorted({one.name for score in scores for one in score.unmatched})
    return {
        "rows": len(scores),
        "metrics": {str(metric): one.as_dict() for metric, one in measure(scores).items()},
        "unmatched": unmatched,
    }


# -------------------------------------------------------------------------- command


def main(arguments: list[str]) -> int:
    """Measure, print a table, write the results; the exit status."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--out", type=Path, default=_ROOT / "docs/results/baselines.json")
    options = parser.parse_args(arguments)
    data = data_directory()
    try:
        cases = read_curated(data / "vignettes.jsonl")
        splits = read_splits(data / "splits.json")
        names = NameTable.build(read_knowledge(data / "knowledge"), cases)
        started = time.process_time()
        scores = measure_baselines(cases, splits, names)
    except (CuratedError, SplitsError, KnowledgeError) as error:
        print(f"baselines: {error}", file=sys.stderr)
        return 3
    rows = sum(len(arm) for arms in scores.values() for arm in arms.values())
    spent = time.process_time() - started
    results = document(scores, cases, splits)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
    options.out.write_text(text, encoding="utf-8")
    Console().print(_table(scores))
    print(f"{rows} outputs in {spent:.1f} s of CPU, {1e3 * spent / rows:.1f} ms each")
    return 0


def _table(scores: dict[str, dict[str, list[CaseScore]]]) -> Table:
    table = Table(title="Baselines (schema and echo are given)")
    table.add_column("metric")
    columns = [measure(arm) for arms in scores.values() for arm in arms.values()]
    for name, arms in scores.items():
        for arm, arm_scores in arms.items():
            table.add_column(f"{arm}, {name} ({len(arm_scores)})", justify="right")
    for metric in Metric:
        table.add_row(metric, *(shown(metric, column[metric]) for column in columns))
    return table


def shown(metric: Metric, figure: Figure) -> str:
    """``7/25 28% (14 to 48)``; a mean without its sum."""
    if figure.value is None:
        return "not asked"
    if metric in MEANS:
        return f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"
    span = f"({100 * figure.low:.0f} to {100 * figure.high:.0f})"
    return f"{figure.k:.0f}/{figure.n} {figure.value:.0%} {span}"
