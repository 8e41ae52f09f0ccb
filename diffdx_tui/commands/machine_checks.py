"""Doctor's checks of the machine: GPU, model libraries, models, and the home folder.

Role: each check is a function that gives a finding.  The database is looked at without repair: a
damaged one is set aside when the program next opens it, not here.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

from diffdx_tui.commands.finding import Finding, fail, ok, warn
from diffdx_tui.config import Config, ConfigError, home_directory, read_config

_MEGABYTE = 1_000_000
_INSTALL = "install diffdx-tui again (`make install` in a checkout)"


def check_settings() -> Finding:
    """Can the settings be read?"""
    try:
        config = read_config()
    except ConfigError as error:
        return fail(str(error), "correct it, or remove it to have the defaults")
    file = config.home / "config.toml"
    origin = str(file) if file.is_file() else "defaults"
    return ok(f"model {config.model}, precision {config.precision} ({origin})")


def check_torch() -> Finding:
    """Is torch there, and how many threads does it use?"""
    import psutil
    import torch

    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    found = f"{torch.__version__}, {torch.get_num_threads()} threads on {cores} cores"
    if torch.get_num_threads() > cores:
        return warn(
            found, f"more threads than cores make it slower: export OMP_NUM_THREADS={cores}"
        )
    return ok(found)


def check_gpu() -> Finding:
    """Is there a GPU that torch can use?"""
    import torch

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        memory = properties.total_memory / 1e9
        return ok(f"{properties.name}, {memory:.0f} GB, CUDA {torch.version.cuda}")
    if not Path("/dev/nvidia0").exists():
        return ok("none: the CPU is used")
    if torch.version.cuda is None:
        advice = "install a CUDA build: https://pytorch.org/get-started/locally/"
        return warn("there is one, but this torch is built without CUDA", advice)
    return warn(
        f"there is one, but torch (CUDA {torch.version.cuda}) cannot use it",
        "look at nvidia-smi and at CUDA_VISIBLE_DEVICES; the driver may be too old",
    )


def check_nf4() -> Finding:
    """Does 4-bit quantisation work, there and back?"""
    import bitsandbytes
    import torch
    from bitsandbytes import functional

    device = "cuda" if torch.cuda.is_available() else "cpu"
    weights = torch.randn(64, 128, generator=torch.Generator().manual_seed(0)).to(device)
    packed, state = functional.quantize_4bit(weights, quant_type="nf4", compress_statistics=True)
    error = (functional.dequantize_4bit(packed, state) - weights).abs().mean().item()
    found = f"bitsandbytes {bitsandbytes.__version__} on {device}, mean error {error:.3f}"
    if not error < 0.15:
        return warn(f"{found}: too large", "use --precision bf16 or fp32")
    return ok(found)


def check_embedded_model() -> Finding:
    """Is the model that ships with the program there?"""
    from diffdx_tui.engine.catalogue import ModelSpec, locate
    from diffdx_tui.engine.failures import EngineError

    try:
        return ok(str(locate(ModelSpec("mini")).base_directory))
    except EngineError:
        return fail("mini is missing from this installation", _INSTALL)


def check_chosen_model() -> Finding:
    """Are the files of the default model there?"""
    from diffdx_tui.commands.settings import spec_of
    from diffdx_tui.engine.catalogue import locate
    from diffdx_tui.engine.failures import EngineError

    spec = spec_of(read_config())
    try:
        located = locate(spec)
    except EngineError as error:
        return fail(str(error), "get it, or choose another one with `diffdx-tui models use NAME`")
    adapter = f" + {located.adapter}" if located.adapter else ""
    return ok(f"{spec.model}: {located.base}{adapter}")


def check_hub_cache() -> Finding:
    """Where are downloaded models kept?"""
    from huggingface_hub import constants

    from diffdx_tui.engine.catalogue import CATALOGUE, is_here

    cache = Path(constants.HF_HUB_CACHE)
    here = ", ".join(name for name in CATALOGUE if is_here(name)) or "none"
    if not cache.is_dir():
        return ok(f"{cache} (none yet); on this machine: {here}")
    if not os.access(cache, os.W_OK):
        return warn(f"{cache} cannot be written", "set HF_HOME to a folder of yours")
    return ok(f"{cache}; on this machine: {here}")


def check_home() -> Finding:
    """Can work be saved, and by whom can it be read?"""
    home = home_directory()
    place = home
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return fail(f"{home} cannot be written", "correct its permissions or set DIFFDX_HOME")
    if place != home:
        return ok(f"{home} (made with the first saved answer)")
    try:
        with tempfile.NamedTemporaryFile(dir=home):
            pass
    except OSError as error:
        advice = "make room, correct its permissions or set DIFFDX_HOME"
        return fail(f"{home} cannot be written: {error.strerror}", advice)
    mode = home.stat().st_mode & 0o777
    if mode & 0o077:
        return warn(f"{home} can be read by others ({mode:04o})", f"run: chmod 700 {home}")
    return ok(f"{home} ({mode:04o})")


def check_database() -> Finding:
    """Is the file of saved sessions sound and private?"""
    path = Config(home=home_directory()).database
    if not path.exists():
        return ok("none yet")
    advice = "copy it away; the program sets it aside at its next start and begins a new one"
    try:
        connection = sqlite3.connect(_uri_to_look_at(path), uri=True, timeout=5)
        try:
            first = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            count = connection.execute(
                "SELECT count(*) FROM sessions WHERE deleted IS NULL"
            ).fetchone()[0]
        finally:
            connection.close()
    except sqlite3.Error as error:
        return fail(f"{path}: {error}", advice)
    if first != "ok":
        return fail(f"{path} is damaged: {first}", advice)
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        return warn(f"{path} can be read by others ({mode:04o})", f"run: chmod 600 {path}")
    return ok(f"sound, {count} sessions ({mode:04o})")


def _uri_to_look_at(path: Path) -> str:
    """A reader of a WAL database leaves files beside it, unless it is told that nobody writes."""
    in_use = path.with_name(f"{path.name}-wal").exists()
    return f"{path.resolve().as_uri()}?mode=ro{'' if in_use else '&immutable=1'}"


def check_search() -> Finding:
    """Has this Python's SQLite full-text search?"""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE probe USING fts5(text)")
    except sqlite3.OperationalError:
        advice = "use a Python whose SQLite is built with FTS5"
        return fail(f"SQLite {sqlite3.sqlite_version} without FTS5", advice)
    finally:
        connection.close()
    return ok(f"SQLite {sqlite3.sqlite_version} with FTS5")


def check_disk() -> Finding:
    """Is there room?"""
    place = home_directory()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    found = f"{free / 1e9:.1f} GB free at {place}"
    if free < 20 * _MEGABYTE:
        return fail(found, "free some space: nothing can be saved soon")
    if free < 1_000 * _MEGABYTE:
        return warn(found, "saved work fits; a training run or another model may not")
    return ok(found)
