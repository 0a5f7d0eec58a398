"""Leak cases: who may keep them, their states, what limits a look-up, and what is said of chances; pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, Literal

from edms.core.actor import permission

SET_NAME_POLICY = permission("leaks.set-name-policy", {"administrator", "system:operator"})
"""Whether a name is opened by two auditors: the administrator of the body, for that body alone."""

MOST_FILES: Final = 20
"""Files that may be added to a case at once."""
MOST_TOGETHER: Final = 100 * 2**20
"""Octets of the files that may be added at once."""
MOST_IN_A_CASE: Final = 200
MOST_PAGES: Final = 30
MOST_PIXELS: Final = 10_000_000
"""Pixels that a picture is made smaller to."""
MOST_PIXELS_TOGETHER: Final = 120_000_000
MOST_CANDIDATES: Final = 12
MOST_LETTERS: Final = 8
"""Letters that an auditor may name for a look-up."""
MOST_CODES: Final = 60
MOST_LINES: Final = 80
LONGEST_LINE: Final = 200
"""Lines of text that are read on a picture, and their characters."""
LONGEST_TITLE: Final = 200
LONGEST_NOTE: Final = 4000
LONGEST_REASON: Final = 500

WRONG_CODES_AN_HOUR: Final = 20
LEASE: Final = timedelta(seconds=90)
"""How long a worker that says nothing still holds a look-up."""
MOST_TRIES: Final = 3

Layer = Literal["visible", "file", "tint", "shift"]
HIDDEN: Final = frozenset({"tint", "shift"})
"""The layers that nobody without the keys can draw."""


class CaseState(StrEnum):
    """A case is worked on until it is closed, with a reason."""

    OPEN = "open"
    CLOSED = "closed"


CASE_STEPS: Final[Mapping[tuple[CaseState, str], CaseState]] = {
    (CaseState.OPEN, "close"): CaseState.CLOSED,
    (CaseState.CLOSED, "reopen"): CaseState.OPEN,
}


class LookUpState(StrEnum):
    """Where a look-up stands; ``failed`` has a reason and may be asked again."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class NoteKind(StrEnum):
    """What an auditor writes into a case."""

    NOTE = "note"
    DECISION = "decision"


class RequestState(StrEnum):
    """Where the opening of a name stands."""

    ASKED = "asked"
    AGREED = "agreed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What the reading processes may use: seconds that a look-up takes at most, and megabytes of memory each."""

    seconds: int = 120
    memory_mb: int = 3072


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one picture: what its advice is decided from.

    ``tint`` says whether the pilots of some tint stood out; ``shows`` whether it lies on a page of a candidate, with
    ``runs`` read there, ``pixels_a_mm`` of it and ``skew`` (1 for a picture taken from straight above); ``drawn``
    whether all pages of the candidates could be drawn.
    """

    width: int
    height: int
    tint: bool
    candidates: int
    copies: int
    shows: bool = False
    runs: int = 0
    pixels_a_mm: float = 0.0
    skew: float = 1.0
    finished: bool = True
    drawn: bool = True


_SMALL_SIDE: Final = 220
_FEW_RUNS: Final = 40
_COARSE: Final = 4.0
_SKEWED: Final = 1.35


def advice(seen: Measured) -> tuple[str, ...]:
    """Return what would help to tell whose copy a picture shows, from what failed; the most helpful first."""
    small = min(seen.width, seen.height) < _SMALL_SIDE or (seen.shows and seen.runs < _FEW_RUNS)
    helpful = ["leaks.help-larger"] if small else []
    if seen.candidates == 0:
        helpful.append("leaks.help-letter")
    elif seen.copies == 0:
        helpful.append("leaks.help-no-copies")
    elif not seen.shows:
        helpful.append("leaks.help-other-letter")
    if not seen.shows and not seen.drawn:
        helpful.append("leaks.help-broken-original")
    if seen.shows and seen.pixels_a_mm < _COARSE:
        helpful.append("leaks.help-sharper")
    if seen.shows and seen.skew > _SKEWED:
        helpful.append("leaks.help-straighter")
    if not seen.tint:
        helpful.append("leaks.help-original-file")
    if not seen.finished:
        helpful.append("leaks.help-again")
    if not helpful:
        helpful.append("leaks.help-not-yours")
    return tuple(helpful)


@dataclass(frozen=True, slots=True)
class Odds:
    """A chance as people read it: one in ``figure`` x 10 ** ``power``, and the key of the same in words."""

    figure: float
    power: int
    words: str


def odds(chance: float) -> Odds:
    """Return the odds of a chance of at most 10**-9 that an innocent copy is named, never rounded in our favour.

    >>> odds(3e-13)
    Odds(figure=3.3, power=12, words='leaks.odds-12')
    >>> odds(1e-9).words, odds(0.0).power
    ('leaks.odds-9', 30)
    """
    least = max(chance, 1e-30)
    power = math.floor(-math.log10(least) + 1e-9)
    figure = max(1.0, math.floor(10 * (1 / least) / 10.0**power + 1e-6) / 10)
    return Odds(figure, power, f"leaks.odds-{next(known for known in (18, 15, 12, 9, 0) if power >= known)}")
