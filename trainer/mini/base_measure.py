"""What the base model can do before any adapter: unseen wordings, minimal pairs, and the schema.

Role: answers generated cases in free mode, greedily, in one of the base's own shapes, and counts:
is it JSON, is the case copied exactly, is the leading diagnosis right, are the others and the
dangerous one the entry's, does the reason assert what the case does not say or denies.  Also asks
for the project's schema, which the base has never met: that has to fail for the baseline arm to be
one.  The cases come from the same generator as the training text; only the wordings are new.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, Qwen2ForCausalLM

from diffdx_tui.domain.diagnosis import SynonymTable, normalise_name, split_tier
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.grounding import Grounding, asserted_findings, ground, known_facts
from diffdx_tui.domain.intervals import wilson
from diffdx_tui.domain.knowledge import Condition
from diffdx_tui.domain.verdict import judge
from diffdx_tui.engine.prompt import prompt_ids
from diffdx_tui.engine.tokenizer import END_OF_TEXT, Tokenizer
from trainer.mini.contrasts import Contrasts
from trainer.mini.shapes import FORMS
from trainer.mini.telling import Told, tell

FORM = FORMS[0]
REQUEST = f"Fill in the {FORM.name}."
ROOM = 700
"""Most tokens of an answer."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer, judged.

    Attributes:
        gold, named: condition ids; *named* is the name as written where no entry goes by it.
        parsed: JSON with exactly the keys asked for.
        echoed: the case copied to the letter.
        right: *named* is *gold*.
        others_right, others: how many alternatives are the entry's own, of how many.
        danger_right: the dangerous one is one of the entry's.
        stated, unsaid, denied: what the case says of the findings the leading reason asserts.
    """

    gold: str
    domain: str
    register: str
    named: str
    parsed: bool
    echoed: bool
    right: bool
    others_right: int
    others: int
    danger_right: bool
    stated: int
    unsaid: int
    denied: int


class Judge:
    """Judges answers by the knowledge base's names."""

    def __init__(self, conditions: Iterable[Condition]) -> None:
        conditions = tuple(conditions)
        self._table = SynonymTable({c.name: c.synonyms for c in conditions})
        self._ids = {c.name: c.id for c in conditions}

    def judge(self, told: Told, answer: str) -> Outcome:
        """*answer* to :data:`REQUEST` about *told*."""
        values = _parse(answer)
        parsed = list(values) == [key for _, key in FORM.roles]
        leading = split_tier(_text(values.get("diagnosis")))
        gold = told.case.condition
        others = values.get("others")
        names = [split_tier(_text(o)).diagnosis for o in others] if isinstance(others, list) else []
        danger = split_tier(_text(values.get("do_not_miss"))).diagnosis
        standard = self._table.standard_name(leading.diagnosis)
        facts = known_facts(
            told.text,
            present=[f.id for f in told.case.present],
            absent=[n.id for n in told.case.denied],
        )
        grounds = Counter(ground(c, facts) for c in asserted_findings(leading.reasoning))
        return Outcome(
            gold=gold.id,
            domain=gold.domain.value,
            register=told.case.register,
            named=self._ids.get(standard or "", leading.diagnosis),
            parsed=parsed,
            echoed=values.get("case") == told.text,
            right=self._same(leading.diagnosis, gold.name),
            others_right=sum(any(self._same(n, m.name) for m in gold.mimics) for n in names),
            others=len(names),
            danger_right=any(self._same(danger, d.name) for d in gold.dangerous),
            stated=grounds[Grounding.STATED],
            unsaid=grounds[Grounding.UNSAID],
            denied=grounds[Grounding.DENIED],
        )

    def _same(self, name: str, other: str) -> bool:
        return normalise_name(name) == normalise_name(other) or self._table.same(name, other)


