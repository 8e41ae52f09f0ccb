"""The guided mode's promise: valid JSON, exact echo, whatever comes in, whenever it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from llguidance import LLMatcher

from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.differential import UNFINISHED, Slot, Variant, schema_of, slots_of, texts_of
from diffdx_tui.domain.events import (
    Cancelled,
    Failed,
    FailureKind,
    Finished,
    SlotClosed,
    SlotText,
    TokenSampled,
)
from diffdx_tui.domain.vignette import Vignette, VignetteRefused
from diffdx_tui.engine.catalogue import ModelSpec
from diffdx_tui.engine.guide import Guide
from diffdx_tui.engine.local import LocalEngine

HOSTILE = st.sampled_from(
    [
        '"',
        "\\",
        '\\"',
        "\n",
        "\t",
        "\x00",
        "\x1b[31m",
        "\u202e",
        "\x85",
        "😷",
        "👩‍⚕️",
        "e\u0301",
        "头痛",
        "<|im_end|>",
        "<|im_start|>system",
        "<|endoftext|>",
        "<tool_call>",
        "[red]",
        '", "most_likely": "',
        "{}",
    ]
)
VIGNETTES = st.lists(st.one_of(HOSTILE, st.text(max_size=20)), min_size=1, max_size=8).map("".join)


@pytest.fixture(scope="module")
def engines(tiny_model: Path) -> dict[Variant, LocalEngine]:
    return {
        variant: LocalEngine.load(ModelSpec(str(tiny_model), variant=variant, precision="fp32"))
        for variant in Variant
    }


@settings(
    max_examples=1000,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)
@given(
    raw=VIGNETTES,
    variant=st.sampled_from(Variant),
    extra=st.integers(0, 60),
    temperature=st.sampled_from([0.0, 0.7, 3.0]),
    seed=st.integers(0, 2**31),
    cancel_after=st.one_of(st.none(), st.integers(0, 40)),
)
@pytest.mark.timeout(400)
def test_always_valid_with_exact_echo(
    engines: dict[Variant, LocalEngine],
    raw: str,
    variant: Variant,
    extra: int,
    temperature: float,
    seed: int,
    cancel_after: int | None,
) -> None:
    try:
        vignette = Vignette.parse(raw)
    except VignetteRefused:
        assume(False)
    engine = engines[variant]
    budget = engine.minimum_budget + extra
    decoding = Decoding(temperature=temperature, seed=seed, max_new_tokens=budget)
    events = list(engine.generate(vignette, decoding, "id", _cancel_after(cancel_after)))

    last = events[-1]
    assert isinstance(last, Finished | Cancelled), last
    assert last.verdict.strict, (last.raw, last.verdict)
    assert last.verdict.echo_exact
    tokens = [event for event in events if isinstance(event, TokenSampled)]
    assert "".join(token.text for token in tokens) == last.raw
    _assert_within_budget(tokens, engine, vignette, budget)
    _assert_panels_agree(events, variant, last)
    _assert_oracle_accepts(engine, variant, [token.id for token in tokens])


def _cancel_after(count: int | None) -> Callable[[], bool]:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return count is not None and asked > count

    return cancelled


def _assert_within_budget(
    tokens: list[TokenSampled], engine: LocalEngine, vignette: Vignette, budget: int
) -> None:
    from diffdx_tui.engine.prompt import head_ids

    head = head_ids(engine._model.tokenizer, engine.info.variant, vignette.text)
    assert [token.id for token in tokens[: len(head)]] == head
    assert len(tokens) - len(head) <= budget


def _assert_panels_agree(
    events: list[object], variant: Variant, last: Finished | Cancelled
) -> None:
    """What the slots' events add up to is what the document says; unfinished slots are marked."""
    shown: dict[Slot, str] = dict.fromkeys(slots_of(variant), "")
    unfinished = []
    for event in events:
        if isinstance(event, SlotText):
            shown[event.slot] += event.text
        elif isinstance(event, SlotClosed) and not event.finished:
            unfinished.append(event.slot.name)
    assert last.differential is not None
    assert shown == texts_of(last.differential)
    assert tuple(unfinished) == last.stats.unfinished
    for slot, text in shown.items():
        assert text.endswith(UNFINISHED) or slot.name not in unfinished


def _assert_oracle_accepts(engine: LocalEngine, variant: Variant, ids: list[int]) -> None:
    """An independent matcher, compiled from the JSON Schema, accepts the whole document."""
    schema = schema_of(variant)
    for field in schema["properties"].values():  # patterns are checked by the verdict
        field.pop("pattern", None)
        if "items" in field:
            field["items"].pop("pattern", None)
    matcher = LLMatcher(engine._model.tokenizer.guide, LLMatcher.grammar_from_json_schema(schema))
    assert matcher.consume_tokens(ids), matcher.get_error()
    assert matcher.is_accepting()


def test_every_budget_from_the_closing_cost_up(engines: dict[Variant, LocalEngine]) -> None:
    engine = engines[Variant.A]
    vignette = Vignette.parse('chest pain, "crushing"')
    for budget in range(engine.minimum_budget, engine.minimum_budget + 80):
        decoding = Decoding(temperature=1.0, max_new_tokens=budget)
        last = list(engine.generate(vignette, decoding, "id"))[-1]
        assert isinstance(last, Finished)
        assert last.verdict.strict


def test_a_budget_below_the_closing_cost_is_refused(engines: dict[Variant, LocalEngine]) -> None:
    engine = engines[Variant.A]
    decoding = Decoding(max_new_tokens=engine.minimum_budget - 1)
    last = list(engine.generate(Vignette.parse("pain"), decoding, "id"))[-1]
    assert isinstance(last, Failed)
    assert str(engine.minimum_budget) in last.message


def test_too_long_for_the_context_is_refused_with_the_limit(
    tiny_model: Path, tmp_path: Path
) -> None:
    from tests.tiny_model import write_tiny_model

    small = write_tiny_model(tmp_path / "small", max_position_embeddings=700)
    engine = LocalEngine.load(ModelSpec(str(small), precision="fp32"))
    vignette = Vignette.parse("pain " * 200)
    last = list(engine.generate(vignette, Decoding(), "id"))[-1]
    assert isinstance(last, Failed)
    assert last.kind is FailureKind.INPUT_TOO_LONG
    assert "700" in last.message


def test_the_grammar_and_the_oracle_agree_on_every_escape(
    engines: dict[Variant, LocalEngine],
) -> None:
    """Every escape the grammar lets a model write is one the JSON Schema matcher takes."""
    engine = engines[Variant.A]
    tokenizer = engine._model.tokenizer
    for escape in '"\\/bfnrtu':
        guide = Guide(tokenizer, Variant.A, engine._model.width)
        guide.advance(tokenizer.encode("pain \\"))
        if guide.allowed()[tokenizer.encode(escape)[0]]:
            oracle = LLMatcher.grammar_from_json_schema({"type": "string"})
            matcher = LLMatcher(tokenizer.guide, oracle)
            assert matcher.consume_tokens(tokenizer.encode(f'"pain \\{escape}"')), escape
