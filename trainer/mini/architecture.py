"""What the embedded model is made of, and how it is written to a folder.

Role: the Qwen2 configuration of the embedded model, and its checkpoint in the Hugging Face layout
(bf16 safetensors), which the engine loads like any other Qwen2 model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from diffdx_tui.engine.tokenizer import Tokenizer

ROOM = 4096
"""Positions the model can be given (its training rows are far shorter; the card says so)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes that may be chosen."""

    hidden: int = 256
    layers: int = 6
    heads: int = 4
    key_value_heads: int = 2
    intermediate: int = 768
    rope_theta: float = 1e4


def new_model(shape: Shape, tokenizer: Tokenizer, seed: int) -> Qwen2ForCausalLM:
    """A model with random weights, the same ones for the same seed."""
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=tokenizer.vocab_size,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        intermediate_size=shape.intermediate,
        max_position_embeddings=ROOM,
        rope_parameters={"rope_type": "default", "rope_theta": shape.rope_theta},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.im_end,
        pad_token_id=tokenizer.added["<|endoftext|>"],
        initializer_range=0.02,
    )
    return Qwen2ForCausalLM(config)


def write_checkpoint(model: Qwen2ForCausalLM, tokenizer: Tokenizer, directory: Path) -> None:
    """``config.json``, ``generation_config.json`` and ``model.safetensors`` (bf16)."""
    directory.mkdir(parents=True, exist_ok=True)
    state = {name: value.to(torch.bfloat16) for name, value in model.state_dict().items()}
    twin = Qwen2ForCausalLM(model.config).to(torch.bfloat16)
    twin.load_state_dict(state)
    twin.save_pretrained(directory, safe_serialization=True)
    generation = {"eos_token_id": tokenizer.im_end, "do_sample": False}
    generation["pad_token_id"] = tokenizer.added["<|endoftext|>"]
    path = directory / "generation_config.json"
    path.write_text(json.dumps(generation, indent=2) + "\n", encoding="utf-8")
