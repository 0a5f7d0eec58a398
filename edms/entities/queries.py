"""Reads of the register of bodies and of staff."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, or_, select

from edms.core.database import UnitOfWork
from edms.core.errors import NotFound
from edms.entities.models import Assignment, Employee, Entity, EntitySeal, Installation, Post, Unit
from edms.entities.rules import DIWAN

_RULES = select(Entity.id, Entity.code, Entity.registers_by_rule, Entity.registers_untyped).where(
    Entity.id.in_(bindparam("ids", expanding=True))
)


@dataclass(frozen=True, slots=True)
class RegisteringRules:
    """What a body (its inner key and code) registers at once: packages under a good seal, ordinary mail."""

    id: UUID
    code: str
    registers_by_rule: bool
    registers_untyped: bool


def home(uow: UnitOfWork) -> Installation:
    """Return this installation; NotFound before ``diwan init``."""
    found = uow.session.scalars(select(Installation).where(Installation.is_home)).one_or_none()
    if found is None:
        raise NotFound("entities.not-initialised")
    return found


def entity(uow: UnitOfWork, entity_id: UUID) -> Entity:
    """Return a body by its inner key."""
    found = uow.session.get(Entity, entity_id)
    if found is None:
        raise NotFound("entities.unknown")
    return found


def entity_by_code(uow: UnitOfWork, code: str) -> Entity:
    """Return a body by its 8-digit code; NotFound ``entities.unknown-code``."""
    found = uow.session.scalars(select(Entity).where(Entity.code == code)).one_or_none()
    if found is None:
        raise NotFound("entities.unknown-code", entity=code)
    return found


def entity_by_domain(uow: UnitOfWork, domain: str) -> Entity | None:
    """Return the body of a mail domain (ASCII form, lower case), valid or not."""
    return uow.session.scalars(select(Entity).where(Entity.mail_domain == domain)).one_or_none()


def entities_by_ids(uow: UnitOfWork, ids: Iterable[UUID | None]) -> dict[UUID, Entity]:
    """Return bodies by inner key, for lists (in chunks, as a circular has hundreds)."""
    wanted = [each for each in dict.fromkeys(ids) if each is not None]
    found: dict[UUID, Entity] = {}
    for at in range(0, len(wanted), 500):
        rows = uow.session.scalars(select(Entity).where(Entity.id.in_(wanted[at : at + 500])))
        found.update((row.id, row) for row in rows)
    return found


def rules_of(uow: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, RegisteringRules]:
    """Return by which rules bodies register what arrives, for the gateway, which asks it of every message."""
    wanted = list(dict.fromkeys(ids))
    return {
        row.id: RegisteringRules(row.id, row.code, row.registers_by_rule, row.registers_untyped)
        for at in range(0, len(wanted), 500) for row in uow.rows(_RULES, ids=wanted[at : at + 500])
    }  # fmt: skip


def all_entities(uow: UnitOfWork, *, home_only: bool = False) -> list[Entity]:
    """Return all bodies in order of code (thousands at most: the register of a state)."""
    query = select(Entity).order_by(Entity.code)
    if home_only:
        query = query.join(Installation).where(Installation.is_home)
    return list(uow.session.scalars(query))


def seal_of(uow: UnitOfWork, entity_id: UUID) -> EntitySeal | None:
    """Return a body's seal that is valid now and was made here (its key is in the key store)."""
    return uow.session.scalars(
        select(EntitySeal)
        .where(
            EntitySeal.entity_id == entity_id,
            EntitySeal.valid_to > uow.now,
            EntitySeal.revoked_at.is_(None),
            EntitySeal.key_name.is_not(None),
        )
        .order_by(EntitySeal.valid_from.desc())
    ).first()


def employee_by_code(uow: UnitOfWork, code: str) -> Employee:
    """Return a person by the 10-digit code."""
    found = uow.session.scalars(select(Employee).where(Employee.code == code)).one_or_none()
    if found is None:
        raise NotFound("entities.unknown-employee", employee=code)
    return found


