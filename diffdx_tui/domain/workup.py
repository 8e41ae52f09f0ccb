"""Which tests a workup names: synonyms, and the words that make a mention no order.

Role: the reader of ``recommended_workup`` for the score WORK.  A test is named if one of its names
stands in the text word for word and nothing before it in its clause takes it back ("no", "avoid",
"without", "defer").  Synonyms come from ``data/tests.yaml``; a name the file lacks stands for
itself alone.  Not clinician-validated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from diffdx_tui.domain.lexicon import findings_directory
from diffdx_tui.domain.retrieval import split_terms

_CLAUSE = re.compile(r"[.;:](?=\s|$)|,|\b(?:but|then|before|after|until)\b", re.IGNORECASE)
_TAKEN_BACK = frozenset(
    [
        "no",
        "not",
        "avoid",
        "avoiding",
        "without",
        "never",
        "nor",
        "defer",
        "withhold",
        "skip",
        "instead",
        "than",
        "dont",
        "unnecessary",
        "against",
    ]
)
_STOPPED = frozenset(["stop", "stopping", "stopped"])  # directly before: "stop aspirin and take"


class WorkupError(ValueError):
    """The list of tests cannot be used; the message says why."""


@lru_cache(maxsize=2)
def read_tests(path: Path | None = None) -> Mapping[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """For every known name (as folded words) all names of that test; the project's list by default.

    Raises:
        WorkupError: the file is missing or is no list of lists of names.
    """
    path = findings_directory().parent / "tests.yaml" if path is None else path
    try:
        rows: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise WorkupError(f"{path.name}: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, list) and row for row in rows):
        raise WorkupError(f"{path.name}: expected a list of lists of names")
    names: dict[tuple[str, ...], tuple[tuple[str, ...], ...]] = {}
    for row in rows:
        forms = tuple(tuple(split_terms(str(name))) for name in row)
        names.setdefault(forms[0], forms)
    for row in names.copy().values():
        for form in row[1:]:
            names.setdefault(form, row)
    return names


def names_test(workup: str, test: str) -> bool:
    """Whether *workup* asks for *test* under any of its names."""
    own = tuple(split_terms(test))
    forms = {own, *read_tests().get(own, ())}
    return any(_asks_for(clause, form) for clause in _clauses(workup) for form in forms if form)


def _clauses(workup: str) -> list[list[str]]:
    """The folded words between commas, full stops and turning words."""
    return [split_terms(clause) for clause in _CLAUSE.split(workup)]


def _asks_for(words: list[str], form: tuple[str, ...]) -> bool:
    for at in range(len(words) - len(form) + 1):
        if tuple(words[at : at + len(form)]) == form:
            near = words[max(0, at - 2) : at]
            return not (_TAKEN_BACK.intersection(words[:at]) or _STOPPED.intersection(near))
    return False
