"""Reads of the log for auditors: every one goes through ``of_reader``, so that other bodies' events do not exist."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true

from edms.accounts.models import Account
from edms.audit.models import Checkpoint, Event
from edms.codes.models import IssuedCopy
from edms.core.actor import Actor
from edms.core.database import UnitOfWork
from edms.core.errors import NotFound
from edms.entities.models import Assignment, Entity, Post
from edms.letters.models import Letter
from edms.oversight.rules import MOST_LOOKED_AT, PREFIXES, READING, REFUSALS, SEE_LOG, Kind, Place, Search, sees_all
from edms.registry.models import Register, RegisterEntry, RegisterYear

_CHUNK = 500
_FEW = 500


def of_reader(actor: Actor) -> ColumnElement[bool]:
    """Return the condition under which an event is an auditor's to see: it happened in the own body, or he sees all."""
    if not actor.may(SEE_LOG):
        return false()
    if sees_all(actor):
        return true()
    return Event.entity_id == actor.entity_id if actor.entity_id is not None else false()


def letter_of_reader(actor: Actor) -> ColumnElement[bool]:
    """Return the condition under which an auditor sees a letter's life (its words need ``letters.visible``)."""
    if not actor.may(SEE_LOG):
        return false()
    if "system:operator" in actor.roles:
        return true()
    cleared = Letter.sensitivity <= actor.clearance
    if sees_all(actor):
        return cleared
    return and_(Letter.entity_id == actor.entity_id, cleared) if actor.entity_id is not None else false()


def search(
    uow: UnitOfWork, wanted: Search, *, after: Place | None = None, limit: int, oldest_first: bool = False
) -> tuple[Sequence[Event], Place | None]:
    """Return entries, newest first if not said otherwise, and where to go on, None at the end.

    It reads the one index that fits best and 20,000 of its entries at most: a page may hold fewer than ``limit`` (even
    none) while there is a place to go on from.
    """
    for most in (min(_FEW, MOST_LOOKED_AT), MOST_LOOKED_AT):  # mostly the newest few already fill the page
        looked = (
            select(Event.seq, Event.at)
            .where(_driver(uow, wanted), *_time(uow, wanted, after, oldest_first=oldest_first))
            .order_by(*_order(Event.at, Event.seq, oldest_first=oldest_first))
            .limit(most)
            .subquery()
        )
        found = uow.session.scalars(
            select(Event)
            .join(looked, looked.c.seq == Event.seq)
            .where(of_reader(uow.actor), *_filters(wanted))
            .order_by(*_order(looked.c.at, looked.c.seq, oldest_first=oldest_first))
            .limit(limit + 1)
        ).all()
        if len(found) > limit:
            return found[:limit], Place(found[limit - 1].at, found[limit - 1].seq)
    if (uow.session.scalar(select(func.count()).select_from(looked)) or 0) < MOST_LOOKED_AT:
        return found, None
    ends = _order(looked.c.at, looked.c.seq, oldest_first=not oldest_first)
    at, seq = uow.session.execute(select(looked.c.at, looked.c.seq).order_by(*ends).limit(1)).one()
    return found, Place(at, seq)


def _order(at: Any, seq: Any, *, oldest_first: bool) -> tuple[Any, Any]:
    return (at, seq) if oldest_first else (at.desc(), seq.desc())


def _driver(uow: UnitOfWork, wanted: Search) -> ColumnElement[bool]:
    """Return the condition on the one indexed column that leaves the fewest entries."""
    if wanted.letter_ids:
        return Event.object_id.in_(wanted.letter_ids)
    if wanted.employee_id is not None:
        return Event.employee_id == wanted.employee_id
    if wanted.entity_id is not None:
        return Event.entity_id == wanted.entity_id
    return of_reader(uow.actor)


def _time(uow: UnitOfWork, wanted: Search, after: Place | None, *, oldest_first: bool) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.day_from is not None:
        found.append(Event.at >= uow.hours_of(wanted.day_from)[0])
    if wanted.day_to is not None:
        found.append(Event.at < uow.hours_of(wanted.day_to)[1])
    if after is not None and oldest_first:
        found += [Event.at >= after.at, or_(Event.at > after.at, Event.seq > after.seq)]
    elif after is not None:
        found += [Event.at <= after.at, or_(Event.at < after.at, Event.seq < after.seq)]
    return found


def _filters(wanted: Search) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.letter_ids:
        found.append(Event.object_id.in_(wanted.letter_ids))
    if wanted.employee_id is not None:
        found.append(Event.employee_id == wanted.employee_id)
    if wanted.entity_id is not None:
        found.append(Event.entity_id == wanted.entity_id)
    if wanted.act:
        found.append(Event.act == wanted.act)
    if wanted.kind is Kind.READING:
        found.append(Event.act.in_(READING))
    elif wanted.kind is Kind.REFUSED:
        found.append(Event.act.in_(REFUSALS))
    elif wanted.kind is not None:
        found.append(or_(*(Event.act.startswith(prefix, autoescape=True) for prefix in PREFIXES[wanted.kind])))
    return found


