"""Text to tokens and back, such that text can never become a control token.

Role: the only tokenizer in the project, for inference and training.  It reads a Hugging Face
``tokenizer.json`` of the byte-level BPE family (Qwen, Llama 3, GPT-2 and this project's own) and
differs from the library's default in three ways, each on purpose:

* Added tokens are taken out of the text path altogether.  The usual switch,
  ``split_special_tokens``, only splits those marked *special*; Qwen's ``<tool_call>`` and
  ``<|fim_prefix|>`` are added tokens that are not, and would still come out as one id.
* No normaliser: Qwen's applies NFC, which would change the bytes of a vignette in decomposed
  form, and the echo has to be exact.
* Every token is known as bytes, so that a decoder can tell complete characters from parts.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from llguidance import LLTokenizer
from tokenizers import Tokenizer as BackendTokenizer

from diffdx_tui.engine.failures import ModelUnavailable

IM_START, IM_END, END_OF_TEXT = "<|im_start|>", "<|im_end|>", "<|endoftext|>"


class Tokenizer:
    """Byte-level BPE without special-token parsing.

    Attributes:
        vocab_size: number of ids, added tokens included (logits may be wider: padding).
        added: id of every added token, special or not, by its content.
    """

    def __init__(self, definition: str) -> None:
        """Build from the text of a ``tokenizer.json``.

        Raises:
            ModelUnavailable: it is not byte-level BPE, or lacks the ChatML tokens.
        """
        values: dict[str, Any] = json.loads(definition)
        self.added: dict[str, int] = {
            token["content"]: token["id"] for token in values.get("added_tokens", ())
        }
        self._require_byte_level(values)
        vocabulary: dict[str, int] = values["model"]["vocab"]
        self._tokens = {id: token for token, id in vocabulary.items()}
        for content, id in self.added.items():
            self._tokens.pop(id, None)
            vocabulary.pop(content, None)
        self.vocab_size = 1 + max([*self._tokens, *self.added.values()])
        plain = values | {"added_tokens": [], "normalizer": None, "post_processor": None}
        self._backend = BackendTokenizer.from_str(json.dumps(plain))
        self._definition = values
        try:
            self.im_start, self.im_end = self.added[IM_START], self.added[IM_END]
        except KeyError as missing:
            raise ModelUnavailable(
                f"the tokenizer has no {missing} token: only ChatML models (Qwen2.5 and its like) "
                "can be used"
            ) from None
        self.stop_ids = frozenset(
            self.added[content] for content in (IM_END, END_OF_TEXT) if content in self.added
        )

    @classmethod
    def load(cls, directory: Path) -> Tokenizer:
        """Read ``tokenizer.json`` in *directory*.

        Raises:
            ModelUnavailable: missing, unreadable, or of an unsupported kind.
        """
        path = directory / "tokenizer.json"
        try:
            return cls(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError) as error:
            raise ModelUnavailable(f"cannot read {path}: {error}") from error

    def encode(self, text: str) -> list[int]:
        """Token ids of *text*; nothing in it is treated as special."""
        ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: list[int]) -> str:
        """Text of *ids*, added tokens as their content, broken characters as ``\\ufffd``."""
        return b"".join(map(self.token_bytes, ids)).decode("utf-8", errors="replace")

    def token_bytes(self, id: int) -> bytes:
        """The bytes *id* stands for; for an added token, its content's; unknown ids are empty."""
        if id in self._tokens:
            return _to_bytes(self._tokens[id])
        return self._added_by_id.get(id, "").encode()

    def is_added(self, id: int) -> bool:
        """Whether *id* is an added token, or padding beyond the vocabulary."""
        return id not in self._tokens

    @cached_property
    def _added_by_id(self) -> dict[int, str]:
        return {id: content for content, id in self.added.items()}

    @cached_property
    def guide(self) -> LLTokenizer:
        """The same vocabulary for llguidance, with *all* added tokens marked special.

        llguidance spells a token that is added but not special as ordinary text, and would let it
        be sampled inside a string.
        """
        specials = [token | {"special": True} for token in self._definition["added_tokens"]]
        definition = self._definition | {"added_tokens": specials}
        return LLTokenizer(json.dumps(definition), n_vocab=self.vocab_size, eos_token=self.im_end)

    def _require_byte_level(self, values: dict[str, Any]) -> None:
        kind = values["model"].get("type")
        if kind != "BPE" or "ByteLevel" not in json.dumps(values.get("pre_tokenizer")):
            raise ModelUnavailable(
                f"the tokenizer is {kind}, not byte-level BPE: only Qwen2-like models can be used"
            )


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's map from printable stand-in characters to bytes."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = {chr(byte): byte for byte in printable}
    alphabet.update({chr(0x100 + index): byte for index, byte in enumerate(others)})
    return alphabet


_ALPHABET = _byte_alphabet()


def _to_bytes(token: str) -> bytes:
    return bytes(_ALPHABET[character] for character in token)
