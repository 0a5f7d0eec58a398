"""The keys of the hidden marks: one a month, wrapped by the installation's key, kept as long as copies are."""

from datetime import datetime
from typing import Final

from sqlalchemy import select

from crypto.encryption import new_key
from crypto.marks.keys import MarkKey
from edms.audit.service import record
from edms.codes.models import MarkKeyRow
from edms.core.actor import Actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Conflict, Unavailable
from edms.core.ids import NIL
from edms.entities.keyring import Keyring

_CONTEXT: Final = "edms/1/mark-key|{}"


def month_of(now: datetime) -> str:
    """Return the month whose key marks a copy that is issued now, such as ``2026-11`` (UTC)."""
    return f"{now:%Y-%m}"


def ensure(database: Database, actor: Actor, *, keys: Keyring) -> None:
    """Make this month's key where it is missing, in a unit of work of its own; the first reader of a month pays it."""
    with database.read(actor) as uow:
        if uow.session.get(MarkKeyRow, month_of(uow.now)) is not None:
            return
    try:
        with database.work(actor) as uow:
            month = month_of(uow.now)
            version, wrapped = keys.wrap(uow.session, NIL, new_key(), wrap_context(month))
            row = MarkKeyRow(month=month, key_version=version, wrapped=wrapped, created_at=uow.now)
            uow.session.add(row)
            record(uow, "codes.mark-key-made", "mark-key", None, row=row, month=month)
    except Conflict as error:
        if error.code != "database.conflict":  # another process made it meanwhile
            raise


def key_of(uow: UnitOfWork, month: str, *, keys: Keyring) -> MarkKey:
    """Return the key of a month; Unavailable ``codes.no-mark-key`` where there is none."""
    row = uow.session.get(MarkKeyRow, month)
    if row is None:
        raise Unavailable("codes.no-mark-key", month=month)
    return _opened(uow, row, keys)


def known(uow: UnitOfWork, *, keys: Keyring) -> list[MarkKey]:
    """Return the keys of all months, the newest first: what a leak may have been marked with."""
    rows = uow.session.scalars(select(MarkKeyRow).order_by(MarkKeyRow.month.desc()))
    return [_opened(uow, row, keys) for row in rows]


def _opened(uow: UnitOfWork, row: MarkKeyRow, keys: Keyring) -> MarkKey:
    return MarkKey(row.month, keys.unwrap(uow.session, NIL, row.key_version, row.wrapped, wrap_context(row.month)))


def wrap_context(month: str) -> bytes:
    """Return what the wrap of a month's key is bound to."""
    return _CONTEXT.format(month).encode()
