"""The PIN with which a person signs: set after the password, hashed like one, never seen by anybody else."""

from uuid import UUID

from edms.accounts.factor_rules import clean_secret, pin_problem
from edms.accounts.keeping import own_account, wrong_old_password
from edms.accounts.models import Account, SigningPin
from edms.accounts.passwords import NewPassword, fits, hash_password
from edms.accounts.rules import LONGEST_PASSWORD
from edms.audit import service as audit
from edms.core.actor import Actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Invalid, Problem


def choose_pin(database: Database, actor: Actor, password: str, pin: str, again: str) -> None:
    """Set the actor's own signing PIN after the password; hashes are made outside of transactions.

    Raises Invalid ``accounts.bad-pin`` with the field at fault.
    """
    stored = proved_password(database, actor, password)
    prepared = prepare_pin(pin, again=again)
    with database.work(actor) as uow:
        set_pin(uow, stored, prepared)


def proved_password(database: Database, actor: Actor, password: str) -> str:
    """Return the stored hash that the actor's password fits; raises Invalid ``accounts.bad-password`` otherwise."""
    with database.read(actor) as uow:
        stored = own_account(uow).password_hash
    if not fits(password[: LONGEST_PASSWORD + 1], stored):
        raise wrong_old_password()
    return stored


def prepare_pin(pin: str, *, again: str | None = None) -> NewPassword:
    """Hash a PIN that is to be kept (about 0.2 s); raises Invalid ``accounts.bad-pin`` for one that is too easy."""
    text = clean_secret(pin)
    problem = pin_problem(text)
    if problem is None and again is not None and clean_secret(again) != text:
        raise Invalid("accounts.bad-pin", (Problem("again", "accounts.pin-differs"),))
    if problem:
        raise Invalid("accounts.bad-pin", (Problem("pin", problem),))
    return NewPassword(text, hash_password(text))


def set_pin(uow: UnitOfWork, proved: str, pin: NewPassword) -> None:
    """Keep the own PIN; ``proved`` is the stored hash that the password was found to fit before this unit of work."""
    account = own_account(uow)
    if account.password_hash != proved:
        raise wrong_old_password()
    problem = pin_problem(pin.text, known=(uow.actor.employee_code, account.login))
    if problem:
        raise Invalid("accounts.bad-pin", (Problem("pin", problem),))
    keep_pin(uow, account, pin)
    audit.record(uow, "accounts.pin-set", "account", account.id)


def keep_pin(uow: UnitOfWork, account: Account, pin: NewPassword) -> None:
    """Store a PIN's hash for an account (the demonstration gives its people theirs this way)."""
    held = uow.session.get(SigningPin, account.id)
    if held is None:
        held = SigningPin(account_id=account.id)
        uow.session.add(held)
    held.pin_hash, held.set_at = pin.hashed, uow.now
    account.factors_reset_at = None
    uow.flush()


def pin_of(uow: UnitOfWork, account_id: UUID) -> SigningPin | None:
    """Return an account's PIN, if one is set."""
    return uow.session.get(SigningPin, account_id)
