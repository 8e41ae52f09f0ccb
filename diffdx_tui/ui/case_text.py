"""A curated case as text to read: the question alone, or with both answers.

Role: pure functions from an :class:`~diffdx_tui.ui.case_library.Entry` to lines.  What is not
revealed yet is not composed at all.
"""

from __future__ import annotations

from textual.content import Content

from diffdx_tui.domain.commitment import Commitment
from diffdx_tui.domain.commitment_match import Judged, Match, Standing
from diffdx_tui.domain.comparison import compare_words
from diffdx_tui.domain.curated import REVIEW_CHECKS, CuratedCase, Named, Review
from diffdx_tui.domain.diagnosis import split_tier
from diffdx_tui.domain.differential import Slot
from diffdx_tui.domain.visible import make_visible, make_visible_line
from diffdx_tui.ui.answer_text import QUIET
from diffdx_tui.ui.case_library import Entry
from diffdx_tui.ui.comparison_view import changed_words
from diffdx_tui.ui.glyphs import Glyphs
from diffdx_tui.ui.tier_panels import LOOKS

NOT_VALIDATED = "Written and reviewed by language models; not clinician-validated."
_NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def standing_mark(standing: Standing, glyphs: Glyphs) -> Content:
    """A sign and a word in nine cells."""
    sign, colour = {
        Standing.TO_DO: (glyphs.idle, QUIET),
        Standing.RIGHT: (glyphs.done, "$success"),
        Standing.DIFFERS: (glyphs.failed, "$warning"),
        Standing.UNCLEAR: ("?", "$accent"),
        Standing.SHOWN: (glyphs.unfinished, "$warning"),
    }[standing]
    return Content.styled(f"{sign} {standing:<7}", colour)


def case_line(entry: Entry, glyphs: Glyphs, *, spoilers: bool) -> Content:
    """A case in the list: how far one is, id, split, first words or diagnosis."""
    test = entry.split == "test"
    seen = entry.revealed or spoilers
    parts: list[tuple[str, str] | Content | str] = [
        standing_mark(entry.standing, glyphs),
        (f" {entry.case.id:<21}", ""),
        (f"{'TEST' if test else entry.split:<5} ", "bold $accent" if test else QUIET),
    ]
    if seen:
        parts.append((f"{entry.case.acuity}: {make_visible_line(entry.diagnosis)}  ", "bold"))
    parts.append((make_visible_line(entry.case.vignette), QUIET if seen else ""))
    return Content.assemble(*parts)


def case_text(entry: Entry, twin: Entry | None, glyphs: Glyphs) -> Content:
    """All that may be seen of the case."""
    lines = [_headline(entry), Content.styled(NOT_VALIDATED, QUIET), Content("")]
    lines.append(Content(make_visible(entry.case.vignette)))
    if entry.commitment is None:
        lines += _invitation(entry)
    else:
        lines += _answers(entry, entry.commitment, glyphs)
        lines += _grounds(entry.case, glyphs)
        lines += _twin_lines(entry, twin)
        lines += _record(entry.case)
    return Content("\n").join(lines)


def _headline(entry: Entry) -> Content:
    case = entry.case
    facts: list[str] = [case.domain, f"told by: {case.voice}"]
    if entry.revealed:
        who = f"{case.age:g} years, {case.sex}" + (", pregnant" if case.pregnant else "")
        facts = [case.domain, f"acuity: {case.acuity}", f"setting: {case.setting}", who]
    return Content.assemble(
        (case.id, "bold"), "  ", _split_words(entry.split), "\n", (", ".join(facts), QUIET)
    )


def _split_words(split: str) -> Content:
    if split == "test":
        return Content.styled("TEST row: models are scored on it", "bold $accent")
    words = {"train": "train row: models learn from it", "val": "validation row"}
    return Content.styled(words.get(split, "split unknown"), QUIET)


def _invitation(entry: Entry) -> list[Content]:
    lines = [Content("")]
    if entry.earlier is not None:
        when = entry.earlier.committed.astimezone().strftime("%Y-%m-%d")
        words = f"You answered another wording of this case on {when}; this one is still to do."
        lines += [Content.styled(words, "$warning")]
    return [
        *lines,
        Content.assemble(
            ("c", "bold $accent"), " commit your own answer, then see the gold answer."
        ),
        Content.assemble(("x", "bold $accent"), " give up and see it; the case is marked so."),
    ]


# Both answers


def _answers(entry: Entry, commitment: Commitment, glyphs: Glyphs) -> list[Content]:
    when = commitment.committed.astimezone().strftime("%Y-%m-%d %H:%M")
    words = "Shown without an answer of your own" if commitment.gave_up else "Answered"
    lines = [Content(""), Content.assemble((words, "bold"), (f" on {when}", QUIET))]
    if entry.judged is None and not commitment.gave_up:
        lines.append(Content.styled("comparing names", QUIET))
    judged = {one.slot: one for one in entry.judged or ()}
    answer, tiers = entry.case.answer, entry.case.tiers
    golds: tuple[tuple[str, list[tuple[Named, str]]], ...] = (
        ("most_likely", [(tiers.most_likely, answer.most_likely)]),
        ("possible", list(zip(tiers.possible, answer.possible, strict=True))),
        ("unlikely_but_serious", [(tiers.unlikely_but_serious, answer.unlikely_but_serious)]),
    )
    for field, gold in golds:
        lines += _heading(field)
        if not commitment.gave_up:
            slots = [Slot(field, 0), Slot(field, 1)] if len(gold) > 1 else [Slot(field)]
            lines += [_yours(slot, commitment, judged.get(slot), glyphs) for slot in slots]
        for named, text in gold:
            lines += _gold(named, text)
        if accepted := tiers.alternates.by_tier()[field]:
            also = ", ".join(f"{one.name} ({one.icd10})" for one in accepted)
            lines.append(_labelled("also", f"accepted here: {also}", QUIET))
    return lines + _workup(entry.case, commitment)


