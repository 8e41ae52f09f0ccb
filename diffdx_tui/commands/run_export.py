"""Copies what a run leaves to where the person wants it: a folder or one compressed file.

Role: only plain files go, under names that the run's own folder gave them; the target is whole or
not there, and nothing that exists is replaced.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from diffdx_tui.commands.console import tell
from diffdx_tui.commands.exits import CommandError, Exit
from diffdx_tui.launch import TRAINER, clean_environment
from diffdx_tui.store.run_records import ADAPTER_FOLDER, METRICS_FILE, RUN_FILE
from diffdx_tui.store.run_registry import RunRegistry

_ARCHIVES = (".tar.gz", ".tgz")


def export_run(registry: RunRegistry, options: argparse.Namespace, home: Path) -> int:
    """Export as the options say; the exit code.

    Raises:
        CommandError: the run has no adapter, or the target cannot be written.
    """
    directory = registry.directory(options.id)
    target = _checked(Path(options.output).expanduser().absolute(), registry.folder)
    if not registry.read(directory.name).has_adapter:
        raise CommandError(
            f"run {directory.name} has no adapter yet: it is written when a run finishes or is "
            "stopped",
            Exit.REFUSED,
        )
    if options.merged or options.gguf_adapter:
        return _convert(directory, target, home, merged=options.merged)
    try:
        if target.name.endswith(_ARCHIVES):
            _write_archive(directory, target)
        else:
            _write_folder(directory, target)
    except OSError as error:
        message = f"{target} cannot be written: {error.strerror or error}"
        raise CommandError(message, Exit.USAGE) from error
    tell(f"exported to {target}")
    return Exit.ANSWERED


def _checked(target: Path, runs: Path) -> Path:
    if target.is_symlink() or target.exists():
        raise CommandError(f"{target} exists already: choose another name", Exit.USAGE)
    if not target.parent.is_dir():
        raise CommandError(f"{target.parent} is no folder", Exit.USAGE)
    if target.parent.resolve().is_relative_to(runs.resolve()):
        raise CommandError(f"{target} is among the runs: choose another place", Exit.USAGE)
    return target


def _contents(directory: Path) -> Iterator[tuple[Path, str]]:
    """Files to copy, and their names in the export: the adapter's own are at its top."""
    adapter = directory / ADAPTER_FOLDER
    for path in sorted(adapter.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path, str(path.relative_to(adapter))
    for name in (RUN_FILE, METRICS_FILE):
        if (directory / name).is_file():
            yield directory / name, name


def _write_folder(directory: Path, target: Path) -> None:
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        for path, name in _contents(directory):
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, draft / name)
        draft.chmod(0o755)
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _write_archive(directory: Path, target: Path) -> None:
    with tempfile.NamedTemporaryFile(
        dir=target.parent, prefix=f".{target.name}.", delete=False
    ) as file:
        draft = Path(file.name)
        try:
            with tarfile.open(fileobj=file, mode="w:gz") as archive:
                for path, name in _contents(directory):
                    archive.add(path, f"{directory.name}/{name}", False, filter=_anonymous)
            draft.rename(target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Who made it on which machine is nobody's business."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o644
    return entry


def _convert(directory: Path, target: Path, home: Path, *, merged: bool) -> int:
    """Have the trainer do it: it needs the model libraries."""
    form = "--merged" if merged else "--gguf-adapter"
    done = subprocess.run(
        [*TRAINER, "export", str(directory), str(target), form],
        stdin=subprocess.DEVNULL,
        env=clean_environment(home),
        check=False,
    )
    if done.returncode < 0:
        raise CommandError(f"the export was ended by signal {-done.returncode}", Exit.FAILED)
    return done.returncode
