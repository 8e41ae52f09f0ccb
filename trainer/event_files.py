"""A run's metrics as a TensorBoard event file.

Role: ``tensorboard/`` in the run's folder, written anew from ``metrics.jsonl`` whenever a process
takes the run, and appended to.  The format (TFRecord frames around ``tensorflow.Event`` messages
with scalar summaries) needs a few lines; the tensorboard package is only needed to look at it.
"""

from __future__ import annotations

import math
import struct
import time
from pathlib import Path

from diffdx_tui.store.run_files import explain_os
from diffdx_tui.store.run_reader import read_lines
from diffdx_tui.store.run_records import (
    METRICS_FILE,
    MetricsLine,
    Probe,
    StepMetrics,
    Validation,
    parse_metrics,
)

FOLDER = "tensorboard"
FILE = "events.out.tfevents.diffdx"
_VERSION = b"brain.Event:2"
_CASTAGNOLI = 0x82F63B78
_MASK_DELTA = 0xA282EAD8


class EventFile:
    """The event file of one run, open for appending."""

    def __init__(self, run: Path) -> None:
        """Write what ``metrics.jsonl`` of *run* has.

        Raises:
            StoreError: the file cannot be written.
        """
        folder = run / FOLDER
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            self._path = folder / FILE
            self._file = self._path.open("wb")
        except OSError as error:
            raise explain_os(error, folder) from error
        self._write(_double(1, time.time()) + _bytes(3, _VERSION))
        for values in read_lines(run / METRICS_FILE):
            line = parse_metrics(values)
            if line is not None:
                self.append(line)

    def append(self, line: MetricsLine) -> None:
        """Add the scalars of *line*; what is not finite is left out.

        Raises:
            StoreError: the disk is full, say.
        """
        scalars = scalars_of(line)
        if scalars:
            summary = b"".join(
                _bytes(1, _bytes(1, tag.encode()) + _float(2, value))
                for tag, value in scalars.items()
            )
            self._write(_double(1, time.time()) + _whole(2, line.step) + _bytes(5, summary))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, event: bytes) -> None:
        length = struct.pack("<Q", len(event))
        try:
            self._file.write(length + _checksum(length) + event + _checksum(event))
            self._file.flush()
        except OSError as error:
            raise explain_os(error, self._path) from error


def scalars_of(line: MetricsLine) -> dict[str, float]:
    """Tag to value, as TensorBoard groups them."""
    match line:
        case StepMetrics():
            found = {
                "train/loss": line.loss,
                "train/rate": line.rate,
                "train/grad_norm": line.grad_norm,
                "train/tokens_per_s": line.tokens_per_s,
                "machine/rss_mb": line.rss_mb,
                **{f"machine/gpu_{name}": value for name, value in (line.gpu or {}).items()},
            }
        case Validation():
            found = {"validation/loss": line.loss}
        case Probe():
            found = {
                "probe/strict": line.strict / line.n if line.n else None,
                "probe/stopped": line.stopped / line.n if line.n else None,
            }
    return {
        tag: float(value)
        for tag, value in found.items()
        if value is not None and math.isfinite(value)
    }


# Protocol Buffers' wire format: a key of field number and type, then the value.


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _whole(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        rest = byte
        for _ in range(8):
            rest = rest >> 1 ^ (_CASTAGNOLI if rest & 1 else 0)
        rows.append(rest)
    return tuple(rows)


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """Castagnoli's cyclic redundancy check of *data*."""
    rest = 0xFFFFFFFF
    for byte in data:
        rest = rest >> 8 ^ _TABLE[(rest ^ byte) & 0xFF]
    return rest ^ 0xFFFFFFFF


def _checksum(data: bytes) -> bytes:
    """Masked as TFRecord wants it."""
    value = crc32c(data)
    masked = ((value >> 15 | value << 17) + _MASK_DELTA) & 0xFFFFFFFF
    return struct.pack("<I", masked)
