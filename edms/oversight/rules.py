"""Whose events an auditor sees, the kinds of acts, and by which plain rules reading is called unusual; pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from edms.core.actor import Actor, permission

SEE_LOG = permission("oversight.see-log", {"auditor", "system:operator"})
"""Who reads the log: an auditor that of the own body; who is auditor and centre, and the operator, all of it."""

MOST_LOOKED_AT: Final = 20_000
"""Entries that one search looks at before it says how far it came: no search is linear in the size of the log."""
MOST_EXPORTED: Final = 2_000
"""Entries that one signed export takes."""
MOST_READ: Final = 100_000
"""Acts of reading that the rules of unusual reading look at for one day."""
PAGE: Final = 50

READING: Final = (
    "codes.view", "codes.print", "codes.download", "codes.mail", "codes.api", "letters.opened", "letters.exported",
    "letters.attachment-read", "letters.seen-for-signing", "intake.original-read", "intake.original-glanced",
)  # fmt: skip
"""Acts by which somebody reads what a letter says."""
COPYING: Final = ("codes.print", "codes.download", "letters.exported")
"""Acts by which a copy leaves the screen."""
PRINTING: Final = ("codes.print",)


class Kind(StrEnum):
    """What sort of acts a search is about."""

    READING = "reading"
    LETTERS = "letters"
    MAIL = "mail"
    ACCESS = "access"
    STAFF = "staff"
    KEYS = "keys"
    AUDIT = "audit"
    REFUSED = "refused"


PREFIXES: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.LETTERS: ("letters.", "registry.", "confirmations."),
    Kind.MAIL: ("dispatch.", "evidence.", "intake."),
    Kind.ACCESS: ("accounts.",),
    Kind.STAFF: ("entities.",),
    Kind.KEYS: ("authority.", "keys."),
    Kind.AUDIT: ("audit.", "oversight.", "verification.", "search."),
}
REFUSALS: Final = (
    "accounts.sign-in-refused", "accounts.sign-in-slowed", "accounts.step-up-refused", "accounts.step-up-alarm",
    "intake.refused", "intake.opaque", "intake.same-id-other-body", "intake.receipt-signature",
    "intake.receipt-unsigned", "intake.foreign", "intake.report-unmatched", "verification.guessing",
    "letters.evidence-late", "dispatch.delayed", "evidence.SubmissionRejection", "evidence.RelayRejection",
    "evidence.RelayFailure", "evidence.ContentConsignmentFailure", "evidence.ContentHandoverFailure",
    "evidence.ConsignmentRejection",
)  # fmt: skip
"""Acts whose outcome is that something was refused or failed."""


def sees_all(actor: Actor) -> bool:
    """Say whether an actor's audit reaches over all bodies: the operator's, and that of an auditor of the centre."""
    return "system:operator" in actor.roles or actor.roles >= {"auditor", "centre"}


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for in the log; None or empty is anything. Days are of the installation's calendar, both counted.

    ``employee_code``, ``entity_code`` and ``letter_code`` are what the event of the search tells of it.
    """

    employee_id: UUID | None = None
    entity_id: UUID | None = None
    letter_ids: tuple[UUID, ...] = ()
    kind: Kind | None = None
    act: str = ""
    day_from: date | None = None
    day_to: date | None = None
    employee_code: str = ""
    entity_code: str = ""
    letter_code: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next page of a search begins: after the entry of that moment and number."""

    at: datetime
    seq: int


class Rule(StrEnum):
    """The plain rules of unusual reading."""

    MANY_COPIES = "many-copies"
    ODD_HOURS = "odd-hours"
    OTHER_UNITS = "other-units"
    QUICK = "quick"
    PRINTED_BY_MANY = "printed-by-many"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on reading is unusual; ``working_days`` are ISO weekdays (1 Monday … 7 Sunday).

    ``copies`` a day; ``odd`` acts of reading outside ``opens`` … ``closes`` or on another day; ``other_units``
    different letters of other units a day; ``letters`` different ones within ``window``; ``printers`` people who
    printed one letter within the day.
    """

    copies: int = 30
    odd: int = 3
    opens: time = time(7)
    closes: time = time(17)
    working_days: frozenset[int] = field(default_factory=lambda: frozenset({7, 1, 2, 3, 4}))
    other_units: int = 10
    letters: int = 25
    window: timedelta = timedelta(minutes=10)
    printers: int = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """One act of reading: when (``local`` time of the installation), who, which letter, which act."""

    local: datetime
    employee_id: UUID
    letter_id: UUID | None
    act: str


