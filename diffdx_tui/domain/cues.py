"""The cue words of assertion: what negates, dates, lends or doubts a finding.

Role: the word lists behind :mod:`diffdx_tui.domain.assertion`, in the pattern language of
:mod:`diffdx_tui.domain.phrase_trie`, so that they can be read and mended without reading code.
"""

from __future__ import annotations

from enum import StrEnum


class Cue(StrEnum):
    """What a cue does; the value names it in words."""

    NONE = "look-alike"
    NO = "no"
    NOT = "not"
    DENIES = "denies"
    HISTORY = "history"
    FAMILY = "family"
    FEAR = "fear"
    DOUBT = "doubt"
    DURATION = "duration"
    AFTER_NO = "absent after"
    AFTER_PAST = "past after"
    AFTER_DOUBT = "doubt after"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_KIN = (
    "father|mother|dad|mum|mom|brother*|sister*|uncle|aunt|grandfather|grandmother|cousin|nan|"
    "parents|twin"
)
_OTHERS = "husband|wife|partner|flatmate|roommate|boyfriend|girlfriend|colleague|neighbour|friend"
CUES: dict[Cue, tuple[str, ...]] = {
    Cue.NONE: (
        "(not|isn't|isnt) (only|just|merely)",
        "no (doubt|wonder|matter|idea|longer able|time)",
        "(no|without|little|nil) (relief|improvement|better|response|effect|benefit|help|change)",
        "(not|isn't|never) (sure|certain|improv* |settl*|eas*|respon*|reliev*|help*|control*)",
        "not (better|improving|getting better|going away|gone|himself|herself|myself|right|well)",
        "(didn't|did not|doesn't|does not|hasn't|has not|haven't|not) "
        "(help*|eas*|touch|work*|settle*|go|gone|shift*|let up|lift*|stop*|improve*|get better)",
        "never (had|felt|known|experienced|seen) (anything|a|one|it|such|this|pain|headache)? "
        "(like|so|such|this|as)",
        "(not|never) (had|been) (a|it)? (this|so|that) (bad|severe)",
        "without (warning|delay)",
        "(can't|cannot|can not|couldn't|could not|unable to) (stop|get rid of|shake|control)",
        "no (further|other|new|obvious) (cause|reason|explanation|trigger)",
        "no (more than|less)",
        "not (the|like the|my|his|her) (usual|same|normal)",
        "not (long|until|for)",
        "if not",
        "not (eating|drinking|feeding|sleeping|talking|coping|taking|wanting|able|known)",
        "no (appetite|energy|memory|recollection|insight|warning|pulse)",
        "not (a|the) (worst|first)",
        "never (stops|goes|lets|ends|settles)",
        "whether or not",
        "no one",
        "not much of a",
    ),
    Cue.NO: (
        "no",
        "without",
        "nil",
        "zero",
        "w/o",
        "absence of",
        "absent",
        "free (of|from)",
        "lack* of",
        "(lacks|lacking|lacked)",
        "no (sign*|evidence|suggestion|hint|history|hx|complaint*|suspicion|trace) of",
        "negative for",
        "nothing (to suggest|like)",
        "never (any|had|has|have|a)?",
        "nor",
        "neither",
        "none of",
        "not any",
        "(has|have|had) no",
        "no known",
        "devoid of",
        "minus",
        "not (had|having|have|got|been|any)",
        "instead of",
        "rather than",
        "nothing in the way of",
    ),
    Cue.NOT: (
        "not",
        "isn't",
        "wasn't",
        "aren't",
        "weren't",
        "hasn't",
        "haven't",
        "hadn't",
        "doesn't",
        "didn't",
        "don't",
        "hardly any",
        "barely any",
        "(don't|doesn't|didn't|do not|does not|did not) (think|believe) (he|she|they|we|i|it)?",
        "(hasn't|haven't|hadn't|doesn't|didn't|don't|does not|did not|do not) "
        "(had|have|any|got|been)",
    ),
    Cue.DENIES: (
        "(denies|denied|deny|denying) (any|having|all)?",
        "denies (any)? (history of)?",
        "(negative|neg) for",
        "(is|was|are|were) denied",
    ),
    Cue.HISTORY: (
        "(no|not|never|without) any? (previous|prior|past) (history|episodes|similar)? (of)?",
        "(past|previous|medical|remote|known|old|long|longstanding|strong)? (medical|surgical)? "
        "history of",
        "PMH",
        "PMHx",
        "h/o",
        "pmh",
        "PMH of",
        "previous",
        "previously",
        "prior",
        "used to (have|get|suffer)",
        "in the past",
        "in (his|her|my) (childhood|youth|twenties)",
        "last (year|summer|winter|spring|autumn|christmas|easter)",
        "as a (child|boy|girl|teenager)",
        "(several|some|two|three|four|five|six|ten|many|few) years (ago|back|before|earlier)",
        "years (ago|back|earlier)",
        "months ago",
        "childhood",
        "(when|while) (she|he|i) was a",
        "(had|was treated for|diagnosed with|admitted with) (a|an)? .. in",
    ),
    Cue.FAMILY: (
        "(family|maternal|paternal) history (of)?",
        "FH",
        "FHx",
        "runs in (the|my|his|her) family",
        f"({_KIN}) (who|also|once|has|had|has had|died|dies|suffer*|got|gets|with|was|is|both)",
        f"({_KIN}) (died|dropped|collapsed)",
        "family member* (with|had|has)",
        "relative* (with|had|has)",
        f"(her|his|my|the) ({_OTHERS}) (also|has|had|has had|suffer*|with|was diagnosed)",
    ),
    Cue.FEAR: (
        "(worried|worry|worrying|worries|anxious|concerned|concern*|afraid|scared|frightened|"
        "terrified|fears|feared|fearful|fretting) "
        "(about|that|of|it|for|he|she|i|this|over|in case)",
        "fear of",
        "(rule|ruled|ruling) out",
        "r/o",
        "(to|must|should|please) exclude",
        "in case",
        "(return|come back|call|ring|phone|seek help|safety net*) .. if",
        "at risk (of|for)",
        "risk of",
        "(watch*|look*|monitor*) (out)? for",
        "(googled|read|heard|asked) about",
        "(wonder*|asks|asked|asking|wants to know) (if|whether|about)",
        "(told|warned|advised) .. if",
        "(to)? prevent*",
        "screen* for",
        "if (he|she|it|you|they|i) (develop*|get*|become*|start*)",
        "(should|were) (he|she|you|they|i) (develop|get|become)",
        "prophylaxis",
        "(vaccin*|immunis*) against",
        "dreads",
        "hoping it (is not|isn't|wasn't)",
        "thought (it|this) (might|could) be",
    ),
    Cue.DOUBT: (
        "possible",
        "possibly",
        "query",
        "queried",
        "suspected",
        "suspicion of",
        "questionable",
        "maybe",
        "perhaps",
        "(might|may|could) (be|have)",
        "(unclear|unsure|uncertain|not sure|not certain) (if|whether|about)",
        "cannot (say|tell) (if|whether)",
        "equivocal",
    ),
    Cue.DURATION: (
        "(hour|hours|day|days|week|weeks|month|months|year|years|minute|minutes|short|brief|recent|"
        "long|sudden|presenting|acute|clear|good|a|hr|hrs|min|mins|wk|wks) history of",
        "history of (presenting|present)",
        "previous* (well|fit|healthy|independent|normal|undiagnosed)",
        "prior to",
        "history of the",
        "(than|from|unlike|to|like|with) (any|his|her|my|the)? (previous|prior)",
    ),
    Cue.AFTER_NO: (
        "(was|is|are|were|has been|have been)? (absent|denied|excluded|ruled out|negative)",
        "-ve",
        "neg",
        "nil",
        "none",
        "no",
        "(is|was|are|were) not (present|seen|found|felt|there)",
        "(isn't|wasn't|aren't|weren't) (present|there|seen)",
        "never",
        "unlikely",
        "not present",
    ),
    Cue.AFTER_PAST: (
        "(years|months) (ago|before|earlier|previously|back)",
        "last (year|summer|winter|spring|autumn|christmas)",
        "as a (child|boy|girl|teenager)",
        "in the past",
        "(has|have|had|is|are|now)? (now|since|all|completely|fully)? "
        "(resolved|settled|gone|cleared)",
        "in (childhood|infancy|youth)",
        "(when|while) (she|he|i) was a",
    ),
    Cue.AFTER_DOUBT: ("(was|is)? (queried|suspected|possible|uncertain|equivocal)",),
}
ENDS_SCOPE = _words(
    "but however although though except apart aside yet because since when whenever "
    "while whilst after until then now which who so due causing he she they we presents "
    "presented complains c/o reports developed develops started starts began today "
    "tonight instead only before unless"
)
NEW_SUBJECT = _words(
    "he she i it they his her my the there has had have is was are were presents "
    "complains reports feels looks appears seems now today also on some mild severe new "
    "sudden with then says but a an this that these those very keeps gets started began "
    "developed who we still just o/e"
)
REPORTS = _words(
    "says said reports reported noticed notices found saw heard rang brought describes "
    "states thinks tells told gave gives worried called phoned witnessed given been seen "
    "giving"
)
ONGOING = _words(
    "started starting began since ongoing worse worsening persists every still onset first"
)
PEOPLE = _words(
    "father mother dad mum mom brother sister uncle aunt grandfather grandmother nan "
    "husband wife partner flatmate roommate boyfriend girlfriend colleague neighbor "
    "friend twin cousin"
)
