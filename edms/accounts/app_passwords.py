"""Passwords of mail clients: 99 random bits each, shown once, one for each client, taken away one by one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from sqlalchemy import select

from crypto.digests import sha256
from edms.accounts import queries
from edms.accounts.keeping import must_change_password, own_account
from edms.accounts.models import Account, AppPassword
from edms.accounts.passwords import UNUSABLE, generate_password
from edms.accounts.rules import ACT_FOR_OTHERS, clean_password
from edms.accounts.second_factor import totp_of
from edms.accounts.sessions import Attempt
from edms.accounts.throttle import forget_attempts
from edms.audit import service as audit
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Invalid, NotFound, Problem

MOST: Final = 20
NAME_LENGTH: Final = 60


@dataclass(frozen=True, slots=True)
class MailAttempt:
    """An attempt to sign in from a mail client; ``app_password_id`` is the mail password that was recognised."""

    attempt: Attempt
    app_password_id: UUID | None = None


def make_app_password(uow: UnitOfWork, name: str, *, account_id: UUID | None = None) -> str:
    """Make a mail password for the actor and return it; it is never shown again.

    The operator may make one for another's ``account_id``, nobody else. Raises Invalid ``accounts.bad-app-password``
    for a name that is empty or too long, Conflict ``accounts.app-passwords-many`` when there are too many.
    """
    account = _account(uow, account_id)
    shown = " ".join(name.split())
    if not shown or len(shown) > NAME_LENGTH:
        raise Invalid("accounts.bad-app-password", (Problem("name", "accounts.app-password-name"),))
    if len(app_passwords_of(uow, account.id)) >= MOST:
        raise Conflict("accounts.app-passwords-many")
    made = generate_password()
    row = AppPassword(account_id=account.id, name=shown, secret_hash=_digest(made), created_at=uow.now)
    uow.session.add(row)
    uow.flush()
    audit.record(
        uow, "accounts.app-password-made", "account", account.id, entity_id=account.entity_id, app_password=str(row.id)
    )
    return made


def revoke_app_password(uow: UnitOfWork, app_password_id: UUID, *, account_id: UUID | None = None) -> None:
    """Take one of the actor's mail passwords away, at once; NotFound for another's. ``account_id`` as for making."""
    account = _account(uow, account_id)
    row = uow.session.get(AppPassword, app_password_id)
    if row is None or row.account_id != account.id:
        raise NotFound("accounts.unknown-app-password")
    if row.revoked_at is None:
        row.revoked_at = uow.now
        uow.flush()
        audit.record(
            uow, "accounts.app-password-revoked", "account", account.id, entity_id=account.entity_id,
            app_password=str(row.id),
        )  # fmt: skip


def app_passwords_of(uow: UnitOfWork, account_id: UUID) -> Sequence[AppPassword]:
    """Return the mail passwords of an account that still work, the newest first."""
    query = select(AppPassword).where(AppPassword.account_id == account_id, AppPassword.revoked_at.is_(None))
    return uow.session.scalars(query.order_by(AppPassword.created_at.desc(), AppPassword.id.desc())).all()


def recognise(uow: UnitOfWork, attempt: Attempt, password: str) -> MailAttempt:
    """Look whether what a mail client gave is a mail password of the account.

    If not, the person's own password may be compared, but for whoever has an authenticator app (or must change the
    password first) nothing fits: the comparison is made all the same, so that nobody learns from its time.
    """
    account = uow.session.get(Account, attempt.account_id) if attempt.account_id else None
    if account is None or attempt.refusal is not None:
        return MailAttempt(attempt)
    query = select(AppPassword.id).where(
        AppPassword.account_id == account.id, AppPassword.secret_hash == _digest(password),
        AppPassword.revoked_at.is_(None),
    )  # fmt: skip
    found = uow.session.scalars(query).one_or_none()
    if found is None and (must_change_password(account) or totp_of(uow, account.id) is not None):
        attempt = replace(attempt, stored=UNUSABLE)
    return MailAttempt(attempt, found)


def confirm_app_password(uow: UnitOfWork, recognised: MailAttempt) -> Account | None:
    """Note that a recognised mail password was used, and return the account it opens; None when it has ended since."""
    row = uow.session.get(AppPassword, recognised.app_password_id)
    account = uow.session.get(Account, row.account_id) if row is not None and row.revoked_at is None else None
    if row is None or account is None or not account.active:
        return None
    row.last_used_at = uow.now
    forget_attempts(uow, recognised.attempt.login, recognised.attempt.address)
    audit.record(
        uow, "accounts.signed-in", "account", account.id, entity_id=account.entity_id, app_password=str(row.id)
    )
    return account


def still_valid(uow: UnitOfWork, account_id: UUID, app_password_id: UUID | None) -> bool:
    """Say whether a mail client that signed in before still may send: account open, its password not taken away."""
    account = uow.session.get(Account, account_id)
    row = uow.session.get(AppPassword, app_password_id) if app_password_id is not None else None
    return account is not None and account.active and (row is None or row.revoked_at is None)


def _account(uow: UnitOfWork, account_id: UUID | None) -> Account:
    if account_id is None:
        return own_account(uow)
    uow.actor.require(ACT_FOR_OTHERS)
    return queries.kept_account(uow, account_id)


def _digest(typed: str) -> bytes:
    """Return the SHA-256 of a mail password as typed, with or without its dashes, in any case."""
    return sha256(re.sub(r"[\s\-–—]+", "", clean_password(typed)).lower().encode("utf-8", "surrogatepass"))
