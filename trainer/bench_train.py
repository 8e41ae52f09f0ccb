"""This loop against a plain TRL ``SFTTrainer``: tokens per second and peak memory, side by side.

Role: ``make bench-train``.  Same base, rows, rank, batch and precision; each side in a process of
its own, one after the other, so that neither finds the other's memory or warm caches.  On the
stand-in the weights are random: these are speed and memory figures, never quality figures.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from diffdx_tui.domain.recipe import Recipe
from trainer.mini.package import describe_machine
from trainer.tuning.hardware import peak_memory_mb

SIDES = {"ours": None, "trl": None, "trl_rows_apart": 1}
"""Who is measured, and with how many rows a forward pass where TRL's own default is not taken."""


def main(arguments: list[str]) -> int:
    """Run both sides, or with ``--side`` one of them in this process."""
    parser = argparse.ArgumentParser(prog="python -m trainer bench-train", description=__doc__)
    parser.add_argument("base", help="directory of the base, such as the stand-in's")
    parser.add_argument("--data", default="curated", help="as in a recipe")
    parser.add_argument("--steps", type=int, default=3, help="measured steps after one to warm up")
    parser.add_argument("--batch", type=int, default=8, help="rows a step, on both sides")
    parser.add_argument("--out", type=Path, help="also write the figures to this file")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    recipe = Recipe(base=options.base, data=options.data, batch=options.batch, probe_cases=0)
    if options.side == "ours":
        figures = _measure_ours(recipe, options.steps)
    elif options.side:
        figures = _measure_trl(recipe, options.steps, SIDES[options.side] or options.batch)
    else:
        return _compare(arguments, options.out)
    print(json.dumps(figures))
    return 0


def _compare(arguments: list[str], out: Path | None) -> int:
    try:
        versions = {name: version(name) for name in ("torch", "transformers", "peft", "trl")}
    except PackageNotFoundError as error:
        print(f"bench-train: {error.name} is not installed: `make bench-train`", file=sys.stderr)
        return 4
    results: dict[str, Any] = {
        "command": f"python -m trainer bench-train {' '.join(map(_last_part, arguments))}",
        "machine": describe_machine(torch.get_num_threads()),
        "versions": versions,
        "note": "random weights: speed and memory, never quality",
    }
    for side in SIDES:
        command = [sys.executable, "-m", "trainer", "bench-train", *arguments, "--side", side]
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "passive"}
        done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=False)
        if done.returncode:
            print(f"bench-train: the {side} side failed", file=sys.stderr)
            return 5
        results[side] = json.loads(done.stdout.splitlines()[-1])
        print(f"{side}: {results[side]}", file=sys.stderr, flush=True)
    ours = results["ours"]
    for side in ("trl", "trl_rows_apart"):
        theirs = results[side]
        results[f"speed_ratio_{side}"] = ours["tokens_per_s"] / theirs["tokens_per_s"]
        results[f"memory_ratio_{side}"] = ours["peak_mb"] / theirs["peak_mb"]
    text = json.dumps(results, indent=1)
    print(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")
    return 0


def _last_part(argument: str) -> str:
    """Without the folders of this machine."""
    return Path(argument).name


def _device() -> torch.device:
    return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


class _Clock:
    """Wall and processor seconds, and tokens, of the steps after the first."""

    def __init__(self) -> None:
        self.tokens, self._steps = 0, 0
        self._wall = self._cpu = 0.0

    def end_step(self, tokens: int) -> None:
        """Note a step of *tokens* real tokens; the first only starts the clock."""
        if self._steps:
            self.tokens += tokens
        else:
            self._wall, self._cpu = time.perf_counter(), time.process_time()
        self._steps += 1

    def figures(self) -> dict[str, float]:
        """What the machine took for them, and the process's peak so far."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return {
            "steps": self._steps - 1,
            "tokens": self.tokens,
            "tokens_per_s": self.tokens / wall,
            "tokens_per_cpu_s": self.tokens / cpu,
            "peak_mb": peak_memory_mb(_device()),
        }


def _measure_ours(recipe: Recipe, steps: int) -> dict[str, float]:
    from trainer.tuning.batches import order_batches
    from trainer.tuning.distributed import Ranks
    from trainer.tuning.journal import Journal
    from trainer.tuning.learner import Learner
    from trainer.tuning.memory import choose_micro_batch
    from trainer.tuning.tune import prepare

    ready = prepare(recipe, Journal(None))
    rows = ready.material.train
    micro_batch = choose_micro_batch(ready.base, recipe.batch, max(map(len, rows)))
    learner = Learner(ready.base, recipe, ready.prefix, micro_batch, Ranks())
    clock = _Clock()
    batches = order_batches([len(row) for row in rows], recipe.batch, recipe.seed, 0)
    for step, numbers in enumerate(batches[: steps + 1]):
        stepped = learner.learn([rows[n] for n in numbers], recipe.rate, step, lambda: None)
        clock.end_step(stepped.tokens)
    return {**clock.figures(), "micro_batch": micro_batch}


def _measure_trl(recipe: Recipe, steps: int, micro_batch: int) -> dict[str, float]:
    """``SFTTrainer`` as its documentation sets QLoRA up; its own defaults for the rest."""
    import pyarrow
    from datasets import Dataset
    from datasets.table import InMemoryTable
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
    from trl import SFTConfig, SFTTrainer

    from diffdx_tui.engine.tokenizer import Tokenizer
    from trainer.tuning.rows import read_cases, render_row

    tokenizer = Tokenizer.load(Path(recipe.base))
    rows = [render_row(tokenizer, recipe.variant, case) for case in read_cases(recipe).train]
    table = pyarrow.table(
        {
            "input_ids": [list(row.ids) for row in rows],
            "completion_mask": [[0] * len(row.prompt) + [1] * len(row.completion) for row in rows],
        }
    )
    model = AutoModelForCausalLM.from_pretrained(
        recipe.base,
        quantization_config=BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=torch.bfloat16,
            bnb_4bit_use_double_quant=True,
        ),
        dtype=torch.bfloat16,
        device_map={"": str(_device())},
    )
    clock = _Clock()

    class Counted(SFTTrainer):  # type: ignore[misc]
        """Counts real tokens; padding is not work that was asked for."""

        seen = 0

        def training_step(self, model: Any, inputs: Any, *rest: Any, **more: Any) -> Any:
            Counted.seen += int(inputs["attention_mask"].sum())
            loss = super().training_step(model, inputs, *rest, **more)
            if self.accelerator.sync_gradients:
                clock.end_step(Counted.seen)
                Counted.seen = 0
            return loss

    trainer = Counted(
        model=model,
        args=SFTConfig(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=micro_batch,
            gradient_accumulation_steps=recipe.batch // micro_batch,
            max_steps=steps + 1,
            learning_rate=recipe.rate,
            max_length=None,
            seed=recipe.seed,
            save_strategy="no",
            report_to=[],
            use_cpu=_device().type == "cpu",
            disable_tqdm=True,
        ),
        # A fingerprint of its own: hashing the table fails with some versions of pyarrow.
        train_dataset=Dataset(InMemoryTable(table), fingerprint="rows"),
        processing_class=AutoTokenizer.from_pretrained(recipe.base),
        peft_config=LoraConfig(
            r=recipe.rank,
            lora_alpha=int(recipe.alpha),
            lora_dropout=recipe.dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
    )
    trainer.train()
    return {**clock.figures(), "micro_batch": micro_batch}
