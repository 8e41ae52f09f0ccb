"""What an arm is asked, and whether what was answered is still that.

Role: the rows of a set as one arm meets them, and outputs held against them by the hash of the
text, without any model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from diffdx_tui.domain.evaluation import Arm
from diffdx_tui.domain.evaluation_sets import EvaluationSet
from diffdx_tui.domain.scoring import Gold
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.evaluation_records import Output
from trainer.evaluation.perturbing import perturb


class Changed(StoreError):
    """What is on the disk is no longer what was evaluated so far."""


def rows_asked(arm: Arm, rows: EvaluationSet) -> tuple[Gold, ...]:
    """The gold answers of *rows* with the text that *arm* is asked, which an echo must repeat.

    Of an arm that is told its cases otherwise only the rows which that changes.
    """
    asked = []
    for gold in rows.rows:
        text: str | None = Vignette.parse(gold.vignette).text
        if arm.perturbation is not None and text is not None:
            text = perturb(arm.perturbation, text, gold.id)
        if text is not None:
            asked.append(replace(gold, vignette=text))
    return tuple(asked)


def expect_same_rows(outputs: Iterable[Output], arms: Sequence[Arm], rows: EvaluationSet) -> None:
    """Raise :class:`Changed` if a row's text is not the one that was answered."""
    hashes = {
        (arm.name, gold.id): hash_text(gold.vignette)
        for arm in arms
        for gold in rows_asked(arm, rows)
    }
    for output in outputs:
        if hashes.get((output.key.arm, output.key.case)) != output.vignette_sha256:
            raise Changed(
                f"the row {output.key.case} is not the one that was answered: evaluate anew"
            )


def hash_text(text: str) -> str:
    """sha256 of *text*."""
    return hashlib.sha256(text.encode()).hexdigest()
