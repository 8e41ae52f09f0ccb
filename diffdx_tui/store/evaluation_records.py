"""What the files of an evaluation say, as typed values.

Role: the vocabulary that the evaluator writes and everybody else reads.  ``outputs.jsonl`` is the
truth; scores, results and reports are made from it and can be made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from diffdx_tui.domain.evaluation import Plan, read_plan
from diffdx_tui.domain.events import Stats
from diffdx_tui.domain.verdict import Verdict
from diffdx_tui.store.run_records import SCHEMA, parse_header

EVALUATION_FILE = "evaluation.json"
OUTPUTS_FILE = "outputs.jsonl"
SCORES_FILE = "scores.jsonl"
RESULTS_FILE = "results.json"
REPORT_FILE = "report.md"
PAGE_FILE = "report.html"


class OutputKey(NamedTuple):
    """Which answer: arm by name, case, and number of the sample."""

    arm: str
    case: str
    sample: int


@dataclass(frozen=True, slots=True)
class Output:
    """One line of ``outputs.jsonl``: what an arm answered.

    Attributes:
        vignette_sha256: of the text that was asked.
        raw: the exact output; empty if the model could not be asked.
        verdict: as judged when it was generated.
        stats: seconds and tokens; ``None`` if the model could not be asked.
        cut: whether the budget of tokens ended it.
        failure: why the model could not be asked (the vignette is too long for it); else empty.
    """

    key: OutputKey
    vignette_sha256: str
    raw: str
    verdict: Verdict
    stats: Stats | None = None
    cut: bool = False
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """One line of ``scores.jsonl``: how an output was judged against its gold.

    Attributes:
        values: by metric's name; a metric that does not apply is missing.
        shared: the same on the fields that all variants have.
        unmatched: (tier, name) of diagnoses that no list of names holds.
        denied: (finding, words) that a rationale asserts and the case denies.
        ungrounded: (finding, words) that a rationale asserts and the case does not state.
        right: whether the leading diagnosis is the gold one.
    """

    key: OutputKey
    values: Mapping[str, bool | float]
    shared: Mapping[str, bool | float]
    unmatched: tuple[tuple[str, str], ...] = ()
    denied: tuple[tuple[str, str], ...] = ()
    ungrounded: tuple[tuple[str, str], ...] = ()

    @property
    def right(self) -> bool:
        return bool(self.values.get("ACC1", False))


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """``evaluation.json``.

    Attributes:
        created: when, UTC.
        plan: what is evaluated.
        facts: what the evaluator found out: ``sha256``, ``versions``, ``hardware`` ...
    """

    id: str
    created: datetime
    plan: Plan
    facts: Mapping[str, Any] = field(default_factory=dict)


_OF_RECORD = frozenset({"schema", "id", "created", "plan"})


def record_values(record: EvaluationRecord) -> dict[str, Any]:
    """*record* as ``evaluation.json`` has it."""
    return {
        "schema": SCHEMA,
        "id": record.id,
        "created": record.created.isoformat(),
        "plan": record.plan.as_dict(),
        **record.facts,
    }


def parse_record(values: Mapping[str, Any], place: str) -> EvaluationRecord:
    """The inverse of :func:`record_values`.

    Raises:
        StoreError: it is no evaluation's, or a newer program's.
    """
    created, plan = parse_header(values, place, "evaluation", "plan", read_plan)
    facts = {name: value for name, value in values.items() if name not in _OF_RECORD}
    return EvaluationRecord(str(values.get("id", "")), created, plan, facts)


def output_values(output: Output) -> dict[str, Any]:
    """*output* as a line."""
    return {
        **output.key._asdict(),
        "vignette_sha256": output.vignette_sha256,
        "raw": output.raw,
        "verdict": output.verdict.as_dict(),
        "stats": None if output.stats is None else output.stats.as_dict(),
        "cut": output.cut,
        **({"failure": output.failure} if output.failure else {}),
    }


def parse_output(values: Mapping[str, Any]) -> Output | None:
    """The inverse of :func:`output_values`; ``None`` for a line that is none."""
    try:
        stats = values["stats"]
        return Output(
            key=_key(values),
            vignette_sha256=str(values["vignette_sha256"]),
            raw=str(values["raw"]),
            verdict=Verdict.from_dict(values["verdict"]),
            stats=None if stats is None else Stats.from_dict(stats),
            cut=values.get("cut") is True,
            failure=str(values.get("failure", "")),
        )
    except (KeyError, TypeError, ValueError):
        return None


def score_values(score: Score) -> dict[str, Any]:
    """*score* as a line."""
    return {
        **score.key._asdict(),
        "values": dict(score.values),
        "shared": dict(score.shared),
        "unmatched": [list(one) for one in score.unmatched],
        "denied": [list(one) for one in score.denied],
        "ungrounded": [list(one) for one in score.ungrounded],
    }


def parse_score(values: Mapping[str, Any]) -> Score | None:
    """The inverse of :func:`score_values`; ``None`` for a line that is none."""
    try:
        return Score(
            key=_key(values),
            values=dict(values["values"]),
            shared=dict(values["shared"]),
            unmatched=_pairs(values["unmatched"]),
            denied=_pairs(values["denied"]),
            ungrounded=_pairs(values["ungrounded"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _key(values: Mapping[str, Any]) -> OutputKey:
    return OutputKey(str(values["arm"]), str(values["case"]), int(values["sample"]))


def _pairs(values: Any) -> tuple[tuple[str, str], ...]:
    return tuple((str(one), str(other)) for one, other in values)
