"""The base model's training loop: fresh documents every step, resumable at any moment.

Role: learns the weighted language-model loss and, beside it, three linear read-outs of the middle
layer that are thrown away at the end: which finding's words have just ended, which findings the
case states or denies, which condition it is.  They say at every mention what a language-model
loss says on a handful of tokens per row.

A run directory holds ``run.json`` (settled once), ``metrics.jsonl`` (appended), ``state.pt`` (the
last checkpoint, replaced whole), ``plateau.pt`` (the state before the rate fell: a longer run goes
on from there) and ``model/`` (the last checkpoint as a loadable folder).
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from diffdx_tui.engine.tokenizer import END_OF_TEXT, Tokenizer
from trainer.mini.architecture import Shape, new_model, write_checkpoint
from trainer.mini.copier import Kept, keep, make_copier, still, tokens_alike
from trainer.mini.evidence import Evidence, EvidenceRecipe
from trainer.mini.reader import make_reader
from trainer.mini.rows import IGNORED, OPENING, Batch, RowMaker, batches_of
from trainer.mini.shapes import ECHO, ECHO_END, ECHO_FIRST, FRAME, LEADING

WORDS_HALVED = 10
"""Step at which the tokens' vectors learn at half the rate."""


@dataclass(frozen=True, slots=True)
class BaseRecipe:
    """Everything that decides the outcome, beside the knowledge files.

    Attributes:
        tokens: about how many a step sees, padding included.
        chunk: documents drawn together and sorted by length.
        fall: share of the steps at the end over which the rate falls to nothing.
        words: the rate of the tokens' vectors in the end, as a share of the rate; it starts at one
            and falls as their growth would have it: the copier keeps them at one length, so that
            a step turns them as far in the end as in the beginning, and at full rate too far.
        evidence: what the model knows of each token when it starts as a copier and reader;
            ``None`` for a plain start.
    """

    seed: int = 1
    steps: int = 3000
    tokens: int = 3072
    chunk: int = 160
    rate: float = 3e-3
    warmup: int = 40
    words: float = 0.4
    fall: float = 0.35
    decay: float = 0.05
    clip: float = 1.0
    condition: float = 0.5
    mention: float = 0.3
    stated: float = 0.1
    evidence: EvidenceRecipe | None = field(default_factory=EvidenceRecipe)
    shape: Shape = field(default_factory=lambda: Shape(rope_theta=1e6))


