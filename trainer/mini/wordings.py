"""One finding, one person, one background fact: the pieces a vignette is put together from.

Role: what :mod:`trainer.mini.prose` builds with.  A :class:`Wording` knows the case and the
writer's habits, and says any finding in any register so that it fits the vignette's main voice.
"""

from __future__ import annotations

import random
import re

from diffdx_tui.domain.knowledge import ConditionFinding, Domain, NegativeFinding
from trainer.mini import frames
from trainer.mini.cases import REGISTERS, Case, Casebook, Register
from trainer.mini.rewording import jitter_numbers

Item = ConditionFinding | NegativeFinding

MARKS = 0xE000
"""First of the private-use characters that mark where an item's words end."""

_PRONOUNS = {
    "female": {"he": "she", "him": "her", "his": "her", "himself": "herself"},
    "male": {"he": "he", "him": "him", "his": "his", "himself": "himself"},
}

# Sentence frames around one finding: {w} its wording, {c} the same capitalised, {he} the pronoun.
_QUOTES = (
    '{s} says: "{w}."',
    '"{w}," {s} says.',
    '{s} tells us "{w}".',
    'In {his} words: "{w}."',
    '"{w}."',
    "{s} says '{w}'.",
    "{w}.",
)
_WITNESSES = ("My wife", "My husband", "My partner", "My daughter", "The nurse", "A friend")
_NOTES = ("{w}.", "Noted: {w}.", "Triage note: {w}.", "{w};")
_TOLD_TO_PARENT = (
    "They told me {{he}} has {w}.",
    "{{He}}'s got {w}.",
    "There is {w}.",
    "We noticed {w}.",
)
_OWN = (
    "I've got {w}.",
    "I have {w}.",
    "I was told there is {w}.",
    "There's {w}.",
    "They noted {w}.",
    "Also {w}.",
    "I keep getting {w}.",
)
_DENIED = ("There is {w}.", "{c}.", "{he} has {w}.", "Of note, {w}.", "{c} was noted.")
_SEEN = (
    "There is {w}.",
    "{he} has {w}.",
    "Examination shows {w}.",
    "{c}.",
    "{c} was noted.",
    "On examination, {w}.",
    "I found {w}.",
    "{he} was found to have {w}.",
)
_REPORTED = (
    "{he} reports {w}.",
    "{he} describes {w}.",
    "{he} also has {w}.",
    "There is {w}.",
    "{he} complains of {w}.",
    "There has been {w}.",
    "{he} mentions {w}.",
    "{c}.",
    "Associated with {w}.",
    "{he} developed {w}.",
    "{he} noticed {w}.",
)


