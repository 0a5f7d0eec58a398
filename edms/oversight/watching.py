"""Unusual reading on one day, by the plain rules and thresholds of the installation."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from edms.core.database import UnitOfWork
from edms.entities import queries as entities
from edms.entities.models import Employee
from edms.letters.models import Letter
from edms.oversight import queries
from edms.oversight.rules import MOST_READ, SEE_LOG, Reading, Thresholds, Unusual, unusual


@dataclass(frozen=True, slots=True)
class Watched:
    """What is unusual in a day's reading; ``acts`` were looked at, ``cut_off`` when there were more than that."""

    day: date
    findings: tuple[Unusual, ...]
    people: Mapping[UUID, Employee]
    letters: Mapping[UUID, Letter]
    acts: int
    cut_off: bool


def watch(uow: UnitOfWork, day: date, limits: Thresholds, zone: ZoneInfo) -> Watched:
    """Apply the rules to the reading of one day of the installation's calendar; work grows with that day's reading.

    Raises Forbidden.
    """
    uow.actor.require(SEE_LOG)
    begin, end = uow.hours_of(day)
    rows = queries.reading_between(uow, begin, end, limit=MOST_READ + 1)
    acts = [
        Reading(at.astimezone(zone), person, about if kind == "letter" else None, act)
        for at, person, kind, about, act in rows[:MOST_READ]
    ]
    found = unusual(
        acts, limits, units=queries.units_held(uow, {each.employee_id for each in acts}, day),
        unit_of=queries.units_of_letters(uow, {each.letter_id for each in acts if each.letter_id is not None}),
    )  # fmt: skip
    return Watched(
        day, tuple(found), entities.employees_by_ids(uow, [each.employee_id for each in found]),
        queries.letters_by_ids(uow, [each.letter_id for each in found if each.letter_id is not None]), len(acts),
        len(rows) > MOST_READ,
    )  # fmt: skip
