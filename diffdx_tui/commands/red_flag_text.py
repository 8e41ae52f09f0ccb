"""Red flags and the check of the answer as labelled lines.

Role: pure functions from the domain's values to labels and texts, for ``ask`` and ``sessions
show``; wrapping and making harmless is :mod:`.labelled_lines`'s part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from diffdx_tui.commands.labelled_lines import CHECK, RED_FLAG, label_of
from diffdx_tui.domain.audit import Audit
from diffdx_tui.domain.events import RedFlagsFound
from diffdx_tui.domain.red_flags import RedFlag

_URGENCY = {1: "minutes count", 2: "hours count", 3: "the same day"}


def flag_lines(found: RedFlagsFound) -> Iterator[tuple[str, str]]:
    """Label and text of each flag: wording, urgency, danger, matched words, rule, citation."""
    for flag in found.flags:
        words = ", ".join(f'"{found.vignette[start:end]}"' for start, end in flag.places)
        source = flag.citation
        yield (
            RED_FLAG,
            f"{flag.wording} Urgency: {_URGENCY[flag.urgency]}. "
            f"Danger: {flag.danger.name} ({flag.danger.icd10}). Matched: {words}. "
            f"Rule {flag.rule}. Source: {source.title}, {source.body} {source.year}, {source.url}",
        )


def check_lines(audit: Audit, flags: Sequence[RedFlag]) -> Iterator[tuple[str, str]]:
    """Label and text of each danger left out and each claim the vignette denies.

    Claims that are merely not found in it stay in the document: most of them are paraphrases.
    """
    for flag in flags:
        if flag.rule in audit.red_flags_unanswered:
            yield CHECK, f"no tier names {flag.danger.name} (red flag, rule {flag.rule})"
    for claim in audit.denied:
        tier = label_of(claim.slot).lower()
        yield CHECK, f'{tier} argues with "{claim.text}", which the vignette denies'
