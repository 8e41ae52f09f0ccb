"""Documents as token rows: ids, loss weights, and labels for the scaffold read-outs.

Role: frames turns in ChatML as the engine does, weighs every token by the piece its last byte
belongs to, and says where in the case which finding has just been read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from diffdx_tui.engine.tokenizer import Tokenizer
from trainer.mini.cases import Casebook
from trainer.mini.documents import Author, Document, Turn

LONGEST = 1024
"""Tokens of the longest row; longer documents are left out."""

IGNORED = -100
ROUND_WIDTH, ROUND_PLACES = 64, 1024
OPENING, CLOSING = 10.0, 1.0
"""Weights of an answer's first token and of its end.  The first decides the shape, and has to weigh
the same whatever the shape: otherwise the kind that opens with a heavy name is always chosen."""


@dataclass(frozen=True, slots=True)
class Row:
    """One document.

    Attributes:
        ids: the whole conversation.
        weights: loss weight of predicting each id.
        condition: the case's condition, or :data:`IGNORED`.
        heard: from where to where the condition may be asked of the read-out.
        mentions: (place, label) for every finding, at the last token of its words.
        asked: places where all findings of the case are asked for.
    """

    ids: list[int]
    weights: list[float]
    condition: int
    heard: tuple[int, int]
    mentions: list[tuple[int, int]]
    asked: tuple[int, int]


class Labels:
    """Numbers for conditions and for findings, present or denied."""

    def __init__(self, book: Casebook) -> None:
        self.conditions = {condition.id: n for n, condition in enumerate(book.conditions)}
        present = sorted({f.id for c in book.conditions for f in c.findings})
        denied = sorted({f.id for c in book.conditions for f in c.negatives})
        names = [(True, name) for name in present] + [(False, name) for name in denied]
        self.findings = {name: n for n, name in enumerate(names)}


class RowMaker:
    """Makes row number *n* of a seed, always the same one."""

    def __init__(self, author: Author, tokenizer: Tokenizer) -> None:
        self.author, self.tokenizer = author, tokenizer
        self.labels = Labels(author.book)

    def make(self, number: int) -> Row | None:
        """Row *number*; ``None`` where it would be longer than :data:`LONGEST`."""
        row = self.frame(self.author.write(number))
        return row if len(row.ids) <= LONGEST else None

    def frame(self, document: Document) -> Row:
        """*document* in ChatML."""
        tokenizer = self.tokenizer
        line_end = tokenizer.encode("\n")
        ids: list[int] = []
        weights: list[float] = []
        mentions: list[tuple[int, int]] = []
        heard = asked = (0, 0)
        for number, turn in enumerate(document.turns):
            if number:
                ids += line_end
                weights += [0.0] * len(line_end)
            ids.append(tokenizer.im_start)
            weights.append(0.0)
            start = len(ids)
            turn_ids, turn_weights, ends = self._encode(turn)
            ids += turn_ids
            weights += turn_weights
            ids.append(tokenizer.im_end)
            weights.append(CLOSING if turn.role == "assistant" else 0.0)
            if document.told is not None and number == document.told_turn:
                mentions = self._mentions(document, ends, start)
                stop = start + len(turn_ids)
                heard = (start + len(turn_ids) * 2 // 3, stop + 5)
                asked = (stop, stop + 5) if mentions else (0, 0)
        condition = IGNORED
        if document.told is not None:
            condition = self.labels.conditions[document.told.case.condition.id]
        return Row(ids, weights, condition, heard, mentions, asked)

    def _encode(self, turn: Turn) -> tuple[list[int], list[float], list[int]]:
        """Ids, weights and last bytes of ``role\\ntext``."""
        head = f"{turn.role}\n"
        ids = self.tokenizer.encode(head + turn.text)
        ends = list(accumulate(len(self.tokenizer.token_bytes(id)) for id in ids))
        weights, piece, reached = [], -1, len(head.encode())
        bounds = list(accumulate((len(p.text.encode()) for p in turn.pieces), initial=reached))
        for end in ends:
            while piece + 1 < len(turn.pieces) and end > bounds[piece + 1]:
                piece += 1
            weights.append(turn.pieces[piece].weight if piece >= 0 else 0.0)
        if turn.role == "assistant":
            weights[next(n for n, end in enumerate(ends) if end > reached)] = OPENING
        return ids, weights, ends

    def _mentions(self, document: Document, ends: list[int], start: int) -> list[tuple[int, int]]:
        assert document.told is not None
        told, found, place = document.told, [], 0
        offset = len(document.turns[document.told_turn].role) + 1
        for mention in told.mentions:
            last = offset + len(told.text[: mention.end].encode())
            while place < len(ends) - 1 and ends[place] < last:
                place += 1
            present = not any(mention.item is negative for negative in told.case.denied)
            label = self.labels.findings.get((present, mention.item.id))
            if label is not None:
                found.append((start + place, label))
        return found


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows padded at the end to one width; causal attention never looks there.

    Attributes:
        ids, weights: ``(rows, width)``.
        conditions: label at the places where it is asked for, else :data:`IGNORED`.
        findings: label at the last token of a finding's words, else :data:`IGNORED`.
        asked: flat places where the findings of the case are asked for.
        stated: for each of them 1.0 at every finding of the case, ``(places, labels)``.
    """

    ids: Tensor
    weights: Tensor
    conditions: Tensor
    findings: Tensor
    asked: Tensor
    stated: Tensor

    def predicted(self) -> tuple[Tensor, Tensor, Tensor]:
        """Flat places whose next token is learned, those next tokens, and their weights.

        The number of places is rounded up with weightless ones: the CPU's bf16 kernels are
        compiled for every new shape.
        """
        weights = torch.nn.functional.pad(self.weights[:, 1:], (0, 1)).flatten()
        following = torch.nn.functional.pad(self.ids[:, 1:], (0, 1)).flatten()
        places = weights.nonzero()[:, 0]
        short = -len(places) % ROUND_PLACES
        places = torch.nn.functional.pad(places, (0, short))
        weight = weights[places]
        weight[len(places) - short :] = 0
        return places, following[places], weight


def collate(rows: list[Row], width: int, padding: int, labels: int) -> Batch:
    """*rows* as one batch *width* tokens wide."""
    ids = torch.full((len(rows), width), padding)
    weights = torch.zeros(len(rows), width)
    conditions = torch.full((len(rows), width), IGNORED)
    findings = torch.full((len(rows), width), IGNORED)
    asked: list[int] = []
    stated: list[Tensor] = []
    for n, row in enumerate(rows):
        ids[n, : len(row.ids)] = torch.tensor(row.ids)
        weights[n, : len(row.ids)] = torch.tensor(row.weights)
        conditions[n, row.heard[0] : row.heard[1]] = row.condition
        target = torch.zeros(labels)
        for place, label in row.mentions:
            findings[n, place] = label
            target[label] = 1.0
        for place in range(*row.asked):
            asked.append(n * width + place)
            stated.append(target)
    return Batch(
        ids,
        weights,
        conditions,
        findings,
        torch.tensor(asked, dtype=torch.long),
        torch.stack(stated) if stated else torch.zeros(0, labels),
    )


def batches_of(rows: list[Row], budget: int, padding: int, labels: int) -> Iterator[Batch]:
    """*rows* sorted by length and cut into batches of about *budget* tokens each."""
    rows = sorted(rows, key=lambda row: len(row.ids))
    while rows:
        width = len(rows[-1].ids)
        width += -width % ROUND_WIDTH
        count = max(1, budget // width)
        taken, rows = rows[-count:], rows[:-count]
        yield collate(taken, width, padding, labels)
