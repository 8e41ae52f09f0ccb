"""The project's own rows and names, read once."""

from __future__ import annotations

import pytest

from diffdx_tui.config import data_directory
from diffdx_tui.domain.curated import CuratedCase, read_curated
from diffdx_tui.domain.knowledge import read_knowledge
from diffdx_tui.domain.naming import NameTable


@pytest.fixture(scope="session")
def cases() -> tuple[CuratedCase, ...]:
    """The curated rows."""
    return read_curated(data_directory() / "vignettes.jsonl")


@pytest.fixture(scope="session")
def names(cases: tuple[CuratedCase, ...]) -> NameTable:
    """All known names of diagnoses."""
    return NameTable.build(read_knowledge(data_directory() / "knowledge"), cases)
