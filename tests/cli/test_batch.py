"""`diffdx-tui batch`: rows, refusals, resuming, and what it never touches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from diffdx_tui.commands.batch_output import BatchOutput
from diffdx_tui.commands.batch_rows import BadRow, Row, read_rows
from diffdx_tui.commands.exits import CommandError
from tests.cli.conftest import VIGNETTE, Run
from tests.cli.test_ask import KEYS

SHORT = ["--max-new-tokens", "80"]


def documents(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_csv_with_a_byte_order_mark(run: Run, tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.jsonl"
    source.write_bytes(
        '\ufeffid,age,Vignette\r\na,67,"Pain, ""sharp""\r\nsince noon"\r\nb,5,Übelkeit\r\n'.encode()
    )
    ended = run("batch", str(source), str(target), *SHORT)
    assert ended.code == 0 and "2 answered, 0 refused, 0 failed" in ended.err
    first, second = documents(target)
    assert list(first) == ["id", *KEYS]
    assert first["vignette"] == 'Pain, "sharp"\nsince noon'
    assert (second["id"], second["vignette"]) == ("b", "Übelkeit")
    assert len(json.loads(run("sessions", "list", "--json").out)) == 2


def test_bad_rows_are_reported_and_skipped(run: Run, tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(
        b'\xef\xbb\xbf{"id": 1, "vignette": "pain"}\n'
        b"\n"
        b"not json \x1b[31m\n"
        b'{"id": 1, "vignette": "the same id"}\n'
        b'{"id": "c"}\n'
        b'{"id": "d", "vignette": " "}\n'
        b'{"id": "e", "vignette": "bad \xff byte"}\n'
        b'{"id": "f", "vignette": "half \\ud800 a pair"}\n'
        b'{"id": true, "vignette": "x"}\n'
        b"[" + b"[" * 100_000 + b"\n"
        b"[1]\n"
        b'{"id": "\\ud800", "vignette": "x"}\n'
        b'{"id": "z", "vignette": "last line without an end"}'
    )
    offset = source.read_bytes().index(0xFF)
    ended = run("batch", str(source), str(target), "--ephemeral", *SHORT)
    assert ended.code == 3
    assert [document["id"] for document in documents(target)] == [1, "z"]
    for said in (
        "row 3 is skipped: not JSON",
        "row 4 is skipped: id 1 is already that of row 1",
        "row 5 is skipped: vignette is missing",
        "row 6 is skipped: the vignette is empty",
        f"0xff at offset {offset}",
        "row 8 is skipped: the input is not valid UTF-8",
        "row 9 is skipped: id is neither",
        "row 10 is skipped: not JSON",
        "row 11 is skipped: not a JSON object",
        "row 12 is skipped: id is not valid",
    ):
        assert said in ended.err, said
    assert "\x1b" not in ended.err


def test_csv_rows_of_every_kind(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes(
        b"vignette;id\n"  # as spreadsheets write it where the comma is the decimal sign
        b"pain;1\n\n"
        b"only one column\n"
        b"bad \xff byte;2\n"
        b'"quoted" and more;3\n'
        b";4\n"
        b"fever;5\n"
        b'"never closed;6\n'
    )
    rows = list(read_rows(source))
    assert [(row.number, row.id) for row in rows if isinstance(row, Row)] == [(2, "1"), (8, "5")]
    bad = {row.number: row.reason for row in rows if isinstance(row, BadRow)}
    assert sorted(bad) == [4, 5, 6, 7, 9]
    assert "0xff" in bad[5] and "not CSV" in bad[6] and "empty" in bad[7] and "not CSV" in bad[9]


def test_nothing_left_to_do_loads_no_model(run: Run, tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps({"id": "a", "vignette": VIGNETTE}))
    assert run("batch", str(source), str(target), *SHORT).code == 0
    again = run("batch", str(source), str(target), "--model", "nowhere")
    assert again.code == 0 and "1 answered" in again.err
    assert len(documents(target)) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"my precious notes\n", "left as"),
        (b"my precious notes", "left as"),
        (b'{"id": 1}\n', "left as"),
    ],
)
def test_foreign_files_are_never_touched(
    run: Run, tmp_path: Path, content: bytes, said: str
) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps({"id": "a", "vignette": VIGNETTE}))
    target.write_bytes(content)
    ended = run("batch", str(source), str(target))
    assert ended.code == 2 and said in ended.err
    assert target.read_bytes() == content


def test_usage(run: Run, tmp_path: Path) -> None:
    rows = tmp_path / "in.jsonl"
    rows.write_text("")
    table = tmp_path / "in.csv"
    table.write_text("name,text\n")
    out = str(tmp_path / "out.jsonl")
    assert run("batch", str(rows), str(rows)).code == 2
    assert run("batch", str(tmp_path / "in.txt"), out).code == 2
    assert run("batch", str(tmp_path / "missing.csv"), out).code == 3
    assert run("batch", str(table), out).code == 3
    assert run("batch", str(rows), str(tmp_path / "no" / "folder.jsonl")).code == 2


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    with BatchOutput(target), pytest.raises(CommandError, match="another batch"):
        BatchOutput(target)


def test_rows_too_long_for_the_model_are_refused(run: Run, tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = [{"id": "long", "vignette": "x" * 3900}, {"id": "short", "vignette": VIGNETTE}]
    source.write_text("\n".join(map(json.dumps, rows)))
    ended = run("batch", str(source), str(target))
    assert ended.code == 3 and "row 1 failed" in ended.err
    assert [document["id"] for document in documents(target)] == ["short"]
