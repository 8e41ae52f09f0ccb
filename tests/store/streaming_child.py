"""Streams answers into a database until it is killed.

Role: the victim of ``test_killed``.  Each line on standard input, ``ANSWER_ID SESSION_ID LOG``,
makes it fork a child, whose id it prints; forking saves starting Python fifty times.  The child
writes the time and length of all its text so far to LOG, past any buffer, before it records each
piece.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from diffdx_tui.domain.differential import Slot
from diffdx_tui.domain.events import SlotText, TokenSampled
from diffdx_tui.store import SessionStore

from .casebook import start


def stream(database: Path, answer_id: str, session_id: str, log: str) -> None:
    """Record text for ever, at the pace of a small model with pauses."""
    chance = random.Random(answer_id)
    store = SessionStore.open(database)
    start(store, answer_id, session_id)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    length = 0
    for number in range(1_000_000):
        piece = f"word{number} "
        length += len(piece)
        os.write(file, f"{time.monotonic()} {length}\n".encode())
        store.record(TokenSampled(answer_id, number, piece, -1.0, False))
        store.record(SlotText(answer_id, Slot("most_likely"), piece))
        time.sleep(0.4 if chance.random() < 0.01 else 0.003)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are reaped at once
    database = Path(sys.argv[1])
    for line in sys.stdin:
        answer_id, session_id, log = line.split()
        child = os.fork()
        if child == 0:
            try:
                stream(database, answer_id, session_id, log)
            finally:
                os._exit(1)
        print(child, flush=True)


if __name__ == "__main__":
    main()
