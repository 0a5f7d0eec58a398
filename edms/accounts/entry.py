"""Whatever compares or hashes passwords, step by step in units of work of its own: no transaction waits for a hash."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from edms.accounts import app_passwords, queries, service
from edms.accounts.models import Account
from edms.accounts.passwords import fits, prepare
from edms.accounts.rules import DEFAULT_LIMITS, LONGEST_PASSWORD, Limits, roles_of
from edms.core.actor import ANONYMOUS, Actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Invalid, Problem
from edms.entities import queries as entities
from edms.entities.csv_import import Row
from edms.entities.keyring import Keyring
from edms.entities.rules import Role


def enter(
    database: Database, login: str, password: str, *, client: str, address: str, limits: Limits = DEFAULT_LIMITS
) -> str:
    """Sign in and return the new session's token; raises SignInRefused after its count and its event are stored."""
    with database.work(ANONYMOUS) as uow:
        attempt = service.begin_sign_in(uow, login, address=address, limits=limits)
    proof = service.check_password(attempt, password)
    with database.work(ANONYMOUS) as uow:
        found = service.finish_sign_in(uow, attempt, proof, client=client, limits=limits)
    if isinstance(found, service.SignInRefused):
        raise found
    return found[0]


def awaits_code(database: Database, token: str, limits: Limits = DEFAULT_LIMITS) -> bool:
    """Say whether a session still waits for its second factor."""
    with database.read(ANONYMOUS) as uow:
        return queries.pending_session(uow, token, limits) is not None


def enter_code(database: Database, token: str, typed: str, limits: Limits = DEFAULT_LIMITS) -> str | None:
    """Complete a session with a code of the app or a recovery code; return its new token, None when it has ended.

    Raises StepUpRefused after the count and the event are stored.
    """
    with database.work(ANONYMOUS) as uow:
        found = service.finish_with_code(uow, token, typed, limits=limits)
    if isinstance(found, service.StepUpRefused):
        raise found
    return found


@dataclass(frozen=True, slots=True)
class MailUser:
    """Whom a mail client proved to be; ``registry`` says that the person keeps the body's registry."""

    account_id: UUID
    employee_id: UUID
    entity_id: UUID
    entity_domain: str
    login: str
    registry: bool
    app_password_id: UUID | None = None


def prove(database: Database, login: str, password: str, *, address: str, limits: Limits = DEFAULT_LIMITS) -> MailUser:
    """Check login and password of a mail client, without a session; raises SignInRefused like ``enter``.

    A mail password always fits; the person's own one only as long as the account has no authenticator app.
    """
    with database.work(ANONYMOUS) as uow:
        attempt = service.begin_sign_in(uow, login, address=address, limits=limits)
        recognised = app_passwords.recognise(uow, attempt, password)
    attempt, known = recognised.attempt, recognised.app_password_id is not None
    proof = service.FAILED if known else service.check_password(attempt, password)
    with database.work(ANONYMOUS) as uow:
        user = None
        if not attempt.refusal:
            account = (
                app_passwords.confirm_app_password(uow, recognised)
                if known
                else service.confirm_sign_in(uow, attempt, proof)
            )
            user = _mail_user(uow, account, recognised.app_password_id) if account else None
    if user is None:
        raise attempt.refusal or service.SignInRefused("accounts.sign-in-refused")
    return user


def _mail_user(uow: UnitOfWork, account: Account, app_password_id: UUID | None) -> MailUser:
    return MailUser(
        account.id, account.employee_id, account.entity_id, entities.entity(uow, account.entity_id).mail_domain,
        account.login, Role.REGISTRY in roles_of(account.roles), app_password_id,
    )  # fmt: skip


def change_password(database: Database, actor: Actor, old: str, new: str) -> None:
    """Change the actor's own password; the other sessions end. Raises Invalid with the field at fault."""
    with database.read(actor) as uow:
        stored = service.own_account(uow).password_hash
    if not fits(old[: LONGEST_PASSWORD + 1], stored):
        raise service.wrong_old_password()
    if old == new:
        raise Invalid("accounts.bad-password", (Problem("password", "accounts.password-same"),))
    with database.read(actor) as uow:
        service.may_take_password(uow, new)
    prepared = prepare(new)
    with database.work(actor) as uow:
        service.change_password(uow, stored, prepared)


def import_staff(
    database: Database, actor: Actor, rows: Sequence[tuple[int, Row]], *, keys: Keyring,
    progress: Callable[[int], object] = lambda _done: None,
) -> list[Account]:  # fmt: skip
    """Employ the people of a table, all or nothing: every row is checked before the first password is hashed.

    ``progress`` is told how many rows are done. Raises Invalid ``accounts.bad-csv``.
    """
    with database.read(actor) as uow:
        service.check_staff(uow, rows)
    hashes = service.hash_passwords(rows)
    with database.work(actor) as uow:
        return service.import_staff(uow, rows, hashes=hashes, keys=keys, progress=progress)