class BaseRun:
    """One run: model, optimisers, read-outs and the place in the stream of documents.

    Args:
        evidence: what is known of the tokens; ``None`` for a plain start.
    """

    def __init__(
        self,
        recipe: BaseRecipe,
        maker: RowMaker,
        tokenizer: Tokenizer,
        evidence: Evidence | None = None,
    ) -> None:
        self.recipe, self.maker, self.tokenizer = recipe, maker, tokenizer
        self.model = new_model(recipe.shape, tokenizer, recipe.seed)
        self.kept: list[Kept] = []
        if evidence is not None:
            vectors = evidence.vectors
            self.kept = make_copier(
                self.model,
                tokenizer.im_start,
                recipe.seed,
                vectors,
                alike=tokens_alike(tokenizer),
            )
            self.kept += make_reader(self.model, evidence, recipe.seed)
        self.labels = len(maker.labels.findings)
        hidden = recipe.shape.hidden
        self.readouts = nn.ModuleDict(
            {
                "condition": nn.Linear(hidden, len(maker.labels.conditions)),
                "mention": nn.Linear(hidden, self.labels),
                "stated": nn.Linear(hidden, self.labels),
            }
        )
        with torch.no_grad():  # a finding is rarely there
            self.readouts.get_parameter("stated.bias").fill_(-5.0)
        self.middle = max(1, recipe.shape.layers // 2)
        self.upper = max(1, recipe.shape.layers * 2 // 3)
        self.optimisers = self._optimisers()
        self.step, self.chunk, self.place, self.elapsed_s = 0, 0, 0, 0.0
        self._batches: tuple[int, list[Batch]] = (-1, [])

    def _optimisers(self) -> list[torch.optim.Optimizer]:
        """Muon for the layers' matrices (Jordan et al. 2024), AdamW for everything else."""
        recipe = self.recipe
        matrices = [p for p in self.model.model.layers.parameters() if p.dim() == 2]
        words = self.model.model.embed_tokens.weight
        known = {id(p) for p in (*matrices, words)}
        rest = [p for p in self.model.parameters() if id(p) not in known]
        rest += list(self.readouts.parameters())
        groups = [
            {"params": [p for p in rest if p.dim() > 1], "weight_decay": recipe.decay},
            {"params": [p for p in rest if p.dim() <= 1], "weight_decay": 0.0},
            {"params": [words], "weight_decay": 0.0, "words": True},
        ]
        return [
            torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98), fused=True),
            torch.optim.Muon(
                matrices,
                lr=recipe.rate,
                weight_decay=recipe.decay,
                adjust_lr_fn="match_rms_adamw",
            ),
        ]

    # -- data ----------------------------------------------------------------------------------

    def next_batch(self) -> Batch:
        """The next batch: a pure function of seed and place, so a resumed run is the same."""
        while True:
            if self._batches[0] != self.chunk:
                self._batches = (self.chunk, self._draw(self.chunk))
            if self.place < len(self._batches[1]):
                self.place += 1
                return self._batches[1][self.place - 1]
            self.chunk, self.place = self.chunk + 1, 0

    def _draw(self, chunk: int) -> list[Batch]:
        size = self.recipe.chunk
        made = (self.maker.make(chunk * size + n) for n in range(size))
        rows = [row for row in made if row is not None]
        padding = self.tokenizer.added[END_OF_TEXT]
        batches = list(batches_of(rows, self.recipe.tokens, padding, self.labels))
        random.Random(f"{self.recipe.seed}/{chunk}/order").shuffle(batches)
        return batches

    # -- learning --------------------------------------------------------------------------------

    @property
    def plateau_ends(self) -> int:
        """The step from which the rate falls."""
        return round(self.recipe.steps * (1 - self.recipe.fall))

    def rate_at(self, step: int) -> float:
        """Warm-up, plateau, straight fall to nothing."""
        recipe = self.recipe
        if step < recipe.warmup:
            return recipe.rate * (step + 1) / recipe.warmup
        left = (recipe.steps - step) / max(1, recipe.steps - self.plateau_ends)
        return recipe.rate * min(1.0, max(0.02, left))

    def learn(self) -> dict[str, float]:
        """One step; what it measured."""
        recipe, batch = self.recipe, self.next_batch()
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self.rate_at(self.step)
                if group.get("words") and self.kept:
                    group["lr"] *= max(recipe.words, 1 / (1 + self.step / WORDS_HALVED))
        self.model.train()
        losses, figures = self.losses(batch)
        total = losses["loss"]
        for name in ("condition", "mention", "stated"):
            total = total + getattr(recipe, name) * losses[name]
        torch.autograd.backward(total)
        still(self.kept)
        parameters = [*self.model.parameters(), *self.readouts.parameters()]
        norm = nn.utils.clip_grad_norm_(parameters, recipe.clip)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        keep(self.kept)
        self.step += 1
        figures |= {name: float(value.detach()) for name, value in losses.items()}
        return {**figures, "norm": float(norm), "tokens": batch.ids.numel()}

    def losses(self, batch: Batch) -> tuple[dict[str, Tensor], dict[str, float]]:
        """Weighted next-token loss and the read-outs' losses; figures by kind of token."""
        with torch.autocast("cpu", torch.bfloat16):
            output = self.model.model(batch.ids, output_hidden_states=True, use_cache=False)
            places, targets, weight = batch.predicted()
            logits = self.model.lm_head(output.last_hidden_state.flatten(0, 1)[places]).float()
        entropy = functional.cross_entropy(logits, targets, reduction="none")
        losses = {"loss": (entropy * weight).sum() / weight.sum()}
        middle = output.hidden_states[self.middle].flatten(0, 1)
        upper = output.hidden_states[self.upper].flatten(0, 1)
        named = weight == LEADING
        with torch.no_grad():
            right = (logits.argmax(-1) == targets).float()
            figures = {
                "named": _mean(right[named]),
                "copied": _mean(right[weight == ECHO]),
                "begun": _mean(right[weight == ECHO_FIRST]),
                "ended": _mean(right[weight == ECHO_END]),
                "framed": _mean(right[weight == FRAME]),
                "opened": _mean(right[weight == OPENING]),
                "name_loss": _mean(entropy[named]),
                "reason_loss": _mean(entropy[weight == 1.0]),
            }
        losses |= self._readout_losses(batch, middle, upper, figures)
        return losses, figures

    def _readout_losses(
        self, batch: Batch, middle: Tensor, upper: Tensor, figures: dict[str, float]
    ) -> dict[str, Tensor]:
        conditions, findings = batch.conditions.flatten(), batch.findings.flatten()
        nothing = torch.zeros(())
        losses = {"condition": nothing, "mention": nothing, "stated": nothing}
        heard, ended = conditions != IGNORED, findings != IGNORED
        if heard.any():
            guess = self.read("condition", upper[heard])
            told = conditions[heard]
            losses["condition"] = functional.cross_entropy(guess, told)
            figures["read"] = _mean((guess.detach().argmax(-1) == told).float())
        if ended.any():
            guess = self.read("mention", middle[ended])
            told = findings[ended]
            losses["mention"] = functional.cross_entropy(guess, told)
            figures["mention_right"] = _mean((guess.detach().argmax(-1) == told).float())
        if len(batch.asked):
            guess = self.read("stated", upper[batch.asked])
            every = functional.binary_cross_entropy_with_logits(
                guess, batch.stated, reduction="none"
            )
            # Few of a thousand labels are true: count them and the rest alike.
            true = batch.stated.sum().clamp_min(1)
            losses["stated"] = every.sum() / true / 4
        return losses

    def read(self, name: str, states: Tensor) -> Tensor:
        """Logits of the read-out *name* for hidden states ``(places, hidden)``."""
        states = states.float()
        guess: Tensor = self.readouts[name](functional.rms_norm(states, states.shape[-1:]))
        return guess

    # -- keeping ---------------------------------------------------------------------------------

    def save(self, directory: Path, name: str = "state.pt") -> None:
        """Write the state beside the last one, then put it in its place."""
        directory.mkdir(parents=True, exist_ok=True)
        fresh = directory / f"{name}.new"
        torch.save(
            {
                "step": self.step,
                "chunk": self.chunk,
                "place": self.place,
                "elapsed_s": self.elapsed_s,
                "model": self.model.state_dict(),
                "readouts": self.readouts.state_dict(),
                "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            },
            fresh,
        )
        fresh.replace(directory / name)

    def export(self, directory: Path) -> None:
        """``model/`` with weights and vocabulary, replaced whole."""
        folder, final = directory / "model.new", directory / "model"
        shutil.rmtree(folder, ignore_errors=True)
        write_checkpoint(self.model, self.tokenizer, folder)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(directory / name, folder / name)
        kept = {"step": self.step, "elapsed_s": round(self.elapsed_s, 1)}
        (directory / "kept.json").write_text(json.dumps(kept) + "\n", encoding="utf-8")
        shutil.rmtree(final, ignore_errors=True)
        folder.rename(final)

    def load(self, path: Path) -> None:
        """Go on from the state in *path*."""
        state: dict[str, Any] = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.readouts.load_state_dict(state["readouts"])
        for optimiser, kept in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
        self.step, self.elapsed_s = state["step"], state["elapsed_s"]
        self.chunk, self.place = state["chunk"], state["place"]


def _mean(values: Tensor) -> float:
    return float(values.mean()) if len(values) else float("nan")


class _Stop:
    """Set by SIGTERM or SIGINT: the loop ends after its step and keeps what it has."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.asked = True


def train(
    run: BaseRun,
    directory: Path,
    *,
    about: dict[str, Any] | None = None,
    save_every: float = 180.0,
    probe_every: int = 200,
    probe: Callable[[BaseRun], dict[str, float]] | None = None,
) -> bool:
    """Train to the recipe's last step; whether it got there or was asked to stop."""
    directory.mkdir(parents=True, exist_ok=True)
    described = json.dumps(asdict(run.recipe) | (about or {}), indent=2)
    (directory / "run.json").write_text(described + "\n", encoding="utf-8")
    stop = _Stop()
    before = {s: signal.signal(s, stop) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        _loop(run, directory, stop, save_every, probe_every, probe)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    run.save(directory)
    run.export(directory)
    return run.step >= run.recipe.steps


def _loop(
    run: BaseRun,
    directory: Path,
    stop: _Stop,
    save_every: float,
    probe_every: int,
    probe: Callable[[BaseRun], dict[str, float]] | None,
) -> None:
    saved = last = time.monotonic()
    with (directory / "metrics.jsonl").open("a", encoding="utf-8") as metrics:
        while run.step < run.recipe.steps and not stop.asked:
            if run.step == run.plateau_ends:
                run.save(directory, "plateau.pt")
            figures = run.learn()
            now = time.monotonic()
            figures["tokens_per_s"] = figures["tokens"] / (now - last)
            run.elapsed_s, last = run.elapsed_s + now - last, now
            figures |= {"step": run.step, "rate": run.rate_at(run.step)}
            figures["elapsed_s"] = run.elapsed_s
            if probe and run.step % probe_every == 0:
                figures |= probe(run)
            kept = {n: round(v, 5) for n, v in figures.items() if v == v}
            metrics.write(json.dumps(kept) + "\n")
            metrics.flush()
            if run.step % 20 == 0:
                print(_line(kept, run.recipe.steps), flush=True)
            if time.monotonic() - saved > save_every:
                run.save(directory)
                run.export(directory)
                saved = time.monotonic()


def _line(figures: dict[str, float], steps: int) -> str:
    left = figures["elapsed_s"] / max(1, figures["step"]) * (steps - figures["step"])
    shown = (
        *(
            "loss",
            "opened",
            "framed",
            "named",
            "begun",
            "ended",
            "copied",
            "name_loss",
            "reason_loss",
            "condition",
            "read",
        ),
        *("mention_right", "stated", "norm", "unseen_read"),
    )
    values = " ".join(f"{name} {figures[name]:.3f}" for name in shown if name in figures)
    return (
        f"{figures['step']:.0f}/{steps} {values} {figures['tokens_per_s']:.0f} tok/s "
        f"left {left / 60:.0f} min"
    )