def employees_by_ids(uow: UnitOfWork, ids: Iterable[UUID | None]) -> dict[UUID, Employee]:
    """Return people by inner key, for lists (in chunks)."""
    wanted = [each for each in dict.fromkeys(ids) if each is not None]
    found: dict[UUID, Employee] = {}
    for at in range(0, len(wanted), 500):
        rows = uow.session.scalars(select(Employee).where(Employee.id.in_(wanted[at : at + 500])))
        found.update((row.id, row) for row in rows)
    return found


def holds(day: date) -> ColumnElement[bool]:
    """Condition: an assignment is in force on ``day``."""
    return (Assignment.valid_from <= day) & or_(Assignment.valid_to.is_(None), Assignment.valid_to >= day)


def posts_held(uow: UnitOfWork, employee_id: UUID, entity_id: UUID, day: date) -> list[Post]:
    """Return the posts that a person holds in a body on ``day``."""
    return list(
        uow.session.scalars(
            select(Post)
            .join(Assignment, Assignment.post_id == Post.id)
            .where(Assignment.employee_id == employee_id, Post.entity_id == entity_id, holds(day))
            .order_by(Post.id)
        )
    )


def post(uow: UnitOfWork, post_id: UUID) -> Post:
    """Return a post by its inner key."""
    found = uow.session.get(Post, post_id)
    if found is None:
        raise NotFound("entities.unknown-post")
    return found


def holders(uow: UnitOfWork, post_id: UUID, day: date) -> list[Employee]:
    """Return who holds a post on ``day``."""
    return list(
        uow.session.scalars(
            select(Employee)
            .join(Assignment, Assignment.employee_id == Employee.id)
            .where(Assignment.post_id == post_id, holds(day))
        )
    )


def signing_posts(uow: UnitOfWork, entity_id: UUID) -> list[Post]:
    """Return a body's posts that may sign letters."""
    return list(
        uow.session.scalars(
            select(Post).where(Post.entity_id == entity_id, Post.may_sign, Post.valid_to.is_(None)).order_by(Post.id)
        )
    )


def staff_of(uow: UnitOfWork, entity_id: UUID, day: date) -> list[tuple[Employee, Post, Unit]]:
    """Return a body's people with their posts and units, in force on ``day``."""
    rows = uow.session.execute(
        select(Employee, Post, Unit)
        .join(Assignment, Assignment.employee_id == Employee.id)
        .join(Post, Post.id == Assignment.post_id)
        .join(Unit, Unit.id == Post.unit_id)
        .where(Assignment.entity_id == entity_id, holds(day))
        .order_by(Employee.id)
    )
    return [(employee, post, unit) for employee, post, unit in rows]


def count_entities(uow: UnitOfWork) -> int:
    """Return how many bodies are registered."""
    return uow.session.scalar(select(func.count()).select_from(Entity)) or 0


def assignments_of(uow: UnitOfWork, employee_id: UUID, day: date) -> list[Assignment]:
    """Return a person's assignments in force on ``day``, in every body."""
    return list(uow.session.scalars(select(Assignment).where(Assignment.employee_id == employee_id, holds(day))))


def units_of(uow: UnitOfWork, entity_id: UUID) -> list[Unit]:
    """Return a body's units in order of code."""
    return list(uow.session.scalars(select(Unit).where(Unit.entity_id == entity_id).order_by(Unit.code)))


def posts_of(uow: UnitOfWork, entity_id: UUID) -> list[Post]:
    """Return a body's posts in the order they were made."""
    return list(uow.session.scalars(select(Post).where(Post.entity_id == entity_id).order_by(Post.id)))


def authorities(uow: UnitOfWork) -> list[Installation]:
    """Return the installations whose authority certifies seals and people, this one first; servers have none."""
    return [one for one in installations(uow) if one.kind == DIWAN]


def installations(uow: UnitOfWork) -> list[Installation]:
    """Return this installation, its peers and the servers that bodies run themselves, this one first."""
    return list(uow.session.scalars(select(Installation).order_by(Installation.is_home.desc(), Installation.name)))
