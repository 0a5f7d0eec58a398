"""Verdicts, what the public is told with them, and who may trace copies; pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from edms.core.actor import permission

TRACE = permission("verification.trace", {"auditor", "system:operator"})
"""Whose copy a paper is: auditors for copies that their own body received, the operator for all."""

LARGEST_FILE: Final = 25 * 2**20
"""Octets of a file that anybody may hand in."""
FAILURES_AN_HOUR: Final = 20
FILES_AN_HOUR: Final = 120
HOUR: Final = timedelta(hours=1)
MOST_NAMES: Final = 30
FEW_WORDS: Final = 12
"""A page with fewer words of its own is taken for a picture."""
DIFFERENT: Final = 0.4
"""Share of the signed words that a page must lack to be called another text; a genuine one lacks less than 0.1."""

Unit = Literal["years", "months", "days"]


class Answer(StrEnum):
    """The six verdicts on a code or a file."""

    AUTHENTIC = "authentic"
    ALTERED = "altered"
    VOID = "void"
    SUPERSEDED = "superseded"
    UNKNOWN = "unknown"
    UNKNOWN_KEY = "unknown-key"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is told of a letter besides the verdict; ``None`` or empty where policy or knowledge says nothing.

    ``recipients`` counts the bodies addressed and copied to; their ``names`` and the ``subject`` are told of ordinary
    letters only.
    """

    issuer: str
    issuer_code: str
    number: str = ""
    day: date | None = None
    pages: int = 0
    recipients: int | None = None
    names: tuple[str, ...] = ()
    subject: str = ""
    void_at: datetime | None = None
    signed_at: datetime | None = None
    superseded_at: datetime | None = None
    superseded_by: str = ""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a paper's seal proves that was signed; a person compares it with the paper.

    ``subject``, ``names`` and ``text`` (None where the seal had no room for it) are told of ordinary letters only;
    ``missing`` are words of the text that the file's own words lack, ``picture`` is the first page as JPEG in base64.
    """

    issuer: str
    issuer_code: str
    number: str
    day: date
    pages: int
    sensitivity: int
    subject: str = ""
    recipients: int = 0
    names: tuple[str, ...] = ()
    text: str | None = None
    missing: tuple[str, ...] = ()
    picture: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer with the codes of its reasons; ``document_code`` has 18 digits where the letter is identified.

    Under ``altered`` the document code is the one that the file claims, which proves nothing. ``signed`` is there for
    a paper whose seal is genuine: then the answer is about the seal, and the paper is still to be compared with it.
    """

    answer: Answer
    reasons: tuple[str, ...]
    document_code: str | None = None
    facts: Facts | None = None
    signed: Signed | None = None


def missing_words(signed: Sequence[str], found: Sequence[str]) -> list[str]:
    """Return the signed words that a page's own words lack, each as often as it lacks.

    A page that gives its words letter by letter from the left (as some programs write Arabic) is understood too.
    """
    best = list(signed)
    for reading in (found, [word[::-1] for word in found]):
        there = Counter(reading)
        lacking = []
        for word in signed:
            if there[word]:
                there[word] -= 1
            else:
                lacking.append(word)
        best = min(best, lacking, key=len)
    return best


@dataclass(frozen=True, slots=True)
class Age:
    """How long ago a letter was written: ``count`` whole ``unit``; ``old`` from one year on."""

    count: int
    unit: Unit

    @property
    def old(self) -> bool:
        """Say that a reader must be warned: an old letter is easily passed off as a new one."""
        return self.unit == "years"


def age_of(day: date, today: date) -> Age:
    """Return the age of a letter of ``day``; one of tomorrow (another time zone) counts as of today.

    >>> age_of(date(2024, 2, 29), date(2026, 2, 28)), age_of(date(2026, 1, 31), date(2026, 3, 1))
    (Age(count=1, unit='years'), Age(count=1, unit='months'))
    """
    months = (today.year - day.year) * 12 + today.month - day.month - (today.day < day.day)
    if months >= 12:
        return Age(months // 12, "years")
    return Age(months, "months") if months >= 1 else Age(max((today - day).days, 0), "days")
