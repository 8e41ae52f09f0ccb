"""`external pull` and `external list`, with made-up sets."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from diffdx_tui.commands import external
from diffdx_tui.domain.external import SETS
from diffdx_tui.store import external_sets
from tests.cli.conftest import Run

ROWS = {
    "avey": {"presentation": "An elbow itches.", "correct_diagnosis": "Itch"},
    "semigran": {"case_description": "x", "correct_diagnosis": "y", "urgency_level": "em"},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two tiny sets that the program takes for the published ones."""
    folder, sets = tmp_path / "elsewhere", []
    folder.mkdir()
    for one in SETS:
        content = (json.dumps(ROWS[one.name]) + "\n").encode()
        (folder / one.file).write_bytes(content)
        sets.append(replace(one, rows=1, sha256=hashlib.sha256(content).hexdigest()))
    monkeypatch.setattr(external, "SETS", tuple(sets))
    return folder


def listed(run: Run) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(run("external", "list", "--json").out)["sets"]}


def test_copying_and_listing(run: Run, home: Path, folder: Path) -> None:
    before = run("external", "list")
    assert before.code == 0 and "not here" in before.out and "pull --from" in before.err
    ended = run("external", "pull", "--from", str(folder))
    assert ended.code == 0
    for path in map(Path, ended.out.split()):
        assert path.parent == home / "external" and path.stat().st_mode & 0o077 == 0
    after = run("external", "list")
    assert after.out.count("1 rows, sha256 ok, scoring only") == 2
    for words in ("scoring only", "may have seen them", "rights"):
        assert words in after.err.lower()
    assert all(one["here"] and one["sha256_ok"] for one in listed(run).values())
    assert "here already" in run("external", "pull").err  # needs no network


def test_another_file_is_refused_and_not_kept(run: Run, home: Path, folder: Path) -> None:
    (folder / SETS[0].file).write_text('{"presentation": "changed"}\n')
    ended = run("external", "pull", "--from", str(folder))
    assert ended.code == 3 and "is not the published file" in ended.err
    assert not (home / "external").exists()


def test_a_file_that_was_changed_here_is_said_and_mended(
    run: Run, home: Path, folder: Path
) -> None:
    run("external", "pull", "--from", str(folder))
    (home / "external" / SETS[0].file).write_text("{}\n{}\n")
    assert "DIFFERS" in run("external", "list").out
    assert listed(run)["avey"] | {"rows": 2, "sha256_ok": False} == listed(run)["avey"]
    assert run("external", "pull", "--from", str(folder)).code == 0
    assert listed(run)["avey"]["sha256_ok"]


@pytest.mark.parametrize("source", ["nowhere", "~nosuchperson/x"])
def test_a_folder_that_is_not_there(run: Run, folder: Path, source: str) -> None:
    ended = run("external", "pull", "--from", source)
    assert ended.code == 3 and "nothing was kept" in ended.err


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A web server that has the sets under the second commit only."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    root = folder.parent / "web"
    for one in SETS:
        place = root / external_sets._COMMITS[1] / one.path
        place.parent.mkdir(parents=True)
        (folder / one.file).rename(place)
    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(external_sets, "_ADDRESS", f"http://127.0.0.1:{web.server_port}")
    yield root
    web.shutdown()
    thread.join()
    web.server_close()


def test_downloading(run: Run, server: Path) -> None:
    assert run("external", "pull").code == 0
    assert all(one["sha256_ok"] for one in listed(run).values())


def test_what_is_downloaded_is_checked(run: Run, home: Path, server: Path) -> None:
    for path in server.rglob("*.jsonl"):
        path.write_text("<html>sign in</html>")
    ended = run("external", "pull")
    assert ended.code == 3 and "sha256" in ended.err
    assert not (home / "external").exists()


def test_no_network_says_what_to_do(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(external_sets, "_ADDRESS", "http://127.0.0.1:1")
    ended = run("external", "pull")
    assert ended.code == 5 and "external pull --from DIR" in ended.err


def test_an_action_is_needed(run: Run) -> None:
    assert run("external").code == 2
