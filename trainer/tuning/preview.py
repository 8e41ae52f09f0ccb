"""What will be learned, before anything is loaded: rows as tokens, scored or not.

Role: ``python -m trainer preview``; the same rendering, packing and gates as the run's, on the
tokenizer alone.
"""

from __future__ import annotations

import codecs
from collections import Counter
from typing import Any

from diffdx_tui.domain.recipe import Recipe
from diffdx_tui.engine.catalogue import NO_ADAPTER, ModelSpec, locate
from diffdx_tui.engine.files import read_json
from diffdx_tui.engine.tokenizer import Tokenizer
from trainer.tuning.batches import pack
from trainer.tuning.gates import GateError, check_row
from trainer.tuning.rows import Row, read_cases, render_row, shared_prefix

_BIN = 64


def preview(recipe: Recipe, shown: int) -> dict[str, Any]:
    """Counts over all rows, and the first *shown* rows token by token.

    Raises:
        EngineError, RowsError: the base or the data is not to be had.
    """
    located = locate(ModelSpec(recipe.base, NO_ADAPTER, recipe.variant, recipe.precision))
    tokenizer = Tokenizer.load(located.base_directory)
    context = read_json(located.base_directory / "config.json")["max_position_embeddings"]
    limit = min(recipe.max_tokens or context, context)
    cases = read_cases(recipe)
    rows = [render_row(tokenizer, recipe.variant, case, recipe.reasons) for case in cases.train]
    prefix = shared_prefix(rows) if recipe.shared_prefix else 0
    refused = []
    for case, row in zip(cases.train, rows, strict=True):
        try:
            check_row(case, row, tokenizer, recipe.variant, prefix)
        except GateError as error:
            refused.append(str(error))
    lengths = Counter(len(row) // _BIN * _BIN for row in rows)
    fitting = [row for row in rows if len(row) <= limit]
    return {
        "rows": len(rows),
        "validation_rows": len(cases.validation),
        "limit": limit,
        "too_long": [row.id for row in rows if len(row) > limit],
        "refused": refused,
        "tokens": sum(map(len, fitting)),
        "scored_tokens": sum(len(row.scored) for row in fitting),
        "shared_prefix": prefix,
        "histogram": [
            {"from": start, "to": start + _BIN - 1, "rows": lengths[start]}
            for start in range(min(lengths), max(lengths) + 1, _BIN)
        ],
        "shown": [_tokens(row, tokenizer, prefix) for row in rows[:shown]],
    }


def _tokens(row: Row, tokenizer: Tokenizer, prefix: int) -> dict[str, Any]:
    """Each token's text; a character spread over tokens stands with its last one.

    What is scored is read from the packed batch, not assumed.
    """
    batch = pack([row], prefix)
    scored = {int(place) + 1 for place in batch.places}
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    tokens = [
        {
            "id": id,
            "text": decoder.decode(tokenizer.token_bytes(id)),
            "scored": place in scored,
            "end": id in tokenizer.stop_ids,
        }
        for place, id in enumerate(batch.ids[0].tolist())
    ]
    return {"id": row.id, "length": len(row), "tokens": tokens}
