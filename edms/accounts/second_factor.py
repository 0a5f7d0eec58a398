"""Authenticator apps (TOTP, RFC 6238) and recovery codes: each code works once; an administrator only takes away."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import pyotp
from sqlalchemy import delete, func, select

from crypto.digests import sha256
from edms.accounts.factor_rules import (
    RECOVERY_CODES,
    TOTP_DIGITS,
    TOTP_SECONDS,
    clean_recovery_code,
    clean_secret,
    new_recovery_code,
)
from edms.accounts.keeping import end_app_passwords, end_sessions, kept_by_actor, own_account, wrong_old_password
from edms.accounts.models import Account, RecoveryCode, SigningPin, TotpFactor
from edms.audit import service as audit
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Invalid, Problem

ISSUER: Final = "Diwan"
Means = Literal["totp", "recovery"]


@dataclass(frozen=True, slots=True)
class Factors:
    """Which factors an account has; ``recovery_left`` counts the recovery codes that still work."""

    pin_set_at: datetime | None
    totp_since: datetime | None
    recovery_left: int

    @property
    def any(self) -> bool:
        """Whether the person can step up at all."""
        return self.pin_set_at is not None or self.totp_since is not None


def factors_of(uow: UnitOfWork, account_id: UUID) -> Factors:
    """Return which factors an account has."""
    pin = uow.session.get(SigningPin, account_id)
    totp = totp_of(uow, account_id)
    left = select(func.count()).where(RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None))
    return Factors(
        pin.set_at if pin else None, totp.confirmed_at if totp else None, uow.session.scalar(left) or 0
    )  # fmt: skip


def totp_of(uow: UnitOfWork, account_id: UUID) -> TotpFactor | None:
    """Return an account's authenticator app when it was confirmed."""
    held = uow.session.scalars(select(TotpFactor).where(TotpFactor.account_id == account_id)).one_or_none()
    return held if held is not None and held.confirmed_at is not None else None


def begin_totp(uow: UnitOfWork) -> tuple[str, str]:
    """Begin to enrol an authenticator app; return its secret (base 32) and the ``otpauth:`` address of the QR symbol.

    An enrolment that was begun and not confirmed shows its secret again, so that reloading loses nothing.
    Raises Conflict ``accounts.totp-enrolled`` when one is confirmed already.
    """
    account = own_account(uow)
    held = _locked(uow, account.id)
    if held is not None and held.confirmed_at is not None:
        raise Conflict("accounts.totp-enrolled")
    if held is None:
        held = TotpFactor(account_id=account.id, entity_id=account.entity_id, begun_at=uow.now, last_step=0)
        held.secret = pyotp.random_base32()
        uow.session.add(held)
        uow.flush()
    return held.secret, pyotp.TOTP(held.secret).provisioning_uri(name=account.login, issuer_name=ISSUER)


def confirm_totp(uow: UnitOfWork, proved: str, typed: str) -> Sequence[str]:
    """End an enrolment with a code of the app; return new recovery codes, which are never shown again.

    ``proved`` is the stored hash that the own password was found to fit before this unit of work.
    """
    account = own_account(uow)
    if account.password_hash != proved:
        raise wrong_old_password()
    held = _locked(uow, account.id)
    if held is None or held.confirmed_at is not None:
        raise Conflict("accounts.totp-enrolled" if held else "accounts.totp-not-begun")
    if not _use_step(uow, held, typed):
        raise Invalid("accounts.bad-code", (Problem("code", "accounts.code-wrong"),))
    held.confirmed_at = uow.now
    account.factors_reset_at = None
    audit.record(uow, "accounts.totp-enrolled", "account", account.id, row=account)
    return renew_recovery_codes(uow)


def renew_recovery_codes(uow: UnitOfWork) -> Sequence[str]:
    """Replace the own recovery codes by new ones and return them; they are never shown again."""
    account = own_account(uow)
    if totp_of(uow, account.id) is None:
        raise Conflict("accounts.totp-not-begun")
    uow.session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account.id))
    made = [new_recovery_code() for _ in range(RECOVERY_CODES)]
    uow.session.add_all(RecoveryCode(account_id=account.id, code_hash=_digest(code)) for code in made)
    uow.flush()
    audit.record(uow, "accounts.recovery-codes-made", "account", account.id)
    return made


def remove_totp(uow: UnitOfWork) -> None:
    """Take the own authenticator app and its recovery codes away."""
    account = own_account(uow)
    _forget(uow, account.id)
    audit.record(uow, "accounts.totp-removed", "account", account.id)


def use_code(uow: UnitOfWork, account_id: UUID, typed: str) -> Means | None:
    """Say which factor a typed code proves, and spend it; None for a wrong or a used one (ASVS 6.5.1)."""
    held = _locked(uow, account_id)
    if held is None or held.confirmed_at is None:
        return None
    if _use_step(uow, held, typed):
        return "totp"
    code = clean_recovery_code(typed)
    if code is None:
        return None
    query = select(RecoveryCode).where(
        RecoveryCode.account_id == account_id, RecoveryCode.code_hash == sha256(code.encode())
    )
    found = uow.session.scalars(query.with_for_update()).one_or_none()
    if found is None or found.used_at is not None:
        return None
    found.used_at = uow.now
    uow.flush()
    audit.record(uow, "accounts.recovery-code-used", "account", account_id)
    return "recovery"


def reset_factors(uow: UnitOfWork, account_id: UUID) -> None:
    """Take all factors of an account away as its keeper: PIN, app, recovery codes; sessions and mail passwords end.

    The person is told at the next sign-in; what the factors were is never shown to anybody.
    """
    account = kept_by_actor(uow, account_id)
    pin = uow.session.get(SigningPin, account.id)
    if pin is not None:
        uow.session.delete(pin)
    _forget(uow, account.id)
    account.factors_reset_at = uow.now
    end_sessions(uow, account.id)
    end_app_passwords(uow, account.id)
    uow.flush()
    audit.record(uow, "accounts.factors-reset", "account", account.id, entity_id=account.entity_id, row=account)


def acknowledge_reset(uow: UnitOfWork) -> None:
    """Note that the person has read that the own factors were taken away."""
    account: Account = own_account(uow)
    account.factors_reset_at = None
    audit.record(uow, "accounts.reset-acknowledged", "account", account.id, row=account)


def _locked(uow: UnitOfWork, account_id: UUID) -> TotpFactor | None:
    query = select(TotpFactor).where(TotpFactor.account_id == account_id)
    return uow.session.scalars(query.with_for_update()).one_or_none()


def _use_step(uow: UnitOfWork, held: TotpFactor, typed: str) -> bool:
    """Compare a code with the steps before, at and after now, and spend the step that it belongs to."""
    code = clean_secret(typed)
    if len(code) != TOTP_DIGITS or not code.isdigit():
        return False
    clock, now = pyotp.TOTP(held.secret), int(uow.now.timestamp()) // TOTP_SECONDS
    for step in (now - 1, now, now + 1):
        if step > held.last_step and pyotp.utils.strings_equal(clock.generate_otp(step), code):
            held.last_step = step
            uow.flush()
            return True
    return False


def _forget(uow: UnitOfWork, account_id: UUID) -> None:
    held = _locked(uow, account_id)
    if held is not None:
        uow.session.delete(held)
    uow.session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    uow.flush()


def _digest(code: str) -> bytes:
    return sha256(code.replace("-", "").encode())
