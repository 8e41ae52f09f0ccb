"""The wheel is whole: it works away from the checkout, with the project's data inside."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel, as pip would lay it out."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run_installed(installed: Path, tmp_path: Path, *arguments: str) -> str:
    """Run Python with the wheel's files first, from a folder that is not the checkout."""
    environment = os.environ | {"PYTHONPATH": str(installed), "DIFFDX_HOME": str(tmp_path)}
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_data_is_found_inside_the_package(installed: Path, tmp_path: Path) -> None:
    code = "from diffdx_tui.config import data_directory; print(data_directory())"
    assert Path(run_installed(installed, tmp_path, "-c", code).strip()) == (
        installed / "diffdx_tui" / "data"
    )


def test_commands_run_and_know_the_embedded_model(installed: Path, tmp_path: Path) -> None:
    assert "most_likely" in run_installed(installed, tmp_path, "-m", "diffdx_tui", "schema")
    assert "mini" in run_installed(installed, tmp_path, "-m", "diffdx_tui", "models", "list")
    assert (installed / "diffdx_tui" / "py.typed").is_file()
    assert (installed / "trainer" / "__main__.py").is_file()


def test_nothing_of_the_tests_is_shipped(installed: Path) -> None:
    assert not (installed / "tests").exists()
