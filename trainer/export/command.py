"""``python -m trainer export RUN OUT --merged``: what ``runs export --merged`` calls.

Role: arguments in, exit codes out; the target is whole or not there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from diffdx_tui.engine.failures import EngineError
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.run_reader import RunReader, read_record
from diffdx_tui.store.run_records import ADAPTER_FOLDER
from trainer.cards import build_card, find_evaluations
from trainer.pages import Drawing, Paragraph, render_markdown

if TYPE_CHECKING:  # it imports the model libraries
    from trainer.export.merging import Check

_USAGE, _REFUSED, _NO_MODEL, _FAILED = 2, 3, 4, 5
NO_GGUF = (
    "no GGUF is written: the converter is llama.cpp's own script, which no package index has. "
    "With a checkout of llama.cpp: `python convert_lora_to_gguf.py --base BASE_DIR ADAPTER_DIR`, "
    "or export --merged and `python convert_hf_to_gguf.py OUT` (docs/training.md)"
)


def main(arguments: list[str]) -> int:
    """Export; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m trainer export", description=__doc__)
    parser.add_argument("run", type=Path, help="a run directory with an adapter")
    parser.add_argument("out", type=Path, help="a new folder")
    form = parser.add_mutually_exclusive_group(required=True)
    form.add_argument("--merged", action="store_true", help="base and adapter as one model")
    form.add_argument("--gguf-adapter", action="store_true", help="the adapter as GGUF")
    options = parser.parse_args(arguments)
    if options.gguf_adapter:
        return _complain(NO_GGUF, _FAILED)
    adapter = options.run / ADAPTER_FOLDER
    if not (adapter / "adapter_config.json").is_file():
        return _complain(f"{options.run} has no adapter", _REFUSED)
    if options.out.exists():
        return _complain(f"{options.out} exists already: choose another name", _USAGE)
    return _merge(options.run, adapter, options.out)


def _merge(run: Path, adapter: Path, out: Path) -> int:
    draft = out.with_name(f".{out.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    os.environ["HF_HUB_OFFLINE"] = "1"  # before the libraries come: they would ask the hub
    from trainer.export.merging import MergeFailed, merge

    try:
        recipe = read_record(run).recipe
        check = merge(recipe, adapter, draft, _say)
        (draft / "README.md").write_text(_card(run, check), encoding="utf-8")
        draft.rename(out)
    except EngineError as error:
        return _complain(str(error), _NO_MODEL)
    except (MergeFailed, StoreError, OSError) as error:
        return _complain(str(error), _FAILED)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _say(
        f"{out}: KL {check.kl_nats:.1e} nats a token from adapter beside base over "
        f"{check.positions} tokens (without the adapter {check.kl_without:.1e}), same top token "
        f"{check.top1_agreement:.1%}; embeddings as the base has them"
    )
    return 0


def _card(run: Path, check: Check) -> str:
    """The adapter's card, told of the merged model."""
    record = read_record(run)
    what = Paragraph(
        "This is the base with the adapter merged into it, on the dequantised weights that the "
        f"adapter was trained beside. Loaded again it differs from adapter beside base by "
        f"{check.kl_nats:.1e} nats a token over {check.positions} tokens of validation answers "
        f"(the base without the adapter: {check.kl_without:.1e}). What follows is the adapter's "
        "card."
    )
    blocks = build_card(record, RunReader(run).read_all(), find_evaluations(run), run)
    kept = [block for block in blocks if not isinstance(block, Drawing)]
    return render_markdown([kept[0], kept[1], what, *kept[2:]])


def _say(text: str) -> None:
    print(text, flush=True)


def _complain(text: str, code: int) -> int:
    print(f"export: {text}", file=sys.stderr, flush=True)
    return code
