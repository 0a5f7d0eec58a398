"""Registers: taking a turn, allocating the next number, voiding an entry, closing a year."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import bindparam, or_, select, update

from edms.audit.service import record
from edms.core.actor import Actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Conflict, NotFound, Unavailable
from edms.core.ids import new_id
from edms.core.turnstile import FairLock
from edms.entities.models import Entity
from edms.registry.models import Register, RegisterEntry, RegisterYear
from edms.registry.rules import CLOSE_YEAR, PATTERNS, TURN_LENGTH, Direction

_INCOMING = select(Register.entity_id, Register.id).where(
    Register.entity_id.in_(bindparam("bodies", expanding=True)), Register.unit_id.is_(None),
    Register.direction == Direction.INCOMING,
)  # fmt: skip
_YEARS = (
    select(RegisterYear.id, RegisterYear.register_id, RegisterYear.last_number, RegisterYear.closed_at)
    .where(RegisterYear.register_id.in_(bindparam("registers", expanding=True)), RegisterYear.year == bindparam("year"))
    .order_by(RegisterYear.id)
    .with_for_update()
)
_STEP = (
    update(RegisterYear.__table__)  # type: ignore[arg-type]
    .where(RegisterYear.id == bindparam("counter"))
    .values(last_number=bindparam("last"))
)
_WAIT_SECONDS = 120.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class _Counter:
    """A register's counter of one year, locked."""

    id: UUID
    last_number: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to give a register's next number, until it expires: render and seal with ``number``, then allocate."""

    register_id: UUID
    year: int
    owner: UUID
    number: int


class TurnQueue:
    """Orders the threads of one process before each register, so that its turns go first come, first served."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._locks: dict[tuple[UUID, int], tuple[FairLock, list[int]]] = {}

    @contextmanager
    def stand_in_line(self, register_id: UUID, year: int) -> Iterator[None]:
        """Wait for this process's turn at a register; other registers are not delayed."""
        place = (register_id, year)
        with self._mutex:
            lock, users = self._locks.setdefault(place, (FairLock(), [0]))
            users[0] += 1
        try:
            with lock:
                yield
        finally:
            with self._mutex:
                users[0] -= 1
                if not users[0]:
                    self._locks.pop(place, None)


def register_of(uow: UnitOfWork, entity_id: UUID, direction: Direction) -> Register:
    """Return a body's own register of one direction, opening it on first use."""
    wanted = select(Register).where(
        Register.entity_id == entity_id, Register.unit_id.is_(None), Register.direction == direction
    )
    found = uow.session.scalars(wanted).one_or_none()
    if found is None:
        uow.session.execute(select(Entity.id).where(Entity.id == entity_id).with_for_update(key_share=True))
        found = uow.session.scalars(wanted).one_or_none()
    if found is None:
        found = Register(entity_id=entity_id, direction=direction, pattern=PATTERNS[direction])
        uow.session.add(found)
        uow.flush()
    return found


def all_years(uow: UnitOfWork) -> list[tuple[Register, RegisterYear, Entity]]:
    """Return every year of every register with its body, for the operator's overview."""
    rows = uow.session.execute(
        select(Register, RegisterYear, Entity)
        .join(RegisterYear, RegisterYear.register_id == Register.id)
        .join(Entity, Entity.id == Register.entity_id)
        .order_by(Entity.code, Register.direction, RegisterYear.year)
    )
    return [(register, year, entity) for register, year, entity in rows]


def take_turn(database: Database, actor: Actor, register_id: UUID, year: int) -> Turn:
    """Wait for the turn at a register and take it, in short transactions of its own.

    Raises Conflict ``registry.year-closed``; Unavailable ``registry.busy`` after two minutes of waiting.
    """
    owner, deadline = new_id(), time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        with database.work(actor) as uow:
            counter = _year(uow, register_id, year)
            taken = uow.session.execute(
                update(RegisterYear)
                .where(
                    RegisterYear.id == counter.id,
                    or_(RegisterYear.turn_until.is_(None), RegisterYear.turn_until < uow.now),
                )
                .values(turn_owner=owner, turn_until=uow.now + TURN_LENGTH)
                .returning(RegisterYear.last_number)
            ).scalar_one_or_none()
        if taken is not None:
            return Turn(register_id, year, owner, taken + 1)
        time.sleep(_POLL_SECONDS)
    raise Unavailable("registry.busy")


