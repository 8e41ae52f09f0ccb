"""The door for case text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffdx_tui.domain.vignette import MAX_CHARACTERS, Vignette, VignetteRefused, normalise


@pytest.mark.parametrize("raw", ["", " ", "\n\t \r\n", "\ufeff", "\ufeff \ufeff", "\u2003"])
def test_nothing_to_answer_is_refused(raw: str) -> None:
    with pytest.raises(VignetteRefused, match="empty"):
        Vignette.parse(raw)


def test_the_limit_is_named() -> None:
    assert len(Vignette.parse("a" * MAX_CHARACTERS).text) == MAX_CHARACTERS
    with pytest.raises(VignetteRefused, match=r"4,001 characters, the limit is 4,000"):
        Vignette.parse("a" * (MAX_CHARACTERS + 1))


def test_line_ends_and_controls() -> None:
    assert normalise("a\r\nb\rc\x00\x1b[31m\x7f\x85d") == "a\nb\nc␀␛[31m␡d"


def test_bytes_that_are_not_utf8_are_placed() -> None:
    with pytest.raises(VignetteRefused, match="0xff at offset 5"):
        Vignette.decode(b"chest\xff pain")


def test_a_byte_order_mark_is_dropped() -> None:
    assert Vignette.decode(b"\xef\xbb\xbfpain").text == "pain"


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(VignetteRefused, match="not valid UTF-8"):
        Vignette.parse("pain \udcff")


@given(st.text())
def test_what_passes_is_clean_and_normalising_again_changes_nothing(raw: str) -> None:
    try:
        text = Vignette.parse(raw).text
    except VignetteRefused:
        return
    assert normalise(text) == text
    assert text == text.strip()
    assert not [c for c in text if (ord(c) < 0x20 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0]


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
def test_other_unicode_is_kept(raw: str) -> None:
    try:
        text = Vignette.parse(raw).text
    except VignetteRefused:
        return
    assert text in raw
