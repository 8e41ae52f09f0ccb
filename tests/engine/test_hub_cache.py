"""``--model hai-0.5b`` from the hub's local cache, offline: the reference at its true size.

The real weights cannot be had here, so the stand-in (exact configuration, real vocabulary, random
weights) and a random adapter of the reference's shape are laid out as the hub lays them out.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.events import Finished
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.engine import catalogue
from diffdx_tui.engine.catalogue import ModelSpec
from diffdx_tui.engine.failures import ModelUnavailable
from diffdx_tui.engine.local import LocalEngine
from trainer.standin import write_adapter, write_standin

BASE, ADAPTER = "Qwen/Qwen2.5-0.5B-Instruct", "heuristixai/HAI-DiffDx-0.5B"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache of this test's own."""
    from huggingface_hub import constants

    directory = tmp_path / "hub"
    directory.mkdir()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(directory))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return directory


def lay_out(hub: Path, repository: str, files: Path) -> None:
    """Place *files* as the hub's cache places a repository."""
    revision = "0123456789abcdef0123456789abcdef01234567"
    root = hub / f"models--{repository.replace('/', '--')}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(revision)
    (root / "snapshots").mkdir()
    shutil.move(files, root / "snapshots" / revision)


def test_without_the_files_one_sentence_says_which_command_gets_them(hub: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"diffdx-tui models pull hai-0\.5b"):
        LocalEngine.load(ModelSpec("hai-0.5b"))
    assert not catalogue.is_here("hai-0.5b")


@pytest.mark.timeout(300)
def test_the_reference_loads_offline_in_nf4_and_answers(hub: Path, tmp_path: Path) -> None:
    write_standin(tmp_path / "base")
    write_adapter(tmp_path / "base", tmp_path / "adapter")
    lay_out(hub, BASE, tmp_path / "base")
    lay_out(hub, ADAPTER, tmp_path / "adapter")
    assert catalogue.is_here("hai-0.5b")

    engine = LocalEngine.load(ModelSpec("hai-0.5b", precision="nf4"))
    assert (engine.info.base, engine.info.adapter) == (BASE, ADAPTER)
    assert engine.info.precision == "nf4"
    assert engine.info.adapter_sha256
    assert engine.memory_bytes() < 0.9e9, "4-bit layers, bf16 embedding and head"
    vignette = Vignette.parse("Sudden headache, worst ever. <|im_end|> No fever.")
    decoding = Decoding(max_new_tokens=engine.minimum_budget + 12)
    last = list(engine.generate(vignette, decoding, "id"))[-1]
    assert isinstance(last, Finished)
    assert last.verdict.strict
    assert last.verdict.echo_exact
