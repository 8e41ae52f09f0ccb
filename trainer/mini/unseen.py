"""Generated cases from wordings training never saw, and a quick look at them during training.

Role: draws the evaluation cases of the base model.  Findings are put in the wordings that
:mod:`trainer.mini.phrasings` keeps back; denials, background and small talk are as in training.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from diffdx_tui.domain.generated import GeneratedCase
from diffdx_tui.domain.knowledge import Condition
from trainer.mini.cases import REGISTERS, Casebook, Register
from trainer.mini.phrasings import unseen_in
from trainer.mini.telling import Told, tell

if TYPE_CHECKING:
    from trainer.mini.base_training import BaseRun


class UnseenCases:
    """Draws told cases in which every finding's wording was kept back."""

    def __init__(self, conditions: Iterable[Condition], seed: int) -> None:
        self.seed = seed
        self._books: dict[str, list[tuple[Register, Condition, Casebook]]] = {}
        conditions = tuple(conditions)
        for register in REGISTERS:
            found = {c.id: c for c in (unseen_in(c, register) for c in conditions) if c}
            for name, condition in found.items():
                # A casebook of its own: no wording is borrowed from an entry training saw.
                lent = Casebook([condition])
                self._books.setdefault(name, []).append((register, condition, lent))
        self.names = sorted(self._books)
        random.Random(seed).shuffle(self.names)

    def draw(self, count: int) -> list[Told]:
        """*count* cases, evenly over the conditions; the same ones for the same seed."""
        cases = []
        for number in range(count):
            rng = random.Random(f"{self.seed}/unseen/{number}")
            name = self.names[number % len(self.names)]
            register, condition, book = rng.choice(self._books[name])
            case = replace(book.draw(rng, condition), register=register, extra=None)
            cases.append(tell(book, case, rng, pure=True))
        return cases


def as_rows(cases: Iterable[Told]) -> list[GeneratedCase]:
    """*cases* as the rows of ``data/generated.jsonl``."""
    return [
        GeneratedCase(
            id=f"generated-{number:03}",
            condition=told.case.condition.id,
            voice=told.case.register,
            age=round(told.case.patient.age, 2),
            sex=told.case.patient.sex,
            present=tuple(finding.id for finding in told.case.present),
            absent=tuple(negative.id for negative in told.case.denied),
            vignette=told.text,
        )
        for number, told in enumerate(cases, start=1)
    ]


@torch.no_grad()
def probe_unseen(run: BaseRun, cases: list[Told]) -> dict[str, float]:
    """Share of *cases* whose condition the scaffold read-out names after reading them."""
    run.model.eval()
    right = 0
    tokenizer, labels = run.tokenizer, run.maker.labels.conditions
    for told in cases:
        ids = [tokenizer.im_start, *tokenizer.encode(f"user\n{told.text}"), tokenizer.im_end]
        with torch.autocast("cpu", torch.bfloat16):
            output = run.model.model(torch.tensor([ids]), output_hidden_states=True)
        guess = run.read("condition", output.hidden_states[run.upper][0, -1:])
        right += int(guess.argmax()) == labels[told.case.condition.id]
    return {"unseen_read": right / len(cases)}
