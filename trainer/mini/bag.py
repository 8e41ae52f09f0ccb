"""What the words alone say: the bag the base starts from, as an arm with every metric.

Role: the yardstick of the embedded model (``python -m trainer mini bag``).  The bag of tokens
(:mod:`trainer.mini.evidence`) names the conditions whose generated vignettes a text resembles
most; alternatives, danger and tests are the knowledge base's for the first of them.  It reads no
order and no denial and is given schema and echo: a model that does not beat it has learned form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffdx_tui.domain.differential import Slot, Variant, render
from diffdx_tui.domain.evaluation import SetName
from diffdx_tui.domain.evaluation_sets import read_set
from diffdx_tui.domain.knowledge import Condition
from diffdx_tui.domain.metrics import Metric, measure
from diffdx_tui.domain.scoring import score_output
from diffdx_tui.engine.tokenizer import Tokenizer
from trainer.mini.base_measure import share
from trainer.mini.evidence import Evidence
from trainer.mini.measure import HeldOut, judge_answer, synonym_table
from trainer.mini.reasoning import display_name
from trainer.mini.shapes import in_order

REASON = "the words of the text resemble it"


@dataclass(frozen=True)
class Bag:
    """Ranks conditions by a text's tokens."""

    conditions: Sequence[Condition]
    tokenizer: Tokenizer
    evidence: Evidence

    def rank(self, text: str, count: int) -> list[Condition]:
        """The *count* conditions that *text* resembles most, the first first."""
        ids = self.tokenizer.encode(f"user\n{text}")
        scores = self.evidence.verdict @ self.evidence.vectors[ids].mean(0)
        return [self.conditions[place] for place in scores.topk(count).indices.tolist()]

    def answer(self, text: str) -> str:
        """An answer in variant A."""
        first, *others = self.rank(text, 3)
        danger = first.dangerous[0]
        said = {
            Slot("symptoms"): text,
            Slot("most_likely"): f"{display_name(first.name)} - {REASON} most.",
            Slot("possible", 0): f"{display_name(others[0].name)} - {REASON}.",
            Slot("possible", 1): f"{display_name(others[1].name)} - {REASON}.",
            Slot("unlikely_but_serious"): f"{display_name(danger.name)} - {danger.fits}.",
            Slot("recommended_workup"): in_order([test.name for test in first.first_tests[:3]]),
        }
        return render(Variant.A, said)


def measure_bag(
    bag: Bag,
    entries: Sequence[Condition],
    held_out: Sequence[HeldOut],
    data: Path,
    external: Path | None,
) -> dict[str, Any]:
    """Figures on held-out vignettes, generated cases, the curated rows and external sets.

    It learned from none of them, so all 250 curated rows are test rows to it.
    """
    table = synonym_table(entries)
    named = [judge_answer(row, bag.rank(row.vignette, 1)[0].name, True, table) for row in held_out]
    sets: list[SetName] = ["test", "cv", "generated"]
    if external is not None:
        sets += ["external:semigran", "external:avey"]
    return {
        "held_out": share(sum(one.right for one in named), len(named)),
        "sets": {name: _score(bag, name, data, external) for name in sets},
    }


def _score(bag: Bag, name: SetName, data: Path, external: Path | None) -> dict[str, Any]:
    chosen = read_set(name, data, external)
    scores = [
        score_output(bag.answer(gold.vignette), gold, Variant.A, chosen.names)
        for gold in chosen.rows
    ]
    figures = measure(scores)
    return {str(m): figures[m].as_dict() for m in Metric if figures[m].value is not None}
