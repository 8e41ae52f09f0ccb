"""TensorBoard's files, read back by the letter of the format."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from diffdx_tui.domain.recipe import read_recipe
from diffdx_tui.store.errors import StoreError
from diffdx_tui.store.run_records import Probe, RunState, StepMetrics, Validation
from diffdx_tui.store.run_registry import RunRegistry
from diffdx_tui.store.run_writer import RunWriter
from tests.trainer.tuning_material import new_run, small_recipe, start, write_rows
from trainer.event_files import FILE, FOLDER, EventFile, crc32c, scalars_of


def test_the_checksum_is_castagnolis() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4


def records(path: Path) -> Iterator[bytes]:
    data, at = path.read_bytes(), 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        event = data[at + 12 : at + 12 + length]
        for part, place in ((data[at : at + 8], at + 8), (event, at + 12 + length)):
            (masked,) = struct.unpack_from("<I", data, place)
            turned = (masked - 0xA282EAD8) & 0xFFFFFFFF
            assert (turned >> 17 | turned << 15) & 0xFFFFFFFF == crc32c(part)
        yield event
        at += 12 + length + 4


def test_a_resumed_run_has_one_whole_file(home: Path) -> None:
    registry = RunRegistry(home)
    directory = registry.directory(registry.create(read_recipe({"tensorboard": True})).id)
    with RunWriter(directory) as writer:
        writer.record_step(StepMetrics(step=1, loss=2.0, rate=1e-4))
        writer.record_step(StepMetrics(step=2, loss=float("nan")))
        writer.end(RunState.STOPPED)
    for _ in range(2):  # taken twice, written anew each time
        file = EventFile(directory)
        file.append(Validation(300, 1.5))
        file.close()
    version, first, last = records(directory / FOLDER / FILE)
    assert b"brain.Event:2" in version
    assert b"train/loss" in first and struct.pack("<f", 2.0) in first
    assert b"validation/loss" in last and b"\x10\xac\x02" in last  # step 300 as a varint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_said(home: Path) -> None:
    registry = RunRegistry(home)
    directory = registry.directory(registry.create(read_recipe({})).id)
    (directory / FOLDER).mkdir()
    (directory / FOLDER / FILE).symlink_to("/dev/full")
    with pytest.raises(StoreError, match="the disk is full"):
        EventFile(directory)


def test_scalars() -> None:
    assert scalars_of(Probe(5, 1, 4, 2)) == {"probe/strict": 0.25, "probe/stopped": 0.5}
    assert scalars_of(Probe(5, 0, 0, 0)) == {}
    gpu = {"utilisation": 0.5, "power_w": None}
    assert scalars_of(StepMetrics(step=1, loss=None, gpu=gpu)) == {"machine/gpu_utilisation": 0.5}
    assert scalars_of(Validation(1, None)) == {}
    assert scalars_of(Validation(1, float("nan"))) == {}


def test_a_training_writes_it_on_request(home: Path, tiny_model: Path, tmp_path: Path) -> None:
    recipe = small_recipe(
        tiny_model, write_rows(tmp_path / "rows.jsonl"), max_steps=2, tensorboard=True
    )
    directory = new_run(home, recipe)
    assert start(directory).wait(timeout=100) == 0
    found = b"".join(records(directory / FOLDER / FILE))
    assert found.count(b"train/loss") == 2 and b"validation/loss" in found
    assert "Not a medical device" in (directory / "adapter" / "README.md").read_text()