class Wording:
    """What one writer says about one case."""

    def __init__(
        self, book: Casebook, case: Case, rng: random.Random, marked: bool = False
    ) -> None:
        """With *marked*, a private-use character follows every item's words: see :attr:`said`."""
        self.book, self.case, self.rng, self.marked = book, case, rng, marked
        self.said: list[tuple[Item, Register, str]] = []
        self.pronouns = _PRONOUNS[case.patient.sex]
        self.parent = case.condition.domain is Domain.PAEDIATRIC
        self.He = self.pronouns["he"].capitalize()
        # How faithfully this writer keeps to one voice.
        self.mixing = rng.choice((0.0, 0.1, 0.25, 0.4))

    def fill(self, text: str) -> str:
        """Put the pronouns of the patient in."""
        for word, pronoun in self.pronouns.items():
            opening = rf"(^|[.!?]\s+)\{{{word}\}}"
            text = re.sub(opening, rf"\g<1>{pronoun.capitalize()}", text)
            text = text.replace(f"{{{word}}}", pronoun)
        return text

    def say(self, item: Item, register: Register) -> str:
        """One wording of *item* in *register*, measurements moved a little."""
        wording = self.rng.choice(self.book.phrasings(self.case, item, register, self.rng))
        if isinstance(item, NegativeFinding) or item.kind == "vital":
            wording = jitter_numbers(wording, self.rng)
        wording = wording.rstrip(".")
        if self.marked:
            self.said.append((item, register, wording))
            wording += chr(MARKS + len(self.said) - 1)
        return wording

    def voice(self) -> Register:
        """The register of the next finding: the vignette's own, or now and then another."""
        if self.rng.random() < self.mixing:
            return self.rng.choice(REGISTERS)
        return self.case.register

    def items(self) -> list[Item]:
        """Findings in order with the denials strewn in, mostly late."""
        items: list[Item] = list(self.case.present)
        if self.case.extra:
            items.insert(self.rng.randint(0, len(items)), self.case.extra)
        for negative in self.case.denied:
            low = 0 if self.rng.random() < 0.15 else len(items) // 2
            items.insert(self.rng.randint(low, len(items)), negative)
        return items

    def normals(self) -> list[str]:
        """Normal measurements that clash with nothing the condition does."""
        known = {finding.id for finding in self.case.condition.findings}
        if self.case.extra:
            known.add(self.case.extra.id)
        free = [name for name, clashes in frames.CONFLICTS.items() if known.isdisjoint(clashes)]
        count = 0 if self.case.brief else min(len(free), self.rng.choice((0, 0, 1, 2, 4)))
        return [frames.normal(name, self.rng) for name in self.rng.sample(free, count)]

    def sentence(self, item: Item, register: Register) -> str:
        """One finding as a whole sentence that fits any voice."""
        wording, choose = self.say(item, register), self.rng.choice
        first_person = self.case.register == "lay"
        if register == "lay":
            if first_person:
                return capital(wording) + "."
            speaker = choose(("mum", "dad", "the mother")) if self.parent else self.pronouns["he"]
            quote = choose(_QUOTES)
            return capital(quote.format(s=speaker, w=capital(wording), his="{his}"))
        if register == "narrative":
            if not first_person:
                who = choose((self.He, self.He, self.He, "The patient", "Patient"))
                return f"{who} {wording}."
            who = choose(_WITNESSES)
            subject = "{he}" if self.parent else self.pronouns["he"]
            if self.parent:
                return capital(f"{subject} {wording}.")
            return f"({who} says: {subject} {wording}.)"
        if register == "triage":
            return choose(_NOTES).format(w=capital(wording))
        if first_person and self.parent:
            return choose(_TOLD_TO_PARENT).format(w=wording).replace("{He}", self.He)
        if first_person:
            return choose(_OWN).format(w=wording)
        if isinstance(item, NegativeFinding):
            frame = choose(_DENIED)
        else:
            frame = choose(_SEEN if item.kind in ("sign", "vital", "test") else _REPORTED)
        return frame.format(w=wording, c=capital(wording), he=self.He)

    def identity(self) -> str:
        """``a 67-year-old woman``, with an occupation now and then."""
        rng, patient = self.rng, self.case.patient
        adjective, number = frames.age_words(patient, rng)
        who = frames.person(patient, rng)
        if patient.age >= 20 and rng.random() < 0.3:
            job = rng.choice(frames.OCCUPATIONS)
            who = rng.choice((job, f"{who} who works as a {job}", f"{who}, a {job},"))
        shape = rng.random()
        if patient.age >= 20 and shape < 0.12:
            return f"a {who} {frames.decade(patient, rng)}"
        if patient.age >= 12 and shape < 0.2:
            return f"a {who} aged {number}"
        article = "an" if adjective[0] == "8" or adjective[:2] in ("11", "18") else "a"
        return f"{article} {adjective} {who}"

    def background(self, register: Register) -> list[str]:
        """Risk factors as sentences."""
        rng, sentences = self.rng, []
        for factor in self.case.background:
            if register == "lay":
                sentences.append(capital(rng.choice(factor.lay)) + ".")
                continue
            wording = rng.choice(factor.clinical)
            if self.rng.random() < self.mixing:
                sentences.append('{He} says: "' + capital(rng.choice(factor.lay)) + '."')
                continue
            frame = rng.choice(
                (
                    "Background of {w}.",
                    "History of {w}.",
                    "Past history: {w}.",
                    "PMH {w}.",
                    "Known {w}.",
                    "Relevant background: {w}.",
                    "Notably {w}.",
                )
            )
            sentences.append(frame.format(w=wording))
        return [s.replace("{He}", self.He) for s in sentences]

    def social(self, register: Register) -> list[str]:
        """Facts of life that mean nothing here, as sentences."""
        count = 0 if self.case.brief else self.rng.choice((0, 1, 1, 2, 3, 4))
        if register != "lay":
            return [
                f"{self.He} {s}." if not s.startswith("vacc") else f"{capital(s)}."
                for s in self.rng.sample(frames.SOCIAL, count)
            ]
        pool = frames.SOCIAL_PARENT if self.parent else frames.SOCIAL_LAY
        return [capital(s) + "." for s in self.rng.sample(pool, count)]

    def strew(self, body: list[str], extras: list[str]) -> list[str]:
        """*extras* put in at any place of *body*."""
        for extra in extras:
            body.insert(self.rng.randint(0, len(body)), extra)
        return body


def listed(parts: list[str], rng: random.Random) -> str:
    if len(parts) == 1:
        return parts[0]
    last = rng.choice((" and ", " and ", ", with ", " as well as "))
    return ", ".join(parts[:-1]) + last + parts[-1]


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]
