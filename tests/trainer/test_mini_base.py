"""Rows and training loop of the base model, on a tiny configuration."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import pytest
import torch

from diffdx_tui.config import data_directory
from diffdx_tui.domain.knowledge import read_knowledge
from diffdx_tui.engine.tokenizer import Tokenizer
from trainer.mini.architecture import Shape
from trainer.mini.base_command import make_author, spell_tokens, vocabulary_texts
from trainer.mini.base_training import BaseRecipe, BaseRun, train
from trainer.mini.rows import IGNORED, OPENING, RowMaker, batches_of
from trainer.mini.shapes import LEADING
from trainer.mini.unseen import UnseenCases, probe_unseen
from trainer.mini.vocabulary import train_vocabulary, write_vocabulary

KNOWLEDGE = data_directory() / "knowledge"
TINY = BaseRecipe(
    seed=3,
    steps=24,
    tokens=1024,
    chunk=16,
    warmup=4,
    rate=3e-3,
    shape=Shape(hidden=128, layers=2, heads=4, intermediate=128, rope_theta=1e6),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("vocabulary")
    texts = vocabulary_texts(make_author(KNOWLEDGE, "v"), 150)
    write_vocabulary(train_vocabulary(texts, 900), directory, 4096)
    return directory


@pytest.fixture(scope="module")
def maker(folder: Path) -> RowMaker:
    return RowMaker(make_author(KNOWLEDGE, 3), Tokenizer.load(folder))


def _start(maker: RowMaker, folder: Path, tmp_path: Path) -> BaseRun:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    return BaseRun(TINY, maker, maker.tokenizer)


def test_rows_weigh_the_name_and_label_the_mentions(maker: RowMaker) -> None:
    names = {number: name for name, number in maker.labels.findings.items()}
    labelled = named = 0
    for number in range(60):
        document = maker.author.write(number)
        row = maker.frame(document)
        assert len(row.ids) == len(row.weights)
        texts = [f"{turn.role}\n{turn.text}" for turn in document.turns]
        framed = "\n".join(f"<|im_start|>{text}<|im_end|>" for text in texts)
        assert b"".join(map(maker.tokenizer.token_bytes, row.ids)).decode() == framed
        if document.told is None:
            assert row.condition == IGNORED
            continue
        heavy = [i for i, w in zip(row.ids, row.weights, strict=True) if w in (OPENING, LEADING)]
        if LEADING in row.weights:
            named += 1
            name = maker.author.book.conditions[row.condition].name
            assert name.lower() in maker.tokenizer.decode(heavy).lower()
        openings = sum(turn.role == "assistant" for turn in document.turns)
        assert row.weights.count(OPENING) == openings
        if not document.told.mentions:  # thinned: nobody knows what is left of it
            assert row.asked == (0, 0) and not row.mentions
            continue
        before = maker.tokenizer.decode(row.ids[: row.asked[0]])
        assert before.endswith(document.turns[document.told_turn].text)
        for place, label in row.mentions:
            labelled += 1
            present, _ = names[label]
            assert present or document.told.case.denied
            assert row.heard[1] >= place
    assert labelled > 150 and named > 25


def test_the_vocabulary_is_spelled_without_broken_characters(folder: Path) -> None:
    tokenizer = Tokenizer.load(folder)
    spelled = spell_tokens(tokenizer)
    assert len(spelled) > 600 and len(set(spelled)) == len(spelled)
    assert all(tokenizer.decode(tokenizer.encode(text)) == text for text in spelled)
    assert not any("\ufffd" in text or "<|" in text for text in spelled)


def test_batches_hold_every_row_once(maker: RowMaker) -> None:
    rows = [row for row in map(maker.make, range(24)) if row]
    labels = len(maker.labels.findings)
    batches = list(batches_of(rows, 1024, 0, labels))
    assert sum(len(batch.ids) for batch in batches) == len(rows)
    assert sum(float(b.weights.sum()) for b in batches) == pytest.approx(
        sum(sum(row.weights) for row in rows), rel=1e-4
    )
    for batch in batches:
        places, targets, weight = batch.predicted()
        assert len(places) == len(targets) == len(weight)
        assert float(weight.sum()) == pytest.approx(float(batch.weights[:, 1:].sum()), rel=1e-4)
        assert len(batch.asked) == len(batch.stated)


def test_two_dozen_steps_lower_the_loss_and_leave_a_model(
    maker: RowMaker, folder: Path, tmp_path: Path
) -> None:
    run = _start(maker, folder, tmp_path)
    cases = UnseenCases(read_knowledge(KNOWLEDGE), seed=1).draw(3)
    batch = _start(maker, folder, tmp_path).next_batch()
    before = float(run.losses(batch)[0]["loss"].detach())
    assert train(run, tmp_path, probe_every=8, probe=lambda now: probe_unseen(now, cases))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert len(lines) == 24 and "unseen_read" in lines[7]
    assert float(run.losses(batch)[0]["loss"].detach()) < 0.95 * before
    assert (tmp_path / "plateau.pt").exists()
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model", dtype="auto")
    assert type(model).__name__ == "Qwen2ForCausalLM" and model.dtype == torch.bfloat16
    assert model.config.rope_parameters["rope_theta"] == 1e6
    assert Tokenizer.load(tmp_path / "model").vocab_size == maker.tokenizer.vocab_size


def test_a_resumed_run_is_the_same(maker: RowMaker, folder: Path, tmp_path: Path) -> None:
    whole = _start(maker, folder, tmp_path)
    for step in range(6):
        if step == 3:
            whole.save(tmp_path)
        whole.learn()
    again = _start(maker, folder, tmp_path)
    again.load(tmp_path / "state.pt")
    for _ in range(3):
        again.learn()
    kept = whole.model.state_dict()
    for name, value in again.model.state_dict().items():
        torch.testing.assert_close(value, kept[name], atol=2e-3, rtol=0)
    assert (again.chunk, again.place) == (whole.chunk, whole.place)


def test_a_termination_keeps_what_was_learned(
    maker: RowMaker, folder: Path, tmp_path: Path
) -> None:
    run = _start(maker, folder, tmp_path)
    timer = threading.Timer(0.8, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    finished = train(run, tmp_path)
    timer.join()
    again = _start(maker, folder, tmp_path)
    again.load(tmp_path / "state.pt")
    assert again.step == run.step
    assert finished == (run.step == TINY.steps)
    assert (tmp_path / "model" / "model.safetensors").exists()


def test_the_rate_warms_up_stays_and_falls(maker: RowMaker, folder: Path, tmp_path: Path) -> None:
    run = _start(maker, folder, tmp_path)
    rates = [run.rate_at(step) for step in range(TINY.steps)]
    assert rates[0] < rates[2] < TINY.rate
    assert rates[5] == rates[run.plateau_ends] == TINY.rate
    assert rates[-1] < 0.25 * TINY.rate
