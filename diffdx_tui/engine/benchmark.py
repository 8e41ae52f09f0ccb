"""The reference's usage against this engine, side by side in one run.

Role: the source of every inference speed figure of the project.  Both sides load the same weights
and adapter in the same precision and answer the same vignettes; answers alternate between the
sides, so that a machine whose speed drifts drifts for both.

*Reference*: ``transformers.generate`` with the PEFT adapter unmerged and the card's decoding
(temperature 0.1, repetition penalty 1.1), every token of the answer sampled one by one.
*Engine*: guided decoding, skeleton and echo prefilled.  So that neither side wins by saying less,
the reference writes exactly as many answer tokens as the engine's document has.

Peak memory is measured in a process of its own for each side, since a process's peak never falls.
"""

from __future__ import annotations

import dataclasses
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from diffdx_tui.domain.decoding import REFERENCE_FREE, Decoding
from diffdx_tui.domain.events import Finished
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.engine.catalogue import NO_ADAPTER, ModelSpec, locate
from diffdx_tui.engine.files import Checkpoint
from diffdx_tui.engine.local import LocalEngine
from diffdx_tui.engine.placement import Placement, place
from diffdx_tui.engine.prompt import prompt_ids
from diffdx_tui.engine.transformers_decoder import load_as_reference

VIGNETTES = (
    "A 67-year-old woman with hypertension presents with sudden onset severe headache described "
    "as the worst of her life, associated with neck stiffness and photophobia. She vomited twice. "
    "No fever.",
    "A 24-year-old man has had central abdominal pain since yesterday that has moved to the right "
    "iliac fossa. He is off his food, has vomited once and has a temperature of 37.9 C.",
    "A 58-year-old smoker has crushing chest pain for forty minutes that spreads to the jaw. He is "
    "sweating and grey. Pulse 104, blood pressure 98/60.",
)


@dataclass(frozen=True, slots=True)
class Side:
    """One side's medians over the answers.

    Attributes:
        answer_s: seconds from request to complete answer.
        ttft_s: seconds to the first sampled token.
        tokens_sampled: tokens chosen one by one per answer.
        tokens_forced: answer tokens that were prefilled or forced per answer.
        sampled_per_s: sampled tokens per second after the first.
        answer_tokens_per_s: all tokens of the answer per second, end to end.
        peak_mb: peak memory of a process that loads and answers once (GPU memory on a GPU).
    """

    answer_s: float
    ttft_s: float
    tokens_sampled: float
    tokens_forced: float
    sampled_per_s: float
    answer_tokens_per_s: float
    peak_mb: float


def compare(spec: ModelSpec, answers: int, max_new_tokens: int) -> dict[str, Any]:
    """Run both sides on *spec*; returns plain values with both sides and the ratios.

    Raises:
        EngineError: the model cannot be loaded.
    """
    with tempfile.TemporaryDirectory(prefix="diffdx-bench-") as folder:
        spec = _with_adapter(spec, Path(folder))
        engine = LocalEngine.load(spec)
        placement = _placement_of(spec)
        reference = _Reference(spec, placement)
        decoding = Decoding(max_new_tokens=max_new_tokens, alternatives=0)
        ours: list[dict[str, float]] = []
        theirs: list[dict[str, float]] = []
        for index in range(answers + 1):
            vignette = Vignette.parse(VIGNETTES[index % len(VIGNETTES)])
            mine = _answer_by_engine(engine, vignette, decoding)
            tokens = int(mine["tokens_sampled"] + mine["tokens_forced"])
            other = reference.answer(vignette, tokens)
            if index:  # the first pair warms up
                ours.append(mine)
                theirs.append(other)
        peaks = {side: _peak_of(side, spec, max_new_tokens) for side in ("engine", "reference")}
        ours_side = _summary(ours, peaks["engine"])
        theirs_side = _summary(theirs, peaks["reference"])
    return {
        "model": engine.info.as_dict(),
        "answers": answers,
        "max_new_tokens": max_new_tokens,
        "threads": {"engine": placement.threads, "reference": torch.get_num_threads()},
        "torch": torch.__version__,
        "engine": dataclasses.asdict(ours_side),
        "reference": dataclasses.asdict(theirs_side),
        "ratio_end_to_end": theirs_side.answer_s / ours_side.answer_s,
        "ratio_tokens_per_s": ours_side.sampled_per_s / theirs_side.sampled_per_s,
        "ratio_ttft": theirs_side.ttft_s / ours_side.ttft_s,
        "ratio_peak_memory": ours_side.peak_mb / theirs_side.peak_mb,
    }


