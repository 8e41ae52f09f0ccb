"""Which process is writing an answer, and whether it still lives.

Role: lets the next start tell an answer that a killed process left behind from one that another
living process is still writing.  A process id alone is not enough, as ids are used again, so the
start time of the process goes with it.
"""

from __future__ import annotations

import os
import socket
import subprocess
from functools import cache
from pathlib import Path

_SEPARATOR = "|"


def current_owner() -> str:
    """The mark of this process: host, process space, id and start time."""
    return owner_of(os.getpid())


def owner_of(pid: int) -> str:
    """The mark of the process *pid*, which runs here."""
    return _SEPARATOR.join((socket.gethostname(), _process_space(), str(pid), _start_time(pid)))


def is_alive(owner: str) -> bool | None:
    """Whether the process that *owner* marks still runs; ``None`` where that cannot be known.

    It cannot be known of another host or another container that shares the folder.
    """
    parts = owner.split(_SEPARATOR)
    if len(parts) != 4 or not parts[2].isdecimal():
        return False
    host, space, pid, start = parts
    if host != socket.gethostname() or space != _process_space():
        return None
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # it runs, as somebody else
    return start == _start_time(int(pid))


@cache
def _process_space() -> str:
    """Names the container: equal ids in two containers are different processes."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _start_time(pid: int) -> str:
    """When *pid* started, in any form that is stable; empty once it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "" if Path("/proc/self/stat").exists() else _start_time_by_ps(pid)
    except OSError:
        return ""
    # The command's name stands in brackets and may itself hold spaces and brackets.
    fields = stat.rpartition(")")[2].split()
    state, ticks = fields[0], fields[19]
    # A zombie has ended and only waits for its parent to notice.
    return "" if state in "ZX" else f"{_boot()}:{ticks}"


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _start_time_by_ps(pid: int) -> str:
    """For systems without ``/proc``, such as macOS."""
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        ps = subprocess.run(
            command, capture_output=True, text=True, timeout=5, check=False, env=environment
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return ps.stdout.strip()
