"""Makes values and databases for the store's tests.

Role: the one place of the tests that knows how a plausible answer looks.  Run as a program it makes
a large database: ``python -m tests.store.casebook PATH COUNT``.
"""

from __future__ import annotations

import json
import random
import re
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.differential import Differential, Slot, Variant, render, texts_of
from diffdx_tui.domain.events import (
    AnswerEvent,
    Finished,
    ModelInfo,
    SlotClosed,
    SlotText,
    Started,
    Stats,
    TokenSampled,
)
from diffdx_tui.domain.verdict import judge
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.store import SessionStore
from diffdx_tui.store.rows import format_time, title_of

MODEL = ModelInfo(
    name="mini",
    base="data/model",
    adapter="data/model/A",
    adapter_sha256="ab" * 32,
    variant=Variant.A,
    precision="bf16",
    device="cpu",
    reason="no GPU",
)

_SYLLABLES = re.findall("..", "cadinerogatropumonaryhepadermateoarthitisnephrovaskuto")


def differential_of(
    vignette: str, most_likely: str = "Subarachnoid haemorrhage - sudden"
) -> Differential:
    """A conforming answer to *vignette*."""
    return Differential(
        symptoms=vignette,
        most_likely=most_likely,
        possible=["Bacterial meningitis - neck stiffness", "Migraine - photophobia"],
        unlikely_but_serious="Cervical artery dissection - neck pain",
        recommended_workup="Urgent CT head",
    )


def events_of(answer_id: str, differential: Differential) -> list[AnswerEvent]:
    """A whole answer as the engine would tell it, in small pieces."""
    raw = render(Variant.A, texts_of(differential))
    events: list[AnswerEvent] = [Started(answer_id, MODEL, Decoding())]
    pieces = [raw[start : start + 5] for start in range(0, len(raw), 5)]
    events += [
        TokenSampled(answer_id, number, piece, -0.125 * (number % 7), forced=number % 3 == 0)
        for number, piece in enumerate(pieces)
    ]
    for slot, text in texts_of(differential).items():
        middle = len(text) // 2
        events += [
            SlotText(answer_id, slot, text[:middle]),
            SlotText(answer_id, slot, text[middle:]),
        ]
        events.append(SlotClosed(answer_id, slot))
    verdict = judge(raw, Variant.A, differential.symptoms).verdict
    stats = Stats(0.2, 1.5, 120, len(pieces), 30, 80.5, ("recommended_workup",))
    events.append(Finished(answer_id, differential, verdict, stats, raw))
    return events


def start(
    store: SessionStore,
    answer_id: str = "a1",
    session_id: str = "s1",
    vignette: str = "A woman with sudden worst headache and neck stiffness.",
    parent_id: str | None = None,
    decoding: Decoding | None = None,
) -> None:
    """Begin an answer."""
    store.start_answer(
        answer_id=answer_id,
        session_id=session_id,
        parent_id=parent_id,
        vignette=Vignette.parse(vignette),
        model=MODEL,
        decoding=decoding or Decoding(),
    )


def answer(
    store: SessionStore,
    answer_id: str = "a1",
    session_id: str = "s1",
    vignette: str = "A woman with sudden worst headache and neck stiffness.",
    most_likely: str = "Subarachnoid haemorrhage - sudden",
    parent_id: str | None = None,
) -> None:
    """Record a whole answer."""
    start(store, answer_id, session_id, vignette, parent_id)
    text = Vignette.parse(vignette).text
    for event in events_of(answer_id, differential_of(text, most_likely)):
        store.record(event)


def vocabulary() -> list[str]:
    """About 4,500 words of three syllables after five common ones, the commonest first."""
    chance = random.Random(0)
    made = {"".join(chance.choices(_SYLLABLES, k=3)): None for _ in range(6_000)}
    return ["pain", "fever", "with", "patient", "history", *made]


def make_database(path: Path, count: int, seed: int = 0) -> None:
    """A database of *count* finished sessions, written straight into the tables.

    The words follow Zipf's law, as in prose: "pain" is in nearly all sessions, the rare in a few.
    """
    SessionStore.open(path).close()
    chance = random.Random(seed)
    words = vocabulary()
    weights = [1 / (rank + 2) for rank in range(len(words))]
    drawn = chance.choices(words, weights, k=200_000)

    def prose(length: int) -> str:
        begin = chance.randrange(len(drawn) - length)
        return " ".join(drawn[begin : begin + length])

    moment = datetime(2026, 1, 1, tzinfo=UTC)
    sessions, answers, documents = [], [], []
    model, decoding = json.dumps(MODEL.as_dict()), json.dumps(Decoding().as_dict())
    for number in range(1, count + 1):
        time = format_time(moment + timedelta(seconds=number))
        vignette = prose(60)
        texts = {slot.name: f"{prose(2)} - {prose(14)}" for slot in map(Slot.parse, _TIERS)}
        sessions.append((number, f"s{number:07}", time, time, title_of(vignette), number))
        slots = json.dumps({"symptoms": vignette, **texts})
        answers.append(
            (
                number,
                f"a{number:07}",
                number,
                "finished",
                time,
                time,
                model,
                decoding,
                vignette,
                slots,
            )
        )
        documents.append((number, vignette, "\n".join(texts.values()), "", ""))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -200000")
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO sessions (number, id, created, updated, title, latest) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        sessions,
    )
    connection.executemany(
        "INSERT INTO answers (number, id, session, state, created, updated, model, decoding, "
        "vignette, slots) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        answers,
    )
    connection.executemany("INSERT INTO documents VALUES (?, ?, ?, ?, ?)", documents)
    connection.execute("COMMIT")
    connection.close()


_TIERS = (
    "most_likely",
    "possible[0]",
    "possible[1]",
    "unlikely_but_serious",
    "recommended_workup",
)

if __name__ == "__main__":
    make_database(Path(sys.argv[1]), int(sys.argv[2]))
