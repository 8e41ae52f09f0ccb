"""The simplest answers: what they may read, what they score, and that the file is of these rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from diffdx_tui.config import data_directory
from diffdx_tui.domain.curated import CuratedCase, read_curated
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.knowledge import Domain, read_knowledge
from diffdx_tui.domain.metrics import Metric, measure
from diffdx_tui.domain.naming import NameTable
from diffdx_tui.domain.splits import Splits, read_splits, rows_sha256, select
from diffdx_tui.domain.verdict import judge
from trainer.evaluation.baselines import Constant, Nearest, main, score_arm, score_folds

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cases() -> tuple[CuratedCase, ...]:
    return read_curated(data_directory() / "vignettes.jsonl")


@pytest.fixture(scope="module")
def splits() -> Splits:
    return read_splits(data_directory() / "splits.json")


@pytest.mark.parametrize("arm", [Constant, Nearest])
def test_answers_are_valid_and_echo(
    arm: type[Constant | Nearest], cases: tuple[CuratedCase, ...], splits: Splits
) -> None:
    answer = arm.fit(select(cases, splits.train))
    for case in select(cases, splits.test):
        verdict = judge(answer(case), Variant.A, case.vignette).verdict
        assert verdict.strict
        assert verdict.echo_exact


def test_constant_reads_the_domain_alone(cases: tuple[CuratedCase, ...]) -> None:
    answer = Constant.fit(cases)
    cardiac = [case for case in cases if case.domain is Domain.CARDIAC]
    tiers = {judge(answer(case), Variant.A).differential.most_likely for case in cardiac}  # type: ignore[union-attr]
    assert len(tiers) == 1


def test_nearest_is_a_training_rows_answer(cases: tuple[CuratedCase, ...]) -> None:
    answer = Nearest.fit(cases)
    for case in cases[:5]:
        differential = judge(answer(case), Variant.A).differential
        assert differential == case.answer


def test_no_fold_sees_its_own_rows(cases: tuple[CuratedCase, ...], splits: Splits) -> None:
    seen: list[set[str]] = []

    def spy(train: Sequence[CuratedCase]) -> Constant:
        seen.append({case.id for case in train})
        return Constant.fit(train)

    scores = score_folds(spy, cases, splits, NameTable())
    assert len(scores) == len(cases) == len({score.case for score in scores})
    for train, fold in zip(seen, splits.folds, strict=True):
        assert not train & set(fold)
        assert len(train) == len(cases) - len(fold)


def test_the_command_writes_what_the_repository_holds(
    tmp_path: Path, cases: tuple[CuratedCase, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "baselines.json"
    assert main(["--out", str(out)]) == 0
    assert "MNM-recall" in capsys.readouterr().out
    fresh = json.loads(out.read_text(encoding="utf-8"))
    kept = json.loads((ROOT / "docs/results/baselines.json").read_text(encoding="utf-8"))
    assert fresh["rows_sha256"] == rows_sha256(cases)
    assert kept == fresh, "run python -m trainer baselines, then python -m trainer figures"
    for arms in fresh["sets"].values():
        assert arms["constant"]["metrics"]["MNM-recall"]["value"] < 0.25
        for arm in arms.values():
            assert set(arm["metrics"]) == {str(metric) for metric in Metric}
            assert arm["metrics"]["ACC1"]["n"] == arm["rows"]


def test_an_oracle_beats_them(cases: tuple[CuratedCase, ...], splits: Splits) -> None:
    """The same path with the test rows in the training set scores full marks."""
    names = NameTable.build(read_knowledge(data_directory() / "knowledge"), cases)
    scores = score_arm(Nearest.fit, cases, select(cases, splits.test), names)
    assert measure(scores)[Metric.ACC1].k == len(splits.test)
