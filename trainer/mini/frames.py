"""The words around the findings: who, where, since when, and the noise of a real text.

Role: word lists and small phrase makers for :mod:`trainer.mini.prose`.  Nothing here points to any
diagnosis; that is what makes it useful: the model has to learn to read past it.
"""

from __future__ import annotations

import random

from trainer.mini.cases import Patient

OCCUPATIONS = (
    "teacher",
    "retired teacher",
    "bus driver",
    "lorry driver",
    "accountant",
    "office worker",
    "builder",
    "carpenter",
    "plumber",
    "electrician",
    "farmer",
    "chef",
    "waiter",
    "shop assistant",
    "cleaner",
    "care worker",
    "nurse",
    "librarian",
    "student",
    "musician",
    "software developer",
    "postal worker",
    "warehouse worker",
    "mechanic",
    "hairdresser",
    "gardener",
    "solicitor",
    "civil servant",
    "receptionist",
    "painter",
    "baker",
    "police officer",
    "taxi driver",
    "retired engineer",
    "retired nurse",
    "retired miner",
    "architect",
    "journalist",
    "security guard",
    "factory worker",
    "social worker",
    "photographer",
    "call-centre worker",
    "bank clerk",
    "delivery driver",
    "retired bus driver",
    "shopkeeper",
    "estate agent",
    "lab technician",
    "translator",
    "pensioner",
)
SOCIAL = (
    "lives alone",
    "lives with a partner",
    "lives with two cats",
    "has a small dog",
    "moved house last month",
    "is married with three children",
    "has two grown-up children",
    "does not drink",
    "drinks only socially",
    "has no allergies",
    "has no known drug allergies",
    "takes no regular medication",
    "takes vitamin D in winter",
    "takes an antihistamine in spring",
    "had {his} wisdom teeth out last year",
    "was well until then",
    "is usually fit and well",
    "walks the dog every day",
    "plays chess",
    "likes gardening",
    "had a normal health check two years ago",
    "broke a wrist as a child",
    "wears glasses",
    "came by taxi",
    "was brought in by a neighbour",
    "is worried about missing work",
    "had been looking forward to a weekend away",
    "was planning to see family",
    "vaccinations are up to date",
    "has tried paracetamol without much effect",
    "has never been in hospital before",
    "cycles to work",
    "had a tooth filled last week",
    "is due to fly on holiday at the weekend",
    "retired last spring",
    "sings in a choir",
    "has a cousin with arthritis",
    "stopped smoking years ago",
    "had the tonsils out as a child",
    "looks after two grandchildren",
    "eats a mixed diet",
    "has hay fever",
    "changed jobs recently",
    "speaks through a friend who translates",
    "arrived with a bag packed",
    "drinks two coffees a day",
    "has not travelled",
    "has had no recent operations",
    "uses reading glasses",
    "has an old scar on the knee",
    "was gardening at the weekend",
    "is nervous about hospitals",
)
SOCIAL_LAY = (
    "I live on my own",
    "I've got two cats at home",
    "My dog needs walking twice a day",
    "I don't smoke",
    "I don't really drink",
    "I'm not on any tablets",
    "I've no allergies that I know of",
    "I'm normally fit as a fiddle",
    "I've never had anything like this",
    "I hardly ever see a doctor",
    "Sorry for the long message",
    "I took a couple of paracetamol but they didn't do much",
    "I looked it up online and scared myself",
    "My partner told me to get it checked",
    "I'm supposed to be at work tomorrow",
    "I've got a wedding to go to at the weekend",
    "My sister is a nurse and she said to come",
    "I only take a vitamin tablet",
    "I've had all my jabs",
    "I wear glasses but that's all",
    "I broke my arm when I was nine",
    "I don't want to make a fuss",
    "I'd rather not waste your time",
    "I couldn't get an appointment sooner",
    "I've been off work because of it",
    "My mum thinks it's nothing",
    "I rang the helpline first",
    "I've just moved to the area",
    "I can't sleep for worrying about it",
    "I don't know if it matters",
    "I went swimming on Sunday as usual",
    "I had toast for breakfast and that was fine",
    "Work has been busy",
    "I've been using a hot water bottle",
    "My neighbour drove me here",
    "I had my eyes tested last month",
    "I've got hay fever every summer",
    "I don't eat meat",
    "We had friends over on Saturday",
    "I nearly didn't come",
    "My dad had a bad back at my age",
    "I've written it all down so I don't forget",
    "The pharmacist said to see someone",
    "I'm meant to be flying on Friday",
    "I gave up smoking ten years ago",
    "My other half thinks I should have come sooner",
    "I had my tonsils out as a kid",
    "I've not been abroad",
)
SOCIAL_PARENT = (
    "{he}'s had all {his} jabs",
    "{he}'s never been in hospital before",
    "We've got another one at home who is fine",
    "{he} was born on time with no problems",
    "I'm a first-time mum",
    "My mum said to bring {him} in",
    "We tried Calpol",
    "{he} goes to nursery three days a week",
    "There's nobody else ill at home",
    "{he}'s usually such a happy little thing",
    "I'm really worried",
    "I rang the helpline and they said to come",
    "{he}'s not on any medicines",
    "We've a dog at home",
    "No allergies that we know of",
)

