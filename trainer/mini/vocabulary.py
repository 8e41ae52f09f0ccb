"""The embedded model's own vocabulary: byte-level BPE in Qwen2's manner, trained on its text.

Role: makes ``tokenizer.json``.  Same pre-tokenisation as Qwen2.5 and all 256 bytes as tokens, so
any text at all can be encoded; no Unicode normalisation, because the echo has to be exact to the
byte; ChatML's three control tokens at the end, as added special tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from diffdx_tui.engine.tokenizer import END_OF_TEXT, IM_END, IM_START

SPECIALS = (END_OF_TEXT, IM_START, IM_END)

_SPLIT = (  # Qwen2's, character for character
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def train_vocabulary(texts: Iterable[str], size: int) -> Tokenizer:
    """Byte-level BPE of exactly at most *size* ids, control tokens included.

    Deterministic: the same texts in the same order give the same vocabulary.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(SPECIALS),
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in SPECIALS])
    return tokenizer


def write_vocabulary(tokenizer: Tokenizer, directory: Path, room: int) -> None:
    """``tokenizer.json`` and ``tokenizer_config.json`` in *directory*."""
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(directory / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": IM_END,
        "pad_token": END_OF_TEXT,
        "bos_token": None,
        "unk_token": None,
        "model_max_length": room,
        "clean_up_tokenization_spaces": False,
    }
    path = directory / "tokenizer_config.json"
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
