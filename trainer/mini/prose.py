"""A case as a vignette: the text a clinician, a triage nurse, a patient or a parent would write.

Role: puts a :class:`~trainer.mini.cases.Case` into words in its main voice, with single findings
in other voices, then lets :mod:`trainer.mini.rewording` vary the wording.  A vignette never names
its condition: one that would is drawn again.
"""

from __future__ import annotations

import random
import re
from functools import cache

from diffdx_tui.domain.knowledge import Condition, ConditionFinding
from trainer.mini import frames
from trainer.mini.cases import Case, Casebook
from trainer.mini.rewording import reword, roughen
from trainer.mini.wordings import Wording, capital, listed


class UnwritableCase(ValueError):
    """No wording of the case avoids its condition's name (the entry needs other phrasings)."""


def write_vignette(book: Casebook, case: Case, rng: random.Random) -> str:
    """The text of *case*, different at every call.

    Raises:
        UnwritableCase: twenty attempts all named the condition.
    """
    for _ in range(20):
        text = Writer(book, case, rng).write()
        text = roughen(reword(text, rng), rng, case.register)
        if not names_condition(text, case.condition) and len(text) < 1400:
            return text
    raise UnwritableCase(f"{case.condition.id}: every wording names the condition")


def names_condition(text: str, condition: Condition) -> bool:
    """Whether *text* holds the condition's name or a synonym as whole words."""
    return _name_pattern(condition).search(text) is not None


@cache
def _name_pattern(condition: Condition) -> re.Pattern[str]:
    exact: list[str] = []
    loose: list[str] = []
    for name in (condition.name, *condition.synonyms):
        # Abbreviations are compared by case: "PE" is a name, "pe" in a typo is not.
        (exact if name.isupper() and len(name) <= 5 else loose).append(re.escape(name))
    parts = [f"(?i:{'|'.join(loose)})"] if loose else []
    parts += exact
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)")


