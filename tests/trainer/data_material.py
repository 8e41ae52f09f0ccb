"""Rows for the tests of the data checks and of their command."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from diffdx_tui.config import data_directory
from trainer.data.command import read_material
from trainer.data.material import Material

Row = dict[str, Any]
FLIPPED = ("cardiac-c01", "cardiac-c02")  # a minimal pair
SOME = (*FLIPPED, "neurological-c10", "neurological-c14", "abdominal-c10", "infectious-c10")


@lru_cache(maxsize=1)
def whole() -> Material:
    return read_material(data_directory())


def part(ids: Sequence[str] = SOME) -> list[Row]:
    """Copies of some rows, for the checks that hold for any part of the set."""
    return [copy.deepcopy(dict(row.values)) for row in whole().raw if row.id in ids]


def echo_off_by_a_space(row: Row) -> None:
    row["answer"]["symptoms"] += " "
