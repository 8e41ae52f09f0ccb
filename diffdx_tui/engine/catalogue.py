"""The models a person can choose by name, and where their files are.

Role: turns a :class:`ModelSpec` into local directories.  Imports no torch, so that listing models
is instant.  Nothing here goes to the network except :func:`pull`, which is only run on request.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from diffdx_tui.config import data_directory
from diffdx_tui.domain.differential import Variant
from diffdx_tui.engine.failures import BadAdapter, ModelUnavailable

EMBEDDED = "embedded:"
"""Prefix of a path inside the project's own ``data/model/``."""

NO_ADAPTER = "none"

# safetensors only: pickled weights can run code when they are loaded.
_WANTED_FILES = ["*.json", "*.safetensors", "*.txt", "README.md"]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What to load.

    Attributes:
        model: catalogue name, local directory or hub id of the base.
        adapter: local directory or hub id of a PEFT adapter; ``None`` takes the catalogue entry's
            own for the variant, ``"none"`` takes no adapter at all.
        variant: the schema to answer in.
        precision: ``auto``, ``nf4``, ``bf16``, ``fp16`` or ``fp32``.
    """

    model: str = "mini"
    adapter: str | None = None
    variant: Variant = Variant.A
    precision: str = "auto"


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A named model: a base, an adapter per variant where it has one, and what it is."""

    name: str
    base: str
    about: str
    adapters: dict[Variant, str] = field(default_factory=dict)


CATALOGUE: dict[str, CatalogueEntry] = {
    entry.name: entry
    for entry in (
        CatalogueEntry(
            name="mini",
            base=f"{EMBEDDED}mini",
            about="embedded demonstration model, trained on text generated from a knowledge base "
            "no clinician has validated",
        ),
        CatalogueEntry(
            name="hai-0.5b",
            base="Qwen/Qwen2.5-0.5B-Instruct",
            about="the reference: HAI-DiffDx-0.5B, QLoRA of Qwen2.5-0.5B-Instruct",
            adapters={Variant.A: "heuristixai/HAI-DiffDx-0.5B"},
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Located:
    """A spec with its files found.

    Attributes:
        spec: what was asked for.
        base: the base's name: hub id or path.
        base_directory: where its files are.
        adapter: the adapter's name, or ``None``.
        adapter_directory: where its files are, or ``None``.
    """

    spec: ModelSpec
    base: str
    base_directory: Path
    adapter: str | None
    adapter_directory: Path | None


def locate(spec: ModelSpec) -> Located:
    """Find the files of *spec* on this machine.

    Raises:
        ModelUnavailable: the base is not here; the message says which command gets it.
        BadAdapter: the same for the adapter.
    """
    entry = CATALOGUE.get(spec.model)
    base = entry.base if entry else spec.model
    base_directory = _find(base)
    if base_directory is None:
        raise ModelUnavailable(_missing(f"model {base}", spec.model, base))
    adapter = spec.adapter
    if adapter is None and entry is not None and entry.adapters:
        adapter = entry.adapters.get(spec.variant)
        if adapter is None:
            raise BadAdapter(
                f"{spec.model} has no adapter for variant {spec.variant}: give --adapter, or "
                f"--adapter {NO_ADAPTER} for the bare base"
            )
    if adapter is None or adapter == NO_ADAPTER:
        return Located(spec, base, base_directory, None, None)
    adapter_directory = _find(adapter)
    if adapter_directory is None:
        wanted = spec.model if spec.adapter is None else adapter
        raise BadAdapter(_missing(f"adapter {adapter}", wanted, adapter))
    return Located(spec, base, base_directory, adapter, adapter_directory)


def hash_weights(directory: Path) -> str:
    """SHA-256 over the hashes of a base's weight files, by name."""
    digest = hashlib.sha256()
    for path in sorted(directory.glob("*.safetensors")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def is_here(name: str) -> bool:
    """Whether *name*'s files are all on this machine."""
    entry = CATALOGUE.get(name)
    parts = [entry.base, *entry.adapters.values()] if entry else [name]
    return all(_find(part) is not None for part in parts)


def pull(name: str) -> list[Path]:
    """Download a catalogue entry or hub id into the hub's local cache.

    Raises:
        ModelUnavailable: there is nothing to pull, or the download failed.
    """
    entry = CATALOGUE.get(name)
    parts = [entry.base, *entry.adapters.values()] if entry else [name]
    if all(part.startswith(EMBEDDED) for part in parts):
        raise ModelUnavailable(f"{name} ships with the program: there is nothing to pull")
    from huggingface_hub import snapshot_download

    directories = []
    for part in parts:
        if not _is_hub_id(part):
            raise ModelUnavailable(f"{part} is not a hub id (owner/name)")
        try:
            directories.append(Path(snapshot_download(part, allow_patterns=_WANTED_FILES)))
        # The hub raises its own, requests' and the system's errors; all mean the same here.
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ModelUnavailable(f"could not download {part}: {reason}") from error
    return directories


def locate_file(name: str) -> Path:
    """The file *name*: in the project's own ``data/model/`` or the person's."""
    return _embedded(name) if name.startswith(EMBEDDED) else Path(name).expanduser()


def _embedded(name: str) -> Path:
    return data_directory() / "model" / name.removeprefix(EMBEDDED)


def _find(name: str) -> Path | None:
    """The directory of *name*: embedded, local, or in the hub's cache."""
    if name.startswith(EMBEDDED):
        directory = _embedded(name)
        return directory if (directory / "config.json").is_file() else None
    try:
        local = Path(name).expanduser()
        if local.is_dir():
            return local
    except (OSError, RuntimeError, ValueError):  # a name no file can have, or nobody's home
        return None
    return _find_in_cache(name) if _is_hub_id(name) else None


def _find_in_cache(hub_id: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, local_files_only=True))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError):
        return None


def _is_hub_id(name: str) -> bool:
    owner, slash, rest = name.partition("/")
    return bool(owner and slash and rest) and "/" not in rest and not name.startswith((".", "~"))


def _missing(what: str, wanted: str, name: str) -> str:
    if name.startswith(EMBEDDED):
        return f"the embedded model {wanted} is missing from this installation: install it again"
    if _is_hub_id(name):
        return f"{what} is not on this machine: get it with `diffdx-tui models pull {wanted}`"
    known = ", ".join(CATALOGUE)
    what = what if len(what) <= 120 else f"{what[:120]}…"
    return f"{what} is neither a directory nor a known model ({known}) nor a hub id (owner/name)"