def entry(uow: UnitOfWork, seq: int) -> Event:
    """Return one entry of the log; NotFound whether it is missing or another body's."""
    found = uow.session.scalars(select(Event).where(Event.seq == seq, of_reader(uow.actor))).one_or_none()
    if found is None:
        raise NotFound("oversight.unknown-entry", seq=seq)
    return found


def checkpoint_over(uow: UnitOfWork, seq: int) -> Checkpoint | None:
    """Return the first checkpoint that covers an entry."""
    return uow.session.scalars(
        select(Checkpoint).where(Checkpoint.size >= seq).order_by(Checkpoint.size).limit(1)
    ).first()


def letter(uow: UnitOfWork, letter_id: UUID) -> Letter:
    """Return a letter whose life the auditor may see; NotFound otherwise."""
    found = uow.session.scalars(select(Letter).where(Letter.id == letter_id, letter_of_reader(uow.actor))).one_or_none()
    if found is None:
        raise NotFound("letters.not-found")
    return found


def letters_by_code(uow: UnitOfWork, document_code: str) -> Sequence[Letter]:
    """Return the rows of a letter that the auditor may see: the sender's and the receivers', as each body holds it."""
    query = select(Letter).where(Letter.document_code == document_code, letter_of_reader(uow.actor))
    return uow.session.scalars(query.order_by(Letter.direction.desc(), Letter.id).limit(_CHUNK)).all()


def letters_by_number(uow: UnitOfWork, entity_id: UUID, year: int, number: int) -> Iterable[UUID]:
    """Return the letters under a number of a year in the registers of a body that the auditor may see."""
    registers = select(Register.id).where(Register.entity_id == entity_id)
    held = uow.session.scalars(
        select(RegisterEntry.letter_id).where(
            RegisterEntry.register_id.in_(registers), RegisterEntry.year == year, RegisterEntry.number == number
        )
    ).all()
    return letters_by_ids(uow, held)


def letters_by_ids(uow: UnitOfWork, ids: Iterable[UUID]) -> dict[UUID, Letter]:
    """Return those of some letters that the auditor may see."""
    query = select(Letter).where(Letter.id.in_(set(ids)), letter_of_reader(uow.actor))
    return {row.id: row for row in uow.session.scalars(query)}


def copy_by_code(uow: UnitOfWork, code: str) -> IssuedCopy | None:
    """Return an issued copy by its 14 digits, of the own body where the auditor does not see all."""
    return uow.session.scalars(_copies(uow.actor).where(IssuedCopy.code == code)).one_or_none()


def copies_of(uow: UnitOfWork, letter_id: UUID, *, limit: int, offset: int = 0) -> Sequence[IssuedCopy]:
    """Return the copies of a letter in the order of their issue."""
    query = _copies(uow.actor).where(IssuedCopy.letter_id == letter_id)
    return uow.session.scalars(query.order_by(IssuedCopy.issued_at, IssuedCopy.id).limit(limit).offset(offset)).all()


def count_copies(uow: UnitOfWork, letter_id: UUID) -> int:
    """Return how many coded copies of a letter were issued."""
    inner = _copies(uow.actor).where(IssuedCopy.letter_id == letter_id).subquery()
    return uow.session.scalar(select(func.count()).select_from(inner)) or 0


def _copies(actor: Actor) -> Select[IssuedCopy]:
    if not actor.may(SEE_LOG) or (actor.entity_id is None and not sees_all(actor)):
        return select(IssuedCopy).where(false())
    return select(IssuedCopy).where(true() if sees_all(actor) else IssuedCopy.entity_id == actor.entity_id)


def acts_on(uow: UnitOfWork, object_id: UUID) -> Sequence[Event]:
    """Return the entries about an object that are not of reading, the oldest first: they say how its rows stand.

    They are for comparing rows, not for showing: the caller has found the object as one that the auditor may see.
    """
    query = select(Event).where(Event.object_id == object_id, Event.act.not_in(READING))
    return uow.session.scalars(query.order_by(Event.seq)).all()


def register_years(uow: UnitOfWork, *, entity_id: UUID | None) -> Sequence[tuple[RegisterYear, Register, Entity]]:
    """Return the years of the registers of a body (None: of all that the auditor sees), the newest first."""
    query = (
        select(RegisterYear, Register, Entity)
        .join(Register, Register.id == RegisterYear.register_id)
        .join(Entity, Entity.id == Register.entity_id)
        .where(_register_of_reader(uow.actor))
        .order_by(RegisterYear.year.desc(), Entity.code, Register.direction)
        .limit(_CHUNK)
    )
    query = query.where(Register.entity_id == entity_id) if entity_id is not None else query
    return [(year, register, body) for year, register, body in uow.session.execute(query)]


def register_year(uow: UnitOfWork, year_id: UUID) -> tuple[RegisterYear, Register, Entity]:
    """Return one year of a register; NotFound whether it is missing or another body's."""
    row = uow.session.execute(
        select(RegisterYear, Register, Entity)
        .join(Register, Register.id == RegisterYear.register_id)
        .join(Entity, Entity.id == Register.entity_id)
        .where(RegisterYear.id == year_id, _register_of_reader(uow.actor))
    ).one_or_none()
    if row is None:
        raise NotFound("oversight.unknown-register")
    return row[0], row[1], row[2]


