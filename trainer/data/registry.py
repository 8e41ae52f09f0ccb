"""All checks, in the order in which they are reported.

Role: the list that the command and the tests run; a check that is not here does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trainer.data import (
    balance,
    knowledge_base,
    overlap,
    patient_fit,
    rationale,
    record,
    schema,
    split_lists,
    statistics,
    tiers,
)
from trainer.data.material import Fault, Material


@dataclass(frozen=True, slots=True)
class Check:
    """A check, the rules that it may report, and its function.

    ``of_set`` marks those that count over the whole set; the others hold for any part of it.
    """

    rules: tuple[str, ...]
    find: Callable[[Material], list[Fault]]
    of_set: bool = False

    @property
    def name(self) -> str:
        """Its rules in words."""
        return ", ".join(self.rules)


CHECKS = (
    Check(("schema",), schema.check_schema),
    Check(("row-count",), schema.check_count, of_set=True),
    Check(("echo",), schema.check_echo),
    Check(("two-alternatives",), schema.check_alternatives),
    Check(("fact-denied", "fact-missing"), rationale.check_asserted),
    Check(("fact-affirmed",), rationale.check_denied),
    Check(("fact-number",), rationale.check_numbers),
    Check(("tier-label",), tiers.check_labels),
    Check(("tiers-distinct", "tiers-subtype"), tiers.check_distinct),
    Check(("icd-valid",), tiers.check_codes),
    Check(("names-itself",), tiers.check_given_away),
    Check(("age-fit",), patient_fit.check_age),
    Check(("sex-fit",), patient_fit.check_sex),
    Check(("pregnancy-fit",), patient_fit.check_pregnancy),
    Check(("age-stated",), patient_fit.check_stated),
    Check(("finding-ids",), record.check_findings),
    Check(("pairs",), record.check_pairs),
    Check(("pair-count",), record.check_pair_count, of_set=True),
    Check(("tests",), record.check_tests),
    Check(("source",), record.check_source),
    Check(("reviews",), record.check_reviews),
    Check(("tier-balance",), balance.check_tiers, of_set=True),
    Check(("case-mix",), balance.check_mix, of_set=True),
    Check(("near-duplicate",), overlap.check_rows),
    Check(("shared-sentence",), overlap.check_sentences),
    Check(("template-sentence",), overlap.check_templates),
    Check(("held-out-overlap",), overlap.check_held_out),
    Check(("external-overlap",), overlap.check_external),
    Check(("length",), statistics.check_length),
    Check(("splits",), split_lists.check_splits, of_set=True),
    Check(("knowledge",), knowledge_base.check_knowledge, of_set=True),
)


def run_checks(material: Material) -> dict[str, list[Fault]]:
    """Every check's faults, by its name, in the order of :data:`CHECKS`."""
    return {check.name: check.find(material) for check in CHECKS}
