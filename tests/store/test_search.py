"""Search: what is typed is text, whatever it looks like."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffdx_tui.store import SessionStore, SnippetPiece
from diffdx_tui.store.search import RANKED, match_expression

from .casebook import answer


def found(store: SessionStore, query: str) -> list[str]:
    return sorted(hit.session.id for hit in store.search(query))


def test_finds_vignettes_tiers_notes_and_tags(store: SessionStore) -> None:
    answer(store, "a1", "s1", "Thunderclap headache.", "Aneurysm - sudden")
    answer(store, "a2", "s2", "Fever and rash.", "Measles - Koplik spots")
    store.annotate("s1", note="Consultant agreed", final_diagnosis="Moyamoya")
    store.set_tags("s2", ["exam 2026"])
    assert found(store, "thunderclap") == ["s1"]
    assert found(store, "koplik") == ["s2"]
    assert found(store, "consultant") == ["s1"]
    assert found(store, "moyamoya") == ["s1"]
    assert found(store, "exam") == ["s2"]
    store.annotate("s1", note="changed")
    assert found(store, "consultant") == []


def test_all_words_and_the_last_as_a_beginning(store: SessionStore) -> None:
    answer(store, "a1", "s1", "Thunderclap headache with photophobia.")
    assert found(store, "photophobia thund") == ["s1"]
    assert found(store, "thund photophobia") == [], "only the last word may be unfinished"
    assert found(store, "thund ") == [], "white space completes a word"
    assert found(store, "headache measles") == []
    assert found(store, "HEADACHE") == ["s1"]


def test_accents_and_scripts(store: SessionStore) -> None:
    answer(
        store,
        "a1",
        "s1",
        "Ménière, головная боль.",
    )
    assert found(store, "meniere") == ["s1"]
    assert found(store, "боль") == ["s1"]


@pytest.mark.parametrize(
    "query",
    [
        '"', '""', '"""', "'", "*", "**", "-", "--", "(", ")", "()", ":", "^", "+", "NEAR", "NEAR(",
        "NEAR(a b, 2)", "AND", "OR", "NOT", "a AND", "AND OR NOT", "NOT pain", "-pain", "vignette:",
        "vignette : pain", "{vignette} : pain", "- vignette : x", "^pain", "pa*in", '"pain',
        'pain"', "pain *",
        "x' OR 1=1 --", "'; DROP TABLE sessions; --", "\x00", "pain\x00", "\ud800", "\U0001f642",
        "\U0001f642 pain", "\u00e9", "\u200b", "%", "_", "\\", "\x02pain\x03", "rank", "a" * 5_000,
        "a " * 5_000, "\u4e2d\u6587", "\u0301", "1.5", "3/7", "C-reactive", "\u00bd", "\u2460",
    ],
)  # fmt: skip
def test_hostile_queries_are_text(store: SessionStore, query: str) -> None:
    answer(store, vignette="Nothing of the kind.")
    assert isinstance(store.search(query), tuple)
    assert store.count() == 1


def test_words_that_are_fts_operators_are_found_as_words(store: SessionStore) -> None:
    answer(store, "a1", "s1", "Pain near the AND gate or NOT.")
    answer(store, "a2", "s2", "Pain elsewhere.")
    assert found(store, "near") == ["s1"]
    assert found(store, "pain NOT") == ["s1"]
    assert found(store, "pain AND gate") == ["s1"]
    assert found(store, "vignette:pain") == []


def test_signs_inside_words(store: SessionStore) -> None:
    answer(store, "a1", "s1", "CRP (C-reactive protein) of 1.5 \U0001f642 after COVID-19.")
    for query in ("c-reactive", "(C-reactive", "covid-19", "1.5", "\U0001f642 crp", "covid-1"):
        assert found(store, query) == ["s1"], query
    assert found(store, "19-covid") == []


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(codec=None), max_size=40))
def test_no_query_is_ever_an_error(query: str) -> None:
    if not hasattr(test_no_query_is_ever_an_error, "store"):
        opened = SessionStore.in_memory()
        answer(opened)
        test_no_query_is_ever_an_error.store = opened  # type: ignore[attr-defined]
    test_no_query_is_ever_an_error.store.search(query)  # type: ignore[attr-defined]


def test_nothing_to_look_for(store: SessionStore) -> None:
    answer(store)
    assert match_expression(" \t ?!") is None
    assert store.search("") == store.search("?!") == ()
    assert store.search("headache", limit=0) == ()


def test_snippet_marks_the_match(store: SessionStore) -> None:
    answer(store, vignette="Sudden \x02thunderclap\x03 headache [red]x[/red].")
    (hit,) = store.search("thunder")
    assert SnippetPiece("thunderclap", True) in hit.snippet
    text = "".join(piece.text for piece in hit.snippet)
    assert "[red]x[/red]" in text
    assert [piece.text for piece in hit.snippet if piece.matched] == ["thunderclap"]


def test_relevance_for_few_and_recency_for_many() -> None:
    with SessionStore.in_memory() as store:
        answer(store, "a0", "s0", "rash rash rash", "Measles - rash")
        for number in range(1, 6):
            answer(store, f"a{number}", f"s{number}", "rash and much else " + "word " * 50)
        assert store.search("rash")[0].session.id == "s0"
        with store._database.transaction() as connection:
            for number in range(10, 10 + RANKED):
                connection.execute(
                    "INSERT INTO sessions (number, id, created, updated, title) VALUES (?, ?, "
                    "'2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00', '')",
                    (number, f"x{number}"),
                )
                connection.execute(
                    "INSERT INTO documents VALUES (?, 'rash', '', '', '')", (number,)
                )
        hits = store.search("rash", limit=3)
        assert [hit.session.id for hit in hits] == ["x509", "x508", "x507"]
        assert len(store.search("rash", limit=1_000)) == RANKED + 6


def test_the_index_agrees_with_the_documents(store: SessionStore) -> None:
    for number in range(4):
        answer(store, f"a{number}", f"s{number}")
    store.set_tags("s1", ["x"])
    store.delete_session("s2")
    store.delete_session("s3")
    store.purge_deleted()
    with store._database.transaction() as connection:
        connection.execute("INSERT INTO search (search, rank) VALUES ('integrity-check', 1)")
