"""Reads of accounts and sessions."""

import hashlib
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_, select

from edms.accounts.models import Account, Delegation, LoginSession
from edms.accounts.rules import DEPUTY, KEEP_ALL_ACCOUNTS, Limits, clean_login, roles_of
from edms.core.actor import Actor, Deputyship
from edms.core.database import UnitOfWork
from edms.core.errors import NotFound
from edms.entities import queries as entities
from edms.entities.models import Assignment, Employee, Post


def token_hash(token: str) -> bytes:
    """Return what is stored of a session's token: its SHA-256."""
    return hashlib.sha256(token.encode()).digest()


def account_by_login(uow: UnitOfWork, login: str) -> Account | None:
    """Return the account of a login name, active or not."""
    name = clean_login(login)
    if name is None:
        return None
    return uow.session.scalars(select(Account).where(Account.login == name)).one_or_none()


def is_login_of(uow: UnitOfWork, login: str, entity_id: UUID) -> bool:
    """Tell whether an active account of a body has this login."""
    query = select(exists().where(Account.login == clean_login(login), Account.entity_id == entity_id, Account.active))
    return bool(uow.session.scalar(query))


def account_of_employee(uow: UnitOfWork, employee_id: UUID) -> Account | None:
    """Return a person's account, active or not."""
    return uow.session.scalars(select(Account).where(Account.employee_id == employee_id)).one_or_none()


def accounts_of(uow: UnitOfWork, entity_id: UUID) -> list[Account]:
    """Return a body's accounts in order of login."""
    return list(uow.session.scalars(select(Account).where(Account.entity_id == entity_id).order_by(Account.login)))


def kept_account(uow: UnitOfWork, account_id: UUID) -> Account:
    """Return an account that the actor may see: of the own body, or any for the centre; NotFound otherwise."""
    found = uow.session.get(Account, account_id)
    if found is None or (not uow.actor.may(KEEP_ALL_ACCOUNTS) and found.entity_id != uow.actor.entity_id):
        raise NotFound("accounts.unknown")
    return found


def live_session(uow: UnitOfWork, token: str, limits: Limits) -> tuple[LoginSession, Account, Employee] | None:
    """Return the session of a token with its account and person, when it is neither ended, idle nor too old.

    A session that still waits for its second factor is none.
    """
    found = _session(uow, token, limits)
    return found if found is not None and not found[0].pending else None


def pending_session(uow: UnitOfWork, token: str, limits: Limits) -> tuple[LoginSession, Account, Employee] | None:
    """Return the session of a token whose second factor is still asked for."""
    found = _session(uow, token, limits)
    return found if found is not None and found[0].pending else None


def _session(uow: UnitOfWork, token: str, limits: Limits) -> tuple[LoginSession, Account, Employee] | None:
    row = uow.session.execute(
        select(LoginSession, Account, Employee)
        .join(Account, Account.id == LoginSession.account_id)
        .join(Employee, Employee.id == Account.employee_id)
        .where(LoginSession.token_hash == token_hash(token), LoginSession.revoked_at.is_(None), Account.active)
    ).one_or_none()
    if row is None:
        return None
    session, account, employee = row
    fresh = session.expires_at > uow.now and session.last_seen_at + limits.idle > uow.now
    return (session, account, employee) if fresh else None


def sessions_of(uow: UnitOfWork, account_id: UUID, limits: Limits) -> Sequence[LoginSession]:
    """Return an account's sessions that still live, newest first."""
    return uow.session.scalars(
        select(LoginSession)
        .where(
            LoginSession.account_id == account_id, LoginSession.revoked_at.is_(None), ~LoginSession.pending,
            LoginSession.expires_at > uow.now, LoginSession.last_seen_at > uow.now - limits.idle,
        )
        .order_by(LoginSession.created_at.desc(), LoginSession.id.desc())
    ).all()  # fmt: skip


def actor_of(
    uow: UnitOfWork, account: Account, employee: Employee, *, session: LoginSession | None = None, client: str = ""
) -> Actor:
    """Return who an account acts as today: roles, the posts held in its body with their units, and deputyships.

    The actor's ``name`` is the employee code: it is written into events, which hold no person's name. Whoever acts for
    another carries the role ``deputy`` as long as that lasts.
    """
    held = uow.session.execute(
        select(Post.id, Post.unit_id)
        .join(Assignment, Assignment.post_id == Post.id)
        .where(
            Assignment.employee_id == employee.id, Post.entity_id == account.entity_id,
            entities.holds(uow.today),
        )
    ).all()  # fmt: skip
    deputyships = deputyships_of(uow, employee, account.entity_id)
    roles: frozenset[str] = frozenset(roles_of(account.roles))
    return Actor(
        name=employee.code, roles=roles | {DEPUTY} if deputyships else roles, employee_id=employee.id,
        employee_code=employee.code, entity_id=account.entity_id, clearance=employee.clearance,
        post_ids=frozenset(post for post, _ in held), unit_ids=frozenset(unit for _, unit in held),
        session_id=session.id if session else None, client=session.client if session else client,
        stepped_up_at=session.stepped_up_at if session else None,
        stepped_up_by=session.stepped_up_by if session else "", deputyships=deputyships,
    )  # fmt: skip


def deputyships_of(uow: UnitOfWork, employee: Employee, entity_id: UUID) -> tuple[Deputyship, ...]:
    """Return for whom a person signs in a body today: delegated, not revoked, and the holder still holds the post.

    Nobody signs above the own clearance, whatever was delegated.
    """
    rows = uow.session.execute(
        select(Delegation, Employee.code)
        .join(Employee, Employee.id == Delegation.holder_id)
        .join(Post, Post.id == Delegation.post_id)
        .join(
            Assignment,
            (Assignment.post_id == Delegation.post_id) & (Assignment.employee_id == Delegation.holder_id),
        )
        .where(
            Delegation.deputy_id == employee.id, Delegation.entity_id == entity_id, Post.entity_id == entity_id,
            in_force(uow.today), entities.holds(uow.today), Post.may_sign,
        )
        .order_by(Delegation.id)
    ).all()  # fmt: skip
    return tuple(
        Deputyship(
            row.post_id, row.holder_id, code, min(row.max_sensitivity, employee.clearance),
            frozenset(row.kinds.split()),
        )
        for row, code in rows
    )  # fmt: skip


def in_force(day: date) -> ColumnElement[bool]:
    """Condition: a delegation holds on ``day``."""
    return and_(Delegation.valid_from <= day, Delegation.valid_to >= day, Delegation.revoked_at.is_(None))


def delegations(
    uow: UnitOfWork, entity_id: UUID, *, concerning: UUID | None = None, limit: int = 200
) -> Sequence[Delegation]:
    """Return a body's delegations, the newest first; ``concerning`` one person as holder or deputy."""
    query = select(Delegation).where(Delegation.entity_id == entity_id)
    if concerning is not None:
        query = query.where(or_(Delegation.holder_id == concerning, Delegation.deputy_id == concerning))
    return uow.session.scalars(query.order_by(Delegation.id.desc()).limit(limit)).all()
