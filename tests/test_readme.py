"""README says what the results files say, and names only what exists."""

from __future__ import annotations

import re
from pathlib import Path

from diffdx_tui.commands.arguments import build_parser
from diffdx_tui.domain.curated import read_curated
from diffdx_tui.domain.knowledge import read_knowledge
from diffdx_tui.domain.red_flags import read_rules
from trainer.figures import replaced

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_figures_are_the_results_files() -> None:
    assert replaced(README, ROOT / "docs" / "results") == README


def test_every_linked_file_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_every_command_in_the_table_exists() -> None:
    help_text = build_parser().format_help()
    for command in re.findall(r"`diffdx-tui (\w+)", README):
        assert command in help_text, command


def test_counts_are_those_of_the_data() -> None:
    data = ROOT / "data"
    rules = len(read_rules().rules)
    cases = len(read_curated(data / "vignettes.jsonl"))
    conditions = len(read_knowledge(data / "knowledge"))
    for said in (
        f"{rules} cited rules",
        f"{cases} curated cases",
        f"{conditions} illness scripts",
    ):
        assert said in README, said