OPENINGS_LAY = (
    "Hi doctor, ",
    "Hello, ",
    "Doc, ",
    "Hi, ",
    "Good morning. ",
    "Not sure where to start. ",
    "I hope you can help. ",
    "Please can someone advise. ",
    "So, ",
    "Right, ",
    "Dear doctor, ",
)
CLOSINGS_LAY = (
    "What could it be?",
    "Should I be worried?",
    "Please help.",
    "Thanks.",
    "Any ideas?",
    "Is it serious?",
    "I'm a bit scared.",
    "Do I need to come in?",
    "I don't know what to do.",
    "What do you think is going on?",
)
CLOSINGS_CLINICAL = (
    "Thank you for seeing {him}.",
    "Grateful for your opinion.",
    "Please assess.",
    "Your advice would be appreciated.",
    "I would value your thoughts.",
    "Otherwise well.",
    "No other past history of note.",
    "Systems review otherwise unremarkable.",
)
PLACES = {
    "emergency": (
        "the emergency department",
        "A&E",
        "casualty",
        "the ED",
        "the emergency room",
        "resus",
        "the hospital front door",
        "the acute take",
    ),
    "primary care": (
        "the GP surgery",
        "the practice",
        "{his} GP",
        "the family doctor",
        "the walk-in centre",
        "the out-of-hours doctor",
        "the health centre",
        "a telephone consultation",
    ),
    "ward": ("the ward team", "the medical ward", "the on-call doctor", "the ward round"),
    "clinic": ("clinic", "the outpatient clinic", "the outpatient department", "follow-up"),
    "home": ("the visiting doctor", "the paramedics at home", "the ambulance crew", "a home visit"),
}

_UNITS = {
    "sudden": ("minutes", "hour", "hours"),
    "hours": ("hours", "hours", "day"),
    "days": ("days", "days", "days", "week"),
    "weeks": ("weeks", "weeks", "weeks", "month"),
    "months": ("months", "months", "months", "year"),
    "episodic": ("weeks", "months", "years"),
}
_COUNT = ("two", "three", "four", "five", "six", "2", "3", "4", "5", "6", "several", "a few")
_ONSET = {
    "sudden": (
        "which came on suddenly",
        "of abrupt onset",
        "starting out of the blue",
        "which began in an instant",
        "that started all of a sudden",
        "with a sudden start",
    ),
    "episodic": (
        "in attacks",
        "that comes and goes",
        "in recurrent episodes",
        "on and off",
        "coming in bouts",
        "with clear spells in between",
    ),
}


def duration(tempo: str, rng: random.Random) -> str:
    """How long it has been going on, as a noun: ``three days``, ``an hour``."""
    unit = rng.choice(_UNITS[tempo])
    if unit.endswith("s"):
        count = (
            rng.choice(("ten", "twenty", "30", "40")) if unit == "minutes" else rng.choice(_COUNT)
        )
        return f"{count} {unit}"
    return (
        rng.choice(
            ("an " if unit == "hour" else "a ", "about an " if unit == "hour" else "about a ")
        )
        + unit
    )


