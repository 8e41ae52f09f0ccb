"""A decoding in a few words.

Role: how tables and cards call the settings of an arm.
"""

from __future__ import annotations

from diffdx_tui.domain.decoding import Decoding


def decoding_text(decoding: Decoding) -> str:
    """The settings of a decoding in a few words."""
    words = ["greedy" if decoding.temperature == 0 else f"temperature {decoding.temperature:g}"]
    if decoding.temperature and decoding.top_p < 1:
        words.append(f"top p {decoding.top_p:g}")
    if decoding.temperature and decoding.top_k:
        words.append(f"top k {decoding.top_k}")
    if decoding.repetition_penalty != 1:
        where = "prompt and answer" if decoding.penalise_prompt else "answer"
        words.append(f"repetition penalty {decoding.repetition_penalty:g} over {where}")
    words.append(f"at most {decoding.max_new_tokens} new tokens")
    return ", ".join(words)
