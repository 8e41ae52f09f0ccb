"""``diffdx-tui models``: which models there are, getting one, choosing the default.

Role: the catalogue on the command line.  Only ``pull`` goes to the network.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from diffdx_tui.commands.console import emit_json, emit_line, tell
from diffdx_tui.commands.exits import CommandError, Exit
from diffdx_tui.commands.libraries import quiet_libraries
from diffdx_tui.commands.settings import settings_of, spec_of
from diffdx_tui.engine.catalogue import CATALOGUE, is_here, locate, pull

_MODEL_KEY = re.compile(r"^[ \t]*(?:model|\"model\"|'model')[ \t]*=.*$", re.MULTILINE)


def run(options: argparse.Namespace) -> int:
    """Do what ``options.action`` says; returns the exit code."""
    return _ACTIONS[options.action](options)


def _list(options: argparse.Namespace) -> int:
    quiet_libraries()
    chosen = settings_of(options).model
    names = [*CATALOGUE, *([] if chosen in CATALOGUE else [chosen])]
    if options.json:
        emit_json([_values(name, chosen) for name in names])
        return Exit.ANSWERED
    for name in names:
        entry = CATALOGUE.get(name)
        mark = "*" if name == chosen else " "
        here = "here" if is_here(name) else "not here"
        about = entry.about if entry else "from the settings"
        emit_line(f"{mark} {name:<12}  {here:<8}  {about}")
    tell("* answers by default; `diffdx-tui models pull NAME` gets one that is not here")
    return Exit.ANSWERED


def _values(name: str, chosen: str) -> dict[str, object]:
    entry = CATALOGUE.get(name)
    return {
        "name": name,
        "base": entry.base if entry else name,
        "adapters": {str(v): path for v, path in entry.adapters.items()} if entry else {},
        "about": entry.about if entry else "from the settings",
        "here": is_here(name),
        "default": name == chosen,
    }


def _pull(options: argparse.Namespace) -> int:
    quiet_libraries(download=True, progress=sys.stderr.isatty())
    for directory in pull(options.name):
        emit_line(str(directory))
    tell(f"`diffdx-tui models use {options.name}` makes it the default")
    return Exit.ANSWERED


def _use(options: argparse.Namespace) -> int:
    quiet_libraries()
    config = settings_of(options)
    name = options.name
    if name not in CATALOGUE and Path(name).expanduser().is_dir():
        name = str(Path(name).expanduser().resolve())
    locate(spec_of(config.replace(model=name)))  # a default that cannot answer helps nobody
    _write_default(config.home / "config.toml", name)
    tell(f"{name} answers by default")
    if "DIFFDX_MODEL" in os.environ:
        tell("but DIFFDX_MODEL is set in this environment, and wins")
    return Exit.ANSWERED


def _write_default(path: Path, name: str) -> None:
    """Set ``model`` in the file and keep everything else in it, comments included."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    line = f"model = {_toml_string(name)}"
    changed, count = _MODEL_KEY.subn(lambda _: line, text, count=1)
    if not count:
        changed = f"{line}\n{text}"
    if not _is_exactly(changed, {**tomllib.loads(text), "model": name}):
        raise CommandError(f"{path} is written unusually: set {line} in it by hand", Exit.USAGE)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=".config.", delete=False
    ) as file:
        file.write(changed)
    Path(file.name).replace(path)


def _is_exactly(text: str, values: dict[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == values
    except tomllib.TOMLDecodeError:
        return False


def _toml_string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    if not escaped.isprintable():
        raise CommandError("the model's name has characters that cannot be shown", Exit.USAGE)
    return f'"{escaped}"'


_ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": _list,
    "pull": _pull,
    "use": _use,
}
