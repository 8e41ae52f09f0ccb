"""Keeps what would otherwise be a traceback on the terminal: ``diffdx-tui.log`` in the home folder.

Role: warnings of libraries and tracebacks go to the file, which is only made when there is
something to write, and only readable by its owner.
"""

from __future__ import annotations

import logging
import os
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType

_LARGEST = 1_000_000  # bytes; a longer log is begun anew


class TroubleLog(logging.Handler):
    """Between ``with`` and its end, the destination of all logging."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._file: TextIOWrapper | None = None

    @property
    def path(self) -> Path:
        """Where the log is."""
        from diffdx_tui.config import home_directory

        return home_directory() / "diffdx-tui.log"

    def __enter__(self) -> TroubleLog:
        logging.getLogger().addHandler(self)
        logging.captureWarnings(True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        logging.captureWarnings(False)
        logging.getLogger().removeHandler(self)
        if self._file is not None:
            self._file.close()
            self._file = None

    def write_traceback(self, error: Exception) -> bool:
        """Log *error* whole; false when the file cannot be written."""
        logging.getLogger(__package__).error("unforeseen", exc_info=error)
        return self._file is not None

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record*; trouble with the log must not make more trouble."""
        try:
            if self._file is None:
                self._file = _open_private(self.path)
            self._file.write(self.format(record) + "\n")
            self._file.flush()
        except (OSError, RuntimeError, ValueError):  # ConfigError: there is no home to write to
            self._file = None


def _open_private(path: Path) -> TextIOWrapper:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    if path.is_file() and path.stat().st_size > _LARGEST:
        flags |= os.O_TRUNC
    descriptor = os.open(path, flags, 0o600)
    return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")
