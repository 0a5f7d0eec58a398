"""Giving PIN or second factor once more before an act that counts: fresh for five minutes, in this session only."""

import secrets
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from edms.accounts import queries
from edms.accounts.factor_rules import FORGIVEN_AFTER, FRESH, SKEW, WRONG_TRIES, clean_secret, step_up_delay
from edms.accounts.keeping import own_account
from edms.accounts.models import LoginSession, SigningPin, Throttle
from edms.accounts.passwords import UNUSABLE, fits
from edms.accounts.second_factor import factors_of, use_code
from edms.audit import service as audit
from edms.core.actor import Actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Conflict, EdmsError, Forbidden, NotFound


class StepUpRefused(EdmsError):
    """What was typed is no factor of this person, or there were too many wrong tries (``minutes`` to wait)."""


class StepUpNeeded(Forbidden):
    """The act needs PIN or second factor, not older than five minutes."""


@dataclass(frozen=True, slots=True)
class _Try:
    pin_hash: str
    means: str = ""
    wait_minutes: int = 0


def is_fresh(actor: Actor, uow: UnitOfWork) -> bool:
    """Say whether the actor gave PIN or second factor in the last five minutes of this session."""
    at = actor.stepped_up_at
    return at is not None and -SKEW <= uow.now - at <= FRESH


def require_step_up(uow: UnitOfWork) -> None:
    """Raise StepUpNeeded unless the step-up is fresh; acts without a session are the operator's on the command line."""
    if uow.actor.session_id is not None and not is_fresh(uow.actor, uow):
        raise StepUpNeeded("accounts.step-up-needed")


def means_of(actor: Actor) -> str:
    """Return how the actor was known for sure: ``pin``, ``totp``, ``recovery`` or ``command-line``."""
    return actor.stepped_up_by if actor.session_id is not None else "command-line"


def step_up(database: Database, actor: Actor, typed: str) -> str:
    """Check a PIN, a code of the app or a recovery code, and return the session's new token.

    Every try is counted before it is looked at; the fifth wrong one begins a growing delay and an alarm. Raises
    StepUpRefused after count and event are stored, Conflict ``accounts.no-factor`` when none is set.
    """
    with database.work(actor) as uow:
        begun = _begin(uow, typed)
    if begun.wait_minutes:
        raise StepUpRefused("accounts.step-up-slowed", n=begun.wait_minutes)
    means = begun.means or ("pin" if fits(clean_secret(typed)[:100], begun.pin_hash) else "")
    with database.work(actor) as uow:
        token = _finish(uow, means)
    if token is None:
        raise StepUpRefused("accounts.step-up-refused")
    return token


def count_try(uow: UnitOfWork, account_id: UUID) -> int:
    """Count a try at a factor before it is looked at; return for how many minutes none is looked at (0: go on)."""
    key = f"step-up:{account_id}"
    row = uow.session.scalars(select(Throttle).where(Throttle.key == key).with_for_update()).one_or_none()
    if row is None:
        row = Throttle(key=key, count=0, since=uow.now)
        uow.session.add(row)
    if row.blocked_until is not None and row.blocked_until > uow.now:
        return max(1, -(-int((row.blocked_until - uow.now).total_seconds()) // 60))
    if row.since + FORGIVEN_AFTER < uow.now:
        row.count, row.blocked_until = 0, None
    row.count, row.since = row.count + 1, uow.now
    delay = step_up_delay(row.count)
    if delay is not None:
        row.blocked_until = uow.now + delay
    uow.flush()
    return 0


def note_wrong(uow: UnitOfWork, account_id: UUID, entity_id: UUID) -> None:
    """Note that a counted try was wrong; from the fifth in a row on it is an alarm."""
    row = uow.session.get(Throttle, f"step-up:{account_id}")
    tries = row.count if row is not None else 1
    act = "accounts.step-up-alarm" if tries >= WRONG_TRIES else "accounts.step-up-refused"
    audit.record(uow, act, "account", account_id, entity_id=entity_id, tries=tries)


def forgive_tries(uow: UnitOfWork, account_id: UUID) -> None:
    """Forget the tries after a right one."""
    row = uow.session.get(Throttle, f"step-up:{account_id}")
    if row is not None:
        uow.session.delete(row)


def renew_token(uow: UnitOfWork, session: LoginSession) -> str:
    """Give a session a new token: the old one ends with this unit of work (ASVS 7.2.4)."""
    token = secrets.token_urlsafe(32)
    session.token_hash = queries.token_hash(token)
    uow.flush()
    return token


def _begin(uow: UnitOfWork, typed: str) -> _Try:
    account = own_account(uow)
    if uow.actor.session_id is None:
        raise NotFound("accounts.unknown-session")
    if not factors_of(uow, account.id).any:
        raise Conflict("accounts.no-factor")
    wait = count_try(uow, account.id)
    if wait:
        return _Try(UNUSABLE, wait_minutes=wait)
    pin = uow.session.get(SigningPin, account.id)
    return _Try(pin.pin_hash if pin else UNUSABLE, use_code(uow, account.id, typed[:100]) or "")


def _finish(uow: UnitOfWork, means: str) -> str | None:
    account = own_account(uow)
    session = uow.session.get(LoginSession, uow.actor.session_id)
    if session is None or session.account_id != account.id or session.revoked_at is not None:
        raise NotFound("accounts.unknown-session")
    if not means:
        note_wrong(uow, account.id, account.entity_id)
        return None
    forgive_tries(uow, account.id)
    session.stepped_up_at, session.stepped_up_by = uow.now, means
    token = renew_token(uow, session)
    audit.record(uow, "accounts.stepped-up", "account", account.id, means=means)
    return token
