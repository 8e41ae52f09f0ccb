"""What every row must pass before the first step.

Role: three checks that a silent mistake in rendering, tokenising or cutting would fail, each naming
the row.  They read the *batches*, not the rows: what is checked is what the loss will see.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from diffdx_tui.domain.differential import Variant, render
from diffdx_tui.engine.tokenizer import Tokenizer
from trainer.tuning.base import Base
from trainer.tuning.batches import pack
from trainer.tuning.rows import Case, Row, reason_spans

_TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 3e-2, torch.float16: 1e-2}
_SHORT = 32  # tokens before and after: enough to show a difference, cheap with any vocabulary


class GateError(ValueError):
    """A row may not be trained on; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What the gates saw.

    Attributes:
        kept: rows that fit.
        too_long: ids of rows over the limit of tokens, which are left out, never cut: a cut answer
            has no end to learn.
        scored: scored tokens of all kept rows.
    """

    kept: tuple[Row, ...]
    too_long: tuple[str, ...]
    scored: int


def inspect(
    cases: Sequence[Case],
    rows: Sequence[Row],
    tokenizer: Tokenizer,
    variant: Variant,
    limit: int,
    prefix: int,
) -> Inspected:
    """Leave out rows of more than *limit* tokens and gate the rest.

    Args:
        prefix: leading tokens that batches share, as the loop will pack them.

    Raises:
        GateError: a row fails a check, or none is left.
    """
    kept, too_long, scored = [], [], 0
    for case, row in zip(cases, rows, strict=True):
        if len(row) > limit:
            too_long.append(row.id)
            continue
        scored += check_row(case, row, tokenizer, variant, prefix)
        kept.append(row)
    if not kept:
        raise GateError(f"no row has at most {limit:,} tokens: raise max_tokens")
    return Inspected(tuple(kept), tuple(too_long), scored)


def check_row(case: Case, row: Row, tokenizer: Tokenizer, variant: Variant, prefix: int) -> int:
    """Gate one row; the number of its scored tokens.

    Raises:
        GateError: nothing is scored, the last scored token is not ``<|im_end|>``, or the scored
            tokens do not spell the completion, less its reasons where those are not scored.
    """
    targets: list[int] = pack([row], prefix).targets.tolist()
    if not targets:
        raise GateError(f"row {row.id}: no token is scored")
    if targets[-1] != tokenizer.im_end:
        last = tokenizer.decode(targets[-1:])
        raise GateError(f"row {row.id}: the last scored token is {last!r}, not <|im_end|>")
    expected = render(variant, case.texts).encode()
    spelt = [row.completion[place] for place in row.scored]
    if _bytes_of(row.completion[:-1], tokenizer) != expected or targets != spelt:
        raise GateError(f"row {row.id}: the scored tokens do not spell the completion")
    hidden = len(expected) - len(_bytes_of(targets[:-1], tokenizer))
    if hidden > sum(high - low for low, high in reason_spans(variant, case.texts)):
        raise GateError(f"row {row.id}: more than its reasons is not scored")
    return len(row.scored)


def _bytes_of(ids: Sequence[int], tokenizer: Tokenizer) -> bytes:
    return b"".join(map(tokenizer.token_bytes, ids))


@torch.no_grad()
def check_loss(base: Base, row: Row) -> None:
    """The packed, chunked loss must be the model's own, on the beginning of *row*.

    A model that caps or scales its logits, or has layers this loop does not know, would otherwise
    be trained on something else than it is.

    Raises:
        GateError: it is not.
    """
    short = Row(row.id, row.prompt[-_SHORT:], row.completion[:_SHORT])
    batch = pack([short, short], prefix=_SHORT // 2).to(base.placement.device)
    base.model.eval()
    ours = float(base.loss(batch)[0]) / batch.scored
    ids = torch.tensor([short.ids], device=base.placement.device)
    logits = base.model(input_ids=ids, use_cache=False).logits[0].float()
    first = len(short.prompt) - 1
    theirs = float(functional.cross_entropy(logits[first:-1], ids[0, first + 1 :]))
    if not math.isclose(ours, theirs, rel_tol=_TOLERANCES[base.placement.dtype]):
        raise GateError(
            f"{base.name}: the training loss is {ours:.4f} where the model's own is {theirs:.4f}: "
            "this architecture cannot be trained here"
        )
