"""Measuring the base: what is counted, and that batched answers are the single ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from diffdx_tui.config import data_directory
from diffdx_tui.domain.differential import Variant, fields_of
from diffdx_tui.domain.knowledge import read_knowledge
from diffdx_tui.engine.tokenizer import Tokenizer
from trainer.mini.architecture import Shape, new_model
from trainer.mini.base_command import make_author, vocabulary_texts
from trainer.mini.base_measure import (
    REQUEST,
    Judge,
    adheres,
    answer_all,
    draw_pairs,
    request_ids,
    summarise,
    write_measured,
)
from trainer.mini.copier import make_copier
from trainer.mini.shapes import FORMS
from trainer.mini.unseen import UnseenCases
from trainer.mini.vocabulary import train_vocabulary, write_vocabulary

KNOWLEDGE = data_directory() / "knowledge"
CASES = UnseenCases(read_knowledge(KNOWLEDGE), seed=9).draw(6)
JUDGE = Judge(read_knowledge(KNOWLEDGE))


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    directory = tmp_path_factory.mktemp("vocabulary")
    texts = vocabulary_texts(make_author(KNOWLEDGE, "v"), 150)
    write_vocabulary(train_vocabulary(texts, 900), directory, 4096)
    return Tokenizer.load(directory)


def _answer(number: int, leading: str) -> str:
    told = CASES[number]
    condition = told.case.condition
    values = {
        "case": told.text,
        "diagnosis": leading,
        "others": [f"{condition.mimics[0].name} - so", "Dragon pox - no"],
        "do_not_miss": f"{condition.dangerous[0].name} - so",
        "tests": "A test.",
    }
    return json.dumps(values, ensure_ascii=False)


def test_no_form_gives_the_schema_away() -> None:
    fields = set(fields_of(Variant.A))
    for form in FORMS:
        assert fields.isdisjoint(key for _, key in form.roles)
    whole = [form for form in FORMS if len(form.roles) == len(fields)]
    assert all(form.alternatives != 2 or not form.has("danger") for form in whole)


def test_a_good_answer_is_right_in_everything() -> None:
    told = CASES[0]
    outcome = JUDGE.judge(told, _answer(0, f"{told.case.condition.synonyms[0]} - because"))
    assert outcome.parsed and outcome.echoed and outcome.right and outcome.danger_right
    assert outcome.named == outcome.gold == told.case.condition.id
    assert (outcome.others_right, outcome.others) == (1, 2)


def test_a_wrong_name_and_a_broken_answer_are_counted() -> None:
    wrong = JUDGE.judge(CASES[0], _answer(0, "Dragon pox - because"))
    broken = JUDGE.judge(CASES[0], _answer(0, "Gout - so")[:-4])
    changed = JUDGE.judge(CASES[1], _answer(0, "Gout - so"))
    assert wrong.parsed and not wrong.right and wrong.named == "Dragon pox"
    assert not broken.parsed and not broken.echoed and not broken.right
    assert changed.parsed and not changed.echoed
    figures = summarise([wrong, broken, changed])
    assert figures["parsed"]["k"] == 2 and figures["leading_right"]["k"] == 0
    assert figures["errors"]


def test_a_denied_finding_that_is_asserted_is_charged() -> None:
    told = next(
        case
        for case in UnseenCases(read_knowledge(KNOWLEDGE), seed=9).draw(80)
        if any(negative.id == "fever" for negative in case.case.denied)
    )
    outcome = JUDGE.judge(told, json.dumps({"diagnosis": "Gout - fever and a hot joint."}))
    assert outcome.denied == 1


def test_answers_together_are_the_answers_alone(tokenizer: Tokenizer) -> None:
    model = new_model(Shape(hidden=128, layers=2, heads=4, intermediate=64), tokenizer, 1)
    make_copier(model, tokenizer.im_start, 1)
    model.eval()
    prompts = [request_ids(tokenizer, REQUEST, told.text) for told in CASES[:3]]
    together = list(answer_all(model, tokenizer, prompts, room=12, together=3))
    alone = [next(answer_all(model, tokenizer, [prompt], room=12)) for prompt in prompts]
    assert together == alone
    assert adheres(model, tokenizer, CASES[:1], Variant.A) == 0


def test_pairs_differ_in_their_condition(tmp_path: Path) -> None:
    pairs = draw_pairs(make_author(KNOWLEDGE, 1).contrasts, 5, 4)
    assert all(one.case.condition != other.case.condition for one, other in pairs)
    outcome = JUDGE.judge(pairs[0][0], "nothing")
    write_measured(tmp_path / "out.json", summarise([outcome]), [outcome])
    assert json.loads((tmp_path / "out.json").read_text())["rows"][0]["parsed"] is False
