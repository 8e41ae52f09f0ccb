"""Does a rationale argue with facts of the case, or with findings that are not there?

Role: the one reader of claims, for the scores NEG and UNG and for the check of the curated rows.
:func:`asserted_findings` reads what a rationale says the patient has; :func:`ground` compares that
with the case.  Both prefer silence to a false charge: a clause with a word of doubt, comparison or
generality ("would", "usually", "can follow", "rather than") claims nothing, and neither does a
phrase that names a disease process rather than a finding ("infection", "tumour").  So the counts
are lower bounds: a claim that is charged is nearly always wrong, some wrong claims are not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from diffdx_tui.domain.findings import CaseFacts, Finding, State, read_case
from diffdx_tui.domain.lexicon import Lexicon, read_lexicon
from diffdx_tui.domain.measurements import Measure
from diffdx_tui.domain.retrieval import split_terms

# What ends one statement and begins another; a bare comma does not.
_BOUNDARY = re.compile(
    r"[.;:!?](?=\s|$)|(?:,\s*)?\b(?:but|yet|though|although|however|whereas|while|despite|whose)\b",
    re.IGNORECASE,
)
# Words that make a clause something other than a statement about this patient.
_NO_CLAIM = re.compile(
    r"""\b(?:
      would | should | could | can | may | might | must | cannot | will | wo | ought
    | usual(?:ly)? | often | typically | classically | rarely | sometimes | commonly | always
    | tends? | needs? | expect(?:ed|s)? | requires? | unless | until | if | whether | when | or
    | against | rather | instead | unlike | lacks? | lacking | missing | hides? | masks? | masking
    | argues? | questions? | warns? | prompts? | precedes? | imitates? | mimics? | resembles?
    | looks? | likes? | commonest | common | neither | nothing | nobody | none | never | without
    | absen(?:t|ce) | normal | intact | kept | spared | excluded? | before | everyone | others?
    | enough | too | than | excluding | non | not | painless
    | mother | father | sister | brother | family | people
    )\b | n['’]t\b""",
    re.IGNORECASE | re.VERBOSE,
)
# What follows is the disease that is argued for, not a fact: "fits eczema", "an attack of".
_ARGUES_FOR = re.compile(
    r"\b(?:fits?|suits?|favou?rs?|suggests?|means?|raises?|points?\sto|called|from|by)"
    r"(?:\s+\w+)?\s*$",
    re.IGNORECASE,
)
# What follows is how the disease differs, not how the patient is.
_CONTRASTS = re.compile(r"\b(?:apart\s+by|difference):[^.]*$", re.IGNORECASE)
_LIST = re.compile(r",|\band\b")  # inside a phrase with a gap: two statements read as one
# Findings whose phrases, in a rationale, mostly name the process that is argued for ("infection",
# "a fit"), or are too short to mean one thing ("spots").
UNCLAIMED = frozenset(
    {
        "anxiety",
        "cancer",
        "collapse",
        "fall",
        "headache-in-pregnancy-symptoms",
        "inconsistent-injury-story",
        "infection-source",
        "limb-injury-or-cast",
        "low-mood",
        "malaise",
        "rapid-deterioration",
        "rash",
        "seizure",
        "skin-break",
        "syncope",
        "trauma",
        "trauma-major",
        "visual-blurring",
    }
)
# A number denies a finding only when it is this far on the other side of its bound; nearer, the
# word is a matter of taste ("low fever" at 37.8).
_CLEAR_OF_BOUND = {
    Measure.TEMPERATURE: 0.6,
    Measure.PULSE: 10.0,
    Measure.SYSTOLIC: 15.0,
    Measure.DIASTOLIC: 10.0,
    Measure.SATURATION: 3.0,
    Measure.RESPIRATORY_RATE: 4.0,
}
_NOT_NOW = (
    *("no-", "absent-", "normal-", "previous-", "past-", "former-", "family-", "history-"),
    *("childhood-", "possible-", "contact-"),
)
_STEM = 5  # letters: "vomiting" and "vomited" meet
_FUNCTION_WORDS = frozenset(
    re.findall(
        r"\w+", "a an and as at by for from her his in into is it its my of on out the their to was"
    )
)


class Grounding(StrEnum):
    """What the case says of a claim."""

    STATED = "stated"
    DENIED = "denied"
    UNSAID = "unsaid"


@dataclass(frozen=True, slots=True)
class Claim:
    """A finding that a rationale says is there: its id, and its words at ``start`` to ``end``.

    ``measured`` says that it was read from a number.
    """

    finding: str
    text: str
    start: int
    end: int
    measured: bool = False


@dataclass(frozen=True, slots=True)
class KnownFacts:
    """What a case states and denies.

    Attributes:
        stated: ids that are there, that follow from such or only add an onset or a degree to
            them ("new confusion" of confusion), or that the text leaves in doubt.
        denied: ids that the text or the annotation denies, and what would imply one of them.
        stems: word stems of the vignette and of the names of what is stated.
    """

    stated: frozenset[str]
    denied: frozenset[str]
    stems: frozenset[str]