def give_back(database: Database, actor: Actor, turn: Turn) -> None:
    """Free a turn that was not used, so that the next in line need not wait for it to expire."""
    with database.work(actor) as uow:
        uow.session.execute(
            update(RegisterYear)
            .where(
                RegisterYear.register_id == turn.register_id,
                RegisterYear.year == turn.year,
                RegisterYear.turn_owner == turn.owner,
            )
            .values(turn_owner=None, turn_until=None)
        )


def allocate(
    uow: UnitOfWork,
    register: Register,
    year: int,
    letter_id: UUID,
    *,
    entry_date: date,
    turn: Turn | None = None,
) -> RegisterEntry:
    """Give the next number of a register and year inside the caller's transaction.

    With a ``turn`` the number is the one promised, else Conflict ``registry.turn-lost`` (render again); without one
    (incoming letters, whose number is not printed beforehand) the counter row's lock orders the callers, and a
    turn that somebody holds on it then no longer fits and is taken again.
    """
    counter = _year(uow, register.id, year)
    step = update(RegisterYear).where(RegisterYear.id == counter.id, RegisterYear.closed_at.is_(None))
    if turn is not None:
        step = step.where(RegisterYear.last_number == turn.number - 1, RegisterYear.turn_owner == turn.owner)
        step = step.values(last_number=RegisterYear.last_number + 1, turn_owner=None, turn_until=None)
    else:
        step = step.values(last_number=RegisterYear.last_number + 1)
    number = uow.session.execute(step.returning(RegisterYear.last_number)).scalar_one_or_none()
    if number is None:
        raise Conflict("registry.turn-lost" if turn else "registry.year-closed")
    entry = RegisterEntry(
        register_id=register.id,
        entity_id=register.entity_id,
        direction=register.direction,
        year=year,
        number=number,
        letter_id=letter_id,
        entry_date=entry_date,
        entered_at=uow.now,
        clerk_id=uow.actor.employee_id,
    )
    uow.session.add(entry)
    return entry


@dataclass(frozen=True, slots=True)
class IncomingNumber:
    """A number taken from a body's incoming register."""

    register_id: UUID
    year: int
    number: int

    @property
    def written(self) -> str:
        """Return ``2026/123``."""
        return f"{self.year}/{self.number}"


def take_incoming_numbers(uow: UnitOfWork, entity_ids: Sequence[UUID], year: int) -> list[IncomingNumber | None]:
    """Take the next number of the body's incoming register for each place of ``entity_ids``, many at once.

    A body may stand there often and gets its numbers in that order; one whose year is closed gets None. Every number
    must be entered by :func:`enter_all` in the same transaction.
    """
    wanted = Counter(entity_ids)
    registers = _incoming_registers(uow, list(wanted))
    last = _step_all(uow, {register_id: wanted[entity_id] for entity_id, register_id in registers.items()}, year)
    given = {register_id: number - wanted[entity_id] for entity_id, register_id in registers.items()
             if (number := last.get(register_id)) is not None}  # fmt: skip
    found: list[IncomingNumber | None] = []
    for register_id in map(registers.__getitem__, entity_ids):
        if register_id not in given:
            found.append(None)
            continue
        given[register_id] += 1
        found.append(IncomingNumber(register_id, year, given[register_id]))
    return found


def enter_all(
    uow: UnitOfWork, taken: Sequence[tuple[UUID, IncomingNumber, UUID]], *, entry_date: date
) -> list[RegisterEntry]:
    """Write the entries of numbers that were taken: (body, number, letter); return them in that order."""
    entries = [
        RegisterEntry(
            id=new_id(), register_id=number.register_id, entity_id=entity_id, direction=Direction.INCOMING,
            year=number.year, number=number.number, letter_id=letter_id, entry_date=entry_date, entered_at=uow.now,
            clerk_id=uow.actor.employee_id,
        )
        for entity_id, number, letter_id in taken
    ]  # fmt: skip
    uow.insert(entries)
    return entries


