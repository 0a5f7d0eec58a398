"""The keys that sign the log, one after another: each but the first is introduced by the one before it."""

from functools import partial
from typing import Final

from sqlalchemy import select

from crypto.checkpoints import KeyChain, chained, introduced
from crypto.errors import KeyUnavailable, SignatureInvalid
from crypto.keystore import KeyStore
from edms.audit.models import EventHead, LogKey
from edms.audit.queries import sealed_size
from edms.audit.rules import CHECK_LOG, LOG_KEY
from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict

FIRST: Final = LOG_KEY


def key_name(uow: UnitOfWork) -> str:
    """Return the name, in the key store, of the key that signs now."""
    newest = uow.session.scalar(select(LogKey.name).order_by(LogKey.number.desc()).limit(1))
    return newest or FIRST


def notes(uow: UnitOfWork) -> list[str]:
    """Return the notes that introduce the keys after the first, in their order."""
    return list(uow.session.scalars(select(LogKey.note).order_by(LogKey.number)))


def chain(uow: UnitOfWork, origin: str, keys: KeyStore) -> KeyChain:
    """Return the log's keys from the first on; Conflict ``audit.no-checkpoint``, ``audit.key-chain-broken``."""
    try:
        first = keys.public_key(FIRST)
    except KeyUnavailable as error:
        raise Conflict("audit.no-checkpoint") from error
    try:
        return chained(origin, first, notes(uow))
    except SignatureInvalid as error:
        raise Conflict("audit.key-chain-broken") from error


def rotate(uow: UnitOfWork, origin: str, keys: KeyStore) -> LogKey:
    """Make a new key for all later checkpoints, introduced by the old one; that it is made is an event of the log.

    Every entry so far is to be under a checkpoint first (``seal_now``). Raises Forbidden, or what ``chain`` does.
    """
    uow.actor.require(CHECK_LOG)
    hold(uow)
    known, old = chain(uow, origin, keys), key_name(uow)
    number = len(known.keys) + 1
    name = f"{FIRST}-{number}"
    keys.create(name)
    note = introduced(
        origin, number, sealed_size(uow), keys.public_key(name), old_der=known.newest, by_old=partial(keys.sign, old),
        by_new=partial(keys.sign, name),
    )  # fmt: skip
    row = LogKey(number=number, name=name, note=note, at=uow.now)
    uow.session.add(row)
    uow.flush()
    record(uow, "audit.key-rotated", "log-key", row.id, row=row, number=number)
    return row


def hold(uow: UnitOfWork) -> None:
    """Let no other process sign or change the key until this unit of work ends (SQLite has one writer anyway)."""
    uow.session.execute(select(EventHead).where(EventHead.id == 1).with_for_update())
