"""How a body's outgoing numbers are printed: reading the pattern and changing it for the letters to come."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Forbidden, Invalid
from edms.entities.models import Entity
from edms.registry import service
from edms.registry.models import Register, RegisterYear
from edms.registry.rules import (
    PATTERNS,
    SET_PATTERN,
    Direction,
    clean_pattern,
    pattern_problem,
    printed_number,
)


@dataclass(frozen=True, slots=True)
class Numbering:
    """How a body numbers its outgoing letters, and the number that comes next this year."""

    pattern: str
    mark: str
    year: int
    next_number: int

    def example(self, pattern: str | None = None) -> str:
        """Return the next number as it would be printed; by another pattern where one is given and is right."""
        chosen = self.pattern if pattern is None or pattern_problem(pattern) else pattern
        return printed_number(chosen, self.next_number, self.year, self.mark)


def numbering(uow: UnitOfWork, body: Entity) -> Numbering:
    """Return how a body numbers what it sends; the usual pattern where it has not sent anything yet."""
    found = uow.session.execute(
        select(Register.pattern, RegisterYear.last_number)
        .outerjoin(RegisterYear, (RegisterYear.register_id == Register.id) & (RegisterYear.year == uow.today.year))
        .where(Register.entity_id == body.id, Register.unit_id.is_(None), Register.direction == Direction.OUTGOING)
    ).one_or_none()
    pattern, last = found or (PATTERNS[Direction.OUTGOING], 0)
    return Numbering(pattern, body.short_mark or body.code, uow.today.year, (last or 0) + 1)


def set_pattern(uow: UnitOfWork, entity_id: UUID, pattern: str) -> Register:
    """Print the outgoing numbers of a body by another pattern from the next letter on; the series goes on.

    Raises Invalid ``registry.bad-pattern`` with what is wrong; Forbidden for another body's administrator.
    """
    uow.actor.require(SET_PATTERN)
    if uow.actor.entity_id != entity_id and uow.actor.roles.isdisjoint({"centre", "system:operator"}):
        raise Forbidden("core.forbidden", permission=SET_PATTERN.name)
    cleaned = clean_pattern(pattern)
    problem = pattern_problem(cleaned)
    if problem is not None:
        raise Invalid("registry.bad-pattern", (problem,))
    register = service.register_of(uow, entity_id, Direction.OUTGOING)
    if register.pattern != cleaned:
        before, register.pattern = register.pattern, cleaned
        record(
            uow, "registry.pattern-changed", "register", register.id, entity_id=entity_id, row=register,
            before=before, after=cleaned,
        )  # fmt: skip
    return register
