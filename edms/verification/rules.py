"""Verdicts, what the public is told with them, and who may trace copies; pure."""

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


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer with the codes of its reasons; ``document_code`` has 18 digits where the letter is identified.

    Under ``altered`` the document code is the one that the file claims, which proves nothing.
    """

    answer: Answer
    reasons: tuple[str, ...]
    document_code: str | None = None
    facts: Facts | None = None


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
