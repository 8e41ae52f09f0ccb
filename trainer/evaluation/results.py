"""From outputs to figures: scores, tables and tests, without any model.

Role: everything that ``results.json`` and ``scores.jsonl`` say is computed here from
``outputs.jsonl`` and the rows, so that figures can be made again after a change of the scoring.
Metrics are :mod:`diffdx_tui.domain.metrics`' and nothing else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diffdx_tui.domain.decoding import Mode
from diffdx_tui.domain.differential import Variant
from diffdx_tui.domain.evaluation import Arm
from diffdx_tui.domain.evaluation_sets import EvaluationSet
from diffdx_tui.domain.metrics import (
    DEFINITIONS,
    CaseScore,
    Figure,
    Metric,
    measure,
    values_of,
)
from diffdx_tui.domain.scoring import SHARED_FIELDS, Gold, score_output
from diffdx_tui.store.evaluation_records import EvaluationRecord, Output, OutputKey, Score
from trainer.evaluation.baselines import ARMS, Answerer
from trainer.evaluation.comparisons import Scored, compare_arms
from trainer.evaluation.invariance import measure_invariance
from trainer.evaluation.reference import CAVEAT, CITATION, MEANING, reference_figure
from trainer.evaluation.rows import rows_asked

NOTICE = "Research and education only. Not a medical device. Nothing is clinician-validated."
LOWER_BOUNDS = "NEG and UNG count only what the finding reader understands: lower bounds."
DOMAIN_METRICS = (
    Metric.SCH_STRICT,
    Metric.ECHO,
    Metric.ACC1,
    Metric.ANY4,
    Metric.MNM_RECALL,
    Metric.DANGER_MISS,
)
"""What is also told by domain."""
ANY_OF = (Metric.SCH_STRICT, Metric.ECHO, Metric.ACC1, Metric.ANY4, Metric.MNM_RECALL)
"""What one of several answers may have right."""


@dataclass(frozen=True)
class Scores:
    """The scores of one arm: by sample, on all fields of its variant and on the shared ones."""

    name: str
    own: tuple[tuple[CaseScore, ...], ...]
    shared: tuple[tuple[CaseScore, ...], ...]


def score_outputs(
    record: EvaluationRecord, outputs: Iterable[Output], rows: EvaluationSet
) -> dict[str, Scores]:
    """Every output against its gold, by arm."""
    raws: dict[str, dict[int, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for output in outputs:
        raws[output.key.arm][output.key.sample][output.key.case] = output.raw
    found = {}
    for arm in record.plan.arms:
        golds = {gold.id: gold for gold in rows_asked(arm, rows)}
        own, shared = [], []
        for sample in range(arm.samples):
            answered = [(golds[case], raw) for case, raw in raws[arm.name][sample].items()]
            own.append(
                tuple(score_output(raw, gold, arm.variant, rows.names) for gold, raw in answered)
            )
            shared.append(
                tuple(
                    score_output(raw, gold, arm.variant, rows.names, SHARED_FIELDS)
                    for gold, raw in answered
                )
            )
        found[arm.name] = Scores(arm.name, tuple(own), tuple(shared))
    return found


def score_lines(scores: Mapping[str, Scores]) -> list[Score]:
    """The lines of ``scores.jsonl``."""
    lines = []
    for arm in scores.values():
        for sample, (own, shared) in enumerate(zip(arm.own, arm.shared, strict=True)):
            for one, other in zip(own, shared, strict=True):
                lines.append(
                    Score(
                        key=OutputKey(arm.name, one.case, sample),
                        values={str(metric): value for metric, value in one.values.items()},
                        shared={str(metric): value for metric, value in other.values.items()},
                        unmatched=tuple((name.slot, name.name) for name in one.unmatched),
                        denied=tuple((claim.finding, claim.text) for claim in one.denied),
                        ungrounded=tuple((claim.finding, claim.text) for claim in one.ungrounded),
                    )
                )
    return lines


def make_results(
    record: EvaluationRecord,
    outputs: Sequence[Output],
    rows: EvaluationSet,
    scores: Mapping[str, Scores],
) -> dict[str, Any]:
    """The contents of ``results.json``."""
    by_arm: dict[str, list[Output]] = defaultdict(list)
    for output in outputs:
        by_arm[output.key.arm].append(output)
    arms = [_arm(arm, scores[arm.name], by_arm[arm.name]) for arm in record.plan.arms]
    floor = baseline_scores(rows)
    arms += [_baseline(name, some) for name, some in floor.items()]
    wanted = sum(arm.samples * len(rows_asked(arm, rows)) for arm in record.plan.arms)
    plain = [arm for arm in record.plan.arms if arm.perturbation is None]
    first = arms[0]
    return {
        "schema": 1,
        "notice": NOTICE,
        "notes": [*rows.notes, LOWER_BOUNDS],
        "set": {
            "name": rows.name,
            "rows": len(rows.rows),
            "sha256": rows.sha256,
            "unknown_diagnoses": list(rows.unknown),
        },
        "complete": len(outputs) >= wanted,
        "outputs": len(outputs),
        "metrics_of": first["name"],
        "metrics": first["metrics"],
        "arms": arms,
        "over_seeds": _over_seeds(plain, scores),
        "comparisons": compare_arms(
            [_scored(arm, scores[arm.name]) for arm in plain if arm.samples == 1],
            {name: list(some) for name, some in floor.items()},
        ),
        "invariance": measure_invariance(
            record.plan.arms, {name: one.own[0] for name, one in scores.items()}
        ),
        "reference": _reference(arms),
        "definitions": {str(metric): DEFINITIONS[metric] for metric in Metric},
        "config": record.plan.as_dict(),
        "seeds": {
            arm.name: {"training": arm.seed, "decoding": arm.decoding.seed}
            for arm in record.plan.arms
        },
        "evaluation": record.id,
        "created": record.created.isoformat(),
        **record.facts,
    }


def baseline_scores(rows: EvaluationSet) -> dict[str, tuple[CaseScore, ...]]:
    """What the simplest answers score on the rows that have what these need.

    None on ``train``, where the nearest row is the row itself; of the external sets only the
    nearest neighbour, as the constant has to be told a domain.
    """
    if rows.name == "train" or not rows.rows:
        return {}
    names = ARMS if rows.cases else {"nearest": ARMS["nearest"]}
    found = {}
    for name, fit in names.items():
        if rows.fold_of:
            fitted: dict[int, Answerer] = {
                fold: fit([case for case in rows.learnt if rows.fold_of.get(case.id) != fold])
                for fold in sorted(set(rows.fold_of.values()))
            }
        else:
            fitted = {0: fit(rows.learnt)}
        found[name] = tuple(
            _score_baseline(fitted[rows.fold_of.get(gold.id, 0)], gold, rows) for gold in rows.rows
        )
    return found


def figure_values(figures: Mapping[Metric, Figure]) -> dict[str, Any]:
    """Plain values by the metric's name."""
    return {str(metric): figure.as_dict() for metric, figure in figures.items()}


