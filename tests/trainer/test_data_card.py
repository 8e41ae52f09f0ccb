"""The data card says what the data says."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

import pytest

from diffdx_tui.domain.curated import REVIEW_CHECKS, CuratedCase, Review, read_curated
from diffdx_tui.domain.splits import read_splits
from trainer import data_card
from trainer.bar_drawing import Bar, draw_bars
from trainer.data.record import LATER_REVIEWERS
from trainer.data_card import BEGIN, ROOT, draw_plots, render_tables, replaced
from trainer.review_agreement import (
    ALTERNATES_JUDGED,
    Agreement,
    agreement,
    on_alternates,
    on_whole_rows,
    review_rows,
)

CARD = ROOT / "data" / "README.md"
REMAKE = "stale: run `python -m trainer data-card`"


@pytest.fixture(scope="module")
def cases() -> tuple[CuratedCase, ...]:
    return read_curated(ROOT / "data" / "vignettes.jsonl")


def test_the_committed_card_is_of_this_data(cases: tuple[CuratedCase, ...]) -> None:
    text = CARD.read_text(encoding="utf-8")
    splits = read_splits(ROOT / "data" / "splits.json")
    assert text == replaced(text, cases, splits), REMAKE
    for words in ("clinician-validated", "CC-BY-4.0", "## Known gaps", "## Motivation"):
        assert words.lower() in text.lower()


def test_the_committed_plots_are_of_this_data(cases: tuple[CuratedCase, ...]) -> None:
    plots = draw_plots(cases)
    for name, drawing in plots.items():
        assert (ROOT / "docs" / "plots" / name).read_text(encoding="utf-8") == drawing, REMAKE
        assert f"../docs/plots/{name}" in CARD.read_text(encoding="utf-8")


def test_the_tables_add_up(cases: tuple[CuratedCase, ...]) -> None:
    tables = render_tables(cases, read_splits(ROOT / "data" / "splits.json"))
    people = tables.partition("| domain |")[2].partition("\n\n")[0].splitlines()[2:]
    rows = [list(map(int, line.strip("| ").split(" | ")[1:])) for line in people]
    *domains, total = rows
    assert len(domains) == 10
    assert [sum(column) for column in zip(*domains, strict=True)] == total
    for row in rows:  # acuity, sex and age bands each make up all rows
        assert sum(row[1:4]) == sum(row[4:6]) == sum(row[7:12]) == row[0]


def reviewed(case: CuratedCase, verdicts: Sequence[tuple[tuple[int, ...], ...]]) -> list:
    return [
        case.model_copy(
            update={
                "reviews": tuple(
                    Review(reviewer=f"r{n}", failed=f) for n, f in enumerate(pair, start=1)
                )
            }
        )
        for pair in verdicts
    ]


def test_agreement_is_counted_by_row(cases: tuple[CuratedCase, ...]) -> None:
    verdicts = [((1,), (1, 2)), ((1,), ()), ((), (2,)), ((), ())]
    rows = reviewed(cases[0], verdicts)
    rows.append(cases[0].model_copy(update={"reviews": ()}))  # nobody judged it
    found = dict(enumerate((one for _, one in review_rows(rows)), start=1))
    assert found[1] == Agreement(2, 1, 1, 4) and found[1].disagreed == 1
    assert found[2] == Agreement(0, 2, 0, 4) and found[2].disagreed == 2
    assert found[len(REVIEW_CHECKS) + 1] == Agreement(2, 2, 1, 4)
    assert agreement([], bool).disagreed == 0


def test_later_reviewers_are_counted_on_their_own_rows(cases: tuple[CuratedCase, ...]) -> None:
    rows = reviewed(cases[0], [((1,), ()), ((), ()), ((), (), (2,), (2, 3)), ((5,), (5,), (), ())])
    assert agreement(rows, bool) == Agreement(2, 1, 1, 4)
    found = dict(enumerate((one for _, one in review_rows(rows, LATER_REVIEWERS)), start=1))
    assert found[2] == Agreement(1, 1, 1, 2) and found[3] == Agreement(0, 1, 0, 2)
    assert found[len(REVIEW_CHECKS) + 1] == Agreement(1, 1, 1, 2)
    bare = [case.model_copy(update={"reviews": ()}) for case in cases]
    tables = render_tables([*rows, *bare], read_splits(ROOT / "data" / "splits.json"))
    assert "| check | r3 failed | r4 failed |" in tables
    assert "single judgements: 1/20 = 5.0%" in tables


def in_round_two(case: CuratedCase, fifth: Review, sixth: Review) -> CuratedCase:
    both = (
        fifth.model_copy(update={"reviewer": "r5"}),
        sixth.model_copy(update={"reviewer": "r6"}),
    )
    return case.model_copy(update={"reviews": (*case.reviews[:2], *both)})


def test_round_two_is_counted_by_alternate_and_by_whole_row(
    cases: tuple[CuratedCase, ...],
) -> None:
    alone = Review(reviewer="r5", comment="alternates only")
    fails = {"failed": (8,), "comment": "alternates only: why"}
    one = alone.model_copy(update=fails | {"alternates_failed": ("Gout", "Sepsis")})
    other = alone.model_copy(update=fails | {"alternates_failed": ("Sepsis",)})
    whole = Review(reviewer="r5", failed=(8,), alternates_failed=("Gout",))
    also = Review(reviewer="r5", failed=(3, 8), alternates_failed=("Gout",))
    coded = Review(reviewer="r5", failed=(8,))
    rows = [
        in_round_two(cases[0], *pair)
        for pair in [(one, other), (alone, alone), (whole, coded), (also, whole), (coded, also)]
    ]
    assert on_alternates(rows) == Agreement(4, 3, 2, ALTERNATES_JUDGED)
    assert on_whole_rows(rows) == Agreement(2, 2, 1, 3)
    first_round = [case.model_copy(update={"reviews": case.reviews[:2]}) for case in cases]
    assert on_whole_rows(first_round) == Agreement(0, 0, 0, 0)


def test_every_alternate_that_round_two_judged_stands_or_was_dropped(
    cases: tuple[CuratedCase, ...],
) -> None:
    stand = sum(len(x) for case in cases for x in case.tiers.alternates.by_tier().values())
    dropped = {
        (case.id, name)
        for case in cases
        for review in case.reviews
        for name in review.alternates_failed
        if f"dropped {name}" in review.resolution
    }
    promoted = 1  # acute pancreatitis of endocrine-c02, a gold possible diagnosis now
    assert stand + len(dropped) + promoted == ALTERNATES_JUDGED


@pytest.mark.parametrize(
    ("found", "kappa"),
    [
        (Agreement(10, 10, 10, 20), 1.0),
        (Agreement(10, 10, 5, 20), 0.0),
        (Agreement(10, 10, 0, 20), -1.0),
        (Agreement(25, 22, 12, 250), 0.4601),
        (Agreement(4, 22, 1, 250), None),
        (Agreement(20, 20, 20, 20), None),
    ],
)
def test_kappa(found: Agreement, kappa: float | None) -> None:
    assert found.kappa == (None if kappa is None else pytest.approx(kappa, abs=1e-4))


def test_a_card_without_markers_is_refused(cases: tuple[CuratedCase, ...]) -> None:
    splits = read_splits(ROOT / "data" / "splits.json")
    with pytest.raises(ValueError, match="tables: begin"):
        replaced("# Data\n", cases, splits)
    with pytest.raises(ValueError, match="tables: end"):
        replaced(f"# Data\n{BEGIN}\n", cases, splits)


def test_bars_are_to_one_scale_and_any_label_is_text() -> None:
    bars = [Bar("<b>&", (10, 20)), Bar("none", (0, 0)), Bar("half", (15, 0))]
    root = ElementTree.fromstring(draw_bars("A <title>", bars, ("one", "two")))
    space = "{http://www.w3.org/2000/svg}"
    texts = [one.text for one in root.iter(f"{space}text")]
    assert "<b>&" in texts and "A <title>" in texts and {"10", "20", "15"} <= set(texts)
    widths = [float(one.get("width", 0)) for one in root.iter(f"{space}rect")][3:]
    assert widths[0] + widths[1] == pytest.approx(2 * widths[2], abs=0.2)


def test_the_command_writes_what_the_test_compares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    for name in ("vignettes.jsonl", "splits.json"):
        (tmp_path / "data" / name).write_bytes((ROOT / "data" / name).read_bytes())
    card = tmp_path / "data" / "README.md"
    card.write_text("head\n<!-- tables: begin -->\nold\n<!-- tables: end -->\ntail\n")
    monkeypatch.setattr(data_card, "ROOT", tmp_path)
    assert data_card.main([]) == 0
    text = card.read_text(encoding="utf-8")
    assert text.startswith("head\n") and text.endswith("tail\n") and "\nold\n" not in text
    assert len(list((tmp_path / "docs" / "plots").glob("*.svg"))) == 3
    card.unlink()
    assert data_card.main([]) == 5 and "data-card" in capsys.readouterr().err
