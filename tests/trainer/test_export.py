"""Merged models answer as adapter beside base does, or are not written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from diffdx_tui.domain.recipe import read_recipe
from diffdx_tui.engine.catalogue import ModelSpec
from diffdx_tui.engine.files import Checkpoint
from diffdx_tui.engine.loading import load
from diffdx_tui.store.run_records import ADAPTER_FOLDER
from diffdx_tui.store.run_registry import RunRegistry
from trainer.export import merging
from trainer.export.command import main


def run_with(home: Path, base: Path, adapter: Path, **settings: Any) -> Path:
    registry = RunRegistry(home)
    record = registry.create(read_recipe({"base": str(base), **settings}))
    directory = registry.directory(record.id)
    shutil.copytree(adapter, directory / ADAPTER_FOLDER)
    return directory


@pytest.mark.parametrize("precision", ["nf4", "fp32"])
def test_merged_and_loaded_again(
    home: Path, tmp_path: Path, tiny_model: Path, tiny_adapter: Path, precision: str
) -> None:
    run = run_with(home, tiny_model, tiny_adapter, precision=precision)
    out = tmp_path / "merged"
    assert main([str(run), str(out), "--merged"]) == 0
    told = json.loads((out / "merged.json").read_text(encoding="utf-8"))
    assert told["tied"] and told["kl_nats"] < 1e-3
    assert told["kl_without"] > 10 * told["kl_nats"], "the adapter has to matter"
    assert "lm_head.weight" not in Checkpoint(out)
    assert "KL" not in (out / "README.md").read_text(encoding="utf-8")
    assert "Not a medical device" in (out / "README.md").read_text(encoding="utf-8")
    # The program itself takes it, with what is stored: no adapter, no quantisation.
    merged = load(ModelSpec(str(out), precision="fp32"))
    assert merged.info.adapter is None
    module = "model.layers.0.mlp.down_proj.weight"
    assert not torch.equal(Checkpoint(out).read(module), Checkpoint(tiny_model).read(module))
    norm = "model.norm.weight"
    assert torch.equal(Checkpoint(out).read(norm), Checkpoint(tiny_model).read(norm))


def test_what_differs_is_not_left_behind(
    home: Path,
    tmp_path: Path,
    tiny_model: Path,
    tiny_adapter: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A merge on the original weights, where the adapter was trained beside NF4."""
    monkeypatch.setattr(merging, "_through_nf4", lambda weight, placement, double: weight.float())
    run = run_with(home, tiny_model, tiny_adapter)
    monkeypatch.setattr(merging, "MOST_SHARE", 0.0)
    assert main([str(run), str(tmp_path / "merged"), "--merged"]) == 5
    assert "differs from adapter beside base" in capsys.readouterr().err
    assert not (tmp_path / "merged").exists()
    assert not list(tmp_path.glob(".merged*"))


def test_an_adapter_of_another_base_is_refused(
    home: Path, tmp_path: Path, tiny_adapter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.tiny_model import write_tiny_model

    other = write_tiny_model(tmp_path / "other", hidden_size=32)
    run = run_with(home, other, tiny_adapter)
    assert main([str(run), str(tmp_path / "merged"), "--merged"]) == 4
    assert "another base" in capsys.readouterr().err
    assert not (tmp_path / "merged").exists()


def test_no_gguf_is_said_and_how_to_get_one(
    home: Path,
    tmp_path: Path,
    tiny_model: Path,
    tiny_adapter: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = run_with(home, tiny_model, tiny_adapter)
    assert main([str(run), str(tmp_path / "out.gguf"), "--gguf-adapter"]) == 5
    assert "convert_lora_to_gguf.py" in capsys.readouterr().err
    assert main([str(tmp_path), str(tmp_path / "out"), "--merged"]) == 3
    (tmp_path / "there").mkdir()
    assert main([str(run), str(tmp_path / "there"), "--merged"]) == 2
