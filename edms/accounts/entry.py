"""Signing in step by step, each in a unit of work of its own: for the edges (pages, SMTP submission)."""

from edms.accounts import queries, service
from edms.accounts.rules import DEFAULT_LIMITS, Limits
from edms.core.actor import ANONYMOUS, Actor
from edms.core.database import Database
from edms.entities.models import Employee


def enter(
    database: Database, login: str, password: str, *, client: str, address: str, limits: Limits = DEFAULT_LIMITS
) -> str:
    """Sign in and return the new session's token; raises SignInRefused after its count and its event are stored.

    No lock is held and no transaction is open while the password is hashed.
    """
    with database.work(ANONYMOUS) as uow:
        attempt = service.begin_sign_in(uow, login, address=address, limits=limits)
    passed = service.check_password(attempt, password)
    with database.work(ANONYMOUS) as uow:
        found = service.finish_sign_in(uow, attempt, password, passed, client=client, limits=limits)
    if isinstance(found, service.SignInRefused):
        raise found
    return found[0]


def prove(
    database: Database, login: str, password: str, *, client: str, address: str, limits: Limits = DEFAULT_LIMITS
) -> Actor:
    """Check login and password without a session, for SMTP AUTH; raises SignInRefused like ``enter``."""
    with database.work(ANONYMOUS) as uow:
        attempt = service.begin_sign_in(uow, login, address=address, limits=limits)
    passed = service.check_password(attempt, password)
    with database.work(ANONYMOUS) as uow:
        account = None if attempt.refusal else service.confirm_sign_in(uow, attempt, password, passed)
        employee = uow.session.get_one(Employee, account.employee_id) if account else None
        actor = queries.actor_of(uow, account, employee, client=client) if account and employee else None
    if actor is None:
        raise attempt.refusal or service.SignInRefused("accounts.sign-in-refused")
    return actor
