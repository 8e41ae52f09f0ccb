"""The whole state of a run at a step, such that going on from it changes nothing.

Role: what a checkpoint folder holds and how it is checked before it is trusted.  Writing it whole
or not at all is :mod:`diffdx_tui.store.run_checkpoints`'s part.  Rates and the order of rows are
functions of the step, so the step is the whole position.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from diffdx_tui.store.run_checkpoints import BEST, LATEST, find_checkpoint
from trainer.tuning.base import Base
from trainer.tuning.learner import Learner

ADAPTER_FILE = "adapter_model.safetensors"
_STATE_FILE, _MANIFEST_FILE = "state.pt", "manifest.json"


class CheckpointError(ValueError):
    """No checkpoint can be gone on from; the message says why."""


@dataclass(slots=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: optimiser steps done.
        seconds: of steps, pauses left out.
        beside: seconds of validations and probes.
        micro_batch: rows a forward pass, perhaps halved since the start.
        asked_micro_batch: what the recipe said of that; with a new answer it is chosen anew.
        best: lowest validation loss, at *best_step*.
        waited: validations since then.
        evaluated, probed: the last step after which that was done; -1 for no probe yet, 0 for
            that of the base alone.
        row_losses: of the epoch at hand, as they were trained on: mean loss and tokens by id.
    """

    step: int = 0
    seconds: float = 0.0
    beside: float = 0.0
    micro_batch: int = 1
    asked_micro_batch: int | None = None
    best: float | None = None
    best_step: int | None = None
    waited: int = 0
    evaluated: int = 0
    probed: int = -1
    row_losses: dict[str, tuple[float, int]] = field(default_factory=dict)


def write_state(folder: Path, learner: Learner, progress: Progress, draws: list[Any]) -> None:
    """Fill *folder*.

    Args:
        draws: :func:`random_state` of every process at the end of the last complete step.
    """
    save_adapter(learner.base, folder)
    state = {"progress": asdict(progress), "draws": draws, **learner.state()}
    content = io.BytesIO()  # written by Python, whose error on a full disk says what it is
    torch.save(state, content)
    (folder / _STATE_FILE).write_bytes(content.getbuffer())
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)}
        for path in sorted(folder.iterdir())
    }
    manifest = {"step": progress.step, "files": files}
    (folder / _MANIFEST_FILE).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def restore_latest(run: Path, learner: Learner, rank: int) -> tuple[Progress, str] | None:
    """Put the newest undamaged checkpoint of *run* into *learner*; ``None`` if there is none.

    Returns:
        Where it stands, and a notice if the newest one was damaged (else empty).

    Raises:
        CheckpointError: there are checkpoints, but all are damaged.
    """
    damage = ""
    for which in (LATEST, BEST):
        folder = find_checkpoint(run, which)
        if folder is None:
            continue
        damaged = find_damage(folder)
        if damaged is None:
            return _restore(folder, learner, rank), damage
        damage = f"checkpoint {folder.name} is damaged ({damaged}) and was not used"
    if damage:
        raise CheckpointError(f"{damage}; there is no other: start the run anew")
    return None


def find_damage(folder: Path) -> str | None:
    """What differs from the manifest, or ``None`` if nothing does."""
    try:
        manifest = json.loads((folder / _MANIFEST_FILE).read_text(encoding="utf-8"))
        for name, told in manifest["files"].items():
            path = folder / name
            if path.stat().st_size != told["bytes"] or _sha256(path) != told["sha256"]:
                return f"{name} has changed"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return str(error) or type(error).__name__
    return None


def save_adapter(base: Base, folder: Path) -> None:
    """Write the adapter as a PEFT folder, without a look at the hub.

    Raises:
        OSError: the disk is full, say.
    """
    try:
        base.model.save_pretrained(folder, save_embedding_layers=False)
    except SafetensorError as error:
        raise OSError(str(error)) from error
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty form


def random_state(device: torch.device) -> dict[str, Any]:
    """Every generator a step may draw from, as plain values and tensors."""
    kind, keys, *rest = np.random.get_state(legacy=True)
    return {
        "python": random.getstate(),
        "numpy": [kind, keys.tolist(), *rest],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }


def restore_random_state(state: dict[str, Any], device: torch.device) -> None:
    """The inverse of :func:`random_state`."""
    random.setstate(state["python"])
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"], device)


def _restore(folder: Path, learner: Learner, rank: int) -> Progress:
    from peft import set_peft_model_state_dict

    weights = load_file(folder / ADAPTER_FILE)
    outcome = set_peft_model_state_dict(learner.base.model, weights)
    if outcome.unexpected_keys:
        raise CheckpointError(f"checkpoint {folder.name} is of another adapter: start anew")
    state = torch.load(folder / _STATE_FILE, weights_only=True)
    learner.restore(state)
    # With other processes than before, there is no state to go on from for the new ones.
    if rank < len(state["draws"]):
        restore_random_state(state["draws"][rank], learner.base.placement.device)
    return Progress(**state["progress"])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
