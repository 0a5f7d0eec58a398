"""Messages that something is wrong with: kept apart until the registry has looked at them, never bounced."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, func, select

from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, NotFound
from edms.intake.models import IS_FLAGGED, ReceivedMessage
from edms.intake.rules import DECIDE, MessageState


def held(uow: UnitOfWork, *, before: UUID | None = None, limit: int = 51) -> Sequence[ReceivedMessage]:
    """Return the flagged messages on which nobody has decided, newest first: the actor's body's, all for the operator.
    """  # fmt: skip
    uow.actor.require(DECIDE)
    query = _held(uow)
    if before is not None:
        query = query.where(ReceivedMessage.id < before)
    return uow.session.scalars(query.order_by(ReceivedMessage.id.desc()).limit(limit)).all()


def count_held(uow: UnitOfWork, *, cap: int = 100) -> int:
    """Count the flagged messages of the actor's body on which nobody has decided, up to ``cap``."""
    rows = _held(uow).with_only_columns(ReceivedMessage.id).limit(cap).subquery()
    return uow.session.scalar(select(func.count()).select_from(rows)) or 0


def flagged(uow: UnitOfWork, message_id: UUID) -> ReceivedMessage:
    """Return a flagged message of the actor's body (any for the operator), decided on or not; NotFound otherwise."""
    uow.actor.require(DECIDE)
    row = uow.session.get(ReceivedMessage, message_id)
    if row is None or not row.flag or (uow.actor.entity_id is not None and row.entity_id != uow.actor.entity_id):
        raise NotFound("intake.unknown-message")
    return row


def release(uow: UnitOfWork, message_id: UUID) -> ReceivedMessage:
    """Let a flagged message go: one that waits joins the others that wait; a report or receipt is only put aside.

    What it was flagged for stays in the log. Raises Conflict ``intake.already-decided``.
    """
    row = flagged(uow, message_id)
    if row.decided_at is not None:
        raise Conflict("intake.already-decided", state=row.state)
    record(uow, "intake.released", "message", row.id, entity_id=row.entity_id, row=row, flag=row.flag)
    if row.state == MessageState.WAITING:
        row.flag = ""
    else:
        row.decided_at, row.decided_by_id = uow.now, uow.actor.employee_id
    return row


def _held(uow: UnitOfWork) -> Select[ReceivedMessage]:
    query = select(ReceivedMessage).where(IS_FLAGGED, ReceivedMessage.decided_at.is_(None))
    return query if uow.actor.entity_id is None else query.where(ReceivedMessage.entity_id == uow.actor.entity_id)
