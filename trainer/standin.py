"""The stand-in: the exact shape of Qwen2.5-0.5B with random weights and Qwen's real vocabulary.

Role: lets loading, NF4, memory and speed be exercised at true size where the real weights cannot
be had.  Its figures are speed and memory figures, never quality figures.  The vocabulary comes
from the Apache-2.0 package ``dashscope``, which ships Qwen's merge ranks.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path

import torch

_RANKS = "resources/qwen.tiktoken"
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Qwen2.5's added tokens, in order from id 151,643; the second group is not marked special.
_SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>"),
    *("<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>"),
    *("<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
)
_NOT_SPECIAL = (
    *("<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"),
    *("<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"),
)


class StandInError(RuntimeError):
    """The stand-in cannot be made; the message says what to install."""


def write_standin(directory: Path, seed: int = 0) -> Path:
    """Write the stand-in (about 1 GB, bf16) into *directory*.

    Raises:
        StandInError: ``dashscope`` is not installed.
    """
    from transformers import Qwen2Config, Qwen2ForCausalLM

    directory.mkdir(parents=True, exist_ok=True)
    write_vocabulary(directory)
    config = Qwen2Config(
        vocab_size=151_936,
        hidden_size=896,
        intermediate_size=4_864,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        max_position_embeddings=32_768,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        tie_word_embeddings=True,
        dtype="bfloat16",
    )
    torch.manual_seed(seed)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)  # half the memory while the weights are drawn
    try:
        model = Qwen2ForCausalLM(config)
    finally:
        torch.set_default_dtype(before)
    model.save_pretrained(directory)
    return directory


def write_vocabulary(directory: Path) -> None:
    """Write Qwen2.5's ``tokenizer.json`` and ``tokenizer_config.json``."""
    from tokenizers import AddedToken
    from transformers.convert_slow_tokenizer import TikTokenConverter

    backend = TikTokenConverter(vocab_file=str(_ranks_file()), pattern=_SPLIT).converted()
    backend.add_special_tokens([AddedToken(token, special=True) for token in _SPECIAL])
    backend.add_tokens([AddedToken(token, special=False) for token in _NOT_SPECIAL])
    backend.save(str(directory / "tokenizer.json"))
    settings = {
        "tokenizer_class": "Qwen2Tokenizer",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": 131_072,
    }
    text = json.dumps(settings, indent=2)
    (directory / "tokenizer_config.json").write_text(text + "\n", encoding="utf-8")


def write_adapter(base: Path, directory: Path, seed: int = 1) -> Path:
    """Write a PEFT adapter of the reference's shape (r 8, alpha 16) with random weights."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    torch.manual_seed(seed)
    config = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    tuned = get_peft_model(model, config)
    for name, parameter in tuned.named_parameters():
        if "lora_B" in name:  # zero at initialisation, and then there is nothing to measure
            torch.nn.init.normal_(parameter, std=0.01)
    tuned.save_pretrained(directory)
    return directory


def _ranks_file() -> Path:
    package = importlib.util.find_spec("dashscope")  # found, not imported: only a file is needed
    if package is None or not package.submodule_search_locations:
        raise StandInError("Qwen's vocabulary is missing: pip install 'diffdx-tui[standin]'")
    return Path(next(iter(package.submodule_search_locations))) / _RANKS


def main(arguments: list[str]) -> int:
    """``python -m trainer standin DIR [--adapter DIR]``."""
    parser = argparse.ArgumentParser(prog="python -m trainer standin", description=__doc__)
    parser.add_argument("directory", type=Path, help="where to write the base")
    parser.add_argument("--adapter", type=Path, help="also write a random adapter here")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    try:
        write_standin(options.directory, options.seed)
    except StandInError as error:
        print(f"standin: {error}", file=sys.stderr)
        return 4
    if options.adapter:
        write_adapter(options.directory, options.adapter, options.seed + 1)
    return 0
