"""Training on a CUDA device. Run with ``-m gpu`` on a machine that has one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from diffdx_tui.store.run_records import RunState
from tests.trainer.tuning_material import learned, new_run, small_recipe, state_of, write_rows
from trainer.__main__ import main

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]


@pytest.mark.parametrize("precision", ["nf4", "bf16", "fp16", "fp32"])
def test_a_run_learns(home: Path, tiny_model: Path, tmp_path: Path, precision: str) -> None:
    data = write_rows(tmp_path / "rows.jsonl", 14)
    recipe = small_recipe(tiny_model, data, precision=precision, epochs=3, rate=1e-2, probe_cases=1)
    directory = new_run(home, recipe)
    assert main(["tune", str(directory)]) == 0
    steps = [line for line in learned(directory) if "loss" in line]
    assert steps[-1]["loss"] < 0.8 * steps[0]["loss"]
    assert steps[-1]["gpu"]["memory_mb"] > 0
    assert state_of(directory) is RunState.FINISHED
