"""The reference's own table, as its model card states it.

Role: what our ablations are set beside.  HAI-DiffDx-0.5B on 25 test cases of its own, which are
not public: the counts are theirs, the intervals are computed here.
"""

from __future__ import annotations

from diffdx_tui.domain.metrics import Figure

CITATION = (
    "Tareen GK, Nawaz MF. Structured Clinical Differential Reasoning in Small Language Models: A "
    "Four-Tier Schema Approach via QLoRA Fine-Tuning. HeuristixAI Research, 2026. Model card of "
    "heuristixai/HAI-DiffDx-0.5B."
)
ADHERENT = {"baseline": 1, "A": 14, "B": 13, "C": 9}
"""Outputs that kept the schema, by arm."""
CASES = 25
MEANING = {
    "baseline": "no fine-tuning",
    "A": "full schema",
    "B": "no unlikely_but_serious",
    "C": "no recommended_workup",
}
CAVEAT = (
    "Not a like-for-like comparison: other base, other test cases, other training cases, and the "
    "reference does not say how strictly it judged an output."
)


def reference_figure(label: str) -> Figure | None:
    """The reference's adherence of an arm with Wilson's interval; ``None`` if it has no such."""
    if label not in ADHERENT:
        return None
    return Figure.of_share(ADHERENT[label], CASES)