@dataclass(frozen=True, slots=True)
class Unusual:
    """One finding: the rule, whom or which letter it is about, how much was counted, and when it began and ended."""

    rule: Rule
    count: int
    first: datetime
    last: datetime
    employee_id: UUID | None = None
    letter_id: UUID | None = None


def is_odd(moment: datetime, limits: Thresholds) -> bool:
    """Say whether a local moment lies outside the working hours or on a day that is none.

    >>> [is_odd(datetime(2026, 11, day, hour), Thresholds()) for day, hour in ((29, 9), (29, 17), (27, 9))]
    [False, True, True]
    """
    return moment.isoweekday() not in limits.working_days or not limits.opens <= moment.time() < limits.closes


def unusual(
    acts: list[Reading], limits: Thresholds, *, units: Mapping[UUID, frozenset[UUID]], unit_of: Mapping[UUID, UUID]
) -> list[Unusual]:
    """Return what is unusual in one day's acts of reading (in order of time), the largest counts first.

    ``units`` are those in which each person holds a post, ``unit_of`` the unit of each letter that has one.
    """
    found: list[Unusual] = []
    by_person: dict[UUID, list[Reading]] = {}
    printed: dict[UUID, list[Reading]] = {}
    for each in acts:
        by_person.setdefault(each.employee_id, []).append(each)
        if each.act in PRINTING and each.letter_id is not None:
            printed.setdefault(each.letter_id, []).append(each)
    for person, some in by_person.items():
        own = units.get(person, frozenset())
        found += _about(Rule.MANY_COPIES, person, [one for one in some if one.act in COPYING], limits.copies)
        found += _about(Rule.ODD_HOURS, person, [one for one in some if is_odd(one.local, limits)], limits.odd)
        strange = [one for one in some if one.letter_id and unit_of.get(one.letter_id) not in {None, *own}]
        found += _about(Rule.OTHER_UNITS, person, list(_first_of_each(strange).values()), limits.other_units)
        found += _quick(person, some, limits)
    for letter, some in printed.items():
        people = {one.employee_id for one in some}
        if len(people) >= limits.printers:
            rule = Rule.PRINTED_BY_MANY
            found.append(Unusual(rule, len(people), some[0].local, some[-1].local, letter_id=letter))
    return sorted(found, key=lambda one: (list(Rule).index(one.rule), -one.count, one.first))


def _about(rule: Rule, person: UUID, some: list[Reading], least: int) -> list[Unusual]:
    if len(some) < least:
        return []
    return [Unusual(rule, len(some), some[0].local, some[-1].local, employee_id=person)]


def _first_of_each(some: list[Reading]) -> dict[UUID | None, Reading]:
    found: dict[UUID | None, Reading] = {}
    for each in some:
        found.setdefault(each.letter_id, each)
    return found


def _quick(person: UUID, some: list[Reading], limits: Thresholds) -> list[Unusual]:
    """Find the window in which a person opened the most different letters; one pass, two ends."""
    inside: Counter[UUID] = Counter()
    best: tuple[int, datetime, datetime] | None = None
    begin, about = 0, [(one.local, one.letter_id) for one in some if one.letter_id is not None]
    for local, letter in about:
        inside[letter] += 1
        while local - about[begin][0] > limits.window:
            gone = about[begin][1]
            inside[gone] -= 1
            if not inside[gone]:
                del inside[gone]
            begin += 1
        if best is None or len(inside) > best[0]:
            best = len(inside), about[begin][0], local
    if best is None or best[0] < limits.letters:
        return []
    return [Unusual(Rule.QUICK, best[0], best[1], best[2], employee_id=person)]
