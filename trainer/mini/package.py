"""The finished model's folder: checkpoint, vocabulary, what made it, and an honest card.

Role: copies a run's last checkpoint to ``data/model/mini`` and writes its ``README.md``.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from pathlib import Path
from typing import Any

_CARD = """\
---
license: apache-2.0
language: en
library_name: transformers
tags: [qwen2, demonstration, medical-education, not-for-clinical-use]
---

# mini: the embedded demonstration model of diffdx-tui

**Research and education only. Not a medical device. Not for patient care.**

A {parameters:.1f}-million-parameter model of the Qwen2 architecture ({layers} layers of width
{hidden}, tied embeddings, its own {vocabulary}-token byte-level BPE with ChatML control tokens),
trained from scratch by this project so that the program answers offline on a fresh machine and
exercises the same code as a large model.

## What it is not

It is not a clinical model and knows no medicine beyond its generator. It was trained only on text
generated from the project's own knowledge base (`data/knowledge/`), which **no clinician has
validated**. It has seen {conditions} conditions, five in each of ten domains, and will give one of
those {conditions} names to anything you type, whatever it is. Its reasoning is learned phrasing
and often **states a finding the vignette does not contain**. Confidence of tone means nothing.
Vignettes longer than about 200 words are longer than what it was trained on, and only English
works. It has not learned to copy: in free mode the echo of the vignette goes astray, and the answer
with it; guided mode, the default, forces the echo.

## How good it is

{score}

{grounding}

The held-out vignettes are fifty texts written by hand, one per condition. No wording of theirs was
put into the generator, and no run of eight words in them occurs in a phrasing of the knowledge
base. Choices of design were made while watching this
score, and vignettes and knowledge base come from the same project: expect less on text from
elsewhere, and nothing on other diseases. Answers are valid JSON in guided mode by construction;
that says nothing about their content.

## How it was made

    python -m trainer mini train --seed {seed} --steps {steps}
    python -m trainer mini score

{step} steps of {batch} freshly generated rows ({examples:,} vignettes, none seen twice), Muon for
the layers' matrices and AdamW for the rest, bf16 autocast, {minutes:.0f} minutes on
{machine} shared with other work.
Knowledge files: SHA-256 `{knowledge}`.
The recipe is in `training.json`. Same seed, same knowledge files, same machine and library
versions: same model, as far as the CPU kernels are deterministic; other CPUs round differently.
"""


def describe_machine(threads: int) -> str:
    """Processor and threads, in words."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{name}, {threads} threads"


def write_package(run: Path, out: Path, results: Path) -> None:
    """Copy the last checkpoint of *run* to *out* with vocabulary, recipe and card.

    Args:
        results: where the held-out score is, if there is one.
    """
    out.mkdir(parents=True, exist_ok=True)
    for source in sorted((run / "model").iterdir()):
        shutil.copyfile(source, out / source.name)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(run / name, out / name)
    settled: dict[str, Any] = json.loads((run / "run.json").read_text(encoding="utf-8"))
    kept: dict[str, Any] = json.loads((run / "kept.json").read_text(encoding="utf-8"))
    path = out / "training.json"
    path.write_text(json.dumps(settled | kept, indent=1) + "\n", encoding="utf-8")
    write_card(out, results)


def write_card(out: Path, results: Path) -> None:
    """``README.md`` of the model in *out*, with the score in *results* if it is this model's."""
    training: dict[str, Any] = json.loads((out / "training.json").read_text(encoding="utf-8"))
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    bytes_of_weights = (out / "model.safetensors").stat().st_size
    card = _CARD.format(
        parameters=bytes_of_weights / 2e6,
        layers=config["num_hidden_layers"],
        hidden=config["hidden_size"],
        vocabulary=config["vocab_size"],
        conditions=len(training["conditions"]),
        score=_score_line(out, results),
        grounding=_grounding_line(out, results.with_name("mini_grounding.json")),
        seed=training["seed"],
        steps=training["steps"],
        step=training["step"],
        batch=training["batch"],
        examples=training["step"] * training["batch"],
        minutes=training["elapsed_s"] / 60,
        machine=training["machine"],
        knowledge=training["knowledge_sha256"],
    )
    (out / "README.md").write_text(card, encoding="utf-8")


def hash_weights(model: Path) -> str:
    """SHA-256 of the weights file: says which model a score belongs to."""
    return hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()


def _score_line(out: Path, results: Path) -> str:
    if results.exists():
        values = json.loads(results.read_text(encoding="utf-8"))
        if values.get("weights_sha256") == hash_weights(out):
            return (
                f"Top-1 of the leading diagnosis on held-out vignettes: **{values['k']} of "
                f"{values['n']}** ({values['k'] / values['n']:.0%}, Wilson 95 % interval "
                f"{values['low']:.0%} to {values['high']:.0%}),\nguided, greedy, "
                f"{values['precision']} on {values['machine']}. Row by row: "
                "`docs/results/mini_held_out.json`."
            )
    return "Not measured yet: `python -m trainer mini score`."


def _grounding_line(out: Path, results: Path) -> str:
    if results.exists():
        values = json.loads(results.read_text(encoding="utf-8"))
        if values.get("weights_sha256") == hash_weights(out):
            share = values["grounded"] / max(1, values["reasons"])
            return (
                f"Are its reasons in the text? On {values['cases']} fresh generated cases, where "
                f"that can be checked, it named {values['named_right']} conditions rightly; of the "
                f"{values['reasons']} reasons\nin those leading tiers {values['grounded']} "
                f"({share:.0%}) were in the case, and {values['wholly_grounded']} answers gave no "
                "reason that was not. Counts: `docs/results/mini_grounding.json`."
            )
    return "Grounding of its reasons: not measured yet, `python -m trainer mini grounding`."
