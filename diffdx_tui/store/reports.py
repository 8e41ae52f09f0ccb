"""Sessions for people and spreadsheets: Markdown and CSV.

Role: the two readable exports; neither can be imported again (that is :mod:`.transfer`).  Text of
people and models stays text: in Markdown every sign that could be markup or HTML is escaped, and in
CSV a cell that a spreadsheet would take for a formula gets a leading apostrophe.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator

from diffdx_tui import NOTICE
from diffdx_tui.domain.diagnosis import split_tier
from diffdx_tui.domain.differential import ECHO, Slot, Variant, slots_of
from diffdx_tui.domain.visible import make_visible, make_visible_line
from diffdx_tui.store.connection import Database
from diffdx_tui.store.reading import answers_of, chosen_ids, read_session
from diffdx_tui.store.rows import Answer, Session, format_time

# CommonMark lets any ASCII punctuation be escaped; the three of HTML become entities besides, for
# renderers that know less.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
# A spreadsheet runs a cell that begins so, with or without white space before (OWASP's list and its
# full-width twins).
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")

_TIERS = tuple(slot for slot in slots_of(Variant.A) if slot != ECHO)
_COLUMNS = (
    "session_id",
    "answer_id",
    "parent_id",
    "created",
    "state",
    "strict",
    "model",
    "variant",
    "precision",
    "mode",
    "seed",
    "vignette",
    *(slot.name for slot in _TIERS),
    *(f"agree {slot.name}" for slot in _TIERS),
    "final_diagnosis",
    "note",
    "tags",
    "notice",
)


def escape_markdown(text: str) -> str:
    """*text* on one line, so that any Markdown renderer shows it and obeys none of it."""
    line = make_visible_line(text)
    return _PUNCTUATION.sub(lambda m: _ENTITIES.get(m[0], f"\\{m[0]}"), line)


def quote_markdown(text: str) -> str:
    """*text* as a block quote that keeps its lines."""
    lines = [escape_markdown(line) for line in make_visible(text).split("\n")]
    return "\\\n".join(f"> {line}" if line else "> &nbsp;" for line in lines)


def fence_markdown(text: str) -> str:
    """*text* as a code block, fenced by more backticks than it has in a row."""
    shown = make_visible(text)
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}"


def safe_cell(text: str) -> str:
    """*text* as a cell that no spreadsheet runs: formulas get a leading apostrophe."""
    shown = make_visible(text)
    return f"'{shown}" if _FORMULA.match(text) or _FORMULA.match(shown) else shown


def export_markdown(database: Database, ids: Iterable[str] | None) -> Iterator[str]:
    """The sessions as one document, in parts."""
    yield f"*{NOTICE}*\n"
    for session_id in chosen_ids(database, ids):
        with database.lock:
            session = read_session(database, session_id)
            answers = answers_of(database, session_id)
        yield _session_markdown(session)
        for number, answer in enumerate(answers, start=1):
            yield _answer_markdown(number, answer)


def export_csv(database: Database, ids: Iterable[str] | None) -> Iterator[str]:
    """A header and a line for each answer of the sessions, all cells quoted."""
    yield _csv_line(_COLUMNS)
    for session_id in chosen_ids(database, ids):
        with database.lock:
            session = read_session(database, session_id)
            answers = answers_of(database, session_id)
        for answer in answers:
            yield _csv_line(_cells(session, answer))


def _session_markdown(session: Session) -> str:
    facts = [f"Session `{session.id}`, begun {format_time(session.created)}"]
    if session.tags:
        facts.append("Tags: " + ", ".join(map(escape_markdown, session.tags)))
    if session.final_diagnosis:
        facts.append("Final diagnosis: " + escape_markdown(session.final_diagnosis))
    parts = [f"\n# {escape_markdown(session.title)}", "\n".join(f"- {fact}" for fact in facts)]
    if session.note:
        parts += ["Note:", quote_markdown(session.note)]
    return "\n\n".join(parts) + "\n"


def _answer_markdown(number: int, answer: Answer) -> str:
    decoding, model = answer.decoding, answer.model
    facts = [
        f"Answer `{answer.id}`, {format_time(answer.created)}, {answer.state}",
        f"Model: {escape_markdown(model.name)}, variant {model.variant}, "
        f"{escape_markdown(model.precision)}, {escape_markdown(model.device)}",
        f"Adapter: {escape_markdown(model.adapter or 'none')}, "
        f"SHA-256 {escape_markdown(model.adapter_sha256 or 'none')}",
        f"Decoding: {decoding.mode}, temperature {decoding.temperature:g}, "
        f"top-p {decoding.top_p:g}, repetition penalty {decoding.repetition_penalty:g}, "
        f"seed {decoding.seed}, at most {decoding.max_new_tokens} tokens",
    ]
    if answer.verdict:
        names = ", ".join(escape_markdown(v.name) for v in answer.verdict.violations)
        facts.append("Follows the schema" if answer.verdict.strict else f"Violations: {names}")
    if answer.failure_message:
        kind = f"{answer.failure_kind}: " if answer.failure_kind else ""
        facts.append(f"Failed: {kind}{escape_markdown(answer.failure_message)}")
    facts += [
        f"Reader {'agrees' if entry.agrees else 'disagrees'} with {_heading(entry.slot).lower()}"
        for entry in answer.reviews
    ]
    parts = [f"\n## Answer {number}", "\n".join(f"- {fact}" for fact in facts)]
    parts += ["### Vignette", quote_markdown(answer.vignette)]
    parts += _red_flags_markdown(answer)
    for slot in _TIERS:
        if slot in answer.texts:
            split = split_tier(answer.texts[slot])
            parts.append(f"### {_heading(slot)}: {escape_markdown(split.diagnosis)}")
            parts.append(quote_markdown(answer.texts[slot]))
    if answer.raw:
        parts += ["### Raw output", fence_markdown(answer.raw)]
    return "\n\n".join(parts) + "\n"


def _red_flags_markdown(answer: Answer) -> list[str]:
    """The red flags that this version's rules find in the vignette; they are not stored."""
    from diffdx_tui.domain.red_flags import NOTICE as RED_FLAG_NOTICE
    from diffdx_tui.domain.red_flags import announce_red_flags

    found = announce_red_flags(answer.id, answer.vignette)
    flags = [
        f"- {escape_markdown(flag.wording)} Danger: {escape_markdown(flag.danger.name)}. "
        f"Rule `{flag.rule}`, {escape_markdown(flag.citation.title)}, "
        f"{escape_markdown(flag.citation.body)} {flag.citation.year}, <{flag.citation.url}>"
        for flag in found.flags
    ]
    return ["### Red flags", "\n".join(flags), f"*{RED_FLAG_NOTICE}*"] if flags else []


def _heading(slot: Slot) -> str:
    words = slot.field.replace("_", " ").capitalize()
    return words if slot.index is None else f"{words} {slot.index + 1}"


def _cells(session: Session, answer: Answer) -> tuple[str, ...]:
    reviews = {entry.slot: "yes" if entry.agrees else "no" for entry in answer.reviews}
    return (
        session.id,
        answer.id,
        answer.parent_id or "",
        format_time(answer.created),
        str(answer.state),
        "" if answer.verdict is None else str(answer.verdict.strict).lower(),
        answer.model.name,
        str(answer.model.variant),
        answer.model.precision,
        str(answer.decoding.mode),
        str(answer.decoding.seed),
        answer.vignette,
        *(answer.texts.get(slot, "") for slot in _TIERS),
        *(reviews.get(slot, "") for slot in _TIERS),
        session.final_diagnosis,
        session.note,
        "; ".join(session.tags),
        NOTICE,
    )


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow(map(safe_cell, cells))
    return line.getvalue()
