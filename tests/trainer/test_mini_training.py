"""Vocabulary, rows and loop of the embedded model, on a tiny configuration."""

from __future__ import annotations

import json
import random
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffdx_tui.config import data_directory
from diffdx_tui.domain.differential import Variant
from diffdx_tui.engine.prompt import head_ids, prompt_ids
from diffdx_tui.engine.tokenizer import Tokenizer
from trainer.__main__ import main
from trainer.mini.architecture import Shape
from trainer.mini.cases import Casebook
from trainer.mini.command import vocabulary_texts
from trainer.mini.examples import LEADING_NAME, ExampleMaker
from trainer.mini.grounding import reasons_in
from trainer.mini.measure import (
    judge_answer,
    read_held_out,
    synonym_table,
    write_score,
)
from trainer.mini.package import hash_weights, write_card, write_package
from trainer.mini.pretraining import Pretraining, Recipe, pretrain
from trainer.mini.selection import read_casebook
from trainer.mini.vocabulary import SPECIALS, train_vocabulary, write_vocabulary

HELD_OUT = data_directory() / "held_out.jsonl"
TINY = Recipe(
    seed=3,
    steps=20,
    batch=4,
    warmup=4,
    rate=1e-2,
    shape=Shape(hidden=64, layers=2, heads=2, key_value_heads=1, intermediate=128),
)


@pytest.fixture(scope="module")
def book() -> Casebook:
    return read_casebook(data_directory() / "knowledge", ("migraine", "gout", "croup"))