def _incoming_registers(uow: UnitOfWork, entity_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Return each body's own incoming register; those that are missing are opened together."""
    found = _find_incoming(uow, entity_ids)
    missing = [entity_id for entity_id in entity_ids if entity_id not in found]
    if missing:
        for some in _chunks(missing):
            uow.session.execute(select(Entity.id).where(Entity.id.in_(some)).order_by(Entity.id).with_for_update())
        found |= _find_incoming(uow, missing)
        made = [
            Register(id=new_id(), entity_id=entity_id, direction=Direction.INCOMING,
                     pattern=PATTERNS[Direction.INCOMING])
            for entity_id in missing if entity_id not in found
        ]  # fmt: skip
        uow.session.add_all(made)
        uow.flush()
        found |= {register.entity_id: register.id for register in made}
    return found


def _find_incoming(uow: UnitOfWork, entity_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    return {row.entity_id: row.id for some in _chunks(entity_ids) for row in uow.rows(_INCOMING, bodies=some)}


def _step_all(uow: UnitOfWork, steps: Mapping[UUID, int], year: int) -> dict[UUID, int]:
    """Advance the counters of some registers by so many and return their last numbers; closed years are left out.

    Missing years are begun; rows are locked in one order for all callers, so that two never wait for each other.
    """
    counters = _lock_years(uow, list(steps), year)
    missing = steps.keys() - counters.keys()
    if missing:
        for some in _chunks(sorted(missing)):
            uow.session.execute(
                select(Register.id).where(Register.id.in_(some)).order_by(Register.id).with_for_update()
            )
        counters |= _lock_years(uow, sorted(missing), year)
        begun = [RegisterYear(id=new_id(), register_id=each, year=year) for each in sorted(missing - counters.keys())]
        uow.session.add_all(begun)
        uow.flush()
        counters |= {each.register_id: _Counter(each.id, 0, is_open=True) for each in begun}
    numbers = {register_id: counter.last_number + steps[register_id]
               for register_id, counter in counters.items() if counter.is_open}  # fmt: skip
    stepped = [{"counter": counters[register_id].id, "last": number} for register_id, number in numbers.items()]
    if stepped:
        uow.session.connection().execute(_STEP, stepped)
    return numbers


def _lock_years(uow: UnitOfWork, register_ids: Sequence[UUID], year: int) -> dict[UUID, _Counter]:
    """Lock the counters of a year and return how they stand, by register, for those registers that have one."""
    return {
        row.register_id: _Counter(row.id, row.last_number, is_open=row.closed_at is None)
        for some in _chunks(register_ids) for row in uow.rows(_YEARS, registers=some, year=year)
    }  # fmt: skip


def _chunks(ids: Sequence[UUID], size: int = 500) -> Iterator[Sequence[UUID]]:
    return (ids[at : at + size] for at in range(0, len(ids), size))


def void_entry(uow: UnitOfWork, letter_id: UUID, *, reason: str, authority: UUID) -> RegisterEntry:
    """Mark an entry void; its number stays, with the reason and who decided."""
    entry = uow.session.scalars(select(RegisterEntry).where(RegisterEntry.letter_id == letter_id)).one_or_none()
    if entry is None:
        raise NotFound("registry.no-entry")
    if entry.void_at is not None:
        raise Conflict("registry.already-void")
    entry.void_at, entry.void_reason, entry.void_authority_id = uow.now, reason, authority
    return entry


def close_year(uow: UnitOfWork, register_id: UUID, year: int) -> RegisterYear:
    """Close a register's year: no number can be given in it any more."""
    uow.actor.require(CLOSE_YEAR)
    counter = _year(uow, register_id, year, create=False)
    if counter.closed_at is not None:
        raise Conflict("registry.year-closed", year=year)
    counter.closed_at = uow.now
    record(uow, "registry.year-closed", "register-year", counter.id, row=counter, year=year, last=counter.last_number)
    return counter


def _year(uow: UnitOfWork, register_id: UUID, year: int, *, create: bool = True) -> RegisterYear:
    wanted = select(RegisterYear).where(RegisterYear.register_id == register_id, RegisterYear.year == year)
    found = uow.session.scalars(wanted).one_or_none()
    if found is None:
        if not create:
            raise NotFound("registry.no-year", year=year)
        # The register's row is locked first, so that two beginners of a year do not both insert it.
        uow.session.execute(select(Register.id).where(Register.id == register_id).with_for_update(key_share=True))
        found = uow.session.scalars(wanted.execution_options(populate_existing=True)).one_or_none()
        if found is None:
            found = RegisterYear(register_id=register_id, year=year)
            uow.session.add(found)
            uow.flush()
    if found.closed_at is not None and create:
        raise Conflict("registry.year-closed", year=year)
    return found
