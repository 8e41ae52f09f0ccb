"""Is the knowledge base complete?

Role: counts and completeness of ``data/knowledge`` (what an entry must hold at all is its model's
business, :mod:`diffdx_tui.domain.knowledge`).
"""

from __future__ import annotations

from collections import Counter

from diffdx_tui.domain.knowledge import Domain
from trainer.data.material import WHOLE_SET, Fault, Material

PER_DOMAIN = 15
_PHRASINGS = 3


def check_knowledge(material: Material) -> list[Fault]:
    """``knowledge``: 15 conditions a domain, 3 phrasings a finding, a source that can be opened."""
    counts = Counter(condition.domain for condition in material.knowledge)
    faults = [
        Fault(WHOLE_SET, "knowledge", f"{domain}: {counts[domain]} conditions, not {PER_DOMAIN}")
        for domain in Domain
        if counts[domain] < PER_DOMAIN
    ]
    for condition in material.knowledge:
        for finding in condition.findings:
            phrasings = {*finding.clinical, *finding.triage, *finding.lay, *finding.narrative}
            if len(phrasings) < _PHRASINGS:
                faults.append(
                    Fault(condition.id, "knowledge", f"{finding.id}: {len(phrasings)} phrasings")
                )
        faults += [
            Fault(condition.id, "knowledge", f"source {source.url}")
            for source in condition.sources
            if not source.url.startswith("https://")
        ]
    return faults
