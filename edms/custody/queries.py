"""Reads of reading keys and of reserved letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from edms.accounts import queries as accounts
from edms.core.database import UnitOfWork
from edms.core.errors import NotFound
from edms.custody.models import ReaderWrap, ReadingKey, Reservation
from edms.entities import queries as entities
from edms.letters.models import Letter
from edms.letters.rules import acl_of_letter, acl_of_reader


@dataclass(frozen=True, slots=True)
class Reader:
    """Who can open reserved letters with a key: a person of the body, or the officer of its escrow key."""

    key_id: UUID
    name: str
    code: str
    escrow: bool
    given_at: datetime | None = None
    wrap_id: UUID | None = None


def own_key(uow: UnitOfWork) -> ReadingKey | None:
    """Return the actor's reading key."""
    return key_of(uow, uow.actor.employee_id) if uow.actor.employee_id else None


def key_of(uow: UnitOfWork, employee_id: UUID) -> ReadingKey | None:
    """Return a person's reading key."""
    return uow.session.scalars(
        select(ReadingKey).where(ReadingKey.employee_id == employee_id, ReadingKey.ended_at.is_(None))
    ).one_or_none()


def escrow_key(uow: UnitOfWork, entity_id: UUID) -> ReadingKey | None:
    """Return a body's escrow key, if it has one."""
    return uow.session.scalars(
        select(ReadingKey).where(
            ReadingKey.entity_id == entity_id, ReadingKey.employee_id.is_(None), ReadingKey.ended_at.is_(None)
        )
    ).one_or_none()


def reservation(uow: UnitOfWork, letter_id: UUID) -> Reservation:
    """Return the reservation of a visible letter; raises NotFound ``custody.not-reserved``."""
    found = uow.session.scalars(select(Reservation).where(Reservation.letter_id == letter_id)).one_or_none()
    if found is None:
        raise NotFound("custody.not-reserved")
    return found


def own_wrap(uow: UnitOfWork, held: Reservation) -> tuple[ReaderWrap, ReadingKey] | None:
    """Return the newest wrap for a key of the actor's, also one that was replaced since."""
    row = uow.session.execute(
        select(ReaderWrap, ReadingKey)
        .join(ReadingKey, ReadingKey.id == ReaderWrap.reading_key_id)
        .where(ReaderWrap.reservation_id == held.id, ReadingKey.employee_id == uow.actor.employee_id)
        .order_by(ReaderWrap.id.desc())
        .limit(1)
    ).one_or_none()
    return (row[0], row[1]) if row is not None else None


def readers(uow: UnitOfWork, held: Reservation) -> list[Reader]:
    """Return who can open a reserved letter, the first named first."""
    rows = uow.session.execute(
        select(ReadingKey, ReaderWrap)
        .join(ReaderWrap, ReaderWrap.reading_key_id == ReadingKey.id)
        .where(ReaderWrap.reservation_id == held.id)
        .order_by(ReaderWrap.id)
    ).all()
    people = entities.employees_by_ids(uow, [key.employee_id for key, _ in rows if key.employee_id])
    return [
        Reader(
            key.id, people[key.employee_id].name if key.employee_id else key.name,
            people[key.employee_id].code if key.employee_id else "", key.employee_id is None, wrap.given_at, wrap.id,
        )
        for key, wrap in rows
    ]  # fmt: skip


def sealed_for(uow: UnitOfWork, key: ReadingKey) -> int:
    """Count the letters that are sealed for a key."""
    query = select(func.count()).select_from(ReaderWrap).where(ReaderWrap.reading_key_id == key.id)
    return uow.session.scalar(query) or 0


def candidates(uow: UnitOfWork, letter: Letter) -> list[Reader]:
    """Return those of the body who have a reading key and may read the letter, in order of their codes."""
    keys = uow.session.scalars(
        select(ReadingKey).where(
            ReadingKey.entity_id == letter.entity_id, ReadingKey.employee_id.is_not(None), ReadingKey.ended_at.is_(None)
        )
    ).all()
    people = entities.employees_by_ids(uow, [key.employee_id for key in keys if key.employee_id])
    allowed = set(acl_of_letter(letter.sensitivity, letter.author_id, letter.signer_post_id))
    found = []
    for key in keys:
        person = people[key.employee_id] if key.employee_id else None
        account = accounts.account_of_employee(uow, person.id) if person else None
        if person is None or account is None or not account.active or account.entity_id != letter.entity_id:
            continue
        if allowed.isdisjoint(acl_of_reader(accounts.actor_of(uow, account, person))):
            continue
        found.append(Reader(key.id, person.name, person.code, escrow=False))
    return sorted(found, key=lambda each: each.code)


def keys_by_ids(uow: UnitOfWork, ids: Sequence[UUID]) -> list[ReadingKey]:
    """Return some reading keys."""
    return list(uow.session.scalars(select(ReadingKey).where(ReadingKey.id.in_(ids)).order_by(ReadingKey.id)))
