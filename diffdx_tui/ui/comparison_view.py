"""Two answers side by side in words: which diagnosis moved, and what changed in each field.

Role: draws a :class:`~diffdx_tui.domain.comparison.Comparison`.  Every change is marked by a word
or a sign; strike-through and colour only repeat it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from diffdx_tui.config import data_directory
from diffdx_tui.domain.comparison import (
    Comparison,
    Operation,
    WordChange,
    compare,
    compare_words,
)
from diffdx_tui.domain.diagnosis import SynonymTable
from diffdx_tui.domain.differential import ECHO, Slot
from diffdx_tui.domain.knowledge import read_synonyms
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.ui.answer_text import QUIET, tier_name
from diffdx_tui.ui.glyphs import UNICODE, Glyphs

if TYPE_CHECKING:
    from diffdx_tui.store import Answer


class ComparisonView(ModalScreen[None]):
    """Scroll with the arrows, leave with Esc; ``x`` swaps the two."""

    DEFAULT_CSS = """
    ComparisonView { align: center middle; background: $background 60%; }
    ComparisonView > VerticalScroll {
        width: 96%; max-width: 130; height: 94%;
        border: round $border; background: $surface; padding: 0 1; scrollbar-size-vertical: 1;
        border-title-color: $foreground; border-title-style: bold;
        border-subtitle-color: $text-muted;
    }
    ComparisonView Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,c", "leave", "Leave", show=False, priority=True),
        Binding("x", "swap", "Swap", show=False),
    ]

    def __init__(self, before: Answer, after: Answer, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._before, self._after = before, after
        self._glyphs = glyphs
        self._synonyms: SynonymTable | None = None

    def compose(self) -> ComposeResult:
        with VerticalScroll() as frame:
            frame.border_title = Content("Comparison")
            frame.border_subtitle = Content("Up Down scroll  x swap  Esc leave")
            yield Static(self._text())

    async def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        self.run_worker(self._learn_synonyms(), exit_on_error=False)

    async def _learn_synonyms(self) -> None:
        """Read the table off the loop; until it is there, names are compared by spelling."""
        self._synonyms = await asyncio.to_thread(read_synonyms, data_directory() / "knowledge")
        self.query_one(Static).update(self._text())

    def _text(self) -> Content:
        before, after = dict(self._before.texts), dict(self._after.texts)
        comparison = compare(before, after, self._synonyms)
        lines = [
            _origin("Before", self._before),
            _origin("After", self._after),
            *settings_changes(self._before, self._after, self._glyphs),
            Content(""),
            *diagnosis_lines(comparison, self._glyphs),
            *field_lines(comparison, self._before.vignette, self._after.vignette),
        ]
        return Content("\n").join(lines)

    def action_swap(self) -> None:
        self._before, self._after = self._after, self._before
        self.query_one(Static).update(self._text())

    def action_leave(self) -> None:
        self.dismiss(None)


def _origin(word: str, answer: Answer) -> Content:
    when = answer.created.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    model, decoding = answer.model, answer.decoding
    facts = make_visible_line(
        f"{when}  {model.name} {model.precision}  {decoding.mode} seed {decoding.seed}  "
        f"{answer.state}"
    )
    return Content.assemble((f"{word:<8}", "bold"), (facts, QUIET))


def settings_changes(before: Answer, after: Answer, glyphs: Glyphs) -> list[Content]:
    """Settings that differ, one line each."""
    old = {**before.model.as_dict(), **before.decoding.as_dict()}
    new = {**after.model.as_dict(), **after.decoding.as_dict()}
    lines = []
    for name, value in old.items():
        if name != "reason" and value != new.get(name):
            text = make_visible_line(f"{value} {glyphs.arrow} {new.get(name)}")
            lines.append(Content.assemble((f"  {name.replace('_', ' ')}: ", QUIET), text))
    return lines


def diagnosis_lines(comparison: Comparison, glyphs: Glyphs) -> list[Content]:
    """Where each diagnosis stood and stands."""
    lines = [Content.styled("Diagnoses", "bold $accent")]
    for change in comparison.diagnoses:
        name = make_visible_line(change.name)
        before, after = _tier_word(change.before), _tier_word(change.after)
        if change.moved:
            word, where, style = "moved", f"{before} {glyphs.arrow} {after}", "bold $warning"
        elif change.before is None:
            word, where, style = "new", after, "bold $success"
        elif change.after is None:
            word, where, style = "gone", before, "bold $error"
        else:
            word, where, style = "same", after, QUIET
        lines.append(
            Content.assemble((f"  {word:<6}", style), (name, "bold"), (f"  {where}", QUIET))
        )
    if not comparison.diagnoses:
        lines.append(Content.styled("  neither answer names one", QUIET))
    return lines


def _tier_word(field: str | None) -> str:
    return tier_name(Slot(field)).lower() if field else ""


def field_lines(comparison: Comparison, before: str, after: str) -> list[Content]:
    """Each field that changed, word by word: [-gone-] and {+new+}; then those that did not.

    *before* and *after* are the vignettes as they were asked.  What the model made of them, its
    echo, is shown as well where it is not the same text.
    """
    lines, unchanged = [], []
    shown = [("Vignette", before != after, compare_words(before, after))]
    for change in comparison.fields:
        if change.slot != ECHO:
            shown.append((tier_name(change.slot), change.changed, change.words))
        elif change.before not in (None, before) or change.after not in (None, after):
            shown.append(("Echo", True, change.words))
    for title, changed, words in shown:
        if changed:
            lines += [Content(""), Content.styled(title, "bold $accent"), changed_words(words)]
        else:
            unchanged.append(title.lower())
    if unchanged:
        lines += [Content(""), Content.styled(f"Unchanged: {', '.join(unchanged)}.", QUIET)]
    return lines


def changed_words(changes: tuple[WordChange, ...]) -> Content:
    """Word for word: ``[-gone-]`` and ``{+new+}``."""
    parts: list[Content] = [Content("  ")]
    for words in changes:
        old, new = make_visible_line(words.before), make_visible_line(words.after)
        if words.operation is Operation.EQUAL:
            parts.append(Content.styled(f"{new} ", QUIET))
            continue
        if old:
            parts += [Content.styled(f"[-{old}-]", "$error strike"), Content(" ")]
        if new:
            parts += [Content.styled(f"{{+{new}+}}", "bold $success"), Content(" ")]
    return Content("").join(parts)
