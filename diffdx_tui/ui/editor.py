"""Writing the vignette in the person's own editor.

Role: hands the terminal to ``$VISUAL`` or ``$EDITOR`` and takes the text back.  The temporary file
is private and removed, whatever happens.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

_FALLBACKS = ("nano", "vim", "vi")


class EditorFailed(Exception):
    """No text came back; the message says why."""


def editor_command(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The person's editor, or the first one that is installed.

    Raises:
        EditorFailed: there is none.
    """
    wanted = environ.get("VISUAL") or environ.get("EDITOR")
    if wanted:
        try:
            return shlex.split(wanted)
        except ValueError as error:
            raise EditorFailed(f"$EDITOR cannot be read: {error}") from None
    for name in _FALLBACKS:
        if shutil.which(name):
            return [name]
    raise EditorFailed("no editor found: set EDITOR to one")


def edit_text(text: str, output: int | None) -> str:
    """Edit *text* with the terminal at descriptor *output*, which must be ours to give.

    Raises:
        EditorFailed: the editor could not run, failed, or left something that is not UTF-8.
    """
    command = editor_command()
    with tempfile.TemporaryDirectory(prefix="diffdx-") as folder:  # mode 0700
        path = Path(folder, "vignette.txt")
        path.write_text(f"{text}\n" if text else "", encoding="utf-8", errors="replace")
        try:
            done = subprocess.run([*command, str(path)], stdout=output, stderr=output, check=False)
        except OSError as error:
            raise EditorFailed(f"{command[0]} could not be started: {error.strerror}") from None
        if done.returncode:
            raise EditorFailed(f"{command[0]} ended with code {done.returncode}: text unchanged")
        try:
            return path.read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise EditorFailed(f"the edited text cannot be read: {error}") from None