class _Reference:
    """The card's usage, as written there but for the decoding of text."""

    def __init__(self, spec: ModelSpec, placement: Placement) -> None:
        located = locate(spec)
        directory = located.base_directory
        self._model = load_as_reference(directory, located.adapter_directory, placement)
        self._variant = spec.variant
        from diffdx_tui.engine.tokenizer import Tokenizer

        self._tokenizer = Tokenizer.load(directory)

    def answer(self, vignette: Vignette, tokens: int) -> dict[str, float]:
        """Generate exactly *tokens* tokens; times in seconds."""
        from transformers import GenerationConfig

        clock = _FirstTokenClock()
        torch.set_num_threads(_DEFAULT_THREADS)
        torch.manual_seed(0)
        started = time.perf_counter()
        ids = prompt_ids(self._tokenizer, self._variant, vignette.text)
        settings = GenerationConfig(
            do_sample=True,
            temperature=REFERENCE_FREE.temperature,
            top_p=REFERENCE_FREE.top_p,
            top_k=REFERENCE_FREE.top_k,
            repetition_penalty=REFERENCE_FREE.repetition_penalty,
            min_new_tokens=tokens,
            max_new_tokens=tokens,
            eos_token_id=self._tokenizer.im_end,
            pad_token_id=self._tokenizer.im_end,
        )
        inputs = torch.tensor([ids], device=self._model.device)
        with torch.no_grad():
            output = self._model.generate(
                input_ids=inputs,
                attention_mask=torch.ones_like(inputs),
                generation_config=settings,
                streamer=clock,
            )
        self._tokenizer.decode(output[0, len(ids) :].tolist())
        total = time.perf_counter() - started
        first = clock.first - started
        return {
            "answer_s": total,
            "ttft_s": first,
            "tokens_sampled": float(tokens),
            "tokens_forced": 0.0,
            "sampled_per_s": (tokens - 1) / (total - first),
        }


class _FirstTokenClock:
    """A streamer that only notes when the first new token came."""

    def __init__(self) -> None:
        self.first = 0.0
        self._calls = 0

    def put(self, value: torch.Tensor) -> None:
        self._calls += 1
        if self._calls == 2:  # the first call carries the prompt
            self.first = time.perf_counter()

    def end(self) -> None:
        return None


_DEFAULT_THREADS = torch.get_num_threads()


def _answer_by_engine(
    engine: LocalEngine, vignette: Vignette, decoding: Decoding
) -> dict[str, float]:
    started = time.perf_counter()
    last = None
    for event in engine.generate(vignette, decoding, "bench"):
        last = event
    total = time.perf_counter() - started
    if not isinstance(last, Finished):
        raise RuntimeError(f"the engine did not finish: {last}")
    return {
        "answer_s": total,
        "ttft_s": last.stats.ttft_s,
        "tokens_sampled": float(last.stats.tokens_sampled),
        "tokens_forced": float(last.stats.tokens_forced),
        "sampled_per_s": last.stats.tokens_per_s,
    }


def _summary(rows: list[dict[str, float]], peak_mb: float) -> Side:
    median = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    per_s = [(row["tokens_sampled"] + row["tokens_forced"]) / row["answer_s"] for row in rows]
    return Side(**median, answer_tokens_per_s=statistics.median(per_s), peak_mb=peak_mb)


def _with_adapter(spec: ModelSpec, folder: Path) -> ModelSpec:
    """*spec* with an adapter of the reference's shape, made up where the model brings none.

    The reference's usage always carries one; without it the comparison would flatter nobody but
    also measure another usage.  Its updates are zero, so the weights stay the same.
    """
    if spec.adapter == NO_ADAPTER:
        spec = dataclasses.replace(spec, adapter=None)
    located = locate(spec)
    if located.adapter_directory is not None:
        return spec
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(located.base_directory, dtype="auto")
    config = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    directory = folder / "adapter"
    get_peft_model(model, config).save_pretrained(str(directory))
    return dataclasses.replace(spec, adapter=str(directory))


def _placement_of(spec: ModelSpec) -> Placement:
    return place(spec.precision, Checkpoint(locate(spec).base_directory).parameters())


def _peak_of(side: str, spec: ModelSpec, max_new_tokens: int) -> float:
    """Peak memory in MB of a fresh process that loads *spec* and answers once."""
    values = dataclasses.asdict(spec) | {"variant": str(spec.variant)}
    command = [sys.executable, "-m", __name__, side, json.dumps(values), str(max_new_tokens)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the memory run failed: {done.stderr.strip().splitlines()[-1:]}")
    return float(done.stdout.split()[-1])


def _measure_peak(side: str, spec: ModelSpec, max_new_tokens: int) -> float:
    vignette = Vignette.parse(VIGNETTES[0])
    if side == "engine":
        engine = LocalEngine.load(spec)
        _answer_by_engine(engine, vignette, Decoding(max_new_tokens=max_new_tokens))
    else:
        _Reference(spec, _placement_of(spec)).answer(vignette, max_new_tokens)
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    status = Path("/proc/self/status")
    if status.is_file():  # ru_maxrss would inherit the parent's peak across the fork
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return float(line.split()[1]) / 1e3
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    from diffdx_tui.domain.differential import Variant

    _side, _values, _tokens = sys.argv[1:]
    _given = json.loads(_values)
    _spec = ModelSpec(**(_given | {"variant": Variant(_given["variant"])}))
    print(_measure_peak(_side, _spec, int(_tokens)))
