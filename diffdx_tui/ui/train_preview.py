"""What the trainer's preview and pre-flight say, as pages.

Role: turns the trainer's JSON into text for a person; values of another kind than promised are
left out, never trusted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from textual.content import Content

from diffdx_tui.domain.visible import make_visible, make_visible_line
from diffdx_tui.store.run_records import number
from diffdx_tui.ui.glyphs import ASCII, Glyphs
from diffdx_tui.ui.train_words import describe_mebibytes, describe_seconds

_BAR = 40  # columns of the longest bar
_SCORED = "underline $tier-most-likely"
_END = "reverse bold $tier-most-likely"
_GIVEN = "$foreground-muted"


def preview_text(reply: Mapping[str, Any], glyphs: Glyphs) -> Content:
    """Counts, histogram of lengths, and rows with what is scored marked."""
    parts = [_counts(reply), Content(""), *_histogram(reply.get("histogram"), glyphs)]
    start, end = _brackets(glyphs)
    parts += [
        Content(""),
        Content.assemble(
            "What stands between ",
            (start, "bold"),
            " and ",
            (end, "bold"),
            ", ",
            ("underlined", _SCORED),
            ", is learned; the rest is given. ",
            ("<|im_end|>", _END),
            " is learned too: it is how the model learns to stop.",
        ),
    ]
    for row in _mappings(reply.get("shown")):
        title = make_visible_line(str(row.get("id", "")))
        tokens = _mappings(row.get("tokens"))
        scored = sum(token.get("scored") is True for token in tokens)
        parts += [
            Content(""),
            Content.styled(f"{title}: {scored} of {len(tokens)} tokens scored", "bold $accent"),
            _marked(tokens, glyphs),
        ]
    return Content("\n").join(parts)


_PREDICTED: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("peak_mb", "peak memory", describe_mebibytes),
    ("tokens_per_s", "speed", lambda value: f"{value:,.0f} tokens/s"),
    ("step_s", "a step", lambda value: f"{value:.2f} s"),
    ("steps", "steps", lambda value: f"{value:.0f}"),
    ("eta_s", "whole run", describe_seconds),
    ("micro_batch", "micro-batch", lambda value: f"{value:.0f} rows"),
    ("longest", "longest row", lambda value: f"{value:,.0f} tokens"),
)


def preflight_text(reply: Mapping[str, Any], glyphs: Glyphs) -> Content:
    """Predicted memory, speed and time."""
    lines = [
        _fact(label, describe(value))
        for name, label, describe in _PREDICTED
        if (value := number(reply.get(name))) is not None
    ]
    for name in ("device", "precision", "reason"):
        value = reply.get(name)
        if isinstance(value, str) and value:
            lines.append(_fact(name, make_visible_line(value)))
    lines += [
        Content(""),
        Content("Measured on one step of the longest rows; memory is that of the whole process."),
        Content("The whole run is from the first step to the last, with validations and probes."),
    ]
    return Content("\n").join(lines)


def _fact(label: str, value: str) -> Content:
    return Content.assemble((f"{label:<16}", _GIVEN), (value, "bold"))


def _counts(reply: Mapping[str, Any]) -> Content:
    """Rows, tokens, and what is left out; nothing is ever cut."""
    rows, validation = number(reply.get("rows")), number(reply.get("validation_rows"))
    tokens, scored = number(reply.get("tokens")), number(reply.get("scored_tokens"))
    words = []
    if rows is not None:
        words.append(f"{rows:.0f} rows")
    if validation is not None:
        words.append(f"{validation:.0f} to validate")
    if tokens is not None and scored is not None:
        words.append(f"{scored:,.0f} of {tokens:,.0f} tokens scored")
    lines = [Content.styled(", ".join(words), "bold")]
    limit = number(reply.get("limit"))
    too_long, refused = _names(reply.get("too_long")), _names(reply.get("refused"))
    over = f" over {limit:,.0f} tokens" if limit is not None else ""
    left_out = f"{len(too_long)} rows{over} left out, none cut"
    lines.append(Content(f"{left_out}: {', '.join(too_long)}" if too_long else left_out))
    if refused:
        lines.append(Content.styled(f"refused: {'; '.join(refused)}", "$error"))
    return Content("\n").join(lines)


def _histogram(bins: Any, glyphs: Glyphs) -> list[Content]:
    """Rows by length in tokens, a bar each."""
    counted = []
    for one in _mappings(bins):
        low, high, rows = (number(one.get(name)) for name in ("from", "to", "rows"))
        if low is not None and high is not None and rows is not None:
            counted.append((f"{low:.0f}-{high:.0f}", rows))
    most = max((rows for _, rows in counted), default=0) or 1
    return [
        Content.assemble(
            (f"{name:>11} tokens ", _GIVEN),
            (glyphs.bar * math.ceil(rows / most * _BAR), "$tier-most-likely"),
            f" {rows:.0f}",
        )
        for name, rows in counted
    ]


def _brackets(glyphs: Glyphs) -> tuple[str, str]:
    return ("[[", "]]") if glyphs is ASCII else ("⟦", "⟧")


def _marked(tokens: list[Mapping[str, Any]], glyphs: Glyphs) -> Content:
    """The row's text; what is scored is coloured, underlined and bracketed."""
    start, end = _brackets(glyphs)
    parts: list[Content | tuple[str, str]] = []
    inside = False
    for token in tokens:
        scored = token.get("scored") is True
        if scored != inside:
            parts.append((start if scored else end, "bold"))
            inside = scored
        style = (_END if token.get("end") is True else _SCORED) if scored else _GIVEN
        parts.append((make_visible(str(token.get("text", ""))), style))
    if inside:
        parts.append((end, "bold"))
    return Content.assemble(*parts)


def _names(values: Any) -> list[str]:
    return [make_visible_line(str(one)) for one in values] if isinstance(values, list) else []


def _mappings(values: Any) -> list[Mapping[str, Any]]:
    return [one for one in values if isinstance(one, Mapping)] if isinstance(values, list) else []
