"""The generator of training text: deterministic, true to its findings, never naming the answer."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from diffdx_tui.config import data_directory
from diffdx_tui.domain.differential import Slot, Variant, render
from diffdx_tui.domain.verdict import judge
from diffdx_tui.domain.vignette import normalise
from trainer.mini.answers import arguments, gold_answer
from trainer.mini.cases import Case, Casebook
from trainer.mini.prose import names_condition, write_vignette
from trainer.mini.rewording import jitter_numbers
from trainer.mini.selection import CORE, MissingCondition, read_casebook

CASES = 400


@pytest.fixture(scope="module")
def book() -> Casebook:
    return read_casebook(data_directory() / "knowledge")


@pytest.fixture(scope="module")
def drawn(book: Casebook) -> list[tuple[Case, str, dict[Slot, str]]]:
    rows = []
    for number in range(CASES):
        rng = random.Random(f"test/{number}")
        case = book.draw(rng, book.conditions[number % len(book.conditions)])
        vignette = write_vignette(book, case, rng)
        rows.append((case, vignette, gold_answer(case, vignette, rng)))
    return rows


def test_fifty_conditions_five_in_each_domain(book: Casebook) -> None:
    assert len(CORE) == len(set(CORE)) == 50
    domains = [condition.domain for condition in book.conditions]
    assert {domains.count(domain) for domain in domains} == {5}


def test_missing_condition_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingCondition, match="migraine"):
        read_casebook(tmp_path, ("migraine",))


def test_same_seed_same_text(book: Casebook) -> None:
    def once() -> tuple[str, dict[Slot, str]]:
        rng = random.Random("again")
        case = book.draw(rng)
        vignette = write_vignette(book, case, rng)
        return vignette, gold_answer(case, vignette, rng)

    assert once() == once()


def test_no_two_vignettes_alike(drawn: list[tuple[Case, str, dict[Slot, str]]]) -> None:
    assert len({vignette for _, vignette, _ in drawn}) == len(drawn)


def test_vignette_never_names_its_condition(
    drawn: list[tuple[Case, str, dict[Slot, str]]],
) -> None:
    for case, vignette, _ in drawn:
        assert not names_condition(vignette, case.condition), vignette
        assert case.condition.name.lower() not in vignette.lower()


def test_no_placeholder_is_left_and_the_door_changes_nothing(
    drawn: list[tuple[Case, str, dict[Slot, str]]],
) -> None:
    for _, vignette, texts in drawn:
        assert not re.search(r"[{}]", vignette), vignette
        assert normalise(vignette) == vignette
        assert not any("{" in text for text in texts.values())


def test_findings_are_stated_or_denied_never_both(
    drawn: list[tuple[Case, str, dict[Slot, str]]],
) -> None:
    for case, _, _ in drawn:
        present = {finding.id for finding in case.present}
        assert present.isdisjoint(negative.id for negative in case.denied)
        if case.extra:
            known = {finding.id for finding in case.condition.findings}
            assert case.extra.id not in known


def test_leading_tier_argues_only_with_what_the_case_states(
    drawn: list[tuple[Case, str, dict[Slot, str]]],
) -> None:
    for case, _, texts in drawn:
        leading = texts[Slot("most_likely")]
        # Take out every rationale that may stand there, longest first; only the frame may remain.
        allowed = arguments(case, limit=99) + [negative.rationale for negative in case.denied]
        rest = leading.split(" - ", 1)[1]
        for text in sorted(allowed, key=len, reverse=True):
            rest = rest.replace(text, "")
        frame = r"(supported by|suggested by|fits|best explains)?[ ,;]*(and)?[ ,;]*"
        assert re.fullmatch(frame, rest.strip()), leading
        for finding in case.condition.findings:
            stated = any(finding.rationale in text for text in allowed)
            assert stated or finding.rationale not in leading


def test_answers_are_strictly_valid_and_concise(
    drawn: list[tuple[Case, str, dict[Slot, str]]],
) -> None:
    for _, vignette, texts in drawn:
        verdict = judge(render(Variant.A, texts), Variant.A, vignette).verdict
        assert verdict.strict and verdict.echo_exact
        first, second = texts[Slot("possible", 0)], texts[Slot("possible", 1)]
        assert first.split(" - ")[0] != second.split(" - ")[0]
        tiers = [text for slot, text in texts.items() if slot.field != "symptoms"]
        assert sum(len(tier.split()) for tier in tiers) / len(tiers) < 30


def test_every_voice_is_used(drawn: list[tuple[Case, str, dict[Slot, str]]]) -> None:
    assert {case.register for case, _, _ in drawn} == {"clinical", "triage", "lay", "narrative"}
    lengths = sorted(len(vignette.split()) for _, vignette, _ in drawn)
    assert lengths[len(lengths) // 10] > 8 and lengths[-len(lengths) // 10] < 200


def test_numbers_move_little_and_percentages_stay_possible() -> None:
    rng = random.Random(0)
    for _ in range(200):
        moved = jitter_numbers("HR 138, sats 99%, T 39.2, 4 mm", rng)
        match = re.fullmatch(r"HR (\d+), sats (\d+)%, T 39\.(\d), 4 mm", moved)
        assert match and abs(int(match[1]) - 138) <= 4 and int(match[2]) <= 99
