"""``diffdx-tui completion``: completion scripts for bash, zsh and fish.

Role: walks the argparse tree, so that a script never knows another grammar than the parser does.
Where the tree has nothing to offer, the shell completes file names.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from diffdx_tui.commands.arguments import build_parser
from diffdx_tui.commands.console import emit
from diffdx_tui.commands.exits import Exit


@dataclass(frozen=True, slots=True)
class Word:
    """Something that can be typed: a flag, a command, or a fixed value of an argument."""

    text: str
    about: str
    takes_value: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where on the line one is: after which commands, and what can follow."""

    path: str
    words: tuple[Word, ...]


def run(options: argparse.Namespace) -> int:
    """Print the script for ``options.shell``."""
    script = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}[options.shell]
    emit(script(tuple(places_of(build_parser()))))
    return Exit.ANSWERED


def places_of(parser: argparse.ArgumentParser, path: str = "") -> Iterator[Place]:
    """The place *path* and all below it."""
    words: list[Word] = []
    below: list[tuple[str, argparse.ArgumentParser]] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, command in action.choices.items():
                words.append(Word(name, helps.get(name, "")))
                below.append((f"{path} {name}".strip(), command))
        elif action.option_strings:
            choices = tuple(map(str, action.choices or ()))
            takes_value = action.nargs != 0
            about = action.help or ""
            words += [Word(flag, about, takes_value, choices) for flag in action.option_strings]
        elif action.choices:
            words += [Word(str(choice), "") for choice in action.choices]
    yield Place(path, tuple(words))
    for name, command in below:
        yield from places_of(command, name)


def _plain(about: str) -> str:
    """A help text without what a shell would read."""
    return "".join("" if character in "'\"`$\\:[]%" else character for character in about)


def _values(places: tuple[Place, ...]) -> dict[str, tuple[str, ...]]:
    """Flags that take a value, and which values; a flag means the same wherever it is."""
    return {word.text: word.choices for place in places for word in place.words if word.takes_value}


def _walk(places: tuple[Place, ...]) -> str:
    """Shell code, alike for bash and zsh: follow the words typed so far to a place."""
    return "|".join(f'"{place.path}"' for place in places if place.path)


def bash_script(places: tuple[Place, ...]) -> str:
    """For bash 3.2 and later."""
    values = "\n".join(
        f"    {flag}) "
        + (f'COMPREPLY=($(compgen -W "{" ".join(choices)}" -- "$current"))' if choices else ":")
        + "; return;;"
        for flag, choices in _values(places).items()
    )
    words = "\n".join(
        f'    "{place.path}") words="{" ".join(word.text for word in place.words)}";;'
        for place in places
    )
    return f"""\
# bash completion of diffdx-tui; generated, do not edit
_diffdx_tui() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
  local place="" next words="" word
  COMPREPLY=()
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    next="${{place:+$place }}$word"
    case "$next" in
    {_walk(places)}) place="$next";;
    esac
  done
  case "$previous" in
{values}
  esac
  case "$place" in
{words}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _diffdx_tui diffdx-tui
"""


def zsh_script(places: tuple[Place, ...]) -> str:
    """For a file ``_diffdx-tui`` in a folder of ``$fpath``, or to be evaluated."""
    values = "\n".join(
        f"    {flag}) "
        + (f"compadd -- {' '.join(choices)}" if choices else "_files")
        + "; return;;"
        for flag, choices in _values(places).items()
    )
    words = "\n".join(
        f'    "{place.path}") words_here=('
        + " ".join(f"'{word.text}:{_plain(word.about)}'" for word in place.words)
        + ");;"
        for place in places
    )
    return f"""\
#compdef diffdx-tui
# zsh completion of diffdx-tui; generated, do not edit
_diffdx_tui() {{
  local place="" next word
  local -a words_here
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    next="${{place:+$place }}$word"
    case "$next" in
    {_walk(places)}) place="$next";;
    esac
  done
  case "$words[CURRENT-1]" in
{values}
  esac
  case "$place" in
{words}
  esac
  _describe 'diffdx-tui' words_here || _files
}}
if [[ "$funcstack[1]" == "_diffdx-tui" ]]; then
  _diffdx_tui "$@"
else
  compdef _diffdx_tui diffdx-tui
fi
"""


def fish_script(places: tuple[Place, ...]) -> str:
    """For ``~/.config/fish/completions/diffdx-tui.fish``."""
    paths = " ".join(f"'{place.path}'" for place in places if place.path)
    lines = [_fish_line(place, word) for place in places for word in place.words]
    return f"""\
# fish completion of diffdx-tui; generated, do not edit
function __diffdx_tui_place
  set -l place ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim -- "$place $word")
    if contains -- "$next" {paths}
      set place $next
    end
  end
  test "$place" = "$argv[1]"
end
{chr(10).join(lines)}
"""


def _fish_line(place: Place, word: Word) -> str:
    parts = ["complete -c diffdx-tui", f"-n \"__diffdx_tui_place '{place.path}'\""]
    if word.text.startswith("--"):
        parts.append(f"-l {word.text.removeprefix('--')}")
    elif word.text.startswith("-"):
        parts.append(f"-s {word.text.removeprefix('-')}")
    else:
        parts.append(f"-a {word.text}")
    if word.choices:
        parts.append(f"-x -a '{' '.join(word.choices)}'")
    elif word.takes_value:
        parts.append("-r")
    if word.about:
        parts.append(f"-d '{_plain(word.about)}'")
    return " ".join(parts)
