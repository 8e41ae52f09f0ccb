"""Fixtures of the store's tests: real SQLite, in a file and in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from diffdx_tui.store import SessionStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "sessions.db"


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, path: Path) -> Iterator[SessionStore]:
    opened = SessionStore.open(path) if request.param == "file" else SessionStore.in_memory()
    with opened:
        yield opened