def measure_samples(
    samples: Sequence[Sequence[CaseScore]], metrics: Iterable[Metric] = Metric
) -> dict[Metric, Figure]:
    """Figures of several answers a case: the mean over cases of each case's own mean.

    One answer a case is measured as ever.  With more, answers to one case are alike, so k of n
    and Wilson would claim too much: the interval is the bootstrap's over groups of cases.
    """
    if len(samples) == 1:
        figures = measure(samples[0])
        return {metric: figures[metric] for metric in metrics}
    return {metric: _over_cases(samples, metric, _mean) for metric in metrics}


def any_of(samples: Sequence[Sequence[CaseScore]], metric: Metric) -> Figure:
    """Cases that at least one sample has right; the interval is the bootstrap's over groups."""
    return _over_cases(samples, metric, max)


def _over_cases(
    samples: Sequence[Sequence[CaseScore]],
    metric: Metric,
    fold: Callable[[Sequence[float]], float],
) -> Figure:
    group_of = {score.case: score.group for scores in samples for score in scores}
    values: dict[str, list[float]] = defaultdict(list)
    for scores in samples:
        for case, value in values_of(scores, metric).items():
            values[case].append(float(value))
    folded = {case: fold(some) for case, some in values.items()}
    return Figure.of_mean(list(folded.values()), [group_of[case] for case in folded])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


# -------------------------------------------------------------------------- parts


def _arm(arm: Arm, scores: Scores, outputs: Sequence[Output]) -> dict[str, Any]:
    flat = [score for sample in scores.own for score in sample]
    values: dict[str, Any] = {
        "name": arm.name,
        "label": arm.label,
        "kind": "model" if arm.perturbation is None else "perturbed",
        "perturbation": arm.perturbation,
        "model": arm.model,
        "adapter": arm.adapter,
        "variant": str(arm.variant),
        "precision": arm.precision,
        "mode": str(arm.mode),
        "way": arm.way,
        "decoding": arm.decoding.as_dict(),
        "seed": arm.seed,
        "samples": arm.samples,
        "rows": len({output.key.case for output in outputs}),
        "answers": len(outputs),
        "metrics": figure_values(measure_samples(scores.own)),
        "shared": figure_values(measure_samples(scores.shared)),
        "domains": _by_domain(scores.own),
        "unmatched": _unmatched(flat),
        "violations": dict(
            Counter(v.name for output in outputs for v in output.verdict.violations).most_common()
        ),
        "cut": sum(output.cut for output in outputs),
        "failures": {output.key.case: output.failure for output in outputs if output.failure},
        "cost": _cost(outputs),
    }
    if arm.samples > 1:
        found = {metric: any_of(scores.own, metric) for metric in ANY_OF}
        values["any_of_samples"] = figure_values(found)
    return values


