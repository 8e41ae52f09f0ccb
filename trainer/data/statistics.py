"""How long the texts are, in words and tokens, and what the set is made of.

Role: the figures of the results file, and the one check of length.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from diffdx_tui.config import data_directory
from diffdx_tui.domain.curated import CuratedCase
from diffdx_tui.domain.differential import Variant, texts_of
from diffdx_tui.domain.retrieval import split_terms
from trainer.data.balance import age_bands, constant_accuracy
from trainer.data.material import Fault, Material
from trainer.data.overlap import (
    EXTERNAL,
    WITHIN,
    Bounds,
    Likeness,
    likenesses,
    likenesses_to,
)
from trainer.data.rationale import claims, rationales
from trainer.data.record import known_ids
from trainer.data.tiers import neighbours_in_category

REASONING_WORDS = (8, 60)
WORKUP_WORDS = (8, 70)


def check_length(material: Material) -> list[Fault]:
    """``length``: rationales of 8 to 60 words, workups of 8 to 70."""
    faults = []
    for case in material.answered:
        texts = [(*one, REASONING_WORDS) for one in rationales(case)]
        texts.append(("recommended_workup", case.answer.recommended_workup, WORKUP_WORDS))
        for field, text, (low, high) in texts:
            words = len(split_terms(text))
            if not low <= words <= high:
                faults.append(
                    Fault(case.id, "length", f"{field}: {words} words, not {low} to {high}")
                )
    return faults


def describe(material: Material) -> dict[str, Any]:
    """The figures, as plain values."""
    cases = material.cases
    grounded = Counter(str(state) for case in cases for *_, state in claims(case))
    known = known_ids(material.knowledge)
    ids = [one for case in cases for one in (*case.present, *case.absent)]
    neighbours = [neighbours_in_category(case) for case in cases]
    return {
        "rows": len(cases),
        "regression_rows": len(material.regression),
        "conditions": len(material.knowledge),
        "words": {
            "vignette": spread([len(split_terms(case.vignette)) for case in cases]),
            "reasoning": spread(
                [len(split_terms(text)) for case in cases for _, text in rationales(case)]
            ),
            "workup": spread([len(split_terms(case.answer.recommended_workup)) for case in cases]),
        },
        "tokens_mini": _tokens(cases),
        "claims_read": dict(sorted(grounded.items())),
        "finding_ids": {"all": len(ids), "known": sum(one in known for one in ids)},
        "rows_with_two_tiers_in_one_category": sum(map(bool, neighbours)),
        "tier_four_constant_per_domain": round(constant_accuracy(cases), 4),
        "pairs": sum(case.pair is not None for case in cases) // 2,
        "mix": {
            "acuity": _counts(case.acuity for case in cases),
            "setting": _counts(case.setting for case in cases),
            "voice": _counts(case.voice for case in cases),
            "sex": _counts(case.sex for case in cases),
            "pregnant": sum(case.pregnant for case in cases),
            "age": age_bands(cases),
        },
        "overlap": {
            "rows": _highest(likenesses(cases), WITHIN),
            "held_out": _highest(likenesses_to(cases, material.held_out, WITHIN), WITHIN),
            "external": _highest(likenesses_to(cases, material.external, EXTERNAL), EXTERNAL),
        },
    }


def spread(values: Sequence[int]) -> dict[str, float]:
    """Least, median, mean and most."""
    if not values:
        return {}
    return {
        "least": min(values),
        "median": statistics.median(values),
        "mean": round(statistics.fmean(values), 1),
        "most": max(values),
    }


def _counts(values: Any) -> dict[str, int]:
    return dict(sorted(Counter(map(str, values)).items()))


def _highest(found: Sequence[Likeness], bounds: Bounds) -> dict[str, Any] | None:
    """The two highest figures with their pairs beside what is allowed; nothing where no set is."""
    if not found:
        return None
    jaccard = max(found, key=lambda one: one.jaccard)
    cosine = max(found, key=lambda one: one.cosine)
    return {
        "jaccard": [round(jaccard.jaccard, 4), f"{jaccard.row} + {jaccard.other}"],
        "jaccard_below": bounds.jaccard,
        "cosine": [round(cosine.cosine, 4), f"{cosine.row} + {cosine.other}"],
        "cosine_below": bounds.cosine,
        "shared_runs": sum(bool(one.run) for one in found),
        "run_words": bounds.run,
    }


def _tokens(cases: Sequence[CuratedCase]) -> dict[str, dict[str, float]]:
    """By the embedded model's tokenizer, variant A."""
    from diffdx_tui.engine.prompt import completion_ids, prompt_ids  # loads the engine's libraries

    tokenizer = _mini_tokenizer()
    prompts = [len(prompt_ids(tokenizer, Variant.A, case.vignette)) for case in cases]
    answers = [len(completion_ids(tokenizer, Variant.A, texts_of(case.answer))) for case in cases]
    return {
        "prompt": spread(prompts),
        "answer": spread(answers),
        "both": spread([one + other for one, other in zip(prompts, answers, strict=True)]),
    }


@lru_cache(maxsize=1)
def _mini_tokenizer() -> Any:
    from diffdx_tui.engine.tokenizer import Tokenizer

    path = data_directory() / "model" / "mini" / "tokenizer.json"
    return Tokenizer(path.read_text(encoding="utf-8"))