def _heading(field: str) -> list[Content]:
    look = LOOKS[field]
    return [Content(""), Content.styled(f"{look.mark} {look.title}", f"bold {look.colour}")]


def _labelled(label: str, text: str, style: str = "") -> Content:
    return Content.assemble((f"{label:<6}", QUIET), (make_visible_line(text), style))


def _yours(slot: Slot, commitment: Commitment, judged: Judged | None, glyphs: Glyphs) -> Content:
    text = commitment.texts.get(slot, "")
    if not text:
        return _labelled("yours", "left empty", QUIET)
    mark = _match_mark(judged, glyphs) if judged else Content("")
    return Content.assemble(_labelled("yours", text, "bold"), "  ", mark)


def _match_mark(judged: Judged, glyphs: Glyphs) -> Content:
    match judged.match:
        case Match.SAME:
            return Content.styled(f"{glyphs.done} same as {judged.gold}", "$success")
        case Match.ALTERNATE:
            return Content.styled(f"{glyphs.done} also accepted", "$success")
        case Match.ELSEWHERE:
            tier = LOOKS[judged.field].title
            return Content.styled(f"{glyphs.moved} in the gold answer under {tier}", "$warning")
        case Match.UNKNOWN:
            return Content.styled("? not recognised: compare it yourself", "$accent")
        case _:
            return Content.styled(f"{glyphs.failed} {judged.match}", "$warning")


def _gold(named: Named, text: str) -> list[Content]:
    reasoning = split_tier(text).reasoning
    return [
        _labelled("gold", f"{named.name} ({named.icd10})", "bold"),
        Content.styled(make_visible_line(reasoning), QUIET),
    ]


def _workup(case: CuratedCase, commitment: Commitment) -> list[Content]:
    lines = _heading("recommended_workup")
    if not commitment.gave_up:
        mine = commitment.texts.get(Slot("recommended_workup"), "")
        lines.append(_labelled("yours", mine or "left empty", "bold" if mine else QUIET))
    lines.append(_labelled("gold", case.answer.recommended_workup))
    lines.append(_labelled("needs", ", ".join(case.tests_required), QUIET))
    if case.tests_avoided:
        lines.append(_labelled("avoid", ", ".join(case.tests_avoided), QUIET))
    return lines


# What the answer rests on


def _grounds(case: CuratedCase, glyphs: Glyphs) -> list[Content]:
    state = "present" if case.decisive in case.present else "absent"
    decisive = f"{_finding(case.decisive)} ({state})"
    present = ", ".join(map(_finding, case.present))
    absent = ", ".join(map(_finding, case.absent)) or "none"
    return [
        Content(""),
        Content.assemble(("Decisive finding  ", QUIET), (decisive, "bold")),
        Content.assemble(("Present  ", QUIET), present),
        Content.assemble(("Absent  ", QUIET), absent),
        Content.assemble(
            ("Source  ", QUIET),
            make_visible_line(f"{case.source.title} {glyphs.arrow} {case.source.url}"),
        ),
    ]


def _finding(slug: str) -> str:
    return slug.replace("-", " ")


def _twin_lines(entry: Entry, twin: Entry | None) -> list[Content]:
    if twin is None:
        return []
    heading = Content.styled(f"Minimal pair with {twin.case.id}", "bold $accent")
    if not twin.revealed:
        words = "One finding flips there, and with it the first diagnosis. Answer it first: p"
        return [Content(""), heading, Content(words)]
    flips = f"{_finding(entry.case.decisive)} here, {_finding(twin.case.decisive)} there"
    diagnoses = f"{entry.diagnosis} here, {twin.diagnosis} there"
    return [
        Content(""),
        heading,
        Content.assemble(("Decisive  ", QUIET), make_visible_line(flips)),
        Content.assemble(("First  ", QUIET), make_visible_line(diagnoses)),
        Content.styled("From here to there:", QUIET),
        changed_words(compare_words(entry.case.vignette, twin.case.vignette)),
    ]


def _record(case: CuratedCase) -> list[Content]:
    words = "reviewer" if len(case.reviews) == 1 else "reviewers"
    count = len(case.reviews)
    number = _NUMBER_WORDS[count] if count < len(_NUMBER_WORDS) else str(count)
    title = f"Review record: {number} {words}, language models, no clinician"
    lines = [Content(""), Content.styled(title, "bold $accent")]
    for review in case.reviews:
        lines += _review(review)
    return lines


def _review(review: Review) -> list[Content]:
    name = make_visible_line(review.reviewer)
    if review.of_alternates:
        count = len(review.alternates_failed) or "none"
        verdict = f"judged the alternates alone, failed {count}"
    elif review.failed:
        verdict = f"failed {len(review.failed)} of {len(REVIEW_CHECKS)} checks"
    else:
        verdict = f"passed all {len(REVIEW_CHECKS)} checks"
    lines = [Content(f"{name}: {verdict}")]
    if not review.failed:
        return lines
    lines += [
        Content.styled(f"  {number}. {REVIEW_CHECKS[number - 1]}", QUIET)
        for number in review.failed
        if 1 <= number <= len(REVIEW_CHECKS)
    ]
    for label, text in (("said", review.comment), ("then", review.resolution)):
        if text:
            lines.append(Content.assemble((f"  {label}  ", QUIET), make_visible_line(text)))
    return lines
