"""A register's year as an auditor checks it: the numbers 1 to the last, each once, and the cancelled with reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from edms.core.database import UnitOfWork
from edms.entities import queries as entities
from edms.entities.models import Employee, Entity
from edms.letters.models import Letter
from edms.oversight import queries
from edms.oversight.rules import SEE_LOG
from edms.registry.models import Register, RegisterEntry, RegisterYear

MOST_GAPS: Final = 100
MOST_VOID: Final = 2_000


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A cancelled number; ``letter`` is None, and the reason is not told, where the auditor may not know of it."""

    entry: RegisterEntry
    letter: Letter | None
    authority: Employee | None


@dataclass(frozen=True, slots=True)
class YearCheck:
    """One year of a register: how many entries it has, its counter, the numbers that lack and the cancelled ones."""

    body: Entity
    register: Register
    year: RegisterYear
    entries: int
    first: int
    last: int
    gaps: Sequence[tuple[int, int]]
    cancelled: Sequence[Cancelled]

    @property
    def whole(self) -> bool:
        """Say whether the numbers 1 to the counter are there, each once."""
        counter = self.year.last_number
        return not self.gaps and (self.entries, self.first, self.last) == (counter, min(1, counter), counter)


def years(uow: UnitOfWork, *, entity_id: UUID | None = None) -> Sequence[tuple[RegisterYear, Register, Entity]]:
    """Return the years of registers that the auditor may check. Raises Forbidden."""
    uow.actor.require(SEE_LOG)
    return queries.register_years(uow, entity_id=entity_id)


def check_year(uow: UnitOfWork, year_id: UUID) -> YearCheck:
    """Check one year of a register; gaps are looked for where counts do not fit. Raises NotFound, Forbidden."""
    uow.actor.require(SEE_LOG)
    year, register, body = queries.register_year(uow, year_id)
    entries, first, last = queries.numbers_of(uow, register.id, year.year)
    counter = year.last_number
    gaps: list[tuple[int, int]] = []
    if (entries, first, last) != (counter, min(1, counter), counter):
        gaps = queries.gaps_in(uow, register.id, year.year, limit=MOST_GAPS)
        if last < counter:
            gaps.append((last + 1, counter))
    void = queries.void_entries(uow, register.id, year.year, limit=MOST_VOID)
    letters = queries.letters_by_ids(uow, [each.letter_id for each in void])
    people = entities.employees_by_ids(uow, [each.void_authority_id for each in void])
    cancelled = [
        Cancelled(each, letters.get(each.letter_id), people.get(each.void_authority_id or each.id)) for each in void
    ]
    return YearCheck(body, register, year, entries, first, last, gaps, cancelled)
