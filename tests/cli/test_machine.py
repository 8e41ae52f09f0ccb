"""`models`, `schema`, `doctor`, `completion`, and what the program imports."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from diffdx_tui.commands import machine_checks
from diffdx_tui.commands.arguments import build_parser
from diffdx_tui.commands.completion import places_of
from diffdx_tui.commands.doctor import CHECKS
from diffdx_tui.store import SessionStore
from tests.cli.conftest import Run, command

HEAVY = ("torch", "transformers", "textual", "peft", "bitsandbytes")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["sessions", "list"],
        ["schema"],
        ["models", "list"],
        ["runs", "list"],
        ["train", "--dry-run"],
        ["completion", "bash"],
        ["ask", "x", "--model", "nowhere"],
    ],
)
def test_light_commands_import_nothing_heavy(home: Path, arguments: list[str]) -> None:
    program = (
        "import sys; from diffdx_tui.cli import main; main(sys.argv[1:]); "
        f"print(sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True)
    assert done.stderr.splitlines()[-1] == b"[]", done.stderr


def test_version(run: Run) -> None:
    ended = run("--version")
    assert ended.code == 0 and ended.out.startswith("diffdx-tui 0.")


def test_without_a_command_a_terminal_is_needed(spawn: Run) -> None:
    for arguments in ((), ("--plain",)):
        ended = spawn(*arguments)
        assert (ended.code, ended.out) == (2, "") and "terminal" in ended.err


def test_schema(run: Run) -> None:
    whole, short = run("schema"), run("schema", "--variant", "c")
    assert "recommended_workup" in json.loads(whole.out)["properties"]
    assert "recommended_workup" not in json.loads(short.out)["properties"]
    assert run("schema", "--variant", "D").code == 2


def test_models_list(run: Run, tiny_model: Path) -> None:
    listed = {entry["name"]: entry for entry in json.loads(run("models", "list", "--json").out)}
    assert listed[str(tiny_model)]["default"] and listed[str(tiny_model)]["here"]
    assert not listed["hai-0.5b"]["here"]
    assert "hai-0.5b" in run("models", "list").out


def test_models_use_keeps_the_rest_of_the_file(
    run: Run, home: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DIFFDX_MODEL")
    home.mkdir()
    file = home / "config.toml"
    file.write_text('# mine\ntheme = "nord"\nmodel = "hai-0.5b" # big\nascii = true\n')
    monkeypatch.chdir(tiny_model.parent)
    ended = run("models", "use", tiny_model.name)
    assert ended.code == 0
    assert file.read_text().startswith('# mine\ntheme = "nord"\n')
    expected = {"theme": "nord", "model": str(tiny_model), "ascii": True}
    assert tomllib.loads(file.read_text()) == expected
    assert run("models", "use", "hai-0.5b").code == 4  # it is not here
    assert tomllib.loads(file.read_text()) == expected
    file.unlink()
    assert run("models", "use", str(tiny_model)).code == 0
    assert tomllib.loads(file.read_text()) == {"model": str(tiny_model)}


def test_models_pull_refuses_what_cannot_be_pulled(run: Run) -> None:
    assert run("models", "pull", "mini").code == 4
    assert run("models", "pull", "owner/name").code == 4  # offline


def test_doctor(run: Run, home: Path) -> None:
    ended = run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(ended.out)["checks"]}
    assert list(checks) == list(CHECKS)
    assert all(check["level"] == "ok" or check["advice"] for check in checks.values())
    for name in ("settings", "torch", "nf4", "chosen model", "home folder", "search"):
        assert checks[name]["level"] == "ok", checks[name]
    failed = any(check["level"] == "fail" for check in checks.values())
    assert ended.code == (1 if failed else 0)
    assert not home.exists()


def test_doctor_in_words(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("out of luck\x1b[31m")

    home.mkdir(mode=0o755)
    home.chmod(0o755)
    (home / "sessions.db").write_bytes(b"no database at all, but a long enough text" * 20)
    for name in ("torch", "gpu", "nf4"):
        monkeypatch.setitem(CHECKS, name, broken)
    ended = run("doctor")
    assert ended.code == 1 and "\x1b" not in ended.out
    assert "chmod 700" in ended.out and "out of luck" in ended.out
    assert (home / "sessions.db").read_bytes().startswith(b"no database")  # only looked at


def test_doctor_finds_a_sound_database_in_use(home: Path) -> None:
    with SessionStore.open(home / "sessions.db"):
        assert machine_checks.check_database().level == "ok"
    before = sorted(home.iterdir())
    assert machine_checks.check_database().level == "ok"
    assert sorted(home.iterdir()) == before


def test_doctor_survives_bad_settings(home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("model = \n")
    assert machine_checks.check_settings().level == "fail"


def complete(line: str) -> list[str]:
    """What bash offers for the last word of *line*."""
    words = line.split(" ")
    script = subprocess.run(command("completion", "bash"), capture_output=True, check=True).stdout
    quoted = " ".join(f"'{word}'" for word in words)
    program = (
        script.decode()
        + f"\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _diffdx_tui\n"
        + 'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-u", "-c", program], capture_output=True, check=True)
    assert not done.stderr
    return done.stdout.decode().split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completion(home: Path) -> None:
    assert "sessions" in complete("diffdx-tui s")
    assert set(complete("diffdx-tui sessions ")) >= {"list", "restore", "export"}
    assert complete("diffdx-tui --ascii sessions export --format ") == ["jsonl", "md", "csv"]
    assert complete("diffdx-tui ask --prec") == ["--precision"]
    assert complete("diffdx-tui completion z") == ["zsh"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_know_every_word(run: Run, shell: str) -> None:
    script = run("completion", shell).out
    for place in places_of(build_parser()):
        for word in place.words:
            assert word.text.lstrip("-") in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script.encode(), check=True)


def test_on_a_terminal_lines_are_wrapped_and_coloured(home: Path) -> None:
    main, side = pty.openpty()
    environment = {**os.environ, "COLUMNS": "40", "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    arguments = ["ask", "Pain.", "--temperature", "1", "--max-new-tokens", "300"]
    process = subprocess.Popen(
        command(*arguments), stdin=side, stdout=side, stderr=side, env=environment
    )
    os.close(side)
    data = b""
    try:
        while chunk := os.read(main, 65536):
            data += chunk
    except OSError:  # the other side is closed
        pass
    assert process.wait(timeout=30) == 0
    text = data.decode()
    assert "\x1b[1;31mUNLIKELY BUT SERIOUS:\x1b[0m" in text
    assert "loading" not in text.splitlines()[-1]
    assert "saved as" in text