def _reference(arms: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The reference's table beside ours; ``None`` where no arm is one of its."""
    metric = str(Metric.SCH_STRICT)
    rows = []
    for arm in arms:
        figure = reference_figure(arm["label"])
        if figure is None or arm["kind"] != "model":
            continue
        given = ", form given" if arm["mode"] == "guided" else ""
        rows.append(
            {
                "label": arm["label"],
                "arm": arm["name"],
                "meaning": MEANING[arm["label"]],
                "reference": figure.as_dict(),
                "decoded": f"{arm['mode']}, {arm['way']}{given}",
                "seed": arm["seed"],
                "ours": arm["metrics"][metric],
            }
        )
    return {"rows": rows, "caveat": CAVEAT, "citation": CITATION} if rows else None


def _baseline(name: str, scores: Sequence[CaseScore]) -> dict[str, Any]:
    return {
        "name": name,
        "label": name,
        "kind": "baseline",
        "variant": "A",
        "mode": "given",
        "way": "given",
        "samples": 1,
        "rows": len(scores),
        "metrics": figure_values(measure(scores)),
        "domains": _by_domain([scores]),
        "unmatched": _unmatched(scores),
    }


def _score_baseline(answer: Answerer, gold: Gold, rows: EvaluationSet) -> CaseScore:
    """Baselines read a curated row; of an external one they get the vignette alone."""
    raw = answer(rows.cases.get(gold.id) or gold)
    return score_output(raw, gold, Variant.A, rows.names)


def _by_domain(samples: Sequence[Sequence[CaseScore]]) -> dict[str, Any]:
    domains = sorted({score.domain for scores in samples for score in scores if score.domain})
    table = {}
    for domain in domains:
        some = [[score for score in scores if score.domain == domain] for scores in samples]
        table[domain] = figure_values(measure_samples(some, DOMAIN_METRICS))
    return table


def _unmatched(scores: Iterable[CaseScore]) -> list[list[Any]]:
    """(name, how often), the commonest first."""
    counts = Counter(one.name for score in scores for one in score.unmatched)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [[name, number] for name, number in ordered]


def _cost(outputs: Sequence[Output]) -> dict[str, Any]:
    """Seconds and sampled tokens an answer."""
    some = [output.stats for output in outputs if output.stats is not None]
    if not some:
        return {}
    seconds = sorted(stats.total_s for stats in some)
    tokens = sorted(stats.tokens_sampled for stats in some)
    middle = len(some) // 2
    return {
        "seconds_median": round(seconds[middle], 4),
        "seconds_total": round(sum(seconds), 2),
        "tokens_median": tokens[middle],
        "tokens_total": sum(tokens),
    }


def _over_seeds(arms: Sequence[Arm], scores: Mapping[str, Scores]) -> list[dict[str, Any]]:
    """Arms that differ in the training's seed only, taken together as samples are."""
    alike: dict[tuple[str, str, str], list[Arm]] = defaultdict(list)
    for arm in arms:
        if arm.samples == 1:
            alike[arm.label, str(arm.mode), arm.way].append(arm)
    found = []
    for (label, mode, way), some in alike.items():
        if len(some) < 2:
            continue
        own = [scores[arm.name].own[0] for arm in some]
        shares = [measure(one)[Metric.SCH_STRICT].value for one in own]
        known = [share for share in shares if share is not None]
        found.append(
            {
                "label": label,
                "mode": mode,
                "way": way,
                "seeds": [arm.seed for arm in some],
                "metrics": figure_values(measure_samples(own)),
                "adherence_by_seed": known,
            }
        )
    return found


def _scored(arm: Arm, scores: Scores) -> Scored:
    return Scored(
        name=arm.name,
        label=arm.label,
        variant=str(arm.variant),
        table=f"{arm.mode} {arm.way}",
        guided=arm.mode is Mode.GUIDED,
        seed=arm.seed,
        own=scores.own[0],
        shared=scores.shared[0],
    )
