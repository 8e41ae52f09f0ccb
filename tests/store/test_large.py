"""Speed on many sessions.

Measured on two cores: ``pytest -m slow tests/store/test_large.py -s`` prints the figures.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from diffdx_tui.domain.events import State
from diffdx_tui.store import SessionStore
from diffdx_tui.store.search import RANKED

from .casebook import make_database, vocabulary

WORDS = vocabulary()
COMMON, MEDIUM, RARE = "pain", WORDS[800], WORDS[4_000]  # in 100,000: all, 1,900 and 400 sessions
QUERIES = (
    COMMON, "fever", "pain fever", "pain with patient history fever", "p", "pa", "a", "ca",
    RARE[:3], MEDIUM, RARE, f"{RARE} pain", f"{MEDIUM} {RARE}", f"{MEDIUM} fever {RARE[:4]}",
    RARE[:2], RARE[:4], "nothing-like-it", "pain xyzzy",
)  # fmt: skip


def milliseconds(work: Callable[[], object], times: int = 5) -> float:
    """The median of a few runs."""
    figures = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        figures.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(figures)


def measure(path: Path, count: int) -> dict[str, float]:
    make_database(path, count)
    begin = time.perf_counter()
    store = SessionStore.open(path)
    figures = {"open": (time.perf_counter() - begin) * 1e3}
    with store:
        assert store.count() == count
        assert len(store.search("pain")) == 50
        for query in QUERIES:
            found = len(store.search(query, limit=RANKED + 1))
            figures[f"search {query} ({found})"] = milliseconds(
                lambda query=query: store.search(query)
            )
        figures["list"] = milliseconds(store.list_sessions)
        figures["list last page"] = milliseconds(lambda: store.list_sessions(50, count - 50))
        figures["list failed"] = milliseconds(lambda: store.list_sessions(state=State.FAILED))
        figures["count"] = milliseconds(store.count)
    for name, figure in figures.items():
        print(f"{count:>7,} sessions  {name:45} {figure:8.2f} ms")
    return figures


def searches(figures: dict[str, float]) -> list[float]:
    return [figure for name, figure in figures.items() if name.startswith("search")]


def test_5_000_sessions(path: Path) -> None:
    figures = measure(path, 5_000)
    assert max(searches(figures)) < 50
    assert figures["list"] < 50


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_100_000_sessions(path: Path) -> None:
    figures = measure(path, 100_000)
    assert statistics.median(searches(figures)) < 50
    assert max(searches(figures)) < 150
    assert max(figures[name] for name in ("list", "list last page", "list failed", "count")) < 100
