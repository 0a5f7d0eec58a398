"""Opening and keeping accounts: passwords, roles, disabling; an administrator only inside the own body."""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select, update

from edms.accounts import queries
from edms.accounts.models import Account, AppPassword, LoginSession
from edms.accounts.passwords import UNUSABLE, NewPassword
from edms.accounts.rules import (
    GRANTED_BY_ADMINISTRATORS,
    KEEP_ACCOUNTS,
    KEEP_ALL_ACCOUNTS,
    clean_login,
    password_problem,
    roles_of,
    stored_roles,
)
from edms.audit import service as audit
from edms.core.database import UnitOfWork
from edms.core.errors import Forbidden, Invalid, NotFound, Problem
from edms.entities import queries as entities
from edms.entities.models import Employee, Entity
from edms.entities.revoking import revoke_person
from edms.entities.rules import Role

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""When a password for one use was "changed": before its account was opened, so it must be changed first."""


def open_account(
    uow: UnitOfWork,
    employee_id: UUID,
    entity_id: UUID,
    login: str,
    password: NewPassword | None,
    roles: Iterable[str],
    *,
    one_time: bool = False,
) -> Account:
    """Open a person's account in a body. Without a password nobody can sign in; a ``one_time`` one must be changed.

    Raises Invalid ``accounts.bad-account`` with its problems; NotFound for another body's administrator.
    """
    _require_keeper(uow, entity_id)
    employee = uow.session.get(Employee, employee_id)
    if employee is None:
        raise NotFound("entities.unknown-employee", employee="—")
    name, kept, problems = _checked_account(uow, employee_id, login, roles)
    if problems or name is None:
        raise Invalid("accounts.bad-account", problems)
    if password is not None:
        _require_good(uow, password.text, name, employee, entity_id)
    account = Account(
        employee_id=employee_id, entity_id=entity_id, login=name, roles=kept,
        password_hash=password.hashed if password else UNUSABLE,
        created_at=uow.now, password_changed_at=NEVER if one_time else uow.now,
    )  # fmt: skip
    uow.session.add(account)
    uow.flush()
    audit.record(uow, "accounts.opened", "account", account.id, entity_id=entity_id, row=account, roles=kept)
    return account


def set_password(uow: UnitOfWork, account_id: UUID, password: NewPassword, *, one_time: bool = False) -> None:
    """Give an account a new password (prepared beforehand) as its keeper; all its sessions and mail passwords end."""
    account = kept_by_actor(uow, account_id)
    employee = uow.session.get_one(Employee, account.employee_id)
    _require_good(uow, password.text, account.login, employee, account.entity_id)
    account.password_hash = password.hashed
    account.password_changed_at = NEVER if one_time else uow.now
    end_sessions(uow, account.id)
    end_app_passwords(uow, account.id)
    uow.flush()
    audit.record(uow, "accounts.password-set", "account", account.id, entity_id=account.entity_id, row=account)


def set_roles(uow: UnitOfWork, account_id: UUID, roles: Iterable[str]) -> None:
    """Change an account's roles; they hold from its next request on. Nobody changes the own ones."""
    account = kept_by_actor(uow, account_id)
    kept, problems = checked_roles(uow, roles)
    if problems:
        raise Invalid("accounts.bad-account", problems)
    if kept == account.roles:
        return
    if account.employee_id == uow.actor.employee_id:
        raise Forbidden("accounts.own-roles")
    account.roles = kept
    uow.flush()
    audit.record(uow, "accounts.roles-set", "account", account.id, entity_id=account.entity_id, row=account, roles=kept)


def may_take_password(uow: UnitOfWork, new: str) -> Account:
    """Return the own account when it may take a password; raises Invalid ``accounts.bad-password``."""
    account = own_account(uow)
    employee = uow.session.get_one(Employee, account.employee_id)
    _require_good(uow, new, account.login, employee, account.entity_id)
    return account


def wrong_old_password() -> Invalid:
    """Return the refusal of a change whose old password is wrong."""
    return Invalid("accounts.bad-password", (Problem("old", "accounts.password-wrong"),))


def change_password(uow: UnitOfWork, proved: str, new: NewPassword) -> None:
    """Change the own password; every other session of the account ends.

    ``proved`` is the stored hash that the old password was found to fit before this unit of work (``entry``). Raises
    Invalid with the field at fault.
    """
    account = may_take_password(uow, new.text)
    if account.password_hash != proved:
        raise wrong_old_password()
    account.password_hash = new.hashed
    account.password_changed_at = uow.now
    end_sessions(uow, account.id, but=uow.actor.session_id)
    uow.flush()
    audit.record(uow, "accounts.password-changed", "account", account.id, row=account)


