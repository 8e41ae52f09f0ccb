"""The chat frame: one rendering for training and for inference.

Role: turns a vignette into prompt tokens and an answer into completion tokens.  The system prompt
and frame are the reference's (HAI-DiffDx-0.5B, model card), the text joined as one paragraph.
"""

from __future__ import annotations

from functools import cache

from diffdx_tui.domain.differential import Slot, Variant, escape, fields_of, render, skeleton_of
from diffdx_tui.engine.tokenizer import Tokenizer

_COUNTS = {4: "four", 5: "five"}


@cache
def system_prompt(variant: Variant) -> str:
    """The task as the model is told it; for variant A the reference's text, word by word."""
    fields = [
        "possible (a list of exactly 2 entries)" if field == "possible" else field
        for field in fields_of(variant)
    ]
    listed = ", ".join(fields[:-1]) + f", and {fields[-1]}"
    return (
        "You are a clinical reasoning assistant trained to generate structured differential "
        "diagnoses. Given a symptom description, output a JSON object with exactly "
        f"{_COUNTS[len(fields)]} fields: {listed}. Be specific, clinically grounded, and always "
        "consider the most dangerous diagnosis that must not be missed."
    )


def prompt_ids(tokenizer: Tokenizer, variant: Variant, vignette: str) -> list[int]:
    """``<|im_start|>system ... <|im_start|>assistant\\n`` around *vignette*, as token ids.

    Text between the frame's own control tokens is encoded piece by piece without special-token
    parsing, so nothing in *vignette* can end its turn.
    """
    start, end = tokenizer.im_start, tokenizer.im_end
    line_end = tokenizer.encode("\n")
    return [
        *(start, *tokenizer.encode(f"system\n{system_prompt(variant)}"), end, *line_end),
        *(start, *tokenizer.encode(f"user\n{vignette}"), end, *line_end),
        *(start, *tokenizer.encode("assistant\n")),
    ]


def completion_ids(tokenizer: Tokenizer, variant: Variant, texts: dict[Slot, str]) -> list[int]:
    """A gold answer as the model should write it, closing ``<|im_end|>`` included."""
    return [*tokenizer.encode(render(variant, texts)), tokenizer.im_end]


def head_ids(tokenizer: Tokenizer, variant: Variant, vignette: str) -> list[int]:
    """The part of the answer that is no choice: skeleton and echo up to the first tier's text."""
    pieces = skeleton_of(variant)
    return tokenizer.encode(f"{pieces[0]}{escape(vignette)}{pieces[1]}")
