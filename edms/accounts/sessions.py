"""Signing in and out: attempts counted first, passwords compared outside transactions, sessions by random tokens."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import update

from edms.accounts import queries
from edms.accounts.keeping import end_sessions, own_account
from edms.accounts.models import Account, LoginSession
from edms.accounts.passwords import UNUSABLE, fits, hash_password, is_outdated
from edms.accounts.rules import DEFAULT_LIMITS, LONGEST_PASSWORD, SESSIONS_AT_ONCE, Limits
from edms.accounts.second_factor import totp_of, use_code
from edms.accounts.step_up import StepUpRefused, count_try, forgive_tries, note_wrong, renew_token
from edms.accounts.throttle import count_attempt, forget_attempts
from edms.audit import service as audit
from edms.core.actor import Actor
from edms.core.database import UnitOfWork
from edms.core.errors import EdmsError, NotFound
from edms.core.ids import new_id


class SignInRefused(EdmsError):
    """The sign-in is refused: wrong login or password, or too many attempts; which of the first two is not told."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A counted attempt: the hash to compare with (unusable for a login that does not exist), or a refusal."""

    login: str
    address: str
    stored: str
    account_id: UUID | None = None
    refusal: SignInRefused | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """How a comparison ended; ``renewed`` is the password's hash at today's costs, where the stored one is older."""

    passed: bool
    renewed: str | None = None


FAILED = Proof(passed=False)
PENDING = timedelta(minutes=10)
"""How long a session waits for its second factor after the password."""


def begin_sign_in(uow: UnitOfWork, login: str, *, address: str, limits: Limits = DEFAULT_LIMITS) -> Attempt:
    """Count an attempt to sign in; commit before ``check_password``, so that nothing is locked while a hash is made."""
    wait = count_attempt(uow, login, address, limits)
    account = queries.account_by_login(uow, login)
    known = account.id if account is not None and account.active else None
    if wait is not None:
        if known and account:
            audit.record(uow, "accounts.sign-in-slowed", "account", known, entity_id=account.entity_id)
        refusal = SignInRefused("accounts.too-many-attempts", n=max(1, -(-int(wait.total_seconds()) // 60)))
        return Attempt(login, address, UNUSABLE, known, refusal)
    return Attempt(login, address, account.password_hash if account and known else UNUSABLE, known)


def check_password(attempt: Attempt, password: str) -> Proof:
    """Compare a password (about 0.2 s, two at a time); a login that does not exist takes the same time."""
    if attempt.refusal is not None:
        return FAILED
    passed = fits(password[: LONGEST_PASSWORD + 1], attempt.stored) and attempt.account_id is not None
    return Proof(passed, hash_password(password) if passed and is_outdated(attempt.stored) else None)


def finish_sign_in(
    uow: UnitOfWork, attempt: Attempt, proof: Proof, *, client: str, limits: Limits = DEFAULT_LIMITS
) -> tuple[str, Account] | SignInRefused:
    """Begin a session after a passed check and return its token and account, else the refusal, which the edge raises
    after the commit, so that the count and the event stay.
    """  # fmt: skip
    if attempt.refusal is not None:
        return attempt.refusal
    account = confirm_sign_in(uow, attempt, proof)
    if account is None:
        return SignInRefused("accounts.sign-in-refused")
    pending = totp_of(uow, account.id) is not None
    for session in queries.sessions_of(uow, account.id, limits)[SESSIONS_AT_ONCE - 1 :]:
        session.revoked_at = uow.now
    token = secrets.token_urlsafe(32)
    session = LoginSession(
        id=new_id(), account_id=account.id, token_hash=queries.token_hash(token), created_at=uow.now,
        last_seen_at=uow.now, expires_at=uow.now + (PENDING if pending else limits.absolute), client=client[:100],
        pending=pending,
    )  # fmt: skip
    uow.session.add(session)
    uow.flush()
    return token, account


def confirm_sign_in(uow: UnitOfWork, attempt: Attempt, proof: Proof) -> Account | None:
    """Note how an attempt ended and return the account it proved, or None."""
    account = uow.session.get(Account, attempt.account_id) if attempt.account_id else None
    if not proof.passed or account is None or not account.active or account.password_hash != attempt.stored:
        entity_id = account.entity_id if account else None
        audit.record(uow, "accounts.sign-in-refused", "account", attempt.account_id, entity_id=entity_id)
        return None
    forget_attempts(uow, attempt.login, attempt.address)
    account.password_hash = proof.renewed or account.password_hash
    uow.flush()
    audit.record(uow, "accounts.signed-in", "account", account.id, entity_id=account.entity_id, row=account)
    return account


def finish_with_code(
    uow: UnitOfWork, token: str, typed: str, *, limits: Limits = DEFAULT_LIMITS
) -> str | StepUpRefused | None:
    """Complete a session that waits for its second factor and return its new token.

    None when there is no such session (any more); a refusal is returned, so that the count and the event stay.
    """
    found = queries.pending_session(uow, token, limits)
    if found is None:
        return None
    session, account, _ = found
    wait = count_try(uow, account.id)
    if wait:
        return StepUpRefused("accounts.step-up-slowed", n=wait)
    means = use_code(uow, account.id, typed[:100])
    if means is None:
        note_wrong(uow, account.id, account.entity_id)
        return StepUpRefused("accounts.step-up-refused")
    forgive_tries(uow, account.id)
    session.pending, session.expires_at = False, uow.now + limits.absolute
    session.stepped_up_at, session.stepped_up_by = uow.now, means
    audit.record(uow, "accounts.second-factor-given", "account", account.id, entity_id=account.entity_id, means=means)
    return renew_token(uow, session)


def actor_for_token(uow: UnitOfWork, token: str, *, limits: Limits = DEFAULT_LIMITS) -> Actor | None:
    """Return who a session's token speaks for, or None when the session ended, idles too long or the account closed."""
    found = queries.live_session(uow, token, limits)
    if found is None:
        return None
    session, account, employee = found
    return queries.actor_of(uow, account, employee, session=session)


def touch_session(uow: UnitOfWork, session_id: UUID) -> None:
    """Note that a session is in use (called at most once a minute, so it is no event)."""
    uow.session.execute(update(LoginSession).where(LoginSession.id == session_id).values(last_seen_at=uow.now))


def sign_out(uow: UnitOfWork, session_id: UUID) -> None:
    """End one of the actor's own sessions; NotFound for another's."""
    account = own_account(uow)
    session = uow.session.get(LoginSession, session_id)
    if session is None or session.account_id != account.id:
        raise NotFound("accounts.unknown-session")
    session.revoked_at = session.revoked_at or uow.now
    uow.flush()
    audit.record(uow, "accounts.signed-out", "account", account.id)


def sign_out_everywhere(uow: UnitOfWork) -> None:
    """End all of the actor's sessions but this one."""
    account = own_account(uow)
    end_sessions(uow, account.id, but=uow.actor.session_id)
    audit.record(uow, "accounts.signed-out-everywhere", "account", account.id)