def disable_account(uow: UnitOfWork, account_id: UUID) -> None:
    """Close an account: its sessions end at once, nobody signs in to it, and the person's certificate is revoked."""
    account = kept_by_actor(uow, account_id)
    if account.employee_id == uow.actor.employee_id:
        raise Forbidden("accounts.not-yourself")
    account.active = False
    end_sessions(uow, account.id)
    revoke_person(uow, account.employee_id, entity_id=account.entity_id)
    uow.flush()
    audit.record(uow, "accounts.disabled", "account", account.id, entity_id=account.entity_id, row=account)


def enable_account(uow: UnitOfWork, account_id: UUID) -> None:
    """Let a disabled account sign in again."""
    account = kept_by_actor(uow, account_id)
    account.active = True
    uow.flush()
    audit.record(uow, "accounts.enabled", "account", account.id, entity_id=account.entity_id, row=account)


def own_account(uow: UnitOfWork) -> Account:
    """Return the actor's own account."""
    found = queries.account_of_employee(uow, uow.actor.employee_id) if uow.actor.employee_id else None
    if found is None:
        raise NotFound("accounts.unknown")
    return found


def must_change_password(account: Account) -> bool:
    """Say whether the password was given for one use and must be changed before anything else."""
    return account.password_changed_at < account.created_at


def _require_keeper(uow: UnitOfWork, entity_id: UUID) -> None:
    uow.actor.require(KEEP_ACCOUNTS)
    if not uow.actor.may(KEEP_ALL_ACCOUNTS) and uow.actor.entity_id != entity_id:
        raise NotFound("entities.unknown")


def kept_by_actor(uow: UnitOfWork, account_id: UUID) -> Account:
    """Return an account that the actor may change: an administrator's own staff, but no auditor and not the centre."""
    uow.actor.require(KEEP_ACCOUNTS)
    account = queries.kept_account(uow, account_id)
    if not uow.actor.may(KEEP_ALL_ACCOUNTS) and not roles_of(account.roles) <= GRANTED_BY_ADMINISTRATORS:
        raise Forbidden("accounts.role-not-yours")
    return account


def _checked_account(
    uow: UnitOfWork, employee_id: UUID, login: str, roles: Iterable[str]
) -> tuple[str | None, str, tuple[Problem, ...]]:
    kept, found = checked_roles(uow, roles)
    problems = list(found)
    name = clean_login(login)
    if name is None:
        problems.append(Problem("login", "accounts.bad-login", login=login or "—"))
    elif queries.account_by_login(uow, name):
        problems.append(Problem("login", "accounts.duplicate-login", login=name))
    if queries.account_of_employee(uow, employee_id):
        problems.append(Problem("login", "accounts.has-account"))
    return name, kept, tuple(problems)


def checked_roles(uow: UnitOfWork, roles: Iterable[str]) -> tuple[str, tuple[Problem, ...]]:
    """Return roles as they are stored, and what is wrong with granting them."""
    wanted = set(roles)
    if not wanted or not wanted <= set(Role):
        return "", (Problem("roles", "accounts.bad-roles", roles=sorted(wanted - set(Role)) or "—"),)
    if not uow.actor.may(KEEP_ALL_ACCOUNTS) and not wanted <= GRANTED_BY_ADMINISTRATORS:
        return "", (Problem("roles", "accounts.role-not-yours"),)
    return stored_roles(wanted), ()


def bad_password(password: str, login: str, person: str, entity: Entity) -> str | None:
    """Return the code of why a person of a body may not take a password, or None."""
    words = (login, *person.split(), *entity.name_ar.split(), *entity.name_en.split(), entity.mail_domain)
    return password_problem(password, known_words=words)


def _require_good(uow: UnitOfWork, password: str, login: str, employee: Employee, entity_id: UUID) -> None:
    problem = bad_password(password, login, employee.name, entities.entity(uow, entity_id))
    if problem:
        raise Invalid("accounts.bad-password", (Problem("password", problem),))


def end_sessions(uow: UnitOfWork, account_id: UUID, *, but: UUID | None = None) -> None:
    """End all sessions of an account, ``but`` one."""
    rows = uow.session.scalars(
        select(LoginSession).where(LoginSession.account_id == account_id, LoginSession.revoked_at.is_(None))
    )
    for session in rows:
        if session.id != but:
            session.revoked_at = uow.now


def end_app_passwords(uow: UnitOfWork, account_id: UUID) -> None:
    """End all mail passwords of an account."""
    living = AppPassword.account_id == account_id, AppPassword.revoked_at.is_(None)
    uow.session.execute(update(AppPassword).where(*living).values(revoked_at=uow.now))
