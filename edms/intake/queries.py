"""Reads of received messages; only the registry of the receiving body sees them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, func, select

from edms.core.database import UnitOfWork
from edms.core.errors import NotFound
from edms.intake.models import ReceivedMessage
from edms.intake.rules import DECIDE, MessageKind, MessageState

_KNOWN = select(ReceivedMessage.id).where(
    ReceivedMessage.entity_id.in_(bindparam("bodies", expanding=True)),
    ReceivedMessage.key.in_(bindparam("keys", expanding=True)),
)
_SAME = select(ReceivedMessage.entity_id, ReceivedMessage.message_id_hash).where(
    ReceivedMessage.entity_id.in_(bindparam("bodies", expanding=True)),
    ReceivedMessage.message_id_hash.in_(bindparam("hashes", expanding=True)),
)


def waiting(uow: UnitOfWork, *, before: UUID | None = None, limit: int = 51) -> Sequence[ReceivedMessage]:
    """Return the messages of the actor's body that wait for the clerk, newest first."""
    uow.actor.require(DECIDE)
    query = select(ReceivedMessage).where(*_waiting(uow))
    if before is not None:
        query = query.where(ReceivedMessage.id < before)
    return uow.session.scalars(query.order_by(ReceivedMessage.id.desc()).limit(limit)).all()


def count_waiting(uow: UnitOfWork, *, cap: int = 1000) -> int:
    """Count the waiting messages of the actor's body, up to ``cap``."""
    rows = select(ReceivedMessage.id).where(*_waiting(uow)).limit(cap).subquery()
    return uow.session.scalar(select(func.count()).select_from(rows)) or 0


def _waiting(uow: UnitOfWork) -> tuple[ColumnElement[bool], ...]:
    """Return what makes a message wait for the clerk; flagged ones lie in quarantine."""
    return (
        ReceivedMessage.entity_id == uow.actor.entity_id, ReceivedMessage.state == MessageState.WAITING,
        ReceivedMessage.flag == "",
    )  # fmt: skip


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


def known_messages(
    uow: UnitOfWork, entity_ids: Sequence[UUID], keys: Sequence[bytes]
) -> dict[tuple[UUID, bytes], ReceivedMessage]:
    """Return, by body and idempotency key, which of some messages already came."""
    found = uow.rows(_KNOWN, bodies=list(set(entity_ids)), keys=list(set(keys)))
    if not found:
        return {}
    rows = uow.session.scalars(select(ReceivedMessage).where(ReceivedMessage.id.in_([row.id for row in found])))
    return {(row.entity_id, row.key): row for row in rows}


def same_ids(uow: UnitOfWork, places: Sequence[tuple[UUID, bytes]]) -> set[tuple[UUID, bytes]]:
    """Return which (body, hash of sender and Message-ID) stand on a message that came before."""
    if not places:
        return set()
    bodies, hashes = {entity_id for entity_id, _ in places}, {hashed for _, hashed in places}
    return {(row.entity_id, row.message_id_hash) for row in uow.rows(_SAME, bodies=list(bodies), hashes=list(hashes))}
