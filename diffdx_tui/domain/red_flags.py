"""Red flags: patterns of findings that are taught as time-critical, as typed rules.

Role: the one definition of a rule in ``data/red_flags/*.yaml`` and the matcher.  Rules speak of
findings, never of words; :func:`find_red_flags` reads the vignette once and tries them all.  They
are a **teaching aid, not clinician-validated**: a rule that fires shows a pattern worth thinking
of, and no rule firing says nothing about safety.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from diffdx_tui.domain.events import RedFlagsFound
from diffdx_tui.domain.findings import CaseFacts, Finding, read_case
from diffdx_tui.domain.knowledge import IcdCode, Slug, Source, Text
from diffdx_tui.domain.lexicon import findings_directory, read_lexicon

PREFIX = "This pattern is taught as time-critical: "
NOTICE = "Teaching aid, not clinician-validated. No red flag does not mean no danger."
SOURCES = "sources.yaml"
_LOG = logging.getLogger(__name__)
Urgency = Literal[1, 2, 3]
Example = Annotated[str, StringConstraints(min_length=20, max_length=300)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=40, max_length=400)]


class RedFlagError(ValueError):
    """A rule file cannot be used; the message names the file and the rule."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Danger(_Record):
    """What the pattern may be, with its WHO ICD-10 code."""

    name: Text
    icd10: IcdCode


class Group(_Record):
    """One condition over findings: all of, any of, or at least so many of."""

    all_of: tuple[Slug, ...] = ()
    any_of: tuple[Slug, ...] = ()
    at_least: int | None = Field(default=None, ge=2)
    of: tuple[Slug, ...] = ()

    @model_validator(mode="after")
    def _one_kind(self) -> Group:
        if sum(bool(kind) for kind in (self.all_of, self.any_of, self.of)) != 1:
            raise ValueError("a group has exactly one of all_of, any_of, at_least with of")
        if bool(self.of) != (self.at_least is not None):
            raise ValueError("at_least and of belong together")
        if self.at_least is not None and self.at_least > len(self.of):
            raise ValueError("at_least asks for more findings than of lists")
        return self

    @property
    def findings(self) -> tuple[str, ...]:
        """All ids the group speaks of."""
        return self.all_of or self.any_of or self.of

    def met_by(self, present: Mapping[str, list[Finding]]) -> tuple[str, ...]:
        """The ids that fulfil the group, empty if it is not fulfilled."""
        there = tuple(finding for finding in self.findings if finding in present)
        needed = len(self.all_of) or self.at_least or 1
        return there if len(there) >= needed else ()


class AgeBounds(_Record):
    """Years, ``from`` up to but not including ``below``; what an unknown age does."""

    from_: float = Field(default=0, ge=0, le=110, alias="from")
    below: float = Field(default=200, gt=0)
    if_unknown: bool = False

    def admit(self, age: float | None) -> bool:
        """Whether a patient of *age* is within the bounds."""
        return self.if_unknown if age is None else self.from_ <= age < self.below


class Gestation(_Record):
    """Weeks of pregnancy from which a rule holds; unknown weeks do not pass."""

    from_: int = Field(ge=4, le=42, alias="from")


class Rule(_Record):
    """One red-flag rule.

    Attributes:
        urgency: 1 minutes, 2 hours, 3 the same day.
        pattern: the wording after :data:`PREFIX`.
        when: groups that must all be met.
        none_of: findings whose presence stops the rule.
        pregnancy: needed, or needed unless she has just given birth; unset: no matter.
        source: key in ``sources.yaml``.
        example: a text that fires the rule.
        near_miss: a text close to it that does not.
        kept_because: why the rule stays although, in a labelled set, it fires on more other cases
            than emergencies; only such a rule has it.
    """

    id: Slug
    urgency: Urgency
    danger: Danger
    pattern: Text
    when: tuple[Group, ...] = Field(min_length=1)
    none_of: tuple[Slug, ...] = ()
    age: AgeBounds | None = None
    sex: Literal["female", "male"] | None = None
    pregnancy: Literal["required", "or-postpartum"] | None = None
    gestation: Gestation | None = None
    source: Slug
    example: Example
    near_miss: Example
    kept_because: Reason | None = None


@dataclass(frozen=True, slots=True)
class RedFlag:
    """A rule that fired on a vignette.

    Attributes:
        rule: its id.
        urgency: 1 minutes, 2 hours, 3 the same day.
        wording: the sentence to show.
        danger: what it may be.
        signs: the names of the findings it rests on, each once, in reading order.
        findings: the mentions of these, in reading order, with their places in the text.
        citation: the guideline behind it.
    """

    rule: str
    urgency: Urgency
    wording: str
    danger: Danger
    signs: tuple[str, ...]
    findings: tuple[Finding, ...]
    citation: Source

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Where the matched words stand in the vignette, start and end, each place once."""
        return tuple(dict.fromkeys((one.start, one.end) for one in self.findings))


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All rules and the sources they cite."""

    rules: tuple[Rule, ...]
    sources: Mapping[str, Source]


def red_flags_directory() -> Path:
    """``data/red_flags`` beside ``data/findings``."""
    return findings_directory().parent / "red_flags"


