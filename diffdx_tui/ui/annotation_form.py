"""The form for what a reader adds to a session: the truth, agreement, a note, tags.

Role: edits; the store writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.widgets import Input

from diffdx_tui.domain.diagnosis import split_tier
from diffdx_tui.domain.differential import ECHO, Slot, slots_of
from diffdx_tui.domain.visible import make_visible_line
from diffdx_tui.ui.answer_text import tier_name
from diffdx_tui.ui.fields import Choice, FormRow, text_field
from diffdx_tui.ui.form import Form
from diffdx_tui.ui.glyphs import UNICODE, Glyphs

if TYPE_CHECKING:
    from diffdx_tui.store import Answer, Session

_OPINIONS: dict[str, bool | None] = {"unreviewed": None, "agree": True, "disagree": False}


@dataclass(frozen=True, slots=True)
class Annotation:
    """What the form says."""

    final_diagnosis: str
    note: str
    tags: tuple[str, ...]
    reviews: dict[Slot, bool | None]


class AnnotationForm(Form[Annotation]):
    """One row a tier of the shown answer, and three for the session."""

    TITLE_TEXT = "Annotate"
    ACCEPT = "save"

    def __init__(self, session: Session, answer: Answer | None, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs)
        self._session = session
        self._answer = answer
        self._slots = [
            slot
            for slot in (slots_of(answer.model.variant) if answer else ())
            if slot != ECHO and answer is not None and answer.texts.get(slot)
        ]

    def rows(self) -> ComposeResult:
        session = self._session
        yield FormRow("Final diagnosis", text_field(session.final_diagnosis, id="final"))
        yield FormRow("Note", text_field(session.note.replace("\n", " / "), id="note"))
        tags = text_field(", ".join(session.tags), id="tags", placeholder="separated by commas")
        yield FormRow("Tags", tags)
        given = {r.slot: r.agrees for r in self._answer.reviews} if self._answer else {}
        for number, slot in enumerate(self._slots):
            opinion = next(word for word, value in _OPINIONS.items() if value == given.get(slot))
            values = [f"{word}: {self._diagnosis(slot)}" for word in _OPINIONS]
            chosen = values[list(_OPINIONS).index(opinion)]
            field = Choice(values, chosen, id=f"slot-{number}", glyphs=self.glyphs)
            yield FormRow(tier_name(slot), field)

    def _diagnosis(self, slot: Slot) -> str:
        assert self._answer is not None
        return make_visible_line(split_tier(self._answer.texts[slot]).diagnosis)

    def result(self) -> Annotation:
        note = self.query_one("#note", Input).value.strip()
        if note == self._session.note.replace("\n", " / "):
            note = self._session.note  # untouched: keep its lines
        tags = self.query_one("#tags", Input).value.replace("#", "")
        reviews = {}
        for number, slot in enumerate(self._slots):
            word = self.query_one(f"#slot-{number}", Choice).value.partition(":")[0]
            reviews[slot] = _OPINIONS[word]
        return Annotation(
            self.query_one("#final", Input).value.strip(),
            note,
            tuple(dict.fromkeys(tag.strip() for tag in tags.split(",") if tag.strip())),
            reviews,
        )
