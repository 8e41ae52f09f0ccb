"""Makes tiny real checkpoints with random weights, for tests of the engine's mechanics.

They are complete Hugging Face directories, so they go through exactly the code a real model does.
"""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import Qwen2Config, Qwen2ForCausalLM

QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
NOT_SPECIAL = ("<tool_call>", "</tool_call>")  # added, as in Qwen2.5, but not marked special

_TEXT = (
    "system user assistant symptoms most_likely possible unlikely_but_serious recommended_workup "
    'headache chest pain - the patient has a fever and a rash ", "\n", .", (unfinished) '
    "Übelkeit naïve 头痛 😷 "
)


def write_tiny_model(directory: Path, seed: int = 0, **changes: int) -> Path:
    """Write a Qwen2 checkpoint of a few ten thousand weights into *directory*."""
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    tokenizer.save(str(directory / "tokenizer.json"))
    settings = {
        "vocab_size": tokenizer.get_vocab_size() + 5,  # padded, as Qwen's is
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
    }
    torch.manual_seed(seed)
    config = Qwen2Config(**(settings | changes), tie_word_embeddings=True)
    model = Qwen2ForCausalLM(config)
    for parameter in model.parameters():  # flat enough to say surprising things
        parameter.data.mul_(3.0)
    model.save_pretrained(directory)
    return directory


def write_tiny_adapter(base: Path, directory: Path, seed: int = 1, rank: int = 8) -> Path:
    """Write a PEFT adapter (alpha 16) with random weights for *base*."""
    from peft import LoraConfig, get_peft_model

    model = Qwen2ForCausalLM.from_pretrained(base)
    torch.manual_seed(seed)
    config = LoraConfig(r=rank, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    tuned = get_peft_model(model, config)
    for name, parameter in tuned.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.05)
    tuned.save_pretrained(directory)
    return directory


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([_TEXT] * 4, trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIALS])
    tokenizer.add_tokens([AddedToken(token, special=False) for token in NOT_SPECIAL])
    return tokenizer
