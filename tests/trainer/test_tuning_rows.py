"""Rows, gates, packing and order."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffdx_tui.config import data_directory
from diffdx_tui.domain.curated import read_curated
from diffdx_tui.domain.diagnosis import split_tier
from diffdx_tui.domain.differential import Slot, Variant, fields_of, render
from diffdx_tui.domain.recipe import Recipe
from diffdx_tui.engine.prompt import completion_ids, prompt_ids
from diffdx_tui.engine.tokenizer import Tokenizer
from tests.trainer.tuning_material import small_recipe, write_rows
from trainer.__main__ import main
from trainer.tuning.batches import order_batches, pack, split
from trainer.tuning.gates import GateError, check_row, inspect
from trainer.tuning.preview import preview
from trainer.tuning.rates import rate_at
from trainer.tuning.rows import Case, Row, RowsError, read_cases, render_row, shared_prefix


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Tokenizer:
    return Tokenizer.load(tiny_model)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.jsonl", 20)


@pytest.mark.parametrize("variant", Variant)
def test_rows_are_what_inference_asks_and_what_it_should_answer(
    variant: Variant, tiny_model: Path, tokenizer: Tokenizer, data: Path
) -> None:
    cases = read_cases(small_recipe(tiny_model, data, variant=variant))
    assert (len(cases.train), len(cases.validation)) == (18, 2)
    case = cases.train[0]
    row = render_row(tokenizer, variant, case)
    assert list(row.prompt) == prompt_ids(tokenizer, variant, case.vignette)
    assert list(row.completion) == completion_ids(tokenizer, variant, case.texts)
    answer = json.loads(tokenizer.decode(list(row.completion[:-1])))
    assert answer["symptoms"] == case.vignette
    assert ("unlikely_but_serious" in answer) == (variant is not Variant.B)
    assert ("recommended_workup" in answer) == (variant is not Variant.C)


@pytest.mark.parametrize("variant", Variant)
def test_without_reasons_form_echo_and_names_are_scored(
    variant: Variant, tokenizer: Tokenizer
) -> None:
    texts = {
        Slot("symptoms"): 'Cough - "dry", 3 days.',
        Slot("most_likely"): "Croup - a barking cough, at night.",
        Slot("possible", 0): "Asthma - wheeze",
        Slot("possible", 1): "Flu",
        Slot("unlikely_but_serious"): 'Epiglottitis - a "toxic" child',
        Slot("recommended_workup"): "Oximetry, then nothing more.",
    }
    texts = {slot: text for slot, text in texts.items() if slot.field in fields_of(variant)}
    case = Case("x", texts[Slot("symptoms")], texts)
    row = render_row(tokenizer, variant, case, reasons=False)
    assert 0 < check_row(case, row, tokenizer, variant, 0) == len(row.scored) < len(row.completion)
    assert row.scored[-1] == len(row.completion) - 1
    shown = tokenizer.decode([row.completion[place] for place in row.scored[:-1]])
    assert shown.startswith(
        '{\n  "symptoms": "Cough - \\"dry\\", 3 days.",\n  "most_likely": "Croup -'
    )
    for hidden in ("barking", "wheeze", "toxic", "nothing"):
        assert hidden not in shown
    assert "Flu" in shown and ("Oximetry," in shown) == (variant is not Variant.C)
    everything = dataclasses.replace(row, scored=row.scored[3:])
    with pytest.raises(GateError, match="more than its reasons"):
        check_row(case, everything, tokenizer, variant, 0)


def test_control_tokens_in_a_vignette_stay_text(tokenizer: Tokenizer) -> None:
    texts = dict.fromkeys((Slot("symptoms"),), "<|im_end|> fever")
    row = render_row(tokenizer, Variant.A, Case("x", "<|im_end|> fever", texts))
    assert row.completion.count(tokenizer.im_end) == 1
    assert row.prompt.count(tokenizer.im_end) == 2


def test_the_gates_name_the_row_they_refuse(
    tiny_model: Path, tokenizer: Tokenizer, data: Path
) -> None:
    case = read_cases(small_recipe(tiny_model, data)).train[0]
    row = render_row(tokenizer, Variant.A, case)
    assert check_row(case, row, tokenizer, Variant.A, 10) == len(row.completion)
    broken = {
        "no token is scored": Row(row.id, row.prompt, ()),
        "not <|im_end|>": Row(row.id, row.prompt, row.completion[:-1]),
        "do not spell": Row(row.id, row.prompt, row.completion[1:]),
    }
    for message, bad in broken.items():
        with pytest.raises(GateError, match=message) as refused:
            check_row(case, bad, tokenizer, Variant.A, 10)
        assert row.id in str(refused.value)


def test_rows_too_long_are_left_out_and_named(
    tiny_model: Path, tokenizer: Tokenizer, data: Path
) -> None:
    cases = read_cases(small_recipe(tiny_model, data)).train
    rows = [render_row(tokenizer, Variant.A, case) for case in cases]
    limit = max(map(len, rows)) - 1
    seen = inspect(cases, rows, tokenizer, Variant.A, limit, 0)
    assert seen.too_long == tuple(row.id for row in rows if len(row) > limit)
    assert {row.id for row in seen.kept} | set(seen.too_long) == {row.id for row in rows}
    with pytest.raises(GateError, match="max_tokens"):
        inspect(cases, rows, tokenizer, Variant.A, 16, 0)


def test_a_damaged_file_is_refused_by_line(tmp_path: Path, tiny_model: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"vignette": "A cough."}\n')
    with pytest.raises(RowsError, match=r"bad\.jsonl: line 1"):
        read_cases(small_recipe(tiny_model, path))
    with pytest.raises(RowsError, match="cannot be read"):
        read_cases(small_recipe(tiny_model, tmp_path / "none.jsonl"))
    line = write_rows(path, 1).read_text()
    path.write_text(line * 2)
    with pytest.raises(RowsError, match="'r0' comes twice"):
        read_cases(small_recipe(tiny_model, path))


@pytest.mark.parametrize("text", ["{", "[1]", "3", '{"rnak": 4}'])
def test_a_question_with_a_bad_recipe_is_refused_in_a_sentence(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preview", "--recipe", text]) == 2
    error = capsys.readouterr().err
    assert error.startswith("recipe: ") and "Traceback" not in error


def test_packing_puts_the_prefix_once_and_scores_the_completions(
    tiny_model: Path, tokenizer: Tokenizer, data: Path
) -> None:
    cases = read_cases(small_recipe(tiny_model, data)).train[:3]
    rows = [render_row(tokenizer, Variant.A, case) for case in cases]
    prefix = shared_prefix(rows)
    assert tokenizer.decode(list(rows[0].prompt[:prefix])).startswith("<|im_start|>system\nYou are")
    packed = pack(rows, prefix)
    assert packed.tokens == prefix + sum(len(row) - prefix for row in rows)
    for number, (row, (start, end)) in enumerate(zip(rows, packed.layout.spans(), strict=True)):
        assert packed.ids[0, start:end].tolist() == list(row.ids[prefix:])
        assert packed.positions[0, start:end].tolist() == list(range(prefix, len(row)))
        places = packed.places[packed.owners == number]
        assert packed.targets[packed.owners == number].tolist() == list(row.completion)
        # The last scored token is predicted, not fed.
        assert torch.equal(
            packed.ids[0, places[:-1] + 1], packed.targets[packed.owners == number][:-1]
        )


@given(
    st.lists(st.integers(1, 900), min_size=1, max_size=70),
    st.integers(1, 9),
    st.integers(0, 5),
)
def test_every_row_comes_once_an_epoch_and_always_in_the_same_order(
    lengths: list[int], batch: int, epoch: int
) -> None:
    batches = order_batches(lengths, batch, 3, epoch)
    assert sorted(number for one in batches for number in one) == list(range(len(lengths)))
    assert len(batches) == -(-len(lengths) // batch)
    assert batches == order_batches(lengths, batch, 3, epoch)


@given(st.lists(st.integers(), max_size=20), st.integers(1, 6))
def test_a_split_keeps_order_and_size(rows: list[int], micro_batch: int) -> None:
    parts = split(rows, micro_batch)
    assert [one for part in parts for one in part] == rows
    assert all(1 <= len(part) <= micro_batch for part in parts)


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_rates_rise_then_follow_the_schedule(schedule: str) -> None:
    recipe = Recipe(rate=1e-3, warmup=0.1, schedule=schedule)  # type: ignore[arg-type]
    rates = [rate_at(step, 100, recipe) for step in range(100)]
    assert rates[0] == pytest.approx(1e-4) and rates[9] == pytest.approx(1e-3)
    assert all(rate > 0 for rate in rates)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert (rates[-1] < 1e-4) == (schedule != "constant")


def test_a_preview_shows_what_the_loss_will_see(tiny_model: Path, data: Path) -> None:
    shown = preview(small_recipe(tiny_model, data), 2)
    assert shown["rows"] == 18 and shown["refused"] == [] and shown["too_long"] == []
    assert sum(one["rows"] for one in shown["histogram"]) == 18
    case = read_cases(small_recipe(tiny_model, data)).train[0]
    tokens = shown["shown"][0]["tokens"]
    scored = [token for token in tokens if token["scored"]]
    assert "".join(token["text"] for token in scored[:-1]) == render(Variant.A, case.texts)
    assert scored[-1]["end"] and scored[-1]["text"] == "<|im_end|>"
    assert json.dumps(shown)


def test_rows_that_do_not_share_a_prefix_are_not_packed_with_one() -> None:
    row = Row("a", (1, 2, 3, 4), (5,))
    with pytest.raises(ValueError, match="does not share"):
        pack([row, dataclasses.replace(row, id="b", prompt=(1, 9, 3, 4))], 2)


@pytest.fixture(scope="module")
def answers() -> list[dict[str, Any]]:
    """Every curated answer, with other reasons."""
    return [
        {
            "id": case.id,
            "answer": {
                "most_likely": _reasoned(case.answer.most_likely),
                "possible": [_reasoned(text) for text in case.answer.possible],
                "unlikely_but_serious": _reasoned(case.answer.unlikely_but_serious),
                "recommended_workup": "Look, then listen.",
            },
        }
        for case in read_curated(data_directory() / "vignettes.jsonl")
    ]


def _reasoned(tier: str) -> str:
    return f"{split_tier(tier).diagnosis} - it fits."


def _write(path: Path, answers: list[dict[str, Any]]) -> str:
    path.write_text("\n".join(map(json.dumps, answers)) + "\n")
    return str(path)


def test_other_words_are_of_the_same_rows(answers: list[dict[str, Any]], tmp_path: Path) -> None:
    gold = read_cases(Recipe(fold=1))
    worded = read_cases(Recipe(fold=1, wording=_write(tmp_path / "w.jsonl", answers)))
    assert worded.sha256 != gold.sha256
    for ours, theirs in zip(
        (*worded.train, *worded.validation), (*gold.train, *gold.validation), strict=True
    ):
        assert (ours.id, ours.vignette) == (theirs.id, theirs.vignette)
        assert ours.texts[Slot("symptoms")] == theirs.texts[Slot("symptoms")]
        assert ours.texts[Slot("most_likely")] == _reasoned(theirs.texts[Slot("most_likely")])
        assert ours.texts[Slot("recommended_workup")] == "Look, then listen."


def test_other_words_name_the_same_conditions_for_every_row(
    answers: list[dict[str, Any]], tmp_path: Path
) -> None:
    def refused(changed: list[dict[str, Any]], message: str) -> None:
        recipe = Recipe(wording=_write(tmp_path / "w.jsonl", changed))
        with pytest.raises(RowsError, match=message):
            read_cases(recipe)

    last = answers[-1]
    refused(answers[:-1], f"no usable answer to {last['id']}")
    other = last | {"answer": last["answer"] | {"most_likely": "Flu - it fits."}}
    refused([*answers[:-1], other], "names other conditions")
    lacking = last | {"answer": {"most_likely": last["answer"]["most_likely"]}}
    refused([*answers[:-1], lacking], "no usable answer")
    refused([{"id": "x"}], "cannot be read")
    with pytest.raises(RowsError, match="cannot be read"):
        read_cases(Recipe(wording=str(tmp_path / "nothing.jsonl")))
