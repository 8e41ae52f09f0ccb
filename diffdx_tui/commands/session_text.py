"""Saved sessions and answers as lines to read.

Role: pure functions from the store's values to lines; making them harmless is the console's part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.cells import cell_len, set_cell_size

from diffdx_tui import NOTICE
from diffdx_tui.commands.console import output_width
from diffdx_tui.commands.labelled_lines import LabelledLines, label_of
from diffdx_tui.commands.red_flag_text import check_lines, flag_lines
from diffdx_tui.document import audit_of
from diffdx_tui.domain.differential import ECHO, slots_of
from diffdx_tui.domain.red_flags import announce_red_flags
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.store import Answer, SearchHit, Session


def verdict_word(strict: bool | None) -> str:
    """A strict verdict in a word."""
    return "-" if strict is None else "valid" if strict else "not valid"


def session_line(session: Session) -> str:
    """Id, date, state, verdict, first words; cut to the terminal's width."""
    when = session.updated.astimezone().strftime("%Y-%m-%d %H:%M")
    state = str(session.state) if session.state else "empty"
    line = (
        f"{session.id}  {when}  {state:<11}  {verdict_word(session.strict):<9}  "
        f"{make_visible_line(session.title)}"
    )
    width = output_width()
    if width is None or cell_len(line) <= width:
        return line
    return set_cell_size(line, width - 1).rstrip() + "…"


def hit_lines(hit: SearchHit) -> Iterator[str]:
    """The session's line, and the words around the match in brackets."""
    yield session_line(hit.session)
    pieces = (f"[{piece.text}]" if piece.matched else piece.text for piece in hit.snippet)
    yield f"    {make_visible_line(''.join(pieces))}"


def session_lines(session: Session, answers: Iterable[Answer]) -> Iterator[str]:
    """The session's annotation and all of its answers."""
    yield NOTICE
    yield _field("SESSION", session.id)
    if session.deleted is not None:
        yield _field("DELETED", f"{session.deleted.astimezone():%Y-%m-%d %H:%M}")
    if session.tags:
        yield _field("TAGS", ", ".join(session.tags))
    if session.final_diagnosis:
        yield _field("FINAL DIAGNOSIS", session.final_diagnosis)
    if session.note:
        yield _field("NOTE", session.note)
    for answer in answers:
        yield ""
        yield from answer_lines(answer)


def answer_lines(answer: Answer) -> Iterator[str]:
    """One answer: what was asked, the tiers, and what answered."""
    verdict = answer.verdict
    strict = verdict_word(verdict.strict if verdict else None)
    yield _field("ANSWER", f"{answer.id}, {answer.created.astimezone():%Y-%m-%d %H:%M}")
    yield _field("STATE", f"{answer.state}, {strict}")
    yield _field("VIGNETTE", answer.vignette)
    found = announce_red_flags(answer.id, answer.vignette)
    yield from _labelled(flag_lines(found))
    yield from _tier_lines(answer)
    checked = audit_of(answer, found)
    if checked is not None:
        yield from _labelled(check_lines(checked, found.flags))
    if answer.failure_message:
        yield _field("FAILED", f"{answer.failure_kind}: {answer.failure_message}")
    for violation in verdict.violations if verdict else ():
        yield _field("VIOLATION", f"{violation.name.replace('_', ' ')}: {violation.detail}")
    if answer.raw and not any(slot != ECHO for slot in answer.texts):
        yield _field("RAW OUTPUT", answer.raw)
    model, decoding = answer.model, answer.decoding
    adapter = f", adapter {model.adapter}" if model.adapter else ""
    yield _field(
        "MODEL",
        f"{model.name}{adapter}, variant {model.variant}, {model.precision}, {model.device}",
    )
    yield _field(
        "DECODING",
        f"{decoding.mode}, temperature {decoding.temperature:g}, top-p {decoding.top_p:g}, "
        f"repetition penalty {decoding.repetition_penalty:g}, seed {decoding.seed}, "
        f"at most {decoding.max_new_tokens} tokens",
    )


def _field(label: str, text: str) -> str:
    """A labelled text; its further lines are indented, so that none can pass for a label."""
    return f"{label}: " + "\n  ".join(text.split("\n"))


def _labelled(lines: Iterable[tuple[str, str]]) -> Iterator[str]:
    for label, text in lines:
        written: list[str] = []
        LabelledLines(written.append, output_width()).line(label, text)
        yield "".join(written).rstrip("\n")


def _tier_lines(answer: Answer) -> Iterator[str]:
    reviews = {review.slot: review.agrees for review in answer.reviews}
    for slot in slots_of(answer.model.variant):
        if slot == ECHO or slot not in answer.texts:
            continue
        written: list[str] = []
        lines = LabelledLines(written.append, output_width())
        lines.add(slot, answer.texts[slot])
        lines.end()
        yield "".join(written).rstrip("\n")
        if slot in reviews:
            yield f"  reader {'agrees' if reviews[slot] else 'disagrees'}: {label_of(slot)}"
