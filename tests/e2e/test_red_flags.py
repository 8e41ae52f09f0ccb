"""The red-flag banner as a person meets it: real pseudo-terminal, real model, real rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.test_terminal import pytestmark as pytestmark
from tests.e2e.test_terminal import start

CARD = (
    "67-year-old woman with hypertension presents with sudden onset severe headache described as "
    "the worst of her life, with neck stiffness, photophobia and vomiting. She denies fever."
)


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (160, 50)])
def test_the_banner_and_why(home: Path, columns: int, rows: int) -> None:
    with start(home, columns=columns, rows=rows) as terminal:
        terminal.wait_for("Vignette")
        terminal.paste(CARD)
        terminal.wait_for("denies fever")
        terminal.press("f5")  # the model may still be loading
        terminal.wait_for("Taught as time-critical: sudden worst-ever headache", seconds=60)
        terminal.wait_for("finished", seconds=120)
        assert "F6 why" in terminal.text and "MOST LIKELY" in terminal.text
        terminal.press("f6")
        terminal.wait_for("neuro-thunderclap-headache")
        terminal.wait_for("tier names this danger", seconds=30)
        terminal.press("escape")
        terminal.press("ctrl+q")
        assert terminal.wait() == 0
