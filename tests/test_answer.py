"""The order of events: red flags before anything the model says, whatever comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diffdx_tui.answer import Request, answer
from diffdx_tui.config import data_directory
from diffdx_tui.domain import red_flags
from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.events import (
    AnswerEvent,
    Failed,
    FailureKind,
    Finished,
    RedFlagsFound,
    Started,
    TokenSampled,
)
from diffdx_tui.domain.red_flags import RedFlagError, announce_red_flags
from diffdx_tui.domain.vignette import MAX_CHARACTERS, Vignette
from diffdx_tui.engine.catalogue import ModelSpec
from diffdx_tui.engine.local import LocalEngine
from diffdx_tui.store import SessionStore, StoreError

EXAMPLES = [rule.example for rule in red_flags.read_rules().rules]
TEXTS = st.sampled_from(EXAMPLES) | st.text(min_size=1, max_size=400)


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> LocalEngine:
    return LocalEngine.load(ModelSpec(str(tiny_model), precision="fp32"))


def events_of(text: str, engine: LocalEngine) -> list[AnswerEvent]:
    request = Request(Vignette(text), Decoding(max_new_tokens=90))
    with SessionStore.in_memory() as store:
        return list(answer(request, engine, store))


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=TEXTS.map(str.strip).filter(bool))
def test_red_flags_come_first_and_once(engine: LocalEngine, text: str) -> None:
    events = events_of(text, engine)
    assert isinstance(events[0], RedFlagsFound) and not events[0].trouble
    assert isinstance(events[1], Started) and isinstance(events[-1], Finished | Failed)
    assert sum(isinstance(event, RedFlagsFound) for event in events) == 1
    for flag in events[0].flags:
        assert all(0 <= start < end <= len(text) for start, end in flag.places)


@pytest.mark.skipif(
    not (data_directory() / "model" / "mini" / "model.safetensors").is_file(),
    reason="the embedded model is not in this checkout",
)
def test_before_the_embedded_model_s_first_token() -> None:
    mini = LocalEngine.load(ModelSpec())
    kinds = [type(event) for event in events_of(EXAMPLES[0], mini)]
    assert kinds.index(RedFlagsFound) < kinds.index(TokenSampled)


def test_they_come_when_store_and_model_fail() -> None:
    class Broken:
        info = None

        def generate(self, *_: object) -> Iterator[AnswerEvent]:
            yield Failed("id", FailureKind.OUT_OF_MEMORY, "no room")

    class Full:
        def start_answer(self, **_: object) -> None:
            raise StoreError("the disk is full")

    events = list(answer(Request(Vignette(EXAMPLES[0])), Broken(), Full()))  # type: ignore[arg-type]
    assert isinstance(events[0], RedFlagsFound) and events[0].flags
    assert isinstance(events[-1], Failed)


@settings(deadline=None, max_examples=60)
@given(st.text(st.characters(), max_size=MAX_CHARACTERS // 10))
def test_no_text_raises(text: str) -> None:
    assert not announce_red_flags("id", text).trouble


def test_trouble_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object) -> None:
        raise RedFlagError("own.yaml: rule 1: bad\nand a long story")

    monkeypatch.setattr(red_flags, "read_rules", damaged)
    found = announce_red_flags("id", "pain")
    assert found.flags == () and found.trouble == "RedFlagError: own.yaml: rule 1: bad"
