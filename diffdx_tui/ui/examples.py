"""Example vignettes to start from, written for this program; no real patient stands behind them.

Role: data of the example picker.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """A titled vignette."""

    title: str
    vignette: str


EXAMPLES = (
    Example(
        "Thunderclap headache",
        "A 58-year-old teacher with treated hypertension was lifting boxes when a headache struck "
        "within seconds, the worst of her life. She vomited twice and now keeps the lights off. "
        "Her neck is stiff. She has no fever and no weakness.",
    ),
    Example(
        "Crushing chest pain",
        "A 63-year-old man who smokes and has diabetes woke at four with a pressure across the "
        "chest that spreads to the left arm and jaw. It has lasted fifty minutes. He is pale, "
        "sweating and nauseated. Breathing in does not change the pain.",
    ),
    Example(
        "Breathless after a long flight",
        "A 34-year-old woman taking a combined contraceptive pill became suddenly short of breath "
        "two days after an eleven-hour flight. The right side of her chest hurts on breathing in. "
        "Heart rate 118, oxygen saturation 91 percent. Her left calf is swollen and tender.",
    ),
    Example(
        "Pain moving to the right lower abdomen",
        "A 19-year-old student has had pain for eighteen hours. It began around the navel and now "
        "sits low on the right. He does not want to eat, vomited once and has a temperature of "
        "37.9. Letting go of the abdomen hurts more than pressing on it.",
    ),
    Example(
        "Fever, rash and a drowsy child",
        "A 4-year-old boy has had a fever of 39.6 since the morning and is hard to rouse. Over the "
        "last two hours purple spots appeared on his legs that do not fade under a glass. His "
        "hands are cold and he cries when his neck is bent.",
    ),
    Example(
        "Thirst and weight loss",
        "A 15-year-old girl has drunk several litres a day for three weeks and lost six kilograms. "
        "Since yesterday she has abdominal pain and vomits. She breathes deeply and fast, and her "
        "breath smells of fruit.",
    ),
    Example(
        "Back pain with numb saddle",
        "A 46-year-old warehouse worker with a week of low back pain and sciatica cannot pass "
        "urine since last night. The skin between his legs feels numb, and both feet are weak.",
    ),
    Example(
        "Cough, fever and rusty sputum",
        "A 71-year-old man has had shaking chills, a temperature of 39.2 and a cough with rusty "
        "sputum for two days. Breathing in hurts on the right. There are crackles over the right "
        "lower chest, and his wife says he has been confused since lunch.",
    ),
    Example(
        "Hot, swollen knee",
        "A 66-year-old woman on steroids for polymyalgia noticed yesterday that her left knee was "
        "swollen. Today it is red, hot and so painful that she cannot bend it. She had rigors "
        "in the night. Temperature 38.7. No other joint is affected.",
    ),
    Example(
        "Tired, cold and slow",
        "A 52-year-old woman has been tired for half a year, feels cold in warm rooms and has "
        "gained seven kilograms while eating less. Her voice is hoarse, her skin dry, and she is "
        "constipated. Heart rate 52.",
    ),
    Example(
        "Shingles-like pain",
        "A 69-year-old man had burning pain in a band around the left chest for three days. "
        "This morning small blisters on red skin appeared in the same band, and they stop at the "
        "midline. He had chemotherapy last month.",
    ),
    Example(
        "Sudden panic",
        "A 27-year-old woman has had five attacks in a month, each within minutes: pounding heart, "
        "tingling fingers, trembling, and the fear of dying. They pass after twenty minutes. "
        "Between them she is well, but she has begun to avoid the underground. Her "
        "electrocardiogram and thyroid tests were normal.",
    ),
)