@lru_cache(maxsize=2)
def read_rules(directory: Path | None = None) -> RuleBook:
    """Every rule of *directory* (the project's own by default), most urgent first.

    Raises:
        RedFlagError: a file or rule does not fit, an id appears twice, or a rule names a finding
            or a source that does not exist.
    """
    directory = red_flags_directory() if directory is None else directory
    sources = _read_sources(directory / SOURCES)
    rules: dict[str, Rule] = {}
    for path in sorted(directory.glob("*.yaml")):
        if path.name == SOURCES:
            continue
        for rule in _read_file(path):
            if rule.id in rules:
                raise RedFlagError(f"{path.name}: rule {rule.id} is defined twice")
            _check_names(path, rule, sources)
            rules[rule.id] = rule
    ordered = sorted(rules.values(), key=lambda rule: rule.urgency)
    return RuleBook(tuple(ordered), sources)


def find_red_flags(vignette_text: str, book: RuleBook | None = None) -> tuple[RedFlag, ...]:
    """The rules that fire on *vignette_text*, most urgent first; never raises for any text."""
    return match_rules(read_case(vignette_text), read_rules() if book is None else book)


def announce_red_flags(answer_id: str, vignette_text: str) -> RedFlagsFound:
    """The event that says what the rules find; never raises.

    The first call reads rules and lexicon (a few tenths of a second); later ones take milliseconds.
    """
    try:
        return RedFlagsFound(answer_id, vignette_text, find_red_flags(vignette_text))
    except Exception as error:  # a damaged file, say: the answer must come all the same
        _LOG.warning("the red-flag rules could not be tried", exc_info=True)
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        return RedFlagsFound(answer_id, vignette_text, (), reason)


def match_rules(facts: CaseFacts, book: RuleBook) -> tuple[RedFlag, ...]:
    """The rules that fire on a case already read, most urgent first."""
    present = facts.present()
    flags = []
    for rule in book.rules:
        met = _met(rule, facts, present)
        if met:
            flags.append(_flag(rule, met, present, book.sources))
    return tuple(flags)


def _met(rule: Rule, facts: CaseFacts, present: Mapping[str, list[Finding]]) -> set[str]:
    """The ids on which the rule fires; empty if it does not."""
    if not _patient_fits(rule, facts, present) or any(one in present for one in rule.none_of):
        return set()
    met: set[str] = set()
    for group in rule.when:
        there = group.met_by(present)
        if not there:
            return set()
        met.update(there)
    return met


def _patient_fits(rule: Rule, facts: CaseFacts, present: Mapping[str, list[Finding]]) -> bool:
    patient = facts.patient
    if rule.age is not None and not rule.age.admit(patient.age):
        return False
    if rule.sex is not None and patient.sex not in (rule.sex, None):
        return False
    if rule.pregnancy is not None:
        pregnant = "pregnancy" in present or patient.gestation is not None
        delivered = rule.pregnancy == "or-postpartum" and "postpartum" in present
        if patient.sex == "male" or not (pregnant or delivered):
            return False
    weeks = patient.gestation
    return rule.gestation is None or (weeks is not None and weeks >= rule.gestation.from_)


def _flag(
    rule: Rule, met: set[str], present: Mapping[str, list[Finding]], sources: Mapping[str, Source]
) -> RedFlag:
    mentions = {mention for finding in met for mention in present[finding][:2]}
    ordered = sorted(mentions, key=lambda mention: (mention.start, mention.end, mention.id))
    return RedFlag(
        rule=rule.id,
        urgency=rule.urgency,
        wording=f"{PREFIX}{rule.pattern}.",
        danger=rule.danger,
        signs=tuple(dict.fromkeys(read_lexicon().entries[one.id].name for one in ordered)),
        findings=tuple(ordered),
        citation=sources[rule.source],
    )


# ------------------------------------------------------------------------ reading


def _load(path: Path) -> Any:
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise RedFlagError(f"{path.name}: not readable as YAML: {error}") from error


def _read_sources(path: Path) -> dict[str, Source]:
    rows = _load(path)
    if not isinstance(rows, dict):
        raise RedFlagError(f"{path.name}: expected a table of key to source")
    try:
        return {str(key): Source.model_validate(row) for key, row in rows.items()}
    except ValueError as error:
        raise RedFlagError(f"{path.name}: {error}") from error


def _read_file(path: Path) -> list[Rule]:
    rows = _load(path)
    if not isinstance(rows, list):
        raise RedFlagError(f"{path.name}: expected a list of rules")
    rules = []
    for number, row in enumerate(rows, start=1):
        try:
            rules.append(Rule.model_validate(row))
        except ValueError as error:
            label = row.get("id", number) if isinstance(row, dict) else number
            raise RedFlagError(f"{path.name}: rule {label}: {error}") from error
    return rules


def _check_names(path: Path, rule: Rule, sources: Mapping[str, Source]) -> None:
    if rule.source not in sources:
        raise RedFlagError(f"{path.name}: rule {rule.id} cites {rule.source}, not in {SOURCES}")
    known = read_lexicon().entries
    named = [finding for group in rule.when for finding in group.findings]
    for finding in (*named, *rule.none_of):
        if finding not in known:
            raise RedFlagError(f"{path.name}: rule {rule.id}: no finding {finding}")
