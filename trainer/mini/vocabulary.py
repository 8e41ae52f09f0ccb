"""The embedded model's own vocabulary: byte-level BPE in Qwen2's manner, trained on its text.

Role: makes ``tokenizer.json``.  Same pre-tokenisation as Qwen2.5 and all 256 bytes as tokens, so
any text at all can be encoded; no Unicode normalisation, because the echo has to be exact to the
byte; ChatML's three control tokens at the end, as added special tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from diffdx_tui.engine.tokenizer import END_OF_TEXT, IM_END, IM_START

SPECIALS = (END_OF_TEXT, IM_START, IM_END)

_SPLIT = (  # Qwen2's, character for character
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

_OPENS = re.compile(r'[^"]*$|Ġ*[\[{\\]?"(?![.,]$)')
"""A token without a quote, or one in which nothing but JSON's own marks stands before it.

Not with a full stop or comma after it either: in a copy the quote before them is escaped.
"""


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
    return keep_quotes_apart(tokenizer)


def keep_quotes_apart(tokenizer: Tokenizer) -> Tokenizer:
    """*tokenizer* without the merges of a text's last mark with the quote after it.

    A copy in JSON then ends in the tokens that the text itself ends in.  With a token for ``.",``
    a model would have to see the end coming one token before it is there: a third of the copies
    did not end.  The ids stay as they are; a few are no longer used.
    """
    values = json.loads(tokenizer.to_str())
    values["model"]["merges"] = [
        pair for pair in values["model"]["merges"] if _OPENS.match("".join(pair))
    ]
    return Tokenizer.from_str(json.dumps(values))


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
