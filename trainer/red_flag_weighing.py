"""Which red-flag rules cry wolf: each rule's emergencies weighed against its other cases.

Role: from the counts of :mod:`trainer.red_flag_measure`, the rules that fire on more other cases
than emergencies in any labelled set, each with the decision and the reason that a person wrote
into its ``kept_because``, and the tables of ``data/red_flags/README.md``.  No count there is typed
by hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from diffdx_tui.domain.red_flags import Rule

BEGIN, END = "<!-- weighing: begin -->", "<!-- weighing: end -->"
ACUITIES = ("emergency", "urgent", "routine", "unlabelled")
# The two halves of the curated set differ in who read them, not in what they are.
_MERGED = {"curated_read": "curated", "curated_unread": "curated"}
_ACUITY_OF_LABEL = {"non-emergency": "urgent", "self-care": "routine", "unmatched": "unlabelled"}
Counts = dict[str, Counter[str]]


def count_by_rule(sets: Mapping[str, Mapping[str, Any]]) -> dict[str, Counts]:
    """How often each rule fired: rule to set to acuity to cases.

    Args:
        sets: the results of :func:`trainer.red_flag_measure.measure` by set.
    """
    counts: dict[str, Counts] = {}
    for name, result in sets.items():
        for rule, labels in result["rules"].items():
            table = counts.setdefault(rule, {}).setdefault(_MERGED.get(name, name), Counter())
            for label, number in labels.items():
                table[_ACUITY_OF_LABEL.get(label, label)] += number
    return counts


def outweighed(counts: Counts) -> list[str]:
    """The sets in which a rule of these *counts* fired on more other cases than emergencies."""
    return [
        name
        for name, table in counts.items()
        if table["urgent"] + table["routine"] > table["emergency"]
    ]


def weigh(rules: Iterable[Rule], sets: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the results file says of each rule.

    Returns:
        ``by_rule``: acuity to cases over all sets, for every rule; ``outweighed``: the rules that
        fired on more other cases than emergencies somewhere, with the counts of each set,
        ``decision`` (``kept`` or ``undecided``) and ``reason``.
    """
    counts = count_by_rule(sets)
    by_id = {rule.id: rule for rule in rules}
    listed = []
    for name, rule in sorted(by_id.items()):
        found = counts.get(name, {})
        if where := outweighed(found):
            listed.append(
                {
                    "rule": name,
                    "where": where,
                    "sets": {one: _row(table) for one, table in found.items()},
                    "decision": "kept" if rule.kept_because else "undecided",
                    "reason": rule.kept_because,
                }
            )
    totals = {name: _row(sum(counts.get(name, {}).values(), Counter())) for name in sorted(by_id)}
    return {"by_rule": totals, "outweighed": listed}


def _row(table: Counter[str]) -> dict[str, int]:
    return {acuity: table[acuity] for acuity in ACUITIES}


# ------------------------------------------------------------------------- page


def render_weighing(document: Mapping[str, Any]) -> str:
    """Everything between the markers, from the results file."""
    weighing = document["weighing"]
    fired = {
        rule: row for rule, row in weighing["by_rule"].items() if any(row[one] for one in ACUITIES)
    }
    silent = sorted(weighing["by_rule"].keys() - fired)
    head = ["rule", "emergency", "urgent", "routine", "no label"]
    rows = [
        [f"`{rule}`", *(str(row[one]) for one in ACUITIES)]
        for rule, row in sorted(fired.items(), key=lambda item: (-_total(item[1]), item[0]))
    ]
    parts = [
        BEGIN,
        "",
        f"Made by `{document['command']}` from {_sizes(document['sets'])}.",
        "",
        "### Rules that fired on more other cases than emergencies",
        "",
        *_table(["rule", "emergency / urgent / routine", "decision", "why"], _decisions(weighing)),
        "",
        "### Every rule that fired, cases over all sets",
        "",
        *_table(head, rows),
        "",
        f"Never fired there, so nothing is known of them ({len(silent)}): "
        + ", ".join(f"`{rule}`" for rule in silent)
        + ".",
        "",
        END,
    ]
    return "\n".join(parts)


def _decisions(weighing: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            f"`{one['rule']}`",
            "; ".join(
                f"{name} {row['emergency']} / {row['urgent']} / {row['routine']}"
                for name, row in one["sets"].items()
                if row["emergency"] + row["urgent"] + row["routine"]
            ),
            one["decision"],
            one["reason"] or "",
        ]
        for one in weighing["outweighed"]
    ]


def _total(row: Mapping[str, int]) -> int:
    return sum(row[one] for one in ACUITIES)


def _sizes(sets: Mapping[str, Mapping[str, Any]]) -> str:
    sizes: Counter[str] = Counter()
    for name, result in sets.items():
        sizes[_MERGED.get(name, name)] += result["cases"]
    return ", ".join(f"{name} ({size} cases)" for name, size in sizes.items())


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def replaced(page: str, document: Mapping[str, Any]) -> str:
    """*page* with its tables made anew.

    Raises:
        ValueError: a marker is missing.
    """
    if BEGIN not in page or END not in page:
        raise ValueError(f"the page lacks the marker {BEGIN} or {END}")
    head, _, rest = page.partition(BEGIN)
    return f"{head}{render_weighing(document)}{rest.partition(END)[2]}"
