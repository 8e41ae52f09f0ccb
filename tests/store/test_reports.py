"""Markdown and CSV: text of people and models stays text, and every export has the notice."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from diffdx_tui import NOTICE
from diffdx_tui.domain.differential import Slot
from diffdx_tui.store import SessionStore
from diffdx_tui.store.reports import escape_markdown, fence_markdown, quote_markdown, safe_cell

from .casebook import answer

HOSTILE = (
    "<script>alert(1)</script> **bold** [x](javascript:y) ![i](u) `code` # h\n"
    "1. one\n- two\n===\n    code\n```\nfence\n| a | b |\n|--|--|\n&lt; $x$ :smile: @user "
    "www.evil.example"
)


def rendered(markdown: str) -> str:
    # A table shows only in an extended renderer, raw HTML and links only where they are allowed.
    return MarkdownIt("gfm-like", {"html": True, "linkify": False}).enable("table").render(markdown)


def read_csv(store: SessionStore) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(store.export_csv()), newline="")))


def test_markdown_has_all_of_a_session(store: SessionStore) -> None:
    answer(store)
    store.annotate("s1", note="a note", final_diagnosis="SAH")
    store.set_tags("s1", ["cardio"])
    store.review("a1", Slot("possible", 1), False)
    text = "".join(store.export_markdown())
    assert text.startswith(f"*{NOTICE}*")
    shown = re.sub(r"<[^>]+>", "", rendered(text))
    for part in (
        "a note", "Final diagnosis: SAH", "Tags: cardio", "Subarachnoid haemorrhage",
        "Possible 2: Migraine", "Recommended workup", "Follows the schema", "Model: mini",
        "Reader disagrees with possible 2", "Raw output", "worst headache", "ab" * 32, "seed 0",
    ):  # fmt: skip
        assert part in shown, part


def test_markdown_of_nothing_still_has_the_notice(store: SessionStore) -> None:
    assert NOTICE in "".join(store.export_markdown())


def test_hostile_text_is_not_markup(store: SessionStore) -> None:
    answer(store, vignette=HOSTILE, most_likely=HOSTILE)
    store.annotate("s1", note=HOSTILE, final_diagnosis=HOSTILE)
    html = rendered("".join(store.export_markdown()))
    tags = {tag.lower() for tag in re.findall(r"<\s*/?\s*([a-zA-Z0-9]+)", html)}
    assert tags <= {"p", "em", "h1", "h2", "h3", "ul", "li", "blockquote", "br", "pre", "code"}
    assert html.count("<h1>") == 1
    assert html.count("<pre>") == 1


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(codec="utf-8")))
@example(HOSTILE)
@example("\\")
@example("a\\\nb")
@example("\x1b]8;;http://x\x07\u202e")
def test_any_text_comes_through_markdown_as_itself(text: str) -> None:
    for markdown in (f"# {escape_markdown(text)}", f"- x {escape_markdown(text)}"):
        html = rendered(markdown)
        assert set(re.findall(r"<\s*/?\s*([a-zA-Z0-9]+)", html)) <= {"h1", "ul", "li"}
    html = rendered(quote_markdown(text))
    assert set(re.findall(r"<\s*/?\s*([a-zA-Z0-9]+)", html)) <= {"blockquote", "p", "br"}
    html = rendered(fence_markdown(text) + "\n\nend")
    assert set(re.findall(r"<\s*/?\s*([a-zA-Z0-9]+)", html)) <= {"pre", "code", "p"}
    assert html.endswith("<p>end</p>\n")
    assert "\x1b" not in html
    assert "\u202e" not in html


def test_csv_has_a_line_for_each_answer(store: SessionStore) -> None:
    answer(store, "a1")
    answer(store, "a2", vignette='Comma, "quote"\nand line', parent_id="a1")
    store.set_tags("s1", ["one", "two"])
    store.review("a2", Slot("most_likely"), True)
    first, second = read_csv(store)
    assert (first["answer_id"], second["answer_id"]) == ("a1", "a2")
    assert second["vignette"] == 'Comma, "quote"\nand line'
    assert second["possible[1]"] == "Migraine - photophobia"
    assert (second["strict"], second["agree most_likely"]) == ("true", "yes")
    assert second["tags"] == "one; two"
    assert {first["notice"], second["notice"]} == {NOTICE}


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\uff1d1",
        "=cmd|' /C calc'!A0",
    ],
)
def test_formulas_are_disarmed(store: SessionStore, text: str) -> None:
    assert safe_cell(text).startswith("'")
    answer(store, most_likely=text + " - x")
    store.annotate("s1", note=text, final_diagnosis=text)
    (row,) = read_csv(store)
    for column in ("most_likely", "note", "final_diagnosis"):
        assert row[column].startswith("'"), column


@given(st.text())
def test_no_cell_begins_like_a_formula(text: str) -> None:
    cell = safe_cell(text)
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert cell[:1] not in ("\t", "\r", "\n")


def test_ordinary_cells_are_unchanged() -> None:
    for text in ("", "Migraine - photophobia", "3-day fever", "a=b", "\u00e9"):
        assert safe_cell(text) == text
