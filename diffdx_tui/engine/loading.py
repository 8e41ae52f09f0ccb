"""From a :class:`ModelSpec` to a decoder that runs.

Role: reads the configuration, decides placement, builds the fast Qwen2 where the architecture is
Qwen2, and goes through transformers and PEFT for any other ChatML model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from diffdx_tui.domain.events import ModelInfo
from diffdx_tui.engine.catalogue import Located, ModelSpec, locate
from diffdx_tui.engine.failures import ModelUnavailable
from diffdx_tui.engine.files import Adapter, Checkpoint, WeightReader, read_json
from diffdx_tui.engine.placement import Placement, place
from diffdx_tui.engine.projection import Dense, Nf4, Projection, Weight
from diffdx_tui.engine.qwen2 import Qwen2, Qwen2Layer, Qwen2Shape
from diffdx_tui.engine.sequence import Decoder
from diffdx_tui.engine.tokenizer import Tokenizer

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A decoder, its tokenizer and what it is.

    Attributes:
        width: number of logits.
        context: most tokens a sequence may have.
        threads: CPU threads to run with.
    """

    info: ModelInfo
    decoder: Decoder
    tokenizer: Tokenizer
    width: int
    context: int
    threads: int


def load(spec: ModelSpec, progress: Progress = lambda stage, share: None) -> LoadedModel:
    """Load *spec*; *progress* is told stages and the share done.

    Raises:
        ModelUnavailable: files missing, damaged or of an unsupported kind.
        BadAdapter: the adapter does not fit the base.
        torch.OutOfMemoryError: the device is too small.
    """
    progress("finding files", 0.0)
    located = locate(spec)
    settings = _read_settings(located.base_directory / "config.json")
    progress("reading the vocabulary", 0.05)
    tokenizer = Tokenizer.load(located.base_directory)
    checkpoint = Checkpoint(located.base_directory)
    placement = place(spec.precision, checkpoint.parameters())
    adapter = Adapter.read(located.adapter_directory) if located.adapter_directory else None
    if is_plain_qwen2(settings):
        decoder: Decoder = build_qwen2(
            shape_of(settings), WeightReader(checkpoint, adapter), placement, progress
        )
    else:
        from diffdx_tui.engine.transformers_decoder import TransformersDecoder

        progress("loading through transformers", 0.2)
        decoder = TransformersDecoder.load(
            located.base_directory, located.adapter_directory, placement
        )
    info = _info_of(located, adapter, placement)
    width, context = settings["vocab_size"], settings["max_position_embeddings"]
    return LoadedModel(info, decoder, tokenizer, width, context, placement.threads)


_NEEDED_SETTINGS: tuple[str, ...] = ("model_type", "vocab_size", "max_position_embeddings")
_NEEDED_BY_QWEN2 = ("hidden_size", "num_hidden_layers", "num_attention_heads", "rms_norm_eps")


def _read_settings(path: Path) -> dict[str, Any]:
    """``config.json`` with what the engine needs of it.

    Raises:
        ModelUnavailable: unreadable, or a setting is missing.
    """
    settings = read_json(path)
    needed = _NEEDED_SETTINGS
    if settings.get("model_type") == "qwen2":
        needed += _NEEDED_BY_QWEN2
    missing = [name for name in needed if name not in settings]
    if missing:
        raise ModelUnavailable(f"{path} lacks {', '.join(missing)}")
    return settings


def is_plain_qwen2(settings: dict[str, Any]) -> bool:
    """Whether the fast decoder computes exactly this architecture."""
    rope = settings.get("rope_parameters") or settings.get("rope_scaling") or {}
    return (
        settings.get("model_type") == "qwen2"
        and settings.get("hidden_act", "silu") == "silu"
        and rope.get("rope_type", rope.get("type", "default")) == "default"
        and not settings.get("use_sliding_window", False)
    )


def shape_of(settings: dict[str, Any]) -> Qwen2Shape:
    """Sizes from a Qwen2 ``config.json``."""
    heads = settings["num_attention_heads"]
    rope = settings.get("rope_parameters") or {}
    return Qwen2Shape(
        hidden=settings["hidden_size"],
        layers=settings["num_hidden_layers"],
        heads=heads,
        kv_heads=settings.get("num_key_value_heads", heads),
        head_dim=settings.get("head_dim") or settings["hidden_size"] // heads,
        vocabulary=settings["vocab_size"],
        context=settings["max_position_embeddings"],
        rope_theta=rope.get("rope_theta", settings.get("rope_theta", 10_000.0)),
        norm_epsilon=settings["rms_norm_eps"],
    )


def build_qwen2(
    shape: Qwen2Shape, reader: WeightReader, placement: Placement, progress: Progress
) -> Qwen2:
    """The fast decoder with *reader*'s layers, stored as *placement* says."""
    dtype, device = placement.dtype, placement.device
    embedding = reader.vector("model.embed_tokens.weight").to(device, dtype)

    def project(*modules: str) -> Projection:
        weights = [reader.linear(module) for module in modules]
        kind = Nf4 if placement.precision == "nf4" else Dense
        return kind(weights, dtype, device)

    layers = []
    for index in range(shape.layers):
        progress("loading weights", 0.1 + 0.85 * index / shape.layers)
        name = f"model.layers.{index}"
        attention, mlp = f"{name}.self_attn", f"{name}.mlp"
        layers.append(
            Qwen2Layer(
                input_norm=reader.vector(f"{name}.input_layernorm.weight").to(device, dtype),
                qkv=project(*(f"{attention}.{part}_proj" for part in "qkv")),
                output=project(f"{attention}.o_proj"),
                mlp_norm=reader.vector(f"{name}.post_attention_layernorm.weight").to(device, dtype),
                gate_up=project(f"{mlp}.gate_proj", f"{mlp}.up_proj"),
                down=project(f"{mlp}.down_proj"),
            )
        )
    # The head stays dense in every precision, as in transformers' NF4 loading.
    if reader.has("lm_head.weight"):
        head = Dense([reader.linear("lm_head")], dtype, device)
    else:
        head = Dense([Weight(embedding, None, None)], dtype, device)
    reader.require_all_used()
    final_norm = reader.vector("model.norm.weight").to(device, dtype)
    return Qwen2(shape, embedding, layers, final_norm, head)


def _info_of(located: Located, adapter: Adapter | None, placement: Placement) -> ModelInfo:
    spec = located.spec
    return ModelInfo(
        name=_name_of(spec.model),
        base=located.base,
        adapter=located.adapter,
        adapter_sha256=adapter.sha256 if adapter else None,
        variant=spec.variant,
        precision=placement.precision,
        device=str(placement.device),
        reason=placement.reason,
    )


def _name_of(model: str) -> str:
    """A local directory is shown by its last part."""
    path = Path(model)
    return path.name if path.is_dir() else model


def use_threads(count: int) -> None:
    """Set the CPU threads of the model's products for this process."""
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)
