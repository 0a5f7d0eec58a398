"""When to try again, and whether: the pure arithmetic of the outbox."""

from random import Random
from typing import Literal

Outcome = Literal["ok", "transient", "permanent"]

BACKOFF_MINUTES = (1, 2, 5, 10, 20, 40, 60)
JITTER = 0.2


def next_delay(attempts: int, rng: Random) -> float:
    """Return seconds until the try after ``attempts`` failed ones (>= 1): 1, 2, 5, 10, 20, 40, 60 min, then hourly.

    Each is spread by ±20 %, so that what failed together does not come back together (RFC 5321 §4.5.4.1).
    """
    minutes = BACKOFF_MINUTES[min(max(attempts, 1), len(BACKOFF_MINUTES)) - 1]
    return minutes * 60 * rng.uniform(1 - JITTER, 1 + JITTER)


def classify(code: int) -> Outcome:
    """Return what an SMTP reply code means for the consignment; anything that is not 2xx or 5xx may be tried again."""
    if 200 <= code < 300:
        return "ok"
    return "permanent" if 500 <= code < 600 else "transient"
