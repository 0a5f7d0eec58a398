"""Making and replacing reading keys: of a person, under a passphrase, and of a body, in the hands of an officer."""

from uuid import UUID

from crypto.passphrase_keys import new_pair
from crypto.recovery import Officer
from edms.accounts.keeping import own_account, wrong_old_password
from edms.accounts.pin import proved_password
from edms.accounts.rules import KEEP_ACCOUNTS
from edms.audit.service import record
from edms.core.actor import Actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Forbidden, Invalid, Problem
from edms.custody import queries
from edms.custody.models import ReadingKey
from edms.custody.rules import SHORTEST_PASSPHRASE, clean_passphrase, passphrase_problem

_MEMORY_KIB = 65_536


def make_key(database: Database, actor: Actor, password: str, passphrase: str, again: str) -> None:
    """Make the actor's reading key after the password; an older one ends, and opens only what was sealed for it.

    Raises Invalid ``custody.bad-passphrase`` with the field at fault, ``accounts.bad-password``.
    """
    proved = proved_password(database, actor, password)
    phrase = clean_passphrase(passphrase)
    problem = passphrase_problem(phrase, clean_passphrase(again))
    if problem:
        raise Invalid("custody.bad-passphrase", (Problem(*problem, limit=SHORTEST_PASSPHRASE),))
    public, sealed = new_pair(phrase.encode(), memory_kib=_MEMORY_KIB)
    with database.work(actor) as uow:
        account = own_account(uow)
        if account.password_hash != proved:
            raise wrong_old_password()
        _keep(
            uow, queries.own_key(uow),
            ReadingKey(
                entity_id=account.entity_id, employee_id=account.employee_id, public=public, sealed=sealed,
                made_at=uow.now,
            ),
        )  # fmt: skip


def keep_escrow(uow: UnitOfWork, entity_id: UUID, officer: Officer) -> None:
    """Let letters of the actor's body be sealed for an officer's key as well, from now on.

    Raises Forbidden unless its administrator acts.
    """
    uow.actor.require(KEEP_ACCOUNTS)
    if uow.actor.entity_id != entity_id:
        raise Forbidden("core.forbidden", permission=KEEP_ACCOUNTS.name)
    made = ReadingKey(entity_id=entity_id, name=officer.name[:100], public=officer.public, made_at=uow.now)
    _keep(uow, queries.escrow_key(uow, entity_id), made)


def _keep(uow: UnitOfWork, held: ReadingKey | None, made: ReadingKey) -> None:
    if held is not None:
        held.ended_at = uow.now
    uow.session.add(made)
    uow.flush()
    act = "custody.reading-key-made" if made.employee_id else "custody.escrow-set"
    record(uow, act, "reading-key", made.id, entity_id=made.entity_id, row=made, rows=[held] if held else [])
