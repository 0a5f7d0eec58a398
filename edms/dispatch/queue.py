"""What the keeper of the sending queue sees: each consignment in plain values, and one with all its tries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select

from edms.core.database import UnitOfWork
from edms.core.errors import NotFound
from edms.dispatch.models import IS_KEPT, NextHop, OutboxItem
from edms.dispatch.queries import last_replies, packages
from edms.dispatch.rules import SEE_QUEUE, WAITING_STATES, ItemState
from edms.entities import queries as entities

_KEPT = frozenset({ItemState.QUEUED, ItemState.SENDING, ItemState.FAILED, ItemState.REFUSED})


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A consignment in plain values; ``number`` is the letter's, ``document_code`` that of a letter or receipt.

    ``warned_at``: the sender's registry was told of the delay; ``next_hop_rests``: its next hop is left alone for now.
    """

    id: UUID
    kind: str
    letter_id: UUID | None
    number: str
    document_code: str
    recipient_code: str
    recipient_ar: str
    recipient_en: str
    mailbox: str
    state: str
    attempts: int
    created_at: datetime
    next_at: datetime
    warned_at: datetime | None
    last_reply: str
    message_id: str = ""
    next_hop_rests: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """Which part of the queue is asked for: states, a kind, a recipient's code, from which line on, in which order."""

    states: Sequence[str] = WAITING_STATES
    kind: str = ""
    recipient: str = ""
    after: UUID | None = None
    oldest_first: bool = False
    limit: int = 200


def queue(uow: UnitOfWork, asked: Asked) -> list[QueueLine]:
    """Return what is in the queue: of the actor's body, or all for the operator; nothing for an unknown recipient."""
    uow.actor.require(SEE_QUEUE)
    query = select(OutboxItem).where(OutboxItem.state.in_(asked.states))
    if _KEPT.issuperset(asked.states):
        query = query.where(IS_KEPT)
    if uow.actor.entity_id is not None:
        query = query.where(OutboxItem.entity_id == uow.actor.entity_id)
    if asked.kind:
        query = query.where(OutboxItem.kind == asked.kind)
    if asked.recipient:
        try:
            query = query.where(OutboxItem.recipient_id == entities.entity_by_code(uow, asked.recipient).id)
        except NotFound:
            return []
    if asked.after is not None:
        query = query.where(OutboxItem.id > asked.after if asked.oldest_first else OutboxItem.id < asked.after)
    order = OutboxItem.id if asked.oldest_first else OutboxItem.id.desc()
    return _lines(uow, uow.session.scalars(query.order_by(order).limit(asked.limit)).all())


def queue_line(uow: UnitOfWork, item_id: UUID) -> QueueLine:
    """Return one consignment of the actor's body (any for the operator); NotFound otherwise."""
    uow.actor.require(SEE_QUEUE)
    item = uow.session.get(OutboxItem, item_id)
    if item is None or (uow.actor.entity_id is not None and item.entity_id != uow.actor.entity_id):
        raise NotFound("dispatch.unknown-item")
    return _lines(uow, [item])[0]


def count_stuck(uow: UnitOfWork, *, cap: int = 100) -> int:
    """Count the consignments of the actor's body that failed or were tried in vain so far, up to ``cap``."""
    stuck = or_(
        OutboxItem.state == ItemState.FAILED, (OutboxItem.state == ItemState.QUEUED) & (OutboxItem.attempts > 0)
    )
    wanted = select(OutboxItem.id).where(IS_KEPT, OutboxItem.entity_id == uow.actor.entity_id, stuck)
    return uow.session.scalar(select(func.count()).select_from(wanted.limit(cap).subquery())) or 0


def _lines(uow: UnitOfWork, items: Sequence[OutboxItem]) -> list[QueueLine]:
    bodies = entities.entities_by_ids(uow, [item.recipient_id for item in items])
    found = packages(uow, list({item.package_id for item in items}))
    replies = last_replies(uow, [item.id for item in items])
    resting = set(uow.session.scalars(select(NextHop.installation_id).where(NextHop.retry_at > uow.now)))
    lines = []
    for item in items:
        meta, body = found[item.package_id].meta, bodies[item.recipient_id]
        lines.append(QueueLine(
            id=item.id, kind=item.kind, letter_id=item.letter_id, number=meta.get("number", ""),
            document_code=meta.get("document_code", ""), recipient_code=body.code, recipient_ar=body.name_ar,
            recipient_en=body.name_en, mailbox=item.mailbox, state=item.state, attempts=item.attempts,
            created_at=item.created_at, next_at=item.next_at, warned_at=item.warned_at,
            last_reply=replies.get(item.id, ""), message_id=found[item.package_id].message_id,
            next_hop_rests=item.installation_id in resting,
        ))  # fmt: skip
    return lines