@pytest.fixture(scope="module")
def tokenizer(book: Casebook, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    directory = tmp_path_factory.mktemp("vocabulary")
    write_vocabulary(train_vocabulary(vocabulary_texts(book, 3, 120), 900), directory, 4096)
    return Tokenizer.load(directory)


def test_vocabulary_has_every_byte_and_the_control_tokens(tokenizer: Tokenizer) -> None:
    single = {tokenizer.token_bytes(id) for id in range(tokenizer.vocab_size)}
    assert {bytes([byte]) for byte in range(256)} <= single
    assert set(tokenizer.added) == set(SPECIALS)


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_any_text_comes_back_to_the_byte(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert b"".join(map(tokenizer.token_bytes, ids)) == text.encode()
    assert not any(tokenizer.is_added(id) for id in ids)


@pytest.mark.parametrize("text", ["Pain.", "(at night)", "Is it gout?", "38.2 °C", "No."])
def test_a_copy_in_json_ends_in_the_texts_own_tokens(tokenizer: Tokenizer, text: str) -> None:
    own = tokenizer.encode(f"user\n{text}")[-1]
    ids = tokenizer.encode(json.dumps({"case": text, "more": ""}, ensure_ascii=False, indent=2))
    texts = [tokenizer.decode([id]) for id in ids]
    (after,) = (at for at, one in enumerate(texts) if one.startswith('",'))
    assert ids[after - 1] == own


def test_decomposed_unicode_is_not_composed(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode(tokenizer.encode("Sjo\u0308gren")) == "Sjo\u0308gren"


def test_vocabulary_is_deterministic(book: Casebook) -> None:
    def once() -> str:
        return train_vocabulary(vocabulary_texts(book, 5, 40), 500).to_str()

    assert once() == once()


def test_rows_start_with_the_engines_prompt_and_head(book: Casebook, tokenizer: Tokenizer) -> None:
    maker = ExampleMaker(book, tokenizer, 3)
    for number in range(20):
        row = maker.make(number)
        assert maker.make(number) == row
        assert len(row.ids) == len(row.weights)
        vignette = tokenizer.decode(row.ids[row.vignette_start : row.vignette_end])
        vignette = vignette.removeprefix("user\n")
        prompt = prompt_ids(tokenizer, Variant.A, vignette)
        head = head_ids(tokenizer, Variant.A, vignette)
        assert row.ids[: len(prompt)] == prompt
        assert row.ids[len(prompt) : len(prompt) + len(head)] == head
        assert row.answer_start == len(prompt) + len(head)
        assert row.ids[-1] == tokenizer.im_end
        heavy = [i for i, w in zip(row.ids, row.weights, strict=True) if w == LEADING_NAME]
        name = book.conditions[row.condition].name
        assert tokenizer.decode(heavy).lower() == name.lower()


def test_twenty_steps_lower_the_loss(book: Casebook, tokenizer: Tokenizer, tmp_path: Path) -> None:
    run = Pretraining(TINY, ExampleMaker(book, tokenizer, 3), tokenizer)
    pretrain(run, tmp_path)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line)["loss"] for line in lines]
    assert len(losses) == 20
    assert sum(losses[-4:]) < 0.9 * sum(losses[:4])


def test_a_resumed_run_is_the_same(book: Casebook, tokenizer: Tokenizer, tmp_path: Path) -> None:
    def fresh() -> Pretraining:
        return Pretraining(TINY, ExampleMaker(book, tokenizer, 3), tokenizer)

    whole = fresh()
    for step in range(4):
        if step == 2:
            whole.save(tmp_path)
        whole.learn()
    again = fresh()
    again.load(tmp_path)
    for _ in range(2):
        again.learn()
    kept = whole.model.state_dict()
    for name, value in again.model.state_dict().items():
        torch.testing.assert_close(value, kept[name], atol=2e-3, rtol=0)


def test_checkpoint_loads_as_a_small_qwen2(
    book: Casebook, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    run = Pretraining(TINY, ExampleMaker(book, tokenizer, 3), tokenizer)
    run.save(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model", dtype="auto")
    assert type(model).__name__ == "Qwen2ForCausalLM"
    assert model.dtype == torch.bfloat16
    assert model.config.tie_word_embeddings
    assert model.generation_config.eos_token_id == tokenizer.im_end


def test_package_says_what_it_is_and_only_cites_its_own_score(
    book: Casebook, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    run, out, results = tmp_path / "run", tmp_path / "mini", tmp_path / "score.json"
    pretraining = Pretraining(TINY, ExampleMaker(book, tokenizer, 3), tokenizer)
    pretraining.save(run)
    about = {"conditions": ["gout"], "machine": "a machine", "knowledge_sha256": "0" * 64}
    (run / "run.json").write_text(json.dumps(asdict(TINY) | about))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (run / name).write_text("{}")
    write_package(run, out, results)
    card = (out / "README.md").read_text()
    assert "Not a medical device" in card and "no clinician has" in card
    assert "Not measured yet" in card and "--seed 3 --steps 20" in card

    outcomes = [judge_answer(read_held_out(HELD_OUT)[0], "gout - so", True, synonym_table(()))]
    write_score(outcomes, results, {"weights_sha256": "another model's"})
    write_card(out, results)
    assert "Not measured yet" in (out / "README.md").read_text()
    about_this = {"weights_sha256": hash_weights(out), "precision": "bf16", "machine": "m"}
    write_score(outcomes, results, about_this)
    write_card(out, results)
    assert "**0 of 1**" in (out / "README.md").read_text()


def test_reasons_are_recognised_and_the_rest_is_left(book: Casebook) -> None:
    case = book.draw(random.Random(4))
    first, second = case.condition.findings[:2]
    text = f"fits {first.rationale} and {second.rationale}; purple ears"
    found, rest = reasons_in(text, case)
    assert set(found) == {first.rationale, second.rationale}
    assert "purple ears" in rest and first.rationale not in rest


def test_held_out_rows_are_judged_by_whole_names() -> None:
    rows = read_held_out(HELD_OUT)
    assert len(rows) == 50
    table = synonym_table(read_casebook(data_directory() / "knowledge").conditions)
    row = rows[0]
    assert judge_answer(row, f"{row.diagnosis} - because", True, table).right
    assert not judge_answer(row, f"not {row.diagnosis} - because", True, table).right
    unknown = judge_answer(row, "Dragon pox - because", True, table)
    assert not unknown.right and not unknown.known


def test_held_out_vignettes_are_not_in_the_training_text(book: Casebook) -> None:
    def runs_of_words(text: str) -> set[tuple[str, ...]]:
        words = text.lower().split()
        return {tuple(words[n : n + 10]) for n in range(len(words) - 9)}

    generated = set().union(*map(runs_of_words, vocabulary_texts(book, 1, 300)))
    for row in read_held_out(HELD_OUT):
        assert generated.isdisjoint(runs_of_words(row.vignette)), row.id


def test_dispatch_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nothing"]) == 2
    assert "usage" in capsys.readouterr().err
    assert main(["--help"]) == 0