def _register_of_reader(actor: Actor) -> ColumnElement[bool]:
    if not actor.may(SEE_LOG):
        return false()
    if sees_all(actor):
        return true()
    return Register.entity_id == actor.entity_id if actor.entity_id is not None else false()


def numbers_of(uow: UnitOfWork, register_id: UUID, year: int) -> tuple[int, int, int]:
    """Return how many entries a year of a register has, the first number and the last; zeros without any."""
    wanted = RegisterEntry.register_id == register_id, RegisterEntry.year == year
    row = uow.session.execute(
        select(func.count(), func.min(RegisterEntry.number), func.max(RegisterEntry.number)).where(*wanted)
    ).one()
    return row[0], row[1] or 0, row[2] or 0


def gaps_in(uow: UnitOfWork, register_id: UUID, year: int, *, limit: int) -> list[tuple[int, int]]:
    """Return the runs of numbers (first, last) that are missing between two entries of a year of a register."""
    before = func.lag(RegisterEntry.number, 1, 0).over(order_by=RegisterEntry.number).label("before")
    pairs = select(RegisterEntry.number, before).where(
        RegisterEntry.register_id == register_id, RegisterEntry.year == year
    ).subquery()  # fmt: skip
    rows = uow.session.execute(
        select(pairs.c.before, pairs.c.number).where(pairs.c.number > pairs.c.before + 1)
        .order_by(pairs.c.number).limit(limit)
    )  # fmt: skip
    return [(before + 1, number - 1) for before, number in rows]


def void_entries(uow: UnitOfWork, register_id: UUID, year: int, *, limit: int) -> Sequence[RegisterEntry]:
    """Return the cancelled numbers of a year of a register in their order."""
    return uow.session.scalars(
        select(RegisterEntry)
        .where(
            RegisterEntry.register_id == register_id, RegisterEntry.year == year, RegisterEntry.void_at.is_not(None)
        )
        .order_by(RegisterEntry.number).limit(limit)
    ).all()  # fmt: skip


def works_here(uow: UnitOfWork, employee_id: UUID) -> bool:
    """Say whether a person holds or held a post in a body that the auditor sees."""
    if sees_all(uow.actor):
        return True
    query = select(Assignment.id).where(
        Assignment.employee_id == employee_id, Assignment.entity_id == uow.actor.entity_id
    )
    return uow.session.scalars(query.limit(1)).first() is not None


def reading_between(
    uow: UnitOfWork, begin: datetime, end: datetime, *, limit: int
) -> Sequence[tuple[datetime, UUID, str, UUID | None, str]]:
    """Return acts of reading with time, person, kind and key of the object, and act, in order of time."""
    rows = uow.session.execute(
        select(Event.at, Event.employee_id, Event.object_type, Event.object_id, Event.act)
        .where(
            of_reader(uow.actor), Event.at >= begin, Event.at < end, Event.act.in_(READING),
            Event.employee_id.is_not(None),
        )
        .order_by(Event.at, Event.seq)
        .limit(limit)
    )  # fmt: skip
    return [(at, person, kind, about, act) for at, person, kind, about, act in rows if person is not None]


def units_held(uow: UnitOfWork, people: Iterable[UUID], day: date) -> dict[UUID, frozenset[UUID]]:
    """Return the units in which people held a post on a day."""
    found: dict[UUID, set[UUID]] = {}
    for some in _chunks(people):
        rows = uow.session.execute(
            select(Assignment.employee_id, Post.unit_id)
            .join(Post, Post.id == Assignment.post_id)
            .where(
                Assignment.employee_id.in_(some), Assignment.valid_from <= day,
                or_(Assignment.valid_to.is_(None), Assignment.valid_to >= day),
            )
        )  # fmt: skip
        for person, unit in rows:
            found.setdefault(person, set()).add(unit)
    return {person: frozenset(units) for person, units in found.items()}


def units_of_letters(uow: UnitOfWork, ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return the unit of each letter that has one: the one it was assigned to, else that of its author's post."""
    found: dict[UUID, UUID] = {}
    for some in _chunks(ids):
        for key, unit, post_unit in uow.session.execute(
            select(Letter.id, Letter.unit_id, Post.unit_id)
            .outerjoin(Post, Post.id == Letter.signer_post_id)
            .where(Letter.id.in_(some))
        ):
            its = unit if unit is not None else post_unit
            if its is not None:
                found[key] = its
    return found


def owners(uow: UnitOfWork, account_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return the person of each account."""
    found: dict[UUID, UUID] = {}
    for some in _chunks(account_ids):
        rows = uow.session.execute(select(Account.id, Account.employee_id).where(Account.id.in_(some)))
        found.update((key, person) for key, person in rows)
    return found


def _chunks(ids: Iterable[UUID]) -> Iterable[list[UUID]]:
    every = list(set(ids))
    return (every[at : at + _CHUNK] for at in range(0, len(every), _CHUNK))
