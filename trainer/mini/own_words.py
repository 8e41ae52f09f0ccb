"""The curated answers in the base's own words: gold names, its reasons.

Role: a model of this size cannot learn the prose of the gold answers; tuned on it, it writes word
salad.  Tuned on its own sentences about the gold names it keeps its language and learns the form,
the echo and the names (self-distillation; Yang et al. 2024).  The base writes them in the form it
was trained on, every name given.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen2ForCausalLM

from diffdx_tui.domain.curated import CuratedCase
from diffdx_tui.domain.diagnosis import split_tier
from diffdx_tui.domain.differential import escape
from diffdx_tui.engine.tokenizer import Tokenizer
from trainer.mini.base_measure import REQUEST, request_ids

WORDING_FILE = "wording.jsonl"
LONGEST = 48
"""Tokens of a reason; what is still going on then is cut at its last comma."""
FALLBACK = "Vital signs, then as the leading diagnosis suggests."
"""A workup where the base wrote none."""


def write_words(
    model: Qwen2ForCausalLM, tokenizer: Tokenizer, cases: Sequence[CuratedCase], path: Path
) -> int:
    """Write the answers to *cases*, a line each; how many reasons had to be cut."""
    cut = 0
    with path.open("w", encoding="utf-8") as file:
        for case in cases:
            scribe = _Scribe(model, tokenizer, case.vignette)
            row = {"id": case.id, "answer": _answer(scribe, case)}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            cut += scribe.cut
    return cut


def _answer(scribe: _Scribe, case: CuratedCase) -> dict[str, Any]:
    gold = case.answer
    leading, first, second, danger = (
        split_tier(text).diagnosis
        for text in (gold.most_likely, *gold.possible, gold.unlikely_but_serious)
    )
    return {
        "most_likely": scribe.argue(',\n  "diagnosis": "', leading),
        "possible": [
            scribe.argue(',\n  "others": [\n    "', first),
            scribe.argue(',\n    "', second),
        ],
        "unlikely_but_serious": scribe.argue('\n  ],\n  "do_not_miss": "', danger),
        "recommended_workup": scribe.complete(',\n  "tests": "') or FALLBACK,
    }


@dataclass(slots=True)
class _Scribe:
    """An answer in the making.

    Attributes:
        cut: reasons that did not end.
    """

    model: Qwen2ForCausalLM
    tokenizer: Tokenizer
    vignette: str
    cut: int = 0
    _cache: Any = None
    _best: int = 0

    def __post_init__(self) -> None:
        opening = f'{{\n  "case": "{escape(self.vignette)}"'
        self._read(
            request_ids(self.tokenizer, REQUEST, self.vignette) + self.tokenizer.encode(opening)
        )

    def argue(self, frame: str, name: str) -> str:
        """The tier about *name*, which stands after *frame*."""
        reason = self.complete(f"{frame}{escape(name)} -")
        return f"{name} - {reason}" if reason else name

    def complete(self, given: str) -> str:
        """What the model writes after *given* to the end of the string, as plain text."""
        self._read(self.tokenizer.encode(given))
        found: list[int] = []
        text, end = "", None
        while len(found) < LONGEST and end is None and self._best not in self.tokenizer.stop_ids:
            found.append(self._best)
            text = self.tokenizer.decode(found)
            end = _end_of_string(text)
            if end is None:
                self._read([self._best])
        self._read(self.tokenizer.encode('"'))
        if end is not None:
            return _plain(text[:end])
        self.cut += 1
        last = max(text.rfind(mark) for mark in ",;.")
        return _plain(text[:last] if last > 0 else text).rstrip(" ,;.") + "."

    @torch.no_grad()
    def _read(self, ids: list[int]) -> None:
        output = self.model(
            torch.tensor([ids]), past_key_values=self._cache, use_cache=True, logits_to_keep=1
        )
        self._cache, self._best = output.past_key_values, int(output.logits[0, -1].argmax())


def _end_of_string(text: str) -> int | None:
    """Where the quote that ends a JSON string stands."""
    place = 0
    while place < len(text):
        if text[place] == '"':
            return place
        place += 2 if text[place] == "\\" else 1
    return None


def _plain(text: str) -> str:
    """*text* of a JSON string as it reads; what is no valid escape goes."""
    try:
        told = json.loads(f'"{text}"')
    except ValueError:
        told = text.replace("\\", "")
    return " ".join(str(told).split())
