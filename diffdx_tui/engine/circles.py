"""Whether generated text has begun to go round in circles.

Role: small models, asked what they do not know, repeat themselves to the end of their budget.  The
guided loop closes such a text early, and it says so.
"""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_PERIOD, LEAST_TIMES, LEAST_TOKENS = 32, 3, 18
"""A period of up to so many tokens, so many times over, in so many tokens at the least.

Plain enumerations ("no fever, no rash, no cough") stay below; nobody writes nine tokens three times
over.
"""


def goes_in_circles(ids: Sequence[int]) -> bool:
    """Whether *ids* end in the same few tokens over and over."""
    for period in range(1, LONGEST_PERIOD + 1):
        span = max(period * LEAST_TIMES, LEAST_TOKENS)
        tail = ids[-span:]
        if len(tail) < span:
            return False
        if all(tail[place] == tail[place - period] for place in range(period, span)):
            return True
    return False
