"""Fixtures of the command line's tests: a home of their own and a tiny real checkpoint."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diffdx_tui.cli import main
from tests.tiny_model import write_tiny_model

VIGNETTE = "A 67-year-old woman with sudden worst headache and neck stiffness."
Run = Callable[..., "Ended"]


class Ended:
    """How a run ended: exit code, standard output and standard error."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So many layers that an answer takes seconds."""
    folder = tmp_path_factory.mktemp("models") / "slow"
    return write_tiny_model(folder, num_hidden_layers=40)


@pytest.fixture
def home(home: Path, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh user whose default model is the tiny one."""
    for name in [name for name in os.environ if name.startswith("DIFFDX_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DIFFDX_HOME", str(home))
    monkeypatch.setenv("DIFFDX_MODEL", str(tiny_model))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    return home


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process."""

    def run_here(*arguments: str) -> Ended:
        capsys.readouterr()
        code = main(list(arguments))
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run_here


def command(*arguments: str | bytes) -> list[Any]:
    """The program as a process."""
    return [sys.executable, "-m", "diffdx_tui", *arguments]


@pytest.fixture
def spawn(home: Path) -> Run:
    """Run a command as a process to its end."""

    def run_process(*arguments: str | bytes, stdin: bytes = b"", **settings: Any) -> Ended:
        done = subprocess.run(
            command(*arguments), input=stdin, capture_output=True, timeout=60, **settings
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run_process
