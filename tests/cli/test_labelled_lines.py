"""Labelled lines: the same text however it arrives, wrapped as a terminal draws it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from diffdx_tui.commands.labelled_lines import LabelledLines, label_of
from diffdx_tui.domain.differential import Slot, Variant, slots_of

SLOT = Slot("possible", 1)


def written(pieces: list[str], width: int | None) -> str:
    out: list[str] = []
    lines = LabelledLines(out.append, width)
    for piece in pieces:
        lines.add(SLOT, piece)
    lines.end()
    return "".join(out)


def test_labels() -> None:
    labels = [label_of(slot) for slot in slots_of(Variant.A)]
    assert labels[1:4] == ["MOST LIKELY", "POSSIBLE 1", "POSSIBLE 2"]


def test_wrapping() -> None:
    text = "Migraine - 头痛头痛头痛头痛 and more words"
    assert written([text], 20).splitlines() == [
        "POSSIBLE 2: Migraine",
        "  - 头痛头痛头痛头痛",
        "  and more words",
    ]
    assert written(["a" * 50], 20).splitlines() == [
        "POSSIBLE 2:",
        "  " + "a" * 18,
        "  " + "a" * 18,
        "  " + "a" * 14,
    ]


def test_a_slot_that_changes_begins_a_line() -> None:
    out: list[str] = []
    lines = LabelledLines(out.append, None)
    lines.add(Slot("most_likely"), "Gout")
    lines.add(SLOT, "Sepsis \x1b[31m\r\nof the joint")
    lines.end()
    assert "".join(out) == "MOST LIKELY: Gout\nPOSSIBLE 2: Sepsis \u241b[31m of the joint\n"


@given(st.lists(st.text(), max_size=8), st.integers(20, 100) | st.none())
def test_pieces_make_no_difference(pieces: list[str], width: int | None) -> None:
    streamed = written(pieces, width)
    if pieces:
        assert streamed == written(["".join(pieces)], width)
    if width is None:
        assert streamed.count("\n") == bool(pieces)
    else:
        assert all(cell_len(line) <= width for line in streamed.splitlines())
