"""English about other things than patients: this program's own docstrings.

Role: long requests, as system prompts are, for documents and evidence: words before a case need not
be about it.  Sentences with a word of the project's schema are left out, since the base must not
have seen it.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from diffdx_tui.domain.differential import Variant, fields_of

PACKAGES = ("diffdx_tui", "trainer")
_SENTENCE = re.compile(r"(?<=[.:]) ")
_SCHEMA = re.compile(
    "|".join(sorted({word for key in fields_of(Variant.A) for word in key.split("_")})),
    re.IGNORECASE,
)
_SHORTEST = 20


def read_chatter(root: Path | None = None) -> tuple[str, ...]:
    """The sentences, in the order of files and places; the project's own by default."""
    root = root or Path(__file__).resolve().parents[2]
    return tuple(
        sentence
        for package in PACKAGES
        for path in sorted((root / package).rglob("*.py"))
        for text in _docstrings(path)
        for sentence in _SENTENCE.split(" ".join(text.split()))
        if len(sentence) > _SHORTEST and not _SCHEMA.search(sentence)
    )


def draw_chatter(chatter: Sequence[str], rng: random.Random, characters: int) -> str:
    """Sentences of *chatter* in any order, up to about so many characters."""
    chosen: list[str] = []
    while sum(map(len, chosen)) < characters:
        chosen.append(rng.choice(chatter))
    return " ".join(chosen)


def _docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield text
