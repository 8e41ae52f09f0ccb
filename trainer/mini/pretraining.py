"""The training loop of the embedded model: fresh examples every step, resumable at any moment.

Role: learns the language-model loss with each token's weight, and beside it a small read-out that
names the condition from a middle layer while the vignette is read.  The read-out is scaffolding:
it is thrown away at the end, but it tells every layer below what the text is about, which a
language-model loss alone says on a handful of tokens per row.

A run directory holds ``run.json`` (settled once), ``metrics.jsonl`` (appended), ``state.pt`` (the
last checkpoint, replaced whole) and ``model/`` (the same checkpoint as a loadable folder).
"""

from __future__ import annotations

import json
import math
import random
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from diffdx_tui.engine.tokenizer import Tokenizer
from trainer.mini.architecture import Shape, new_model, write_checkpoint
from trainer.mini.examples import ECHO_WEIGHT, Example, ExampleMaker

CHUNK = 8
"""Batches drawn and sorted by length together, so that little is padded."""

IGNORED = -100
ROUND_WIDTH, ROUND_PLACES = 64, 2048


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the outcome, beside the knowledge files."""

    seed: int = 1
    steps: int = 2000
    batch: int = 12
    rate: float = 3e-3
    floor: float = 0.05
    warmup: int = 60
    decay: float = 0.05
    clip: float = 1.0
    readout: float = 0.3
    muon: bool = True
    shape: Shape = field(default_factory=Shape)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows padded to one length; padding is at the end and weighs nothing."""

    ids: Tensor
    weights: Tensor
    conditions: Tensor

    @property
    def tokens(self) -> int:
        """Positions computed, padding included."""
        return self.ids.numel()

    def predicted(self) -> tuple[Tensor, Tensor, Tensor]:
        """Flat places whose next token is learned, those next tokens, and their weights.

        The number of places is rounded up with weightless ones: the CPU's bf16 kernels are compiled
        for every new shape, which costs far more than the few positions added.
        """
        weights = functional.pad(self.weights[:, 1:], (0, 1)).flatten()
        following = functional.pad(self.ids[:, 1:], (0, 1)).flatten()
        places = weights.nonzero()[:, 0]
        short = -len(places) % ROUND_PLACES
        places = functional.pad(places, (0, short))
        weight = weights[places]
        weight[len(places) - short :] = 0
        return places, following[places], weight


