"""The linear mode."""

from __future__ import annotations

import io
import subprocess
import sys
from functools import partial
from typing import Any

from diffdx_tui.store import SessionStore
from diffdx_tui.ui.plain import run_plain
from tests.ui.scripted_worker import ScriptedWorker


def run(config: Any, text: str, **script: Any) -> str:
    output = io.StringIO()
    factory = partial(ScriptedWorker, **script)
    assert run_plain(config, worker_factory=factory, source=io.StringIO(text), output=output) == 0
    return output.getvalue()


def test_a_vignette_is_answered_in_labelled_lines(config: Any) -> None:
    said = run(config, "A man\nwith pain.\n\n:again\n:mode\n:what\n:quit\nnever\n")
    for words in (
        "Research and education only. Not a medical device.",
        "Model: mini, cpu, fp32",
        "Most likely: Subarachnoid haemorrhage. Reasoning: sudden",
        "Possible 2: Migraine",
        "Answer finished, valid, first token 0.18 seconds",
        "Mode: free",
        "Unknown command :what",
    ):
        assert words in said
    with SessionStore.open(config.database) as store:
        assert [s.answers for s in store.list_sessions()] == [2]


def test_nothing_in_it_reaches_the_terminal_as_a_command(config: Any) -> None:
    said = run(config, "pain\n\n", texts={"most_likely": "\x1b]52;c;aGk=\x07 \u202e - [red]"})
    assert "\x1b" not in said and "\u202e" not in said and "[red]" in said


def test_failures_and_refusals_are_lines(config: Any) -> None:
    assert "Failed: out of memory: buy more" in run(config, "pain\n\n", failure="buy more")
    assert "Model failed: not here" in run(config, "pain\n\n", load_failure="not here")
    assert "Refused: the vignette is empty" in run(config, ":again\n")


def test_a_damaged_database_is_a_line_once(config: Any) -> None:
    config.home.mkdir(parents=True)
    config.database.write_bytes(b"not a database" * 500)
    said = run(config, "pain\n\n:again\n")
    assert said.count("kept as") == 1 and "Warning: " in said


def test_it_needs_no_textual_and_no_torch() -> None:
    code = (
        "import sys, diffdx_tui.ui.plain;"
        "assert not {'textual', 'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_screen_needs_no_torch_and_no_trainer() -> None:
    code = (
        "import sys, diffdx_tui.ui.app;"
        "assert not {'torch', 'transformers', 'trainer', 'peft'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
