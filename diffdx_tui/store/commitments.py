"""What readers committed to before they saw a curated case's gold answer.

Role: one row for each case and wording, written once: the first commitment stands, or it would
prove nothing.
"""

from __future__ import annotations

import json

from diffdx_tui.domain.commitment import Commitment
from diffdx_tui.domain.differential import Slot
from diffdx_tui.store.connection import Database
from diffdx_tui.store.recording import storable
from diffdx_tui.store.rows import format_time, parse_time, plain_texts


def add_commitment(database: Database, commitment: Commitment) -> bool:
    """Write *commitment* down; false if there is one for this wording of the case already."""
    texts = plain_texts({slot: storable(text) for slot, text in commitment.texts.items()})
    with database.transaction() as connection:
        added = connection.execute(
            "INSERT INTO commitments (case_id, case_sha256, committed, texts) "
            "VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                commitment.case_id,
                commitment.case_sha256,
                format_time(commitment.committed),
                json.dumps(texts, ensure_ascii=False),
            ),
        )
    return added.rowcount == 1


def list_commitments(database: Database) -> tuple[Commitment, ...]:
    """All of them, oldest first."""
    rows = database.rows(
        "SELECT case_id, case_sha256, committed, texts FROM commitments ORDER BY committed, case_id"
    )
    return tuple(
        Commitment(
            row["case_id"],
            row["case_sha256"],
            parse_time(row["committed"]),
            {Slot.parse(name): text for name, text in json.loads(row["texts"]).items()},
        )
        for row in rows
    )


def forget_commitment(database: Database, case_id: str) -> int:
    """Remove what was committed to a case, in every wording; returns how many rows."""
    with database.transaction() as connection:
        return connection.execute("DELETE FROM commitments WHERE case_id = ?", (case_id,)).rowcount