def asserted_findings(rationale: str, lexicon: Lexicon | None = None) -> tuple[Claim, ...]:
    """The findings that *rationale* says this patient has, in reading order."""
    findings = read_case(rationale, lexicon).findings
    denied = {one.id for one in findings if one.state is State.ABSENT}
    claims = [
        Claim(one.id, rationale[one.start : one.end], one.start, one.end, one.value is not None)
        for one in findings
        if one.state is State.PRESENT and not one.implied_by and one.id not in denied | UNCLAIMED
    ]
    return tuple(claim for claim in claims if _is_statement(rationale, claim))


def known_facts(
    vignette: str,
    present: Iterable[str] = (),
    absent: Iterable[str] = (),
    lexicon: Lexicon | None = None,
) -> KnownFacts:
    """What *vignette* says, read from its text and added to by the row's own annotation.

    Args:
        vignette: the case.
        present: annotated ids; they win over anything else.
        absent: annotated ids.
        lexicon: the project's own by default.
    """
    lexicon = read_lexicon() if lexicon is None else lexicon
    facts = read_case(vignette, lexicon)
    annotated = _with_implied(_with_wider(present, lexicon), lexicon)
    stated = annotated | {one.id for one in facts.findings if one.state is not State.ABSENT}
    denials = [one for one in facts.findings if one.state is State.ABSENT]
    clear = {one.id for one in denials if _is_clear(one, facts, lexicon)}
    near = {one.id for one in denials} - clear
    denied = (clear | set(absent)) - stated
    narrower = {one for one, broader in lexicon.implied.items() if broader & denied} - stated
    names = " ".join(_name(one, lexicon) for one in sorted(stated))
    stems = frozenset(_stems(f"{vignette} {names}"))
    denied |= narrower
    degrees = {one for one, broader in lexicon.implied.items() if broader & stated}
    return KnownFacts(frozenset(stated | degrees | near) - denied, frozenset(denied), stems)


def ground(claim: Claim, facts: KnownFacts) -> Grounding:
    """Whether the case states what *claim* says.

    A denied finding is denied whatever words it shares with the vignette.  Any other is stated if
    the case states it, or if all content words of the claim (of a measured one, the number) stand
    in the vignette or in the names of what is stated.
    """
    if claim.finding in facts.denied:
        return Grounding.DENIED
    words = [word for word in _stems(claim.text) if word[0].isdigit() or not claim.measured]
    if claim.finding in facts.stated or (words and facts.stems.issuperset(words)):
        return Grounding.STATED
    return Grounding.UNSAID


def _is_statement(rationale: str, claim: Claim) -> bool:
    """Whether the clause that holds *claim* is a plain statement."""
    start, end = 0, len(rationale)
    for boundary in _BOUNDARY.finditer(rationale):
        if boundary.end() <= claim.start:
            start = boundary.end()
        elif boundary.start() >= claim.end:
            end = boundary.start()
            break
    return not (
        _NO_CLAIM.search(rationale, start, end)
        or _LIST.search(claim.text)
        or _ARGUES_FOR.search(rationale[start : claim.start])
        or _CONTRASTS.search(rationale[: claim.start])
    )


def _with_implied(findings: Iterable[str], lexicon: Lexicon) -> frozenset[str]:
    given = frozenset(findings)
    return given.union(*(lexicon.implied.get(one, frozenset()) for one in given))


def _with_wider(present: Iterable[str], lexicon: Lexicon) -> frozenset[str]:
    """And the lexicon's ids whose words an annotated id holds: *exertional-dyspnoea*, dyspnoea.

    Annotations are worded freely; those of the past, the family and of doubt widen to nothing.
    """
    given = frozenset(present)
    listed = [set(one.split("-")) for one in given if not one.startswith(_NOT_NOW)]
    wider = (one for one in lexicon.entries if any(set(one.split("-")) < words for words in listed))
    return given.union(wider)


def _name(finding: str, lexicon: Lexicon) -> str:
    """The id as words, and what the lexicon calls it."""
    entry = lexicon.entries.get(finding)
    return f"{finding} {entry.name}" if entry else finding


def _is_clear(denial: Finding, facts: CaseFacts, lexicon: Lexicon) -> bool:
    """Whether a denial is worded, or a number well away from the bound."""
    if denial.value is None:
        return True
    signs = [
        sign
        for sign in lexicon.entries[denial.id].numeric
        if sign.applies(facts.patient.age) and sign.measure in _CLEAR_OF_BOUND
    ]
    bounds = [
        (bound, _CLEAR_OF_BOUND[sign.measure])
        for sign in signs
        for bound in (sign.at_least, sign.at_most)
        if bound is not None
    ]
    return bool(bounds) and all(abs(denial.value - bound) >= far for bound, far in bounds)


def _stems(text: str) -> list[str]:
    """Content words by their first letters, numbers by their whole part ("41" for 41.2)."""
    words = [word for word in split_terms(text) if word not in _FUNCTION_WORDS]
    return [re.split(r"[.,]", word)[0][:_STEM] for word in words]
