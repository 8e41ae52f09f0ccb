"""A saved answer as text to read.

Role: composes the preview of a session and one of its answers; pure functions from the store's
values to lines.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from diffdx_tui.domain.diagnosis import split_tier
from diffdx_tui.domain.differential import Slot, slots_of
from diffdx_tui.domain.events import State
from diffdx_tui.domain.visible import make_visible, make_visible_line
from diffdx_tui.ui.glyphs import Glyphs
from diffdx_tui.ui.live_answer import describe_verdict
from diffdx_tui.ui.tier_panels import LOOKS

if TYPE_CHECKING:
    from diffdx_tui.store import Answer, SearchHit, Session

QUIET = "$foreground-muted"


def state_mark(state: State | None, strict: bool | None, glyphs: Glyphs) -> Content:
    """A sign and a word for how an answer ended, in ten cells."""
    if state is State.FINISHED:
        word = "valid" if strict else "not valid"
        sign, colour = (glyphs.done, "$success") if strict else (glyphs.failed, "$warning")
    elif state is None:
        sign, word, colour = glyphs.idle, "empty", QUIET
    elif state is State.FAILED:
        sign, word, colour = glyphs.failed, "failed", "$error"
    elif state is State.STREAMING:
        sign, word, colour = glyphs.running, "streams", "$accent"
    else:
        word = {State.CANCELLED: "stopped", State.INTERRUPTED: "broken off"}[state]
        sign, colour = glyphs.unfinished, "$warning"
    return Content.styled(f"{sign} {word:<10}", colour)


def session_line(session: Session, glyphs: Glyphs) -> Content:
    """A session in the list: when, how it ended, how many answers, first words."""
    updated = session.updated.astimezone()
    this_year = updated.year == datetime.now().year
    when = updated.strftime("%m-%d %H:%M" if this_year else "%Y-%m-%d ")
    count = f"{session.answers:>2}" if session.answers > 1 else "  "
    tags = "".join(f" #{make_visible_line(tag)}" for tag in session.tags)
    sign = glyphs.checked if session.final_diagnosis or session.note else " "
    return Content.assemble(
        (when, QUIET),
        " ",
        state_mark(session.state, session.strict, glyphs),
        (count, QUIET),
        (f" {sign} ", "$success"),
        make_visible_line(session.title) or "(no text)",
        (tags, "$accent"),
    )


def hit_line(hit: SearchHit, glyphs: Glyphs) -> Content:
    """The same with the place where the words were found."""
    parts: list[tuple[str, str]] = [("   ", "")]
    for piece in hit.snippet:
        text = make_visible(piece.text).replace("\n", " ")
        parts.append((text, "bold underline" if piece.matched else QUIET))
    return Content.assemble(session_line(hit.session, glyphs), "\n", *parts)


def preview(
    session: Session, answer: Answer | None, number: int, answers: int, glyphs: Glyphs
) -> Content:
    """All that is worth reading of one answer and its session's annotation."""
    if answer is None:
        return Content.styled("This session has no answer.", QUIET)
    lines = [
        *_annotation(session),
        _headline(answer, number, answers, glyphs),
        Content(make_visible(answer.vignette)),
        *_tiers(answer, glyphs),
        *_trouble(answer, glyphs),
        Content(""),
        *_provenance(session, answer),
    ]
    return Content("\n").join(lines)


def _annotation(session: Session) -> list[Content]:
    lines = []
    if session.final_diagnosis:
        final = make_visible_line(session.final_diagnosis)
        lines.append(Content.assemble(("Final diagnosis  ", QUIET), (final, "bold $success")))
    if session.note:
        lines.append(Content.assemble(("Note  ", QUIET), make_visible(session.note)))
    if session.tags:
        tags = "  ".join(f"#{make_visible_line(tag)}" for tag in session.tags)
        lines.append(Content.assemble(("Tags  ", QUIET), (tags, "$accent")))
    return [*lines, Content("")] if lines else []


def _headline(answer: Answer, number: int, answers: int, glyphs: Glyphs) -> Content:
    arrows = f" {glyphs.left}{glyphs.right}" if answers > 1 else ""
    verdict = f", {describe_verdict(answer.verdict)}" if answer.verdict else ""
    return Content.assemble(
        (f"Answer {number} of {answers}{arrows}", "bold"),
        (f"  {answer.state}{verdict}  {make_visible_line(answer.model.name)}", QUIET),
    )


def _tiers(answer: Answer, glyphs: Glyphs) -> list[Content]:
    reviews = {review.slot: review.agrees for review in answer.reviews}
    unfinished = set(answer.stats.unfinished) if answer.stats else set()
    lines: list[Content] = []
    field = ""
    for slot in slots_of(answer.model.variant):
        look = LOOKS.get(slot.field)
        text = answer.texts.get(slot, "")
        if look is None or not text:
            continue
        if slot.field != field:
            field = slot.field
            heading = Content.styled(f"{look.mark} {look.title}", f"bold {look.colour}")
            lines += [Content(""), heading]
        marks = _review_mark(reviews.get(slot), glyphs)
        if slot.name in unfinished:
            marks += f"  {glyphs.unfinished} unfinished"
        lines += _tier(text, marks, split=look.diagnoses)
    return lines


def _review_mark(agrees: bool | None, glyphs: Glyphs) -> str:
    if agrees is None:
        return ""
    return f"  {glyphs.done} agreed" if agrees else f"  {glyphs.failed} disagreed"


def _tier(text: str, marks: str, *, split: bool) -> list[Content]:
    if not split:
        return [Content.assemble(make_visible_line(text), (marks, "$accent"))]
    tier = split_tier(text)
    lines = [Content.assemble((make_visible_line(tier.diagnosis), "bold"), (marks, "$accent"))]
    if tier.reasoning:
        lines.append(Content.styled(make_visible_line(tier.reasoning), QUIET))
    return lines


def _trouble(answer: Answer, glyphs: Glyphs) -> list[Content]:
    lines = []
    if answer.failure_message:
        message = make_visible_line(f"{answer.failure_kind}: {answer.failure_message}")
        lines.append(Content.styled(f"{glyphs.failed} {message}", "$error"))
    for violation in answer.verdict.violations if answer.verdict else ():
        detail = make_visible_line(f"{violation.name.replace('_', ' ')}: {violation.detail}")
        lines.append(Content.styled(f"{glyphs.failed} {detail}", "$warning"))
    return [Content(""), *lines] if lines else []


def _provenance(session: Session, answer: Answer) -> list[Content]:
    model, decoding = answer.model, answer.decoding
    facts = [
        f"{model.name} (variant {model.variant}, {model.precision}, {model.device})",
        f"{decoding.mode}, temperature {decoding.temperature:g}, top-p {decoding.top_p:g}, "
        f"penalty {decoding.repetition_penalty:g}, seed {decoding.seed}",
        f"session {session.id}, answer {answer.id}"
        + (f", from {answer.parent_id}" if answer.parent_id else ""),
    ]
    if answer.stats is not None:
        stats = answer.stats
        facts.append(
            f"first token {stats.ttft_s:.2f} s, {stats.tokens_per_s:.0f} tok/s, "
            f"{stats.tokens_sampled} sampled + {stats.tokens_forced} forced"
        )
    return [Content.styled(make_visible_line(fact), QUIET) for fact in facts]


def tier_name(slot: Slot) -> str:
    """A slot's tier for a form or a table."""
    look = LOOKS.get(slot.field)
    title = look.title.capitalize() if look else slot.field
    return title if slot.index is None else f"{title} {slot.index + 1}"
