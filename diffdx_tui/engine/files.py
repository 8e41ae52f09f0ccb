"""Reading weights and adapters from disk, with checks that speak plainly.

Role: everything between a directory and tensors.  safetensors only.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from diffdx_tui.engine.failures import BadAdapter, ModelUnavailable
from diffdx_tui.engine.projection import LowRank, Weight

_ADAPTER_KEY = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<part>[AB])\.weight")
_UNSUPPORTED_ADAPTER_SETTINGS = ("use_dora", "modules_to_save", "alpha_pattern", "rank_pattern")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in *path*.

    Raises:
        ModelUnavailable: missing or damaged.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"cannot read {path}: {error}") from error
    if not isinstance(value, dict):
        raise ModelUnavailable(f"{path} does not hold a JSON object")
    return value


class Checkpoint:
    """The tensors of a model directory, read one at a time."""

    def __init__(self, directory: Path) -> None:
        """Raises ``ModelUnavailable`` when there are no readable safetensors."""
        self._directory = directory
        self._files = _file_of_each_tensor(directory)

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def names(self) -> list[str]:
        """Every tensor's name."""
        return sorted(self._files)

    def read(self, name: str) -> Tensor:
        """One tensor, on the CPU, as stored.

        Raises:
            ModelUnavailable: it is not there or not readable.
        """
        if name not in self._files:
            raise ModelUnavailable(f"{self._directory} has no tensor {name}")
        try:
            with safe_open(self._files[name], framework="pt") as file:
                tensor: Tensor = file.get_tensor(name)
        except (OSError, SafetensorError) as error:
            raise ModelUnavailable(f"cannot read {self._files[name]}: {error}") from error
        return tensor

    def parameters(self) -> int:
        """Number of weights, from the headers alone."""
        total = 0
        for path in sorted(set(self._files.values())):
            try:
                with safe_open(path, framework="pt") as file:
                    for name in file.keys():  # noqa: SIM118 - not a dict
                        total += torch.Size(file.get_slice(name).get_shape()).numel()
            except (OSError, SafetensorError) as error:
                raise ModelUnavailable(f"cannot read {path}: {error}") from error
        return total


def _file_of_each_tensor(directory: Path) -> dict[str, Path]:
    index = directory / "model.safetensors.index.json"
    if index.is_file():
        shards = read_json(index).get("weight_map", {})
        return {name: directory / shard for name, shard in shards.items()}
    path = directory / "model.safetensors"
    if not path.is_file():
        raise ModelUnavailable(
            f"{directory} has no model.safetensors (a download that broke off, or pickled weights, "
            "which are not loaded because they can run code)"
        )
    try:
        with safe_open(path, framework="pt") as file:
            return dict.fromkeys(file.keys(), path)
    except (OSError, SafetensorError) as error:
        raise ModelUnavailable(f"cannot read {path}: {error}") from error


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter: its updates by module name, as PEFT saves it.

    Attributes:
        updates: by module name, such as ``model.layers.0.self_attn.q_proj``.
        sha256: hash of the weights file.
    """

    updates: dict[str, LowRank]
    sha256: str

    @classmethod
    def read(cls, directory: Path) -> Adapter:
        """Read a PEFT directory.

        Raises:
            BadAdapter: missing files, damaged files, or a kind of adapter that is not plain LoRA.
        """
        try:
            settings = read_json(directory / "adapter_config.json")
        except ModelUnavailable as error:
            raise BadAdapter(f"{directory} is not a PEFT adapter: {error}") from error
        _require_plain_lora(settings, directory)
        path = directory / "adapter_model.safetensors"
        parts: dict[str, dict[str, Tensor]] = {}
        try:
            with safe_open(path, framework="pt") as file:
                for key in file.keys():  # noqa: SIM118 - not a dict
                    match = _ADAPTER_KEY.fullmatch(key)
                    if match is None:
                        raise BadAdapter(f"{path}: unexpected tensor {key}")
                    parts.setdefault(match["module"], {})[match["part"]] = file.get_tensor(key)
        except (OSError, SafetensorError) as error:
            raise BadAdapter(f"cannot read {path}: {error}") from error
        scale = _scale_of(settings, directory)
        updates = {}
        for module, pair in parts.items():
            if set(pair) != {"A", "B"}:
                raise BadAdapter(f"{path}: {module} has only half of its update")
            updates[module] = LowRank(down=pair["A"], up=pair["B"], scale=scale)
        return cls(updates, hashlib.sha256(path.read_bytes()).hexdigest())


def _scale_of(settings: dict[str, Any], directory: Path) -> float:
    """``alpha / rank``, or ``alpha / sqrt(rank)`` for rsLoRA (Kalajdzievski 2023)."""
    try:
        rank, alpha = float(settings["r"]), float(settings["lora_alpha"])
        return alpha / rank**0.5 if settings.get("use_rslora") else alpha / rank
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise BadAdapter(f"{directory}: r and lora_alpha are not usable: {error!r}") from error


def _require_plain_lora(settings: dict[str, Any], directory: Path) -> None:
    if settings.get("peft_type") != "LORA":
        raise BadAdapter(f"{directory}: adapter type {settings.get('peft_type')}, not LORA")
    for name in _UNSUPPORTED_ADAPTER_SETTINGS:
        if settings.get(name):
            raise BadAdapter(f"{directory}: adapters with {name} are not supported")
    if settings.get("bias", "none") != "none":
        raise BadAdapter(f"{directory}: adapters that train biases are not supported")


class WeightReader:
    """Joins a checkpoint and an adapter into layers, checking that they fit."""

    def __init__(self, checkpoint: Checkpoint, adapter: Adapter | None) -> None:
        self._checkpoint = checkpoint
        self._updates = dict(adapter.updates) if adapter else {}

    def linear(self, module: str) -> Weight:
        """The layer *module* with its update.

        Raises:
            BadAdapter: the update's shape is not the layer's.
        """
        matrix = self._checkpoint.read(f"{module}.weight")
        bias_name = f"{module}.bias"
        bias = self._checkpoint.read(bias_name) if bias_name in self._checkpoint else None
        update = self._updates.pop(module, None)
        if update is not None:
            out_features, in_features = matrix.shape
            if (update.up.shape[0], update.down.shape[1]) != (out_features, in_features):
                raise BadAdapter(
                    f"the adapter was made for another base: {module} is {in_features} to "
                    f"{out_features} here, the adapter expects {update.down.shape[1]} to "
                    f"{update.up.shape[0]}"
                )
        return Weight(matrix, bias, update)

    def vector(self, name: str) -> Tensor:
        """A norm's weight or an embedding."""
        return self._checkpoint.read(name)

    def has(self, name: str) -> bool:
        """Whether the checkpoint holds *name*."""
        return name in self._checkpoint

    def require_all_used(self) -> None:
        """Raise ``BadAdapter`` if an update found no layer to go to."""
        if self._updates:
            first = sorted(self._updates)[0]
            raise BadAdapter(
                f"the adapter was made for another base: {len(self._updates)} of its updates have "
                f"no place here, the first is {first}"
            )