class Pretraining:
    """One run: model, optimiser, read-out and the place in the stream of examples."""

    def __init__(self, recipe: Recipe, maker: ExampleMaker, tokenizer: Tokenizer) -> None:
        self.recipe, self.maker, self.tokenizer = recipe, maker, tokenizer
        self.model = new_model(recipe.shape, tokenizer, recipe.seed)
        self.readout = nn.Linear(recipe.shape.hidden, len(maker.book.conditions))
        self.depth = max(1, recipe.shape.layers * 3 // 4)
        self.optimisers = self._optimisers()
        self.step, self.elapsed_s = 0, 0.0
        self._chunk: tuple[int, list[Batch]] = (-1, [])

    def _optimisers(self) -> list[torch.optim.Optimizer]:
        """Muon for the layers' matrices, AdamW for everything else.

        Muon (Jordan et al. 2024) orthogonalises each matrix's momentum; in the pilots it needed
        about half the examples AdamW needed for the same loss (one short pilot
        each, at 2e-3 and 1e-3, so optimiser and rate are not told apart).
        Its step is scaled to AdamW's size, so one rate serves both.
        """
        recipe = self.recipe
        matrices = [p for p in self.model.model.layers.parameters() if p.dim() == 2]
        known = {id(p) for p in matrices}
        rest = [p for p in self.model.parameters() if id(p) not in known]
        rest += list(self.readout.parameters())
        if not recipe.muon:
            matrices, rest = [], rest + matrices
        groups = [
            {"params": [p for p in rest if p.dim() > 1], "weight_decay": recipe.decay},
            {"params": [p for p in rest if p.dim() <= 1], "weight_decay": 0.0},
        ]
        found: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98), fused=True)
        ]
        if matrices:
            found.append(
                torch.optim.Muon(
                    matrices,
                    lr=recipe.rate,
                    weight_decay=recipe.decay,
                    adjust_lr_fn="match_rms_adamw",
                )
            )
        return found

    # -- data ----------------------------------------------------------------------------------

    def batch_at(self, step: int) -> Batch:
        """The batch of *step*: a pure function of seed and step, so a resumed run is the same."""
        number, place = divmod(step, CHUNK)
        if self._chunk[0] != number:
            size = self.recipe.batch
            first = number * CHUNK * size
            rows = [self.maker.make(first + n) for n in range(CHUNK * size)]
            rows.sort(key=lambda row: len(row.ids))
            batches = [
                collate(rows[n : n + size], self.tokenizer) for n in range(0, len(rows), size)
            ]
            random.Random(f"{self.recipe.seed}/{number}/order").shuffle(batches)
            self._chunk = (number, batches)
        return self._chunk[1][place]

    # -- learning --------------------------------------------------------------------------------

    def rate_at(self, step: int) -> float:
        """Warm-up, then half a cosine down to the floor."""
        recipe = self.recipe
        if step < recipe.warmup:
            return recipe.rate * (step + 1) / recipe.warmup
        share = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
        curve = 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
        return recipe.rate * (recipe.floor + (1 - recipe.floor) * curve)

    def learn(self) -> dict[str, float]:
        """One step; what it measured."""
        batch = self.batch_at(self.step)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self.rate_at(self.step)
        self.model.train()
        losses = self.losses(batch)
        torch.autograd.backward(losses["loss"] + self.recipe.readout * losses["readout"])
        parameters = [*self.model.parameters(), *self.readout.parameters()]
        norm = nn.utils.clip_grad_norm_(parameters, self.recipe.clip)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.step += 1
        figures = {name: float(value.detach()) for name, value in losses.items()}
        return {**figures, "norm": float(norm), "tokens": batch.tokens}

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Weighted next-token loss, the read-out's loss, and how often names were right."""
        with torch.autocast("cpu", torch.bfloat16):
            output = self.model.model(batch.ids, output_hidden_states=True, use_cache=False)
            places, targets, weight = batch.predicted()
            logits = self.model.lm_head(output.last_hidden_state.flatten(0, 1)[places]).float()
        heard = batch.conditions != IGNORED
        middle = output.hidden_states[self.depth][heard].float()
        guess = self.readout(functional.rms_norm(middle, middle.shape[-1:]))
        entropy = functional.cross_entropy(logits, targets, reduction="none")
        named = weight == weight.max()
        with torch.no_grad():
            echoed = entropy[weight == ECHO_WEIGHT].mean()
            right = (logits[named].argmax(-1) == targets[named]).float().mean()
        told = batch.conditions[heard]
        return {
            "loss": (entropy * weight).sum() / weight.sum(),
            "readout": functional.cross_entropy(guess, told),
            "name_loss": entropy[named].mean(),
            "echo_loss": echoed,
            "name_right": right,
            "read_right": (guess.argmax(-1) == told).float().mean(),
        }

    # -- keeping ---------------------------------------------------------------------------------

    def save(self, directory: Path) -> None:
        """Write the checkpoint beside the last one, then put it in its place."""
        directory.mkdir(parents=True, exist_ok=True)
        fresh = directory / "state.pt.new"
        torch.save(
            {
                "step": self.step,
                "elapsed_s": self.elapsed_s,
                "model": self.model.state_dict(),
                "readout": self.readout.state_dict(),
                "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            },
            fresh,
        )
        fresh.replace(directory / "state.pt")
        folder = directory / "model.new"
        write_checkpoint(self.model, self.tokenizer, folder)
        kept = {"step": self.step, "elapsed_s": round(self.elapsed_s, 1)}
        (directory / "kept.json").write_text(json.dumps(kept) + "\n", encoding="utf-8")
        final = directory / "model"
        if final.exists():
            shutil.rmtree(final)
        folder.rename(final)

    def load(self, directory: Path) -> None:
        """Go on from the checkpoint in *directory*."""
        state: dict[str, Any] = torch.load(directory / "state.pt", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.readout.load_state_dict(state["readout"])
        for optimiser, kept in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
        self.step, self.elapsed_s = state["step"], state["elapsed_s"]


def collate(rows: list[Example], tokenizer: Tokenizer) -> Batch:
    """Pad *rows* at the end; causal attention never looks there, so no mask is needed."""
    width = max(len(row.ids) for row in rows)
    width += -width % ROUND_WIDTH  # few shapes, see Batch.predicted
    ids = torch.full((len(rows), width), tokenizer.added["<|endoftext|>"])
    weights = torch.zeros(len(rows), width)
    conditions = torch.full((len(rows), width), IGNORED)
    for n, row in enumerate(rows):
        ids[n, : len(row.ids)] = torch.tensor(row.ids)
        weights[n, : len(row.ids)] = torch.tensor(row.weights)
        # The read-out speaks once most of the vignette is read, and all through the echo.
        middle = row.vignette_start + (row.vignette_end - row.vignette_start) * 2 // 3
        conditions[n, middle : row.answer_start] = row.condition
    return Batch(ids, weights, conditions)


def pretrain(
    run: Pretraining,
    directory: Path,
    *,
    about: dict[str, Any] | None = None,
    save_every: float = 180.0,
    probe_every: int = 200,
    probe: Callable[[Pretraining], dict[str, float]] | None = None,
) -> None:
    """Train to the recipe's last step, keeping checkpoints by the clock and metrics by the step."""
    directory.mkdir(parents=True, exist_ok=True)
    described = json.dumps(asdict(run.recipe) | (about or {}), indent=2)
    (directory / "run.json").write_text(described + "\n", encoding="utf-8")
    saved = time.monotonic()
    begun = saved - run.elapsed_s
    seen, resumed_at = 0, saved
    with (directory / "metrics.jsonl").open("a", encoding="utf-8") as metrics:
        while run.step < run.recipe.steps:
            figures = run.learn()
            seen += int(figures["tokens"])
            now = time.monotonic()
            run.elapsed_s = now - begun
            figures |= {"step": run.step, "rate": run.rate_at(run.step)}
            figures |= {"elapsed_s": run.elapsed_s, "tokens_per_s": seen / (now - resumed_at)}
            if probe and run.step % probe_every == 0:
                figures |= probe(run)
            rounded = {name: round(value, 5) for name, value in figures.items()}
            metrics.write(json.dumps(rounded) + "\n")
            metrics.flush()
            if run.step % 20 == 0:
                print(_line(rounded, run.recipe.steps), flush=True)
            if time.monotonic() - saved > save_every:
                run.save(directory)
                saved = time.monotonic()
    run.save(directory)


def _line(figures: dict[str, float], steps: int) -> str:
    left = figures["elapsed_s"] / max(1, figures["step"]) * (steps - figures["step"])
    shown = ("loss", "name_loss", "name_right", "echo_loss", "readout", "read_right", "held_out")
    values = " ".join(f"{name} {figures[name]:.3f}" for name in shown if name in figures)
    pace = f"{figures['tokens_per_s']:.0f} tok/s left {left / 60:.0f} min"
    return f"{figures['step']:.0f}/{steps} {values} {pace}"
