"""Is what was answered still what is asked?

Role: holds outputs against the rows by the hash of the text, without any model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from diffdx_tui.domain.evaluation_sets import EvaluationSet
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.evaluation_records import Output


class Changed(StoreError):
    """What is on the disk is no longer what was evaluated so far."""


def expect_same_rows(outputs: Iterable[Output], rows: EvaluationSet) -> None:
    """Raise :class:`Changed` if a row's text is not the one that was answered."""
    hashes = {gold.id: hash_text(Vignette.parse(gold.vignette).text) for gold in rows.rows}
    for output in outputs:
        if hashes.get(output.key.case) != output.vignette_sha256:
            raise Changed(
                f"the row {output.key.case} is not the one that was answered: evaluate anew"
            )


def hash_text(text: str) -> str:
    """sha256 of *text*."""
    return hashlib.sha256(text.encode()).hexdigest()
