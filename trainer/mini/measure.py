"""How good is it: top-1 of the leading diagnosis on vignettes it was never trained on.

Role: the held-out score.  The fifty vignettes in ``data/held_out.jsonl`` were written by hand and
never used for phrasings; choices of design were made while watching this score, so it is an
optimistic figure (the card says so).  An answer counts when its whole leading diagnosis is the
gold one by the synonym table or the row's accept list; names nobody knows are listed, not judged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import Qwen2ForCausalLM

from diffdx_tui.domain.decoding import Decoding
from diffdx_tui.domain.diagnosis import SynonymTable, normalise_name, split_tier
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.events import Failed, Finished, ModelInfo
from diffdx_tui.domain.intervals import wilson
from diffdx_tui.domain.knowledge import Condition
from diffdx_tui.domain.vignette import Vignette
from diffdx_tui.engine.catalogue import ModelSpec
from diffdx_tui.engine.prompt import head_ids, prompt_ids
from diffdx_tui.engine.tokenizer import Tokenizer

NAME_TOKENS = 24
"""Longest leading diagnosis read by the quick probe during training."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """One row of the held-out file."""

    id: str
    diagnosis: str
    accept: tuple[str, ...]
    vignette: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer judged: *output* is its leading tier, *named* the diagnosis in it."""

    id: str
    gold: str
    output: str
    named: str
    right: bool
    known: bool
    valid: bool


@dataclass(frozen=True, slots=True)
class Score:
    """*k* of *n* right, with the Wilson 95 % interval."""

    k: int
    n: int
    low: float
    high: float


def read_held_out(path: Path) -> list[HeldOut]:
    """The rows of ``held_out.jsonl``."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        values = json.loads(line)
        rows.append(
            HeldOut(values["id"], values["diagnosis"], tuple(values["accept"]), values["vignette"])
        )
    return rows


def judge_answer(row: HeldOut, output: str, valid: bool, table: SynonymTable) -> Outcome:
    """Whether the leading tier *output* names the gold diagnosis."""
    named = split_tier(output).diagnosis
    accepted = {normalise_name(name) for name in (row.diagnosis, *row.accept)}
    right = normalise_name(named) in accepted or table.same(named, row.diagnosis)
    known = right or table.standard_name(named) is not None
    return Outcome(row.id, row.diagnosis, output, named, right, known, valid)


def synonym_table(conditions: Iterable[Condition]) -> SynonymTable:
    """Every name the knowledge base knows."""
    return SynonymTable({c.name: c.synonyms for c in conditions})


def score_model(
    spec: ModelSpec, rows: list[HeldOut], table: SynonymTable, decoding: Decoding
) -> tuple[ModelInfo, list[Outcome]]:
    """Answer every row with the engine, as the application would, and judge it."""
    from diffdx_tui.engine.local import LocalEngine  # loads the whole engine: only when scoring

    engine = LocalEngine.load(spec)
    outcomes = []
    for row in rows:
        for event in engine.generate(Vignette.parse(row.vignette), decoding, row.id):
            if isinstance(event, Failed):
                raise RuntimeError(f"{row.id}: {event.message}")
            if isinstance(event, Finished):
                leading = event.differential.most_likely if event.differential else ""
                outcomes.append(judge_answer(row, leading, event.verdict.strict, table))
    return engine.info, outcomes


def write_score(outcomes: list[Outcome], path: Path, about: dict[str, str | int]) -> Score:
    """The score and every row's outcome as JSON."""
    right = sum(outcome.right for outcome in outcomes)
    score = Score(right, len(outcomes), *wilson(right, len(outcomes)))
    document = {
        **asdict(score),
        **about,
        "unmatched": sorted({o.named for o in outcomes if not o.known}),
        "rows": [asdict(outcome) for outcome in outcomes],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return score


@torch.no_grad()
def leading_names(
    model: Qwen2ForCausalLM, tokenizer: Tokenizer, vignettes: Iterable[str]
) -> list[str]:
    """The diagnosis the model writes first, greedily: the quick probe during training."""
    model.eval()
    names = []
    for vignette in vignettes:
        forced = prompt_ids(tokenizer, Variant.A, vignette)
        forced += head_ids(tokenizer, Variant.A, vignette)
        feed, cache, found = torch.tensor([forced]), None, []
        for _ in range(NAME_TOKENS):
            output = model(feed, past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache, best = output.past_key_values, int(output.logits[0, -1].argmax())
            found.append(best)
            text = tokenizer.decode(found)
            if " - " in text or '"' in text or best in tokenizer.stop_ids:
                break
            feed = torch.tensor([[best]])
        names.append(tokenizer.decode(found).split(" - ")[0].split('"')[0])
    return names


def make_probe(
    rows: list[HeldOut], table: SynonymTable, tokenizer: Tokenizer
) -> Callable[[Qwen2ForCausalLM], float]:
    """A function that gives the share of held-out rows a model in training gets right."""

    def probe(model: Qwen2ForCausalLM) -> float:
        names = leading_names(model, tokenizer, (row.vignette for row in rows))
        right = [judge_answer(r, n, True, table).right for r, n in zip(rows, names, strict=True)]
        return sum(right) / len(right)

    return probe
