"""Doctor's checks of the terminal: size, colour, characters, and the way to the clipboard.

Role: each check is a function that gives a finding and changes nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from diffdx_tui.commands.finding import Finding, ok, warn

_SMALLEST = (80, 24)


def check_terminal() -> Finding:
    """Is there one, of what kind and size?"""
    term = os.environ.get("TERM", "")
    if not sys.stderr.isatty() and not sys.stdout.isatty():
        return warn("this is not a terminal", "run doctor where the app is to run")
    if term in ("", "dumb"):
        return warn(
            f"TERM is {term or 'not set'}", "set TERM (such as xterm-256color), or use --plain"
        )
    columns, lines = shutil.get_terminal_size()
    found = f"{columns}x{lines}, TERM {term}"
    if columns < _SMALLEST[0] or lines < _SMALLEST[1]:
        return warn(found, "enlarge it to 80x24 at least, or use --plain")
    return ok(found)


def check_colour() -> Finding:
    """How many colours?"""
    if os.environ.get("NO_COLOR"):
        return ok("off, as NO_COLOR asks")
    if os.environ.get("COLORTERM") in ("truecolor", "24bit"):
        return ok("16 million")
    if "256color" in os.environ.get("TERM", "") or "direct" in os.environ.get("TERM", ""):
        return ok("256")
    return warn("16 or fewer", "if the terminal can do more: export COLORTERM=truecolor")


def check_characters() -> Finding:
    """Does text arrive as UTF-8?"""
    encoding = sys.stdout.encoding or "unknown"
    name = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or "C"
    if encoding.lower().replace("-", "") != "utf8":
        return warn(f"{encoding} (locale {name})", "export LANG=C.UTF-8, or use --ascii")
    if "utf" not in name.lower().replace("-", ""):
        advice = "if boxes look broken: export LANG=C.UTF-8, or use --ascii"
        return warn(f"UTF-8, but the locale is {name}", advice)
    return ok(f"UTF-8 (locale {name})")


def check_clipboard() -> Finding:
    """Which way does copied text take?"""
    if not os.environ.get("TMUX"):
        if os.environ.get("TERM", "").startswith("screen"):
            return warn("OSC 52 through GNU screen", "what is copied is also kept in a file")
        where = "the terminal at the other end of SSH" if _is_remote() else "the terminal"
        return ok(f"OSC 52 to {where}, if it allows that; and a file")
    setting = _ask_tmux("set-clipboard", "-s")
    passthrough = _ask_tmux("allow-passthrough", "-gw")
    found = f"OSC 52 through tmux (set-clipboard {setting}, allow-passthrough {passthrough})"
    if setting == "on" or passthrough in ("on", "all"):
        return ok(found)
    return warn(found, "run: tmux set -s set-clipboard on (and put it in ~/.tmux.conf)")


def check_tmux() -> Finding:
    """Is tmux between us and the terminal, and does it keep colours?"""
    if not os.environ.get("TMUX"):
        remote = _is_remote()
        advice = "tmux keeps the app when the line breaks: run it inside tmux"
        return warn("not used, over SSH", advice) if remote else ok("not used")
    term = os.environ.get("TERM", "")
    found = f"{_run('tmux', '-V') or 'tmux'}, TERM {term}"
    if not term.startswith(("tmux", "screen")):
        advice = (
            "inside tmux TERM should be tmux-256color: tmux set -g default-terminal tmux-256color"
        )
        return warn(found, advice)
    return ok(found)


def _is_remote() -> bool:
    return bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))


def _ask_tmux(option: str, scope: str) -> str:
    return _run("tmux", "show-options", scope, "-v", option) or "unknown"


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
