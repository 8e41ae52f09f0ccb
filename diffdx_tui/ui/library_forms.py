"""The Library's two forms: committing an answer, and narrowing the list.

Role: edit; the screen keeps and applies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from diffdx_tui.domain.commitment import FIELDS, MAX_CHARACTERS
from diffdx_tui.domain.commitment_match import Standing
from diffdx_tui.domain.curated import CuratedCase
from diffdx_tui.domain.differential import Slot
from diffdx_tui.domain.knowledge import Domain
from diffdx_tui.domain.visible import make_visible
from diffdx_tui.ui.answer_text import tier_name
from diffdx_tui.ui.case_library import Sieve
from diffdx_tui.ui.fields import Choice, FormRow, text_field
from diffdx_tui.ui.form import Form
from diffdx_tui.ui.glyphs import UNICODE, Glyphs

Draft = dict[Slot, str]


class CommitmentForm(Form[Draft]):
    """The case, and a row for each field; what is typed outlasts leaving the form."""

    TITLE_TEXT = "Your answer"
    ACCEPT = "commit"
    DEFAULT_CSS = """
    CommitmentForm .vignette { height: auto; padding: 0 0 1 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "next_row", "Next row", show=False, priority=True),
    ]

    def __init__(
        self,
        case: CuratedCase,
        draft: Mapping[Slot, str],
        keep: Callable[[Draft], None],
        check: Callable[[Draft], None],
        glyphs: Glyphs = UNICODE,
    ) -> None:
        """Edit *draft*; *keep* gets it when the form is left, *check* refuses with ValueError."""
        super().__init__(glyphs)
        self._case = case
        self._draft = draft
        self._keep = keep
        self._check = check

    def rows(self) -> ComposeResult:
        yield Static(make_visible(self._case.vignette), markup=False, classes="vignette")
        for number, slot in enumerate(FIELDS):
            field = text_field(self._draft.get(slot, ""), id=f"field-{number}")
            field.max_length = MAX_CHARACTERS
            yield FormRow(tier_name(slot), field)
        hint = "Short names do. Only the first is needed. Once committed it stands."
        yield Static(hint, markup=False, classes="hint")

    def on_mount(self) -> None:
        frame = self.query_one(VerticalScroll)
        frame.border_subtitle = Content("Enter next row  F5 commit  Esc leave, typing is kept")
        self.query_one("#field-0", Input).focus()

    def action_next_row(self) -> None:
        """What is committed stands, so Enter commits only from the last row."""
        last = self.query_one(f"#field-{len(FIELDS) - 1}", Input)
        if last.has_focus:
            self.action_accept()
        else:
            self.focus_next()

    def result(self) -> Draft:
        draft = self._typed()
        self._check(draft)
        return draft

    def action_leave(self) -> None:
        self._keep(self._typed())
        super().action_leave()

    def _typed(self) -> Draft:
        return {
            slot: self.query_one(f"#field-{number}", Input).value
            for number, slot in enumerate(FIELDS)
        }


_ANY = "any"
_SPOILERS = {False: "hidden until you answer", True: "spoilers: shown in list and search"}


class SieveForm(Form[Sieve]):
    """Turn through domain, acuity, split, standing, and whether diagnoses may show."""

    TITLE_TEXT = "Which cases"
    ACCEPT = "apply"
    _CHOICES = (
        ("domain", "Domain", [str(domain) for domain in Domain]),
        ("acuity", "Acuity", ["emergency", "urgent", "routine"]),
        ("split", "Split", ["train", "val", "test"]),
        ("standing", "You", [str(standing) for standing in Standing]),
    )

    def __init__(self, sieve: Sieve, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs)
        self._sieve = sieve

    def rows(self) -> ComposeResult:
        for name, label, values in self._CHOICES:
            chosen = getattr(self._sieve, name) or _ANY
            yield FormRow(label, Choice([_ANY, *values], chosen, id=name, glyphs=self.glyphs))
        words = list(_SPOILERS.values())
        chosen = _SPOILERS[self._sieve.spoilers]
        yield FormRow("Diagnoses", Choice(words, chosen, id="spoilers", glyphs=self.glyphs))
        hint = "Acuity and spoilers hint at answers you have not given yet. Test rows score models."
        yield Static(hint, markup=False, classes="hint")

    def result(self) -> Sieve:
        chosen = {name: self.query_one(f"#{name}", Choice).value for name, _, _ in self._CHOICES}
        values = {name: "" if value == _ANY else value for name, value in chosen.items()}
        spoilers = self.query_one("#spoilers", Choice).value == _SPOILERS[True]
        # A diagnosis chosen with spoilers on would go on telling once they are off.
        diagnosis = self._sieve.diagnosis if spoilers or not self._sieve.spoilers else ""
        return replace(self._sieve, **values, spoilers=spoilers, diagnosis=diagnosis)