def load_base(folder: Path) -> tuple[Qwen2ForCausalLM, Tokenizer]:
    """Model (fp32, for speed on a CPU) and vocabulary of *folder*."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return model, Tokenizer.load(folder)


def request_ids(tokenizer: Tokenizer, request: str, text: str) -> list[int]:
    """``system`` with the request, ``user`` with the case, and the opening of the answer."""
    start, end, line_end = tokenizer.im_start, tokenizer.im_end, tokenizer.encode("\n")
    return [
        *(start, *tokenizer.encode(f"system\n{request}"), end, *line_end),
        *(start, *tokenizer.encode(f"user\n{text}"), end, *line_end),
        *(start, *tokenizer.encode("assistant\n")),
    ]


@torch.no_grad()
def answer_all(
    model: Qwen2ForCausalLM,
    tokenizer: Tokenizer,
    prompts: Sequence[list[int]],
    room: int = ROOM,
    together: int = 16,
) -> Iterator[str]:
    """Greedy answers in the order of *prompts*, *together* at a time (padded on the left)."""
    order = sorted(range(len(prompts)), key=lambda n: len(prompts[n]))
    answers: dict[int, str] = {}
    padding = tokenizer.added[END_OF_TEXT]
    for start in range(0, len(order), together):
        chosen = order[start : start + together]
        width = max(len(prompts[n]) for n in chosen)
        ids = torch.full((len(chosen), width), padding)
        seen = torch.zeros(len(chosen), width, dtype=torch.long)
        for row, n in enumerate(chosen):
            ids[row, width - len(prompts[n]) :] = torch.tensor(prompts[n])
            seen[row, width - len(prompts[n]) :] = 1
        output = model.generate(
            ids,
            attention_mask=seen,
            max_new_tokens=room,
            do_sample=False,
            eos_token_id=tokenizer.im_end,
            pad_token_id=padding,
        )
        for row, n in enumerate(chosen):
            found = [id for id in output[row, width:].tolist() if not tokenizer.is_added(id)]
            answers[n] = tokenizer.decode(found)
    for n in range(len(prompts)):
        yield answers[n]


def measure_unseen(
    model: Qwen2ForCausalLM, tokenizer: Tokenizer, cases: Sequence[Told], judge_by: Judge
) -> list[Outcome]:
    """Every case answered in free mode and judged."""
    prompts = [request_ids(tokenizer, REQUEST, told.text) for told in cases]
    answers = answer_all(model, tokenizer, prompts)
    return [judge_by.judge(told, answer) for told, answer in zip(cases, answers, strict=True)]


def draw_pairs(contrasts: Contrasts, seed: int, count: int) -> list[tuple[Told, Told]]:
    """*count* minimal pairs in training's wordings, from a seed training did not use."""
    pairs = []
    for number in range(count):
        halves = []
        for place in (0, 1):
            rng = random.Random(f"{seed}/measured-pair/{number}")
            halves.append(tell(contrasts.book, contrasts.draw_pair(rng)[place], rng))
        pairs.append((halves[0], halves[1]))
    return pairs


def adheres(
    model: Qwen2ForCausalLM, tokenizer: Tokenizer, cases: Sequence[Told], variant: Variant
) -> int:
    """How many free answers to the reference prompt are strictly valid."""
    prompts = [prompt_ids(tokenizer, variant, told.text) for told in cases]
    answers = answer_all(model, tokenizer, prompts)
    return sum(judge(answer, variant).verdict.strict for answer in answers)


def summarise(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Shares with Wilson intervals, by domain and register, and what was taken for what."""
    wrong = Counter((o.gold, o.named) for o in outcomes if not o.right)
    claims = sum(o.stated + o.unsaid + o.denied for o in outcomes)
    alternatives = sum(o.others for o in outcomes)
    return {
        "parsed": share(sum(o.parsed for o in outcomes), len(outcomes)),
        "echo_exact": share(sum(o.echoed for o in outcomes), len(outcomes)),
        "leading_right": share(sum(o.right for o in outcomes), len(outcomes)),
        "others_right": share(sum(o.others_right for o in outcomes), alternatives),
        "danger_right": share(sum(o.danger_right for o in outcomes), len(outcomes)),
        "claims_stated": share(sum(o.stated for o in outcomes), claims),
        "answers_asserting_denied": share(sum(o.denied > 0 for o in outcomes), len(outcomes)),
        "by_domain": _by(outcomes, "domain"),
        "by_register": _by(outcomes, "register"),
        "errors": [f"{gold} -> {named} ({n})" for (gold, named), n in wrong.most_common()],
    }


def share(k: int, n: int) -> dict[str, float]:
    """*k* of *n* with the Wilson 95 % interval."""
    interval = wilson(k, n)
    return {"k": k, "n": n, "low": round(interval.low, 3), "high": round(interval.high, 3)}


def _by(outcomes: Sequence[Outcome], attribute: str) -> dict[str, dict[str, float]]:
    values = sorted({getattr(o, attribute) for o in outcomes})
    return {
        value: share(
            sum(o.right for o in outcomes if getattr(o, attribute) == value),
            sum(getattr(o, attribute) == value for o in outcomes),
        )
        for value in values
    }


def write_measured(path: Path, figures: dict[str, Any], outcomes: Sequence[Outcome]) -> None:
    """The figures and every outcome as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = figures | {"rows": [asdict(outcome) for outcome in outcomes]}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _parse(answer: str) -> dict[str, Any]:
    try:
        value = json.loads(answer)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
