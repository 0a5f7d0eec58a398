"""Reads of received messages; only the registry of the receiving body sees them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, func, select

from edms.core.database import UnitOfWork
from edms.core.errors import NotFound
from edms.intake.models import ReceivedMessage
from edms.intake.rules import DECIDE, MessageKind, MessageState


def waiting(uow: UnitOfWork, *, before: UUID | None = None, limit: int = 51) -> Sequence[ReceivedMessage]:
    """Return the messages of the actor's body that wait for the clerk, newest first."""
    uow.actor.require(DECIDE)
    query = select(ReceivedMessage).where(
        ReceivedMessage.entity_id == uow.actor.entity_id, ReceivedMessage.state == MessageState.WAITING
    )
    if before is not None:
        query = query.where(ReceivedMessage.id < before)
    return uow.session.scalars(query.order_by(ReceivedMessage.id.desc()).limit(limit)).all()


def count_waiting(uow: UnitOfWork, *, cap: int = 1000) -> int:
    """Count the waiting messages of the actor's body, up to ``cap``."""
    rows = (
        select(ReceivedMessage.id)
        .where(ReceivedMessage.entity_id == uow.actor.entity_id, ReceivedMessage.state == MessageState.WAITING)
        .limit(cap)
        .subquery()
    )
    return uow.session.scalar(select(func.count()).select_from(rows)) or 0


def waiting_message(uow: UnitOfWork, message_id: UUID) -> ReceivedMessage:
    """Return a message of the actor's body that was to be decided on; NotFound otherwise."""
    return _message(uow, select(ReceivedMessage).where(ReceivedMessage.id == message_id))


def message(uow: UnitOfWork, message_id: UUID) -> ReceivedMessage:
    """Return a message of the actor's body, locked for a decision; NotFound otherwise."""
    wanted = select(ReceivedMessage).where(ReceivedMessage.id == message_id)
    return _message(uow, wanted.with_for_update(key_share=True))


def _message(uow: UnitOfWork, query: Select[ReceivedMessage]) -> ReceivedMessage:
    uow.actor.require(DECIDE)
    query = query.where(ReceivedMessage.kind.not_in((MessageKind.RECEIPT, MessageKind.REPORT)))
    if uow.actor.entity_id is not None:
        query = query.where(ReceivedMessage.entity_id == uow.actor.entity_id)
    found = uow.session.scalars(query).one_or_none()
    if found is None:
        raise NotFound("intake.unknown-message")
    return found


def repeats_of(uow: UnitOfWork, entity_ids: Sequence[UUID], key: bytes) -> dict[UUID, ReceivedMessage]:
    """Return, by body, the message that already came to it under this idempotency key."""
    rows = uow.session.scalars(
        select(ReceivedMessage).where(ReceivedMessage.entity_id.in_(entity_ids), ReceivedMessage.key == key)
    )
    return {row.entity_id: row for row in rows}


def bodies_that_know(uow: UnitOfWork, key: bytes, entity_ids: Sequence[UUID]) -> set[UUID]:
    """Return which of some bodies already have the message of an idempotency key."""
    return set(
        uow.session.scalars(
            select(ReceivedMessage.entity_id).where(
                ReceivedMessage.key == key, ReceivedMessage.entity_id.in_(entity_ids)
            )
        )
    )
