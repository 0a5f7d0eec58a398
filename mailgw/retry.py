"""When to try again, and whether: the pure arithmetic of the outbox."""

from collections.abc import Sequence
from random import Random
from typing import Literal

Outcome = Literal["ok", "transient", "permanent"]

BACKOFF_MINUTES = (1, 2, 5, 10, 20, 40, 60)
JITTER = 0.2
SHORTEST_SECONDS = 1.0


def next_delay(attempts: int, rng: Random, minutes: Sequence[int] = BACKOFF_MINUTES) -> float:
    """Return seconds until the try after ``attempts`` failed ones (>= 1): 1, 2, 5, 10, 20, 40, 60 min, then hourly.

    Each is spread by ±20 %, so that what failed together does not come back together (RFC 5321 §4.5.4.1); a
    configured 0 means one second.
    """
    wait = minutes[min(max(attempts, 1), len(minutes)) - 1]
    return max(wait * 60, SHORTEST_SECONDS) * rng.uniform(1 - JITTER, 1 + JITTER)


def classify(code: int) -> Outcome:
    """Return what an SMTP reply code means for the consignment; anything that is not 2xx or 5xx may be tried again."""
    if 200 <= code < 300:
        return "ok"
    return "permanent" if 500 <= code < 600 else "transient"
