"""From parsed options to the values the floors below take.

Role: flags win over environment and file.  An option that was not given is not in the namespace.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from diffdx_tui.config import Config, read_config
from diffdx_tui.domain.decoding import REFERENCE_FREE, Decoding, Mode
from diffdx_tui.domain.differential import Variant
from diffdx_tui.engine.catalogue import ModelSpec

_CONFIG_FLAGS = ("model", "adapter", "precision", "theme", "ascii", "ephemeral")
_DECODING_FLAGS = ("seed", "temperature", "top_p", "top_k", "repetition_penalty", "max_new_tokens")


def settings_of(options: argparse.Namespace) -> Config:
    """The configuration with the flags applied.

    Raises:
        ConfigError: a setting cannot be used.
    """
    changes: dict[str, Any] = {name: getattr(options, name, None) for name in _CONFIG_FLAGS}
    variant = getattr(options, "variant", None)
    if variant is not None:
        changes["variant"] = Variant(variant)
    return read_config().replace(**changes)


def spec_of(config: Config) -> ModelSpec:
    """The model that the configuration asks for."""
    return ModelSpec(config.model, config.adapter, config.variant, config.precision)


def decoding_of(options: argparse.Namespace) -> Decoding:
    """The decoding that the flags ask for.

    Free mode starts from the reference's own settings, in which its adherence was measured.

    Raises:
        DecodingError: a value is out of range.
    """
    free = getattr(options, "free", False)
    as_reference = free or getattr(options, "reference_decoding", False)
    base = REFERENCE_FREE if as_reference else Decoding()
    given = {name: getattr(options, name, None) for name in _DECODING_FLAGS}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return replace(base, mode=Mode.FREE if free else Mode.GUIDED, **changes)