def since(tempo: str, rng: random.Random) -> str:
    """A phrase for the course that follows a symptom: ``for three days``, ``of abrupt onset``."""
    if tempo in _ONSET and rng.random() < 0.6:
        return rng.choice(_ONSET[tempo])
    span = duration(tempo, rng)
    return rng.choice(
        (f"for {span}", f"over {span}", f"for the past {span}", f"over the last {span}")
    )


def age_words(patient: Patient, rng: random.Random) -> tuple[str, str]:
    """The age as an adjective (``67-year-old``, ``6-week-old``) and as a noun (``67``)."""
    age = patient.age
    if age < 0.25:
        weeks = max(1, round(age * 52))
        return f"{weeks}-week-old", f"{weeks} weeks"
    if age < 2:
        months = max(3, round(age * 12))
        return f"{months}-month-old", f"{months} months"
    years = int(age)
    adjective = rng.choice((f"{years}-year-old", f"{years}-year-old", f"{years} year old"))
    return adjective, str(years)


def person(patient: Patient, rng: random.Random) -> str:
    """``woman``, ``man``, ``boy`` ... by age and sex."""
    female = patient.sex == "female"
    if patient.age < 1:
        return rng.choice(
            ("baby girl", "girl", "infant girl") if female else ("baby boy", "boy", "infant boy")
        )
    if patient.age < 13:
        return "girl" if female else "boy"
    if patient.age < 18:
        return rng.choice(
            ("girl", "teenage girl", "female") if female else ("boy", "teenage boy", "male")
        )
    return rng.choice(
        ("woman", "woman", "lady", "female") if female else ("man", "man", "gentleman", "male")
    )


def decade(patient: Patient, rng: random.Random) -> str:
    """``in her late sixties``-like phrase; the pronoun is filled in by the caller."""
    tens = [
        "teens",
        "twenties",
        "thirties",
        "forties",
        "fifties",
        "sixties",
        "seventies",
        "eighties",
        "nineties",
        "nineties",
    ]
    number = min(int(patient.age) // 10, 10) - 1
    part = ("early", "mid", "late")[min(int(patient.age) % 10 // 4, 2)]
    return f"in {{his}} {part} {tens[max(number, 0)]}".replace("mid ", rng.choice(("mid ", "mid-")))


_NORMALS = {
    "fever": (
        "T {t}",
        "temperature {t}",
        "apyrexial",
        "temp {t} °C",
        "T {t}°C",
        "temperature {t} °C",
    ),
    "tachycardia": ("HR {p}", "pulse {p} regular", "heart rate {p}", "P {p}", "pulse {p}"),
    "hypoxia": ("sats {o}% on air", "SpO2 {o}%", "O2 sats {o}% RA", "SpO2 {o}% on air"),
    "hypertension": ("BP {s}/{d}", "blood pressure {s}/{d}", "BP {s}/{d} mmHg"),
    "tachypnoea": ("RR {r}", "respiratory rate {r}", "resps {r}"),
    "raised-glucose": ("BM {g}", "glucose {g}", "glucose {g} mmol/L", "CBG {g}"),
}


def normal(name: str, rng: random.Random) -> str:
    """A normal measurement that excludes the finding *name*, one of :data:`CONFLICTS`."""
    return rng.choice(_NORMALS[name]).format(
        t=f"{rng.uniform(36.2, 37.3):.1f}",
        p=rng.randint(60, 92),
        o=rng.randint(96, 99),
        s=rng.randint(112, 136),
        d=rng.randint(66, 84),
        r=rng.randint(12, 18),
        g=f"{rng.uniform(4.4, 6.9):.1f}",
    )


CONFLICTS = {
    "fever": ("fever", "high-fever", "low-grade-fever", "chills", "rigors"),
    "tachycardia": ("tachycardia", "bradycardia", "palpitations", "irregularly-irregular-pulse"),
    "hypoxia": ("hypoxia", "cyanosis"),
    "hypertension": ("hypertension", "hypotension"),
    "tachypnoea": ("tachypnoea", "dyspnoea"),
    "raised-glucose": ("raised-glucose", "hypoglycaemia", "polyuria"),
}
"""Findings of a condition with which a normal measurement would sit badly."""
