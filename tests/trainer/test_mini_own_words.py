"""Curated answers in the base's own words: gold names, whole strings, nothing but text."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from diffdx_tui.config import data_directory
from diffdx_tui.domain.curated import read_curated
from diffdx_tui.domain.diagnosis import split_tier
from diffdx_tui.domain.differential import Differential, escape
from trainer.__main__ import main
from trainer.mini.base_measure import load_base
from trainer.mini.own_words import LONGEST, _end_of_string, _plain, write_words

DATA = data_directory()


@given(st.text(), st.text())
def test_a_string_ends_at_its_quote_and_reads_as_it_was(text: str, after: str) -> None:
    written = escape(text)
    end = _end_of_string(f'{written}"{after}')
    assert end == len(written) and _end_of_string(written) is None
    assert _plain(written) == " ".join(text.split())


@given(st.text(alphabet='ab\\\\u"', max_size=20))
def test_broken_escapes_are_still_text(text: str) -> None:
    assert isinstance(_plain(text), str)


def test_answers_keep_the_gold_names(tmp_path: Path) -> None:
    model, tokenizer = load_base(DATA / "model" / "mini")
    cases = read_curated(DATA / "vignettes.jsonl")[::100]
    cut = write_words(model, tokenizer, cases, tmp_path / "words.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "words.jsonl").read_text().split("\n")[:-1]]
    assert [row["id"] for row in rows] == [case.id for case in cases]
    assert 0 <= cut <= 5 * len(rows)
    for row, case in zip(rows, cases, strict=True):
        answer = Differential.model_validate(row["answer"] | {"symptoms": case.vignette})
        for ours, gold in (
            (answer.most_likely, case.answer.most_likely),
            *zip(answer.possible, case.answer.possible, strict=True),
            (answer.unlikely_but_serious, case.answer.unlikely_but_serious),
        ):
            assert split_tier(ours).diagnosis == split_tier(gold).diagnosis
            assert len(tokenizer.encode(split_tier(ours).reasoning)) <= 2 * LONGEST


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    assert main(["mini", "words", "--model", str(tmp_path)]) == 4
