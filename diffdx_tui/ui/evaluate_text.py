"""One case of an evaluation on a page: the gold answer, what came out, and why it counts or not.

Role: composes the page from what was scored; judges nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.content import Content

from diffdx_tui.domain.metrics import DEFINITIONS, LOWER_IS_BETTER, Metric
from diffdx_tui.domain.naming import Target
from diffdx_tui.domain.scoring import Gold
from diffdx_tui.domain.visible import make_visible, make_visible_line
from diffdx_tui.store.evaluation_records import Output, Score
from diffdx_tui.ui.glyphs import Glyphs
from diffdx_tui.ui.live_answer import describe_verdict


def case_line(output: Output, score: Score | None, gold: Gold | None, glyphs: Glyphs) -> Content:
    """One answer in a list: right or wrong by word and sign, the case and its gold."""
    words = "unscored" if score is None else "right" if score.right else "wrong"
    glyph = {"right": glyphs.done, "wrong": glyphs.failed}.get(words, glyphs.waiting)
    colour = {"right": "$success", "wrong": "$warning"}.get(words, "$foreground-muted")
    verdict = "strict" if output.verdict.strict else "not strict"
    sample = f" #{output.key.sample + 1}" if output.key.sample else ""
    return Content.assemble(
        (f" {glyph} {words:<9}", colour),
        f"{verdict:<11}",
        f"{make_visible_line(output.key.case) + sample:<20} ",
        (make_visible_line(gold.most_likely.name) if gold else "", "$foreground-muted"),
    )


def case_text(output: Output, score: Score | None, gold: Gold | None, glyphs: Glyphs) -> Content:
    """The page."""
    parts = _reasons(output, score)
    if gold is not None:
        parts += [_title("Gold (not clinician-validated)"), *_gold(gold)]
    parts += [_title("Output"), Content(make_visible(output.raw) or "(nothing)")]
    if score is not None:
        parts += [_title("Metrics"), *_metrics(score.values, glyphs)]
    if gold is not None:
        parts += [_title("Vignette"), Content(make_visible(gold.vignette))]
    return Content("\n").join(parts)


def _title(text: str) -> Content:
    return Content.assemble("\n", (text, "bold $accent"))


def _reasons(output: Output, score: Score | None) -> list[Content]:
    """The verdict, and what speaks against the answer."""
    verdict = output.verdict
    parts = [Content.assemble((make_visible_line(describe_verdict(verdict)), "bold"))]
    if output.failure:
        parts.append(Content.styled(make_visible_line(output.failure), "$error"))
    if output.cut:
        parts.append(Content("cut off: it did not end within its budget of tokens"))
    for violation in verdict.violations:
        place = "" if violation.position is None else f" (at character {violation.position})"
        name = violation.name.replace("_", " ")
        parts.append(Content(f"  {name}: {make_visible_line(violation.detail)}{place}"))
    if score is None:
        return parts
    wrong = "most likely: the gold diagnosis" if score.right else "most likely: not the gold one"
    parts.append(Content(f"  {wrong}"))
    parts += _found("A name no list has", score.unmatched)
    parts += _found("Asserted, but the case denies it", score.denied)
    parts += _found("Asserted, but the case does not say it", score.ungrounded)
    return parts


def _metrics(values: Mapping[str, bool | float], glyphs: Glyphs) -> list[Content]:
    lines = []
    for metric in Metric:
        value = values.get(metric)
        if value is None:
            continue
        if isinstance(value, bool):
            good = value != (metric in LOWER_IS_BETTER)
            shown, glyph = ("yes" if value else "no"), glyphs.done if good else glyphs.failed
            colour = "$success" if good else "$warning"
        else:
            shown, glyph, colour = f"{value:.2f}", " ", "$foreground"
        lines.append(
            Content.assemble(
                (f"  {glyph} {metric:<12}{shown:<5}", colour),
                (DEFINITIONS[metric], "$foreground-muted"),
            )
        )
    return lines


def _found(title: str, pairs: tuple[tuple[str, str], ...]) -> list[Content]:
    return [
        Content(f"  {title}: {make_visible_line(first)} ({make_visible_line(second)})")
        for first, second in pairs
    ]


def _gold(gold: Gold) -> list[Content]:
    lines = [("most likely", gold.most_likely.name), *_also(gold.also_first)]
    lines += [("possible", target.name) for target in gold.possible]
    lines += _also(gold.also_possible)
    if gold.fourth is not None:
        lines.append(("must not miss", gold.fourth.name))
    lines += _also(gold.also_fourth)
    if gold.tests:
        lines.append(("tests", ", ".join(gold.tests)))
    if gold.tests_avoided:
        lines.append(("avoid", ", ".join(gold.tests_avoided)))
    return [
        Content.assemble((f"  {label:<15}", "$foreground-muted"), make_visible_line(text))
        for label, text in lines
    ]


def _also(targets: Sequence[Target]) -> list[tuple[str, str]]:
    names = ", ".join(target.name for target in targets)
    return [("also accepted", names)] if names else []
