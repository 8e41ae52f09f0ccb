"""Fixtures shared by all tests: tiny real checkpoints and an own home folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tiny_model import write_tiny_adapter, write_tiny_model

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Every test has its own home folder; nothing of the developer's is read or written."""
    directory = tmp_path / "home"
    monkeypatch.setenv("DIFFDX_HOME", str(directory))
    yield directory


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen2 checkpoint with random weights."""
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter (r 8, alpha 16) for the tiny model."""
    return write_tiny_adapter(tiny_model, tmp_path_factory.mktemp("adapters") / "tiny")
