"""Configuration and places: one frozen value, read once at the start.

Role: floor 0.  Order of precedence: command-line flags (the caller's job, by
:meth:`Config.replace`), environment ``DIFFDX_*``, ``config.toml`` in the home folder, defaults.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from diffdx_tui.domain.differential import Variant

APP = "diffdx-tui"
PRECISIONS = ("auto", "nf4", "bf16", "fp16", "fp32")
_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off", ""})


class ConfigError(ValueError):
    """A setting cannot be used; the message names where it stands and what is allowed."""


def home_directory() -> Path:
    """Where sessions, runs and settings live: ``DIFFDX_HOME``, else the platform's data folder.

    Raises:
        ConfigError: ``DIFFDX_HOME`` begins with the home of somebody who does not exist.
    """
    override = os.environ.get("DIFFDX_HOME")
    if not override:
        return Path(platformdirs.user_data_dir(APP))
    try:
        return Path(override).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"DIFFDX_HOME is {override!r}: {error}") from error


def data_directory() -> Path:
    """The project's own ``data/``: inside the installed package, or beside it in a checkout.

    Raises:
        ConfigError: neither place has it, so the installation is broken.
    """
    package = Path(__file__).resolve().parent
    for candidate in (package / "data", package.parent / "data"):
        if (candidate / "knowledge").is_dir():
            return candidate
    raise ConfigError("the data folder is missing from this installation: install diffdx-tui again")


@dataclass(frozen=True, slots=True)
class Config:
    """All settings.

    Attributes:
        home: folder of the database, runs and ``config.toml``.
        model: catalogue name, local directory or hub id.
        adapter: PEFT adapter directory or hub id, or ``None`` for the model's own.
        variant: schema variant.
        precision: one of :data:`PRECISIONS`.
        theme: a Textual theme's name.
        ascii: draw with ASCII glyphs only.
        ephemeral: save nothing.
    """

    home: Path = field(default_factory=home_directory)
    model: str = "mini"
    adapter: str | None = None
    variant: Variant = Variant.A
    precision: str = "auto"
    theme: str = "diffdx-dark"
    ascii: bool = False
    ephemeral: bool = False

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ConfigError(f"precision {self.precision!r} is not one of {', '.join(PRECISIONS)}")

    @property
    def database(self) -> Path:
        """The sessions' SQLite file."""
        return self.home / "sessions.db"

    def replace(self, **changes: Any) -> Config:
        """A copy with the given settings; ``None`` leaves a setting as it is."""
        given = {name: value for name, value in changes.items() if value is not None}
        return dataclasses.replace(self, **given)


def read_config(environ: Mapping[str, str] = os.environ) -> Config:
    """Environment over file over defaults.

    Raises:
        ConfigError: the file is unreadable, or a value is unknown or of the wrong type.
    """
    home = home_directory()
    config = Config(home=home)
    path = home / "config.toml"
    if path.is_file():
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{path} cannot be read: {error}") from error
        config = _apply(config, values, str(path))
    names = {f.name for f in dataclasses.fields(Config)} - {"home"}
    from_environment = {
        name: environ[f"DIFFDX_{name.upper()}"]
        for name in sorted(names)
        if f"DIFFDX_{name.upper()}" in environ
    }
    return _apply(config, from_environment, "environment")


def _apply(config: Config, values: Mapping[str, Any], place: str) -> Config:
    known = {f.name: getattr(config, f.name) for f in dataclasses.fields(Config)}
    known.pop("home")
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise ConfigError(f"{place}: unknown setting {name!r}; known: {', '.join(known)}")
        changes[name] = _coerce(name, value, place)
    try:
        return dataclasses.replace(config, **changes)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from error


def _coerce(name: str, value: Any, place: str) -> Any:
    if name in ("ascii", "ephemeral"):
        if isinstance(value, bool):
            return value
        text = str(value).lower()
        if text not in _TRUE | _FALSE:
            raise ConfigError(f"{place}: {name} must be true or false, got {value!r}")
        return text in _TRUE
    if not isinstance(value, str):
        raise ConfigError(f"{place}: {name} must be text, got {value!r}")
    if name == "variant":
        try:
            return Variant(value.upper())
        except ValueError:
            raise ConfigError(f"{place}: variant must be A, B or C, got {value!r}") from None
    return value