class Writer(Wording):
    """One attempt at one vignette, in one of the four voices."""

    def write(self) -> str:
        text = getattr(self, f"_write_{self.case.register}")()
        return re.sub(r"[ \t]+", " ", self.fill(text)).replace(" .", ".").replace("..", ".").strip()

    def _write_clinical(self) -> str:
        rng, case = self.rng, self.case
        items = self.items()
        lead = [i for i in items if isinstance(i, ConditionFinding)][: rng.choice((1, 2, 2, 3))]
        rest = [i for i in items if i not in lead]
        lead_words = listed([self.say(item, "clinical") for item in lead], rng)
        since = frames.since(case.condition.tempo, rng) if rng.random() < 0.7 else ""
        place = rng.choice(frames.PLACES[rng.choice(case.condition.settings)])
        frame = rng.choice(
            (
                "{who} presents to {place} with {w} {since}.",
                "{who} presents with {w} {since}.",
                "{who} attends {place} with {w} {since}.",
                "{who} is seen by {place} because of {w} {since}.",
                "I saw {who} with {w} {since}.",
                "Thank you for seeing {who} with {w} {since}.",
                "{who} is referred with {w} {since}.",
                "{since}, {who} has had {w}.",
                "{who}. Presenting complaint: {w} {since}.",
                "{who} has {w} {since}.",
                "{who} was brought to {place} with {w} {since}.",
                "Re: {who}. {w} {since}.",
            )
        )
        first = frame.format(who=self.identity(), place=place, w=lead_words, since=since).lstrip(
            ", "
        )
        body: list[str] = []
        while rest:
            item = rest.pop(0)
            voice = self.voice()
            same = [
                r
                for r in rest[:2]
                if type(r) is type(item)
                and isinstance(r, ConditionFinding)
                and isinstance(item, ConditionFinding)
                and (r.kind in ("sign", "vital", "test"))
                == (item.kind in ("sign", "vital", "test"))
            ]
            if voice == "clinical" and same and rng.random() < 0.5:
                # Two findings in one sentence, as letters have it.
                rest.remove(same[0])
                sentence = self.sentence(item, "clinical").rstrip(".")
                glue = rng.choice(("and", "with", "along with"))
                body.append(f"{sentence} {glue} {self.say(same[0], 'clinical')}.")
            else:
                body.append(self.sentence(item, voice))
        normals = self.normals()
        if normals:
            body.append(capital(", ".join(normals)) + ".")
        body = self.strew(body, self.background("clinical") + self.social("clinical"))
        closing = [rng.choice(frames.CLOSINGS_CLINICAL)] if rng.random() < 0.15 else []
        return " ".join([capital(first), *body, *closing])

    def _write_triage(self) -> str:
        rng, case = self.rng, self.case
        adjective, number = frames.age_words(case.patient, rng)
        letter = "F" if case.patient.sex == "female" else "M"
        compact = number.replace(" weeks", "/52").replace(" months", "/12")
        head = rng.choice(
            (
                f"{compact}{letter}",
                f"{compact} {letter}",
                f"{letter} {compact}",
                f"{compact}yo {letter}" if compact.isdigit() else f"{compact} {letter}",
                f"{adjective} {frames.person(case.patient, rng)}",
            )
        )
        pieces = []
        for item in self.items():
            voice = self.voice()
            wording = self.say(item, voice)
            if voice == "lay":
                wording = rng.choice(('"{w}"', "pt states '{w}'", "'{w}'", "pt: {w}")).format(
                    w=wording
                )
                if self.parent:
                    wording = wording.replace("pt states", "mum states").replace("pt:", "mum:")
            elif voice == "narrative":
                wording = rng.choice(("pt {w}", "{w}")).format(w=wording)
            pieces.append(wording)
        pieces += self.normals()
        for factor in case.background:
            pieces.append(
                rng.choice(("PMH {w}", "hx {w}", "Hx of {w}", "bg {w}", "{w}")).format(
                    w=rng.choice(factor.clinical)
                )
            )
        if rng.random() < 0.3:
            pieces.append(
                rng.choice(
                    (
                        "NKDA",
                        "no reg meds",
                        "lives alone",
                        "walked in",
                        "via ambulance",
                        "pain relief given",
                        "seen by HCA",
                        "awaiting bloods",
                        "imms UTD",
                    )
                )
            )
        if rng.random() < 0.5:
            span = frames.duration(case.condition.tempo, rng)
            pieces.insert(
                rng.randint(0, 2),
                rng.choice(("{s} hx", "onset {s} ago", "x {s}", "{s}")).format(s=span),
            )
        separator = rng.choice((". ", ", ", "; ", " / ", " - ", "\n", ". "))
        start = rng.choice((" c/o ", ", ", ": ", " - ", ". ", " p/w ", " "))
        if separator in (". ", "\n"):
            pieces = [capital(p) if rng.random() < 0.7 else p for p in pieces]
        if case.brief and rng.random() < 0.35:
            head = start = ""
        return head + start + separator.join(pieces) + rng.choice((".", "", ""))

    def _write_lay(self) -> str:
        rng, case = self.rng, self.case
        _, number = frames.age_words(case.patient, rng)
        who = frames.person(case.patient, rng)
        span = frames.duration(case.condition.tempo, rng)
        if self.parent:
            child = rng.choice(
                ("son", "little boy", "boy")
                if case.patient.sex == "male"
                else ("daughter", "little girl", "girl")
            )
            if case.patient.age < 1.5 and rng.random() < 0.5:
                child = rng.choice(("baby", "little one"))
            old = f"{number} old" if " " in number else number
            intro = rng.choice(
                (
                    f"My {child} is {old}.",
                    f"It's about my {child}, {old}.",
                    f"My {child} ({number})",
                    f"My {number.replace(' ', '-').rstrip('s')}-old {child}."
                    if " " in number
                    else f"My {number}-year-old {child}.",
                    f"I'm worried about my {child}, {{he}}'s {old}.",
                )
            )
        else:
            intro = rng.choice(
                (
                    f"I'm {number}.",
                    f"I'm a {number}-year-old {who}.",
                    f"I am {number}, {case.patient.sex}.",
                    f"{number} year old {who} here.",
                    f"I'm a {rng.choice(frames.OCCUPATIONS)}, {number}.",
                    "",
                    f"I'm {number} years old.",
                )
            )
        timing = rng.choice(
            (
                "",
                "",
                f"It's been going on for {span}.",
                f"This started {span} ago.",
                f"It started {span} ago.",
                f"I've had this for {span}."
                if not self.parent
                else f"{{he}}'s been like this for {span}.",
                f"For {span} now.",
                capital(frames.since(case.condition.tempo, rng)) + ".",
            )
        )
        body = [self.sentence(item, self.voice()) for item in self.items()]
        body = self._join_sentences(body)
        body.insert(rng.randint(0, min(2, len(body))), timing)
        extras = self.background("lay") + self.social("lay")
        body = self.strew(body, extras)
        if rng.random() < 0.85:
            body.insert(0 if rng.random() < 0.8 else rng.randint(0, len(body)), intro)
        opening = rng.choice(frames.OPENINGS_LAY) if rng.random() < 0.3 else ""
        closing = rng.choice(frames.CLOSINGS_LAY) if rng.random() < 0.3 else ""
        return opening + " ".join(part for part in [*body, closing] if part)

    def _join_sentences(self, sentences: list[str]) -> list[str]:
        """Runs some sentences together, the way people talk."""
        joined: list[str] = []
        for sentence in sentences:
            if (
                joined
                and self.rng.random() < 0.25
                and joined[-1].endswith(".")
                and '"' not in sentence
            ):
                glue = self.rng.choice(
                    (" and ", ", and ", ", ", " - ", "; ", " but also ", ", plus ")
                )
                lowered = (
                    sentence
                    if re.match(r"I\b|I'", sentence)
                    else sentence[0].lower() + sentence[1:]
                )
                joined[-1] = joined[-1][:-1] + glue + lowered
            else:
                joined.append(sentence)
        return joined

    def _write_narrative(self) -> str:
        rng, case = self.rng, self.case
        items = self.items()
        lead = next(i for i in items if isinstance(i, ConditionFinding))
        items.remove(lead)
        since = rng.choice(("", "", frames.since(case.condition.tempo, rng) + ", "))
        place = rng.choice(frames.PLACES[rng.choice(case.condition.settings)])
        who = self.identity()
        opening = rng.choice(
            (
                "{who} {w}.",
                "{who} comes to {place}. {He} {w}.",
                "{since}{who} {w}.",
                "{who}: {w}.",
                "{who} is brought to {place}. {He} {w}.",
                "The patient is {who}. {He} {w}.",
                "Seen at {place}: {who}. {He} {w}.",
                "{who} who {w}.",
                "We are asked to see {who}. {He} {w}.",
            )
        ).format(who=who, place=place, since=since, He=self.He, w=self.say(lead, "narrative"))
        body: list[str] = []
        for item in items:
            sentence = self.sentence(item, self.voice())
            start = f"{self.He} "
            if (
                body
                and sentence.startswith(start)
                and body[-1].startswith(start)
                and rng.random() < 0.35
            ):
                body[-1] = (
                    body[-1].rstrip(".")
                    + rng.choice((" and ", ", and ", ", "))
                    + sentence[len(start) :]
                )
            else:
                body.append(sentence)
        normals = self.normals()
        if normals:
            body.append(capital(", ".join(normals)) + ".")
        body = self.strew(body, self.background("narrative") + self.social("narrative"))
        return " ".join([capital(opening), *body])
