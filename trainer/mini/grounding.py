"""Does it argue with facts: are the reasons of the leading tier in the case?

Role: measured on fresh generated cases, because only there the truth of every finding is known.
A reason counts as grounded when the case states that finding, or denies what the reason denies;
the top-1 figure that falls out is on generated text and therefore says little.
"""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path

from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.diagnosis import split_tier
from diffdx_tui.domain.events import Failed, Finished
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.engine.catalogue import ModelSpec
from trainer.mini.answers import display_name
from trainer.mini.cases import Case, Casebook
from trainer.mini.prose import write_vignette

_FRAME = frozenset(("supported", "suggested", "by", "fits", "best", "explains", "and"))
"""Words of the answers' sentence templates."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """Counts over *cases* answers; *reasons* are those recognised in the leading tiers.

    Attributes:
        named_right: answers whose leading diagnosis is the case's condition.
        reasons: rationales of that condition found in those answers.
        grounded: reasons that the case states or denies, as the reason says.
        wholly_grounded: answers with the right name and no ungrounded reason.
        foreign: right-named answers with text that is no rationale of the condition.
    """

    cases: int
    named_right: int
    reasons: int
    grounded: int
    wholly_grounded: int
    foreign: int


def reasons_in(reasoning: str, case: Case) -> tuple[list[str], str]:
    """Rationales of the case's condition in *reasoning*, longest first, and what is left."""
    condition = case.condition
    known = [finding.rationale for finding in condition.findings]
    known += [negative.rationale for negative in condition.negatives]
    found = []
    for rationale in sorted(set(known), key=len, reverse=True):
        if rationale in reasoning:
            found.append(rationale)
            reasoning = reasoning.replace(rationale, "", 1)
    return found, reasoning


def measure_grounding(
    spec: ModelSpec, book: Casebook, seed: int, count: int, decoding: Decoding
) -> Grounding:
    """Answer *count* fresh cases, evenly over the conditions, and count."""
    from diffdx_tui.engine.local import LocalEngine  # loads the whole engine: only when measuring

    engine = LocalEngine.load(spec)
    right = reasons = grounded = whole = foreign = 0
    for number in range(count):
        rng = random.Random(f"{seed}/grounding/{number}")
        case = book.draw(rng, book.conditions[number % len(book.conditions)])
        vignette = Vignette.parse(write_vignette(book, case, rng))
        for event in engine.generate(vignette, decoding, str(number)):
            if isinstance(event, Failed):
                raise RuntimeError(f"case {number}: {event.message}")
            if not isinstance(event, Finished) or event.differential is None:
                continue
            tier = split_tier(event.differential.most_likely)
            if tier.diagnosis != display_name(case.condition.name):
                continue
            right += 1
            stated = {finding.rationale for finding in case.present}
            stated |= {negative.rationale for negative in case.denied}
            found, rest = reasons_in(tier.reasoning, case)
            true = [reason for reason in found if reason in stated]
            reasons, grounded = reasons + len(found), grounded + len(true)
            whole += len(true) == len(found)
            foreign += any(
                w not in _FRAME for w in rest.replace(",", " ").replace(";", " ").split()
            )
    return Grounding(count, right, reasons, grounded, whole, foreign)


def write_grounding(grounding: Grounding, path: Path, about: dict[str, str | int]) -> None:
    """The counts as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = json.dumps(asdict(grounding) | about, indent=1)
    path.write_text(document + "\n", encoding="utf-8")
