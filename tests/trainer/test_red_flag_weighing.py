"""No rule cries wolf without a reason, and the published tables say what the rules do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from diffdx_tui.config import data_directory
from diffdx_tui.domain.curated import read_curated
from diffdx_tui.domain.red_flags import Rule, read_rules, red_flags_directory
from trainer import red_flag_measure
from trainer.red_flag_measure import LabelledCase, label_curated, measure, read_held_out
from trainer.red_flag_weighing import count_by_rule, outweighed, replaced, weigh

ROOT = Path(__file__).resolve().parents[2]
PAGE = red_flags_directory() / "README.md"
RULES = read_rules().rules
KEPT = {rule.id for rule in RULES if rule.kept_because}
REMAKE = "stale: run `python -m trainer red-flags --from DIR`"
REASON = "A reason of a person, long enough to be one and not only a word."


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    text = (ROOT / "docs" / "results" / "red_flags.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """The sets of this repository; the external ones are not in it."""
    data = data_directory()
    read, unread = label_curated(read_curated(data / "vignettes.jsonl"))
    return {
        "held_out": measure(read_held_out(data / "held_out.jsonl", data / "knowledge")),
        "curated_read": measure(read),
        "curated_unread": measure(unread),
    }


def test_no_rule_cries_wolf_without_a_reason(measured: dict[str, Any]) -> None:
    found = {rule for rule, counts in count_by_rule(measured).items() if outweighed(counts)}
    assert found - KEPT == set(), "repair it, drop it, or say why in its kept_because"


def test_only_such_rules_have_a_reason(published: dict[str, Any]) -> None:
    listed = published["weighing"]["outweighed"]
    assert {one["rule"] for one in listed} == KEPT, REMAKE
    reasons = {rule.id: rule.kept_because for rule in RULES}
    for one in listed:
        assert (one["decision"], one["reason"]) == ("kept", reasons[one["rule"]]), REMAKE


def test_the_published_counts_are_of_these_rules(
    published: dict[str, Any], measured: dict[str, Any]
) -> None:
    for name, result in measured.items():
        assert published["sets"][name]["rules"] == result["rules"], REMAKE
    assert published["weighing"] == weigh(RULES, published["sets"]), REMAKE
    assert published["weighing"]["by_rule"].keys() == {rule.id for rule in RULES}


def test_the_page_is_the_results_file(published: dict[str, Any]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert replaced(page, published) == page, REMAKE
    with pytest.raises(ValueError, match="marker"):
        replaced("no tables here", published)


def _rule(rule: str, reason: str | None = None) -> Rule:
    return RULES[0].model_copy(update={"id": rule, "kept_because": reason})


def test_weighing_by_hand() -> None:
    sets = {
        "held_out": {"rules": {"a": {"emergency": 2, "urgent": 3}, "b": {"unmatched": 9}}},
        "semigran": {"rules": {"c": {"non-emergency": 1, "self-care": 1, "emergency": 2}}},
        # One set in two halves: only together do they outweigh.
        "curated_read": {"rules": {"d": {"emergency": 1, "routine": 1}, "a": {"emergency": 7}}},
        "curated_unread": {"rules": {"d": {"urgent": 1}}},
    }
    weighing = weigh([_rule("a"), _rule("b"), _rule("c"), _rule("d", REASON), _rule("e")], sets)
    first, second = weighing["outweighed"]
    assert (first["rule"], first["where"], first["decision"]) == ("a", ["held_out"], "undecided")
    assert first["sets"]["curated"]["emergency"] == 7
    assert (second["rule"], second["where"], second["reason"]) == ("d", ["curated"], REASON)
    row = {"emergency": 2, "urgent": 1, "routine": 1, "unlabelled": 0}
    assert weighing["by_rule"]["c"] == row
    assert set(weighing["by_rule"]["e"].values()) == {0}


def test_the_command_fails_on_an_undecided_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    shutil.copy(PAGE, page)
    wolf = LabelledCase("x", "58M vomited blood twice this morning.", "routine", False)
    monkeypatch.setattr(red_flag_measure, "_sets", lambda _: [("own", [wolf])])
    bare = [one.model_copy(update={"kept_because": None}) for one in RULES]
    book = read_rules().__class__(tuple(bare), read_rules().sources)
    monkeypatch.setattr(red_flag_measure, "read_rules", lambda: book)
    out = tmp_path / "out.json"
    arguments = ["--from", str(tmp_path), "--out", str(out), "--page", str(page)]
    assert red_flag_measure.main(arguments) == 5
    assert "abdominal-upper-gi-bleed fires on more other cases" in capsys.readouterr().err
    assert "| own 0 / 0 / 1 | undecided |" in page.read_text(encoding="utf-8")
