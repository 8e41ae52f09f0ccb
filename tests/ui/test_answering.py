"""Asking and following answers, without a screen."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from diffdx_tui.config import Config
from diffdx_tui.domain.comparison import compare
from diffdx_tui.domain.decoding import REFERENCE_FREE, Decoding, Mode
from diffdx_tui.domain.differential import ECHO, Variant
from diffdx_tui.domain.events import FailureKind, ModelFailed, ModelInfo, ModelReady, Started
from diffdx_tui.engine.catalogue import ModelSpec
from diffdx_tui.ui.answering import Answering, Choices, ModelPhase
from diffdx_tui.ui.case import same_case
from diffdx_tui.ui.comparison_view import field_lines
from diffdx_tui.ui.decoding_settings import _number_text
from diffdx_tui.ui.examples import EXAMPLES
from diffdx_tui.ui.status_line import describe_model
from diffdx_tui.ui.worker_link import WorkerLink
from tests.ui.conftest import CASE


@pytest.fixture
def answering(config: Config) -> Answering:
    """Without a worker: the test says what it would have said."""
    return Answering(WorkerLink(None, lambda: None), Choices.of(config))


def info(name: str, precision: str = "fp32", variant: Variant = Variant.A) -> ModelInfo:
    return ModelInfo(name, "base", None, None, variant, precision, "cpu", "")


def failed(name: str) -> ModelFailed:
    return ModelFailed(name, FailureKind.MODEL_UNAVAILABLE, "no")


def test_of_two_quick_switches_each_is_known_for_itself(answering: Answering) -> None:
    first, second = ModelSpec("a"), ModelSpec("b")
    answering.load(first)
    answering.load(second)
    answering.take(ModelReady(info("a"), 1.0), 0.0)
    assert answering.active and answering.model.phase is ModelPhase.LOADING
    assert answering.choices.spec == second
    answering.take(failed("b"), 0.0)  # the worker goes back to the first
    assert answering.choices.spec == first and not answering.active


def test_a_superseded_switch_settles_with_the_one_after_it(answering: Answering) -> None:
    for name in ("a", "b", "/models/c"):
        answering.load(ModelSpec(name))
    answering.take(ModelReady(info("c"), 1.0), 0.0)
    assert not answering.active and answering.model.phase is ModelPhase.READY


def test_a_failed_switch_leaves_the_one_that_follows(answering: Answering) -> None:
    answering.load(ModelSpec("a"))
    answering.load(ModelSpec("b"))
    live = answering.ask(CASE)
    answering.take(failed("a"), 0.0)
    assert answering.choices.spec.model == "b" and answering.active and live.running
    answering.take(ModelReady(info("b"), 1.0), 0.0)
    assert answering.model.phase is ModelPhase.READY


def test_two_precisions_of_one_model_are_told_apart(answering: Answering) -> None:
    first, second = ModelSpec("a", precision="fp32"), ModelSpec("a", precision="nf4")
    answering.load(first)
    answering.load(second)
    answering.take(ModelReady(info("a", "fp32"), 1.0), 0.0)
    assert answering.active
    answering.take(failed("a"), 0.0)
    assert answering.choices.spec == first


def test_a_retry_in_fp32_is_seen_in_the_tabs_row(answering: Answering) -> None:
    answering.load(ModelSpec("a"))
    answering.take(ModelReady(info("a", "fp16"), 1.0), 0.0)
    live = answering.ask(CASE)
    answering._link._listen(Started(live.answer_id, info("a", "fp16"), live.decoding))
    assert not answering.drain().model
    answering._link._listen(Started(live.answer_id, info("a", "fp32"), live.decoding))
    assert answering.drain().model
    assert "fp32" in describe_model(answering)


def test_each_mode_keeps_its_own_settings() -> None:
    choices = Choices(ModelSpec(), Decoding(temperature=0.4, seed=3))
    choices.toggle_mode()
    assert choices.decoding == Decoding(
        **{**REFERENCE_FREE.as_dict(), "seed": 3, "mode": Mode.FREE}
    )
    choices.use(Decoding(Mode.FREE, top_p=0.5, seed=4))
    choices.toggle_mode()
    assert choices.decoding == Decoding(temperature=0.4, seed=4)
    choices.toggle_mode()
    assert choices.decoding.top_p == 0.5


@pytest.mark.parametrize("value", [12_345_678, 2**63 - 1, 0, 0.123456789, 1.0, 1e-06])
def test_a_number_is_shown_with_all_its_digits(value: float) -> None:
    assert type(value)(_number_text(value)) == value


def test_one_patient_edited_and_another_patient() -> None:
    for one, two in combinations(EXAMPLES, 2):
        assert not same_case(one.vignette, two.vignette), (one.title, two.title)
    for example in EXAMPLES:
        words = example.vignette.split()
        assert same_case(example.vignette, f"{example.vignette} She takes warfarin.")
        assert same_case(example.vignette, " ".join(words[: len(words) * 4 // 5]))
        assert same_case(example.vignette, example.vignette.replace("temperature", "fever"))
    pain = "A 63-year-old man has had crushing chest pain since the morning. He smokes."
    assert not same_case(pain, pain.replace("63-year-old", "19 year old"))
    assert not same_case(pain, "A man has had itchy knees since the morning. He smokes.")
    assert same_case("", " ") and not same_case("", pain)


def titles(before: Any, after: Any, vignettes: tuple[str, str]) -> str:
    return "\n".join(line.plain for line in field_lines(compare(before, after), *vignettes))


def test_vignettes_are_compared_as_they_were_asked() -> None:
    same = titles({ECHO: "Pain."}, {ECHO: "Pain."}, ("Pain.", "Pain."))
    assert "Unchanged: vignette." in same and "Echo" not in same
    edited = titles({ECHO: "Pain."}, {ECHO: "Pain. Fever."}, ("Pain.", "Pain. Fever."))
    assert "Vignette" in edited and "Echo" not in edited
    wrong = titles({ECHO: "Pain."}, {ECHO: "Rash."}, ("Pain.", "Pain."))
    assert "Unchanged: vignette." in wrong and "Echo" in wrong and "{+Rash.+}" in wrong
    assert "Echo" not in titles({}, {}, ("Pain.", "Pain."))  # an answer that failed has none
