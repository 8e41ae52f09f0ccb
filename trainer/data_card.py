"""``python -m trainer data-card``: the tables and plots of the data card, made from the data.

Role: rewrites what stands between the markers of ``data/README.md`` and the drawings in
``docs/plots``; a test compares.  No figure of the card is typed by hand.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import get_args

from diffdx_tui.domain.curated import (
    Alternates,
    CuratedCase,
    CuratedError,
    Setting,
    Voice,
    read_curated,
)
from diffdx_tui.domain.diagnosis import split_tier
from diffdx_tui.domain.intervals import wilson
from diffdx_tui.domain.knowledge import Domain
from diffdx_tui.domain.splits import Splits, SplitsError, read_splits, select
from trainer.bar_drawing import Bar, draw_bars
from trainer.data.balance import AGE_BANDS, age_bands, constant_accuracy
from trainer.data.record import LATER_REVIEWERS, REVIEWERS, ROUND_TWO
from trainer.data.statistics import spread
from trainer.review_agreement import (
    FEWEST_FOR_KAPPA,
    Agreement,
    Cases,
    Pair,
    on_alternates,
    on_whole_rows,
    review_rows,
)

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"
ACUITIES = ("emergency", "urgent", "routine")


def render_tables(cases: Cases, splits: Splits) -> str:
    """Everything between the markers."""
    parts = [
        BEGIN,
        "",
        f"Made from the data by `python -m trainer data-card`: {len(cases)} rows.",
        "",
        "### People, places, voices",
        "",
        *_people(cases),
        "",
        *_counted("setting", cases, lambda case: case.setting, get_args(Setting)),
        "",
        *_counted("told by", cases, lambda case: case.voice, get_args(Voice)),
        "",
        _image("acuity", "acuity of the first diagnosis by domain"),
        "",
        _image("ages", "ages, all domains"),
        "",
        "### Diagnoses",
        "",
        *_diagnoses(cases),
        "",
        *_alternates(cases),
        "",
        "### Length",
        "",
        *_lengths(cases),
        "",
        "### Splits",
        "",
        *_splits(cases, splits),
        "",
        "### Reviews",
        "",
        *_reviews(cases),
        "",
        _image("reviews", "rows failed by each reviewer and by both, by check"),
        "",
        "### Reviews of the rows that were edited after their first two",
        "",
        *_reviews(cases, LATER_REVIEWERS),
        "",
        "### Reviews of the alternates, and of the rows changed since their last review",
        "",
        *_round_two(cases),
        "",
        END,
    ]
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return lines + [f"| {' | '.join(map(str, row))} |" for row in rows]


def _image(name: str, words: str) -> str:
    return f"![{words}](../docs/plots/{name}.svg)"


def _by_domain(cases: Cases) -> list[tuple[str, Cases]]:
    """Each domain with its rows, and all of them at the end."""
    found = [(str(one), [case for case in cases if case.domain == one]) for one in Domain]
    return [*found, ("**all**", cases)]


def _people(cases: Cases) -> list[str]:
    bands = [name for name, _ in AGE_BANDS]
    head = ["domain", "rows", *ACUITIES, "female", "male", "pregnant", *bands, "in a minimal pair"]
    rows = []
    for name, some in _by_domain(cases):
        acuity = Counter(str(case.acuity) for case in some)
        sex = Counter(case.sex for case in some)
        rows.append(
            [
                name,
                len(some),
                *(acuity[one] for one in ACUITIES),
                sex["female"],
                sex["male"],
                sum(case.pregnant for case in some),
                *age_bands(some).values(),
                sum(case.pair is not None for case in some),
            ]
        )
    return _table(head, rows)


def _counted(
    title: str, cases: Cases, key: Callable[[CuratedCase], str], values: Sequence[str]
) -> list[str]:
    rows = []
    for name, some in _by_domain(cases):
        counts = Counter(map(key, some))
        rows.append([name, *(counts[value] for value in values)])
    return _table([f"{title}, by domain", *values], rows)


def _diagnoses(cases: Cases) -> list[str]:
    rows = []
    for name, some in _by_domain(cases):
        firsts = Counter(case.tiers.most_likely.name for case in some)
        fourths = Counter(case.tiers.unlikely_but_serious.name for case in some)
        usual, number = min(fourths.items(), key=lambda item: (-item[1], item[0]))
        rows.append([name, len(firsts), len(fourths), usual, f"{number}/{len(some)}"])
    head = [
        "domain",
        "different most likely",
        "different must-not-miss",
        "the commonest must-not-miss",
        "how often",
    ]
    right = round(constant_accuracy(cases) * len(cases))
    low, high = wilson(right, len(cases))
    return [
        *_table(head, rows),
        "",
        "Always naming the commonest must-not-miss of the domain, by ICD-10 category, is right in "
        f"{right}/{len(cases)} rows ({low:.0%} to {high:.0%}).",
    ]


def _alternates(cases: Cases) -> list[str]:
    rows = []
    for field in Alternates.model_fields:
        numbers = [len(case.tiers.alternates.by_tier()[field]) for case in cases]
        rows.append([f"`{field}`", f"{sum(map(bool, numbers))}/{len(cases)}", sum(numbers)])
    return _table(["other diagnoses accepted, by tier", "rows that have one", "in all"], rows)


def _lengths(cases: Cases) -> list[str]:
    tiers = [
        text
        for case in cases
        for text in (
            case.answer.most_likely,
            *case.answer.possible,
            case.answer.unlikely_but_serious,
        )
    ]
    texts = {
        "vignette": [case.vignette for case in cases],
        "reasoning of a tier": [split_tier(text).reasoning for text in tiers],
        "recommended workup": [case.answer.recommended_workup for case in cases],
    }
    rows = []
    for name, some in texts.items():
        words = spread([len(text.split()) for text in some])
        rows.append([name, *(f"{words[key]:g}" for key in ("least", "median", "mean", "most"))])
    return _table(["words", "least", "median", "mean", "most"], rows)


def _splits(cases: Cases, splits: Splits) -> list[str]:
    bands = [name for name, _ in AGE_BANDS]
    names: list[tuple[str, Sequence[str]]] = [
        ("train", splits.train),
        ("val", splits.val),
        ("test", splits.test),
        *((f"fold {number}", fold) for number, fold in enumerate(splits.folds, start=1)),
    ]
    rows = []
    for name, ids in names:
        some = select(cases, ids)
        acuity = Counter(str(case.acuity) for case in some)
        domains = Counter(case.domain for case in some).values()
        per_domain = " to ".join(map(str, sorted({min(domains), max(domains)})))
        female = sum(case.sex == "female" for case in some)
        pairs = sum(case.pair is not None for case in some) // 2
        ages = age_bands(some).values()
        counts = [acuity[one] for one in ACUITIES]
        rows.append([name, len(some), per_domain, *counts, female, *ages, pairs])
    head = ["", "rows", "rows a domain", *ACUITIES, "female", *bands, "minimal pairs"]
    return _table(head, rows)


def _reviews(cases: Cases, reviewers: Pair = REVIEWERS) -> list[str]:
    *single, whole = review_rows(cases, reviewers)
    judged = len(single) * whole[1].rows
    apart = sum(found.disagreed for _, found in single)
    low, high = wilson(apart, judged)
    share = apart / judged if judged else 0.0
    failing = [r for case in cases for r in case.reviews if r.failed and r.reviewer in reviewers]
    resolved = sum(bool(r.resolution) for r in failing)
    return [
        *_agreements("check", (*single, whole), reviewers),
        "",
        f"Disagreement over all single judgements: {apart}/{judged} = {share:.1%} "
        f"({low:.1%} to {high:.1%}). Kappa is Cohen's, agreement beyond chance; it is left out "
        f"where a reviewer failed fewer than {FEWEST_FOR_KAPPA} rows. {len(failing)} reviews "
        f"failed a check, {resolved} of them carry a resolution in the row.",
    ]


def _agreements(title: str, found: Iterable[tuple[str, Agreement]], reviewers: Pair) -> list[str]:
    rows = []
    for name, one in found:
        low, high = wilson(one.disagreed, one.rows)
        rate = one.disagreed / one.rows if one.rows else 0.0
        kappa = "" if one.kappa is None else f"{one.kappa:.2f}"
        shares = f"{one.disagreed}/{one.rows} = {rate:.0%} ({low:.0%} to {high:.0%})"
        rows.append([name, one.first, one.second, one.both, shares, kappa])
    head = [title, *(f"{name} failed" for name in reviewers), "both", "disagreed", "kappa"]
    return _table(head, rows)


def _round_two(cases: Cases) -> list[str]:
    alternates, whole = on_alternates(cases), on_whole_rows(cases)
    either = alternates.first + alternates.second - alternates.both
    return [
        *_agreements(
            "judged", [("single alternates", alternates), ("whole rows", whole)], ROUND_TWO
        ),
        "",
        f"At least one of the two failed {either} alternates and "
        f"{whole.first + whole.second - whole.both} whole rows (by any check, alternates apart). "
        "A row's record says where only its alternates were judged.",
    ]


# Drawings


def draw_plots(cases: Cases) -> dict[str, str]:
    """SVG text by file name."""
    acuity = []
    for name, some in _by_domain(cases)[:-1]:
        counts = Counter(str(case.acuity) for case in some)
        acuity.append(Bar(name, tuple(counts[one] for one in ACUITIES)))
    ages = [Bar(name, (number,)) for name, number in age_bands(cases).items()]
    reviews = [
        Bar(
            f"check {number}",
            (found.first - found.both, found.both, found.second - found.both),
        )
        for number, (_, found) in enumerate(review_rows(cases)[:-1], start=1)
    ]
    return {
        "acuity.svg": draw_bars("Acuity by domain, rows", acuity, ACUITIES),
        "ages.svg": draw_bars("Age in years, rows", ages, ("rows",)),
        "reviews.svg": draw_bars(
            "Rows failed in review, by check", reviews, ("r1 only", "both", "r2 only")
        ),
    }


def replaced(card: str, cases: Cases, splits: Splits) -> str:
    """*card* with what stands between its markers made anew.

    Raises:
        ValueError: a marker is missing.
    """
    head, begin, rest = card.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the card has no {BEGIN} or {END}")
    return f"{head}{render_tables(cases, splits)}{tail}"


def main(arguments: list[str]) -> int:
    """``python -m trainer data-card``; the exit status."""
    argparse.ArgumentParser(prog="python -m trainer data-card", description=__doc__).parse_args(
        arguments
    )
    card, plots = ROOT / "data" / "README.md", ROOT / "docs" / "plots"
    try:
        cases = read_curated(ROOT / "data" / "vignettes.jsonl")
        splits = read_splits(ROOT / "data" / "splits.json")
        text = replaced(card.read_text(encoding="utf-8"), cases, splits)
        card.write_text(text, encoding="utf-8")
        plots.mkdir(parents=True, exist_ok=True)
        for name, drawing in draw_plots(cases).items():
            (plots / name).write_text(drawing, encoding="utf-8")
    except (OSError, ValueError, CuratedError, SplitsError) as error:
        print(f"data-card: {error}", file=sys.stderr)
        return 5
    print(f"written: {card.relative_to(ROOT)} and {len(draw_plots(cases))} plots")
    return 0
