"""A case told: the vignette, where in it each finding is said, and which words can be quoted.

Role: dresses :mod:`trainer.mini.prose`'s text as a letter, a handover, a call or a witness's
account now and then, and keeps track of the findings through every rewording, so that rows can
carry labels and reasons can quote the case.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from trainer.mini import frames
from trainer.mini.cases import Case, Casebook, Register
from trainer.mini.prose import UnwritableCase, Writer, names_condition
from trainer.mini.rewording import reword, roughen
from trainer.mini.wordings import MARKS, Item

LONGEST = 1250
"""Characters of the longest vignette."""

_SENTENCES = re.compile(r"(?<=[.!?]) (?=[\"'A-Z])")
_GREETINGS = ("Dear colleague,", "Dear doctor,", "Dear team,", "Dear all,", "To the on-call team:")
_REGARDS = ("Kind regards", "With thanks", "Yours sincerely", "Many thanks", "Regards")
_HANDOVERS = (
    ("Situation:", "Background:", "Assessment:"),
    ("S:", "B:", "A:"),
    ("Handover.", "So far:", "Now:"),
    ("Next one.", "Also:", "To note:"),
    ("Bed 4:", "Story:", "Found:"),
)
_ASKED = (
    "Go on.",
    "Anything else?",
    "And now?",
    "Tell me more.",
    "What happened then?",
    "Is there anything else you noticed?",
    "OK.",
    "How does that feel?",
    "When did you notice that?",
)
_CALLERS = (("Caller", "Nurse"), ("Caller", "Operator"), ("Patient", "Doctor"), ("Pt", "Dr"))
_RELATIVES = {
    "female": ("wife", "mother", "sister", "neighbour", "colleague", "friend", "flatmate"),
    "male": ("husband", "father", "brother", "neighbour", "colleague", "friend", "flatmate"),
}


@dataclass(frozen=True, slots=True)
class Mention:
    """One item in the text: its words end at character *end*.

    *quote* is the words as they stand there, empty where rewording touched them.
    """

    item: Item
    register: Register
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Told:
    """A case in words."""

    case: Case
    text: str
    mentions: tuple[Mention, ...]

    def quote_of(self, item_id: str) -> tuple[Register, str] | None:
        """The case's own words for a finding, if they stand there untouched."""
        for mention in self.mentions:
            if mention.item.id == item_id and mention.quote:
                return mention.register, mention.quote
        return None


def tell(book: Casebook, case: Case, rng: random.Random, pure: bool = False) -> Told:
    """*case* in words, different at every call; with *pure*, in one register throughout.

    Raises:
        UnwritableCase: twenty attempts all named the condition or were too long.
    """
    for _ in range(20):
        writer = Writer(book, case, rng, marked=True)
        writer.mixing = 0.0 if pure else writer.mixing
        dress = rng.choices((_plain, *_DRESSES[case.register]), _WEIGHTS[case.register])[0]
        text = dress(writer, writer.write())
        text = reword(text, rng) if rng.random() < 0.5 else text
        text = roughen(text, rng, case.register) if rng.random() < 0.55 else text
        told = _unmark(writer, text)
        if not names_condition(told.text, case.condition) and len(told.text) < LONGEST:
            return told
    raise UnwritableCase(f"{case.condition.id}: every wording names the condition")


def _unmark(writer: Writer, text: str) -> Told:
    plain: list[str] = []
    ends: dict[int, int] = {}
    for character in text:
        number = ord(character) - MARKS
        if 0 <= number < len(writer.said):
            ends[number] = len(plain)
        else:
            plain.append(character)
    whole = "".join(plain)
    mentions = []
    for number, end in sorted(ends.items(), key=lambda pair: pair[1]):
        item, register, words = writer.said[number]
        words = writer.fill(words)
        found = whole[max(0, end - len(words)) : end]
        quote = found if found.lower() == words.lower() else ""
        mentions.append(Mention(item, register, end, quote))
    return Told(writer.case, whole, tuple(mentions))


# -- dresses -----------------------------------------------------------------------------------


def _plain(writer: Writer, text: str) -> str:
    return text


def _letter(writer: Writer, text: str) -> str:
    rng = writer.rng
    line = rng.choice(("\n", "\n\n", " "))
    regards = rng.choice(("", rng.choice(_REGARDS), f"{rng.choice(_REGARDS)}, Dr {_surname(rng)}"))
    return line.join(part for part in (rng.choice(_GREETINGS), text, regards) if part)


def _handover(writer: Writer, text: str) -> str:
    rng = writer.rng
    sentences = _SENTENCES.split(text)
    labels = rng.choice(_HANDOVERS)
    cuts = sorted(rng.sample(range(1, len(sentences)), min(2, len(sentences) - 1)))
    line = rng.choice((" ", "\n"))
    parts = [sentences[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
    return line.join(
        f"{label} {' '.join(part)}" for label, part in zip(labels, parts, strict=False)
    )


def _call(writer: Writer, text: str) -> str:
    rng = writer.rng
    caller, taker = rng.choice(_CALLERS)
    line = rng.choice((" ", "\n"))
    turns: list[str] = [f"{taker}: {rng.choice(('What is the problem?', 'How can I help?'))}"]
    said: list[str] = []
    for sentence in _SENTENCES.split(text):
        said.append(sentence)
        if rng.random() < 0.45:
            turns += [f"{caller}: {' '.join(said)}", f"{taker}: {rng.choice(_ASKED)}"]
            said = []
    if said:
        turns.append(f"{caller}: {' '.join(said)}")
    return line.join(turns)


def _witness(writer: Writer, text: str) -> str:
    rng, patient = writer.rng, writer.case.patient
    if writer.parent or patient.is_child:
        return text
    relative = rng.choice(_RELATIVES[patient.sex])
    _, number = frames.age_words(patient, rng)
    start = rng.choice(
        (
            f"It's about my {relative}, {number}.",
            f"I'm ringing about my {relative}.",
            f"My {relative} is {number}.",
            f"I was with my {relative} when it happened.",
        )
    )
    return f"{start} {text}"


def _note(writer: Writer, text: str) -> str:
    rng = writer.rng
    head = rng.choice(
        (
            f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}. {{}}",
            "Seen on the round. {}",
            "Night note: {}",
            "Clinic note. {}",
            "{} Plan to follow.",
            "{} D/w senior.",
            "Dictated: {}",
        )
    )
    return head.format(text)


def _surname(rng: random.Random) -> str:
    return rng.choice(("Shah", "Brown", "Okafor", "Lee", "Novak", "Evans", "Costa", "Ahmed"))


_Dress = Callable[[Writer, str], str]
_DRESSES: dict[Register, tuple[_Dress, ...]] = {
    "clinical": (_letter, _handover, _note),
    "triage": (_note, _handover),
    "lay": (_call, _letter),
    "narrative": (_handover, _witness, _note, _call),
}
_WEIGHTS: dict[Register, tuple[int, ...]] = {
    "clinical": (50, 25, 15, 10),
    "triage": (75, 15, 10),
    "lay": (70, 25, 5),
    "narrative": (50, 17, 18, 8, 7),
}
