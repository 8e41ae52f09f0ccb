"""Which wordings training may see and which are kept for the evaluation.

Role: splits the knowledge base's phrasings by hash, so that "phrasings never seen in training"
stays true however often the generator runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from diffdx_tui.domain.knowledge import Condition, ConditionFinding
from trainer.mini.cases import REGISTERS, Register

KEPT_IN_TEN = 4
"""Of ten wording lists with three or more entries, so many give one up."""


def kept_back(condition: Condition, finding: ConditionFinding, register: Register) -> str:
    """The one wording of *finding* in *register* that training never sees, or ``""``."""
    wordings: tuple[str, ...] = getattr(finding, register)
    place = f"{condition.id}/{finding.id}/{register}"
    if len(wordings) < 3 or _number(place) % 10 >= KEPT_IN_TEN:
        return ""
    return min(wordings, key=lambda wording: _number(f"{place}/{wording}"))


def for_training(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """*conditions* without the wordings that are kept back, whichever entry has them."""
    conditions = tuple(conditions)
    kept = {kept_back(c, f, r) for c in conditions for f in c.findings for r in REGISTERS}
    return tuple(
        condition.model_copy(
            update={"findings": tuple(_without(kept, finding) for finding in condition.findings)}
        )
        for condition in conditions
    )


def unseen_in(condition: Condition, register: Register) -> Condition | None:
    """*condition* with only the findings, and only the words, kept back in *register*.

    ``None`` where too little is left to make a case: fewer than three findings, or none decisive.
    """
    findings = []
    for finding in condition.findings:
        wording = kept_back(condition, finding, register)
        if wording:
            findings.append(finding.model_copy(update=dict.fromkeys(REGISTERS, (wording,))))
    if len(findings) < 3 or not any(finding.decisive for finding in findings):
        return None
    return condition.model_copy(update={"findings": tuple(findings)})


def _without(kept: set[str], finding: ConditionFinding) -> ConditionFinding:
    left: dict[str, tuple[str, ...]] = {}
    for register in REGISTERS:
        wordings: tuple[str, ...] = getattr(finding, register)
        free = tuple(wording for wording in wordings if wording not in kept)
        if free and free != wordings:
            left[register] = free
    return finding.model_copy(update=left) if left else finding


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
