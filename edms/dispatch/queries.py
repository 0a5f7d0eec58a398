"""Reads of the outbox: the balance of what was sent, a letter's consignments, the queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from edms.core.database import UnitOfWork
from edms.dispatch.models import DeliveryAttempt, OutboundPackage, OutboxItem
from edms.dispatch.rules import OPEN, SEE_QUEUE, ItemState, PackageKind


@dataclass(frozen=True, slots=True)
class Balance:
    """sent = registered + refused + waiting, exactly; ``cancelled`` were never sent."""

    sent: int
    registered: int
    refused: int
    waiting: int
    cancelled: int


def balance(uow: UnitOfWork, *, entity_id: UUID | None = None) -> Balance:
    """Count the consignments of letters by where they ended, of one body or of the installation."""
    query = select(OutboxItem.state, func.count()).where(OutboxItem.kind == PackageKind.LETTER)
    if entity_id is not None:
        query = query.where(OutboxItem.entity_id == entity_id)
    counts = {state: number for state, number in uow.session.execute(query.group_by(OutboxItem.state))}  # noqa: C416
    cancelled = counts.get(ItemState.CANCELLED, 0)
    sent = sum(counts.values()) - cancelled
    registered = counts.get(ItemState.REGISTERED, 0)
    refused = counts.get(ItemState.REFUSED, 0) + counts.get(ItemState.FAILED, 0)
    return Balance(sent, registered, refused, sent - registered - refused, cancelled)


def package(uow: UnitOfWork, package_id: UUID) -> OutboundPackage:
    """Return a package that is on its way."""
    return uow.session.get_one(OutboundPackage, package_id)


def packages(uow: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, OutboundPackage]:
    """Return packages by id, for the relay (in chunks, as it takes hundreds)."""
    found: dict[UUID, OutboundPackage] = {}
    for at in range(0, len(ids), 500):
        rows = uow.session.scalars(select(OutboundPackage).where(OutboundPackage.id.in_(ids[at : at + 500])))
        found.update((row.id, row) for row in rows)
    return found


def something_due(uow: UnitOfWork) -> bool:
    """Tell whether a consignment may be claimed now."""
    due = select(OutboxItem.id).where(OutboxItem.state.in_(OPEN), OutboxItem.next_at <= uow.now).limit(1)
    return uow.session.scalar(due) is not None


def items_of(uow: UnitOfWork, letter_id: UUID, *, limit: int = 5000, offset: int = 0) -> Sequence[OutboxItem]:
    """Return the consignments of a letter (the caller has checked that the actor may read it)."""
    return uow.session.scalars(
        select(OutboxItem)
        .where(OutboxItem.letter_id == letter_id, OutboxItem.kind == PackageKind.LETTER)
        .order_by(OutboxItem.role.desc(), OutboxItem.id)
        .limit(limit)
        .offset(offset)
    ).all()


def attempts_of(uow: UnitOfWork, item_id: UUID) -> Sequence[DeliveryAttempt]:
    """Return the tries to deliver a consignment, oldest first."""
    return uow.session.scalars(
        select(DeliveryAttempt).where(DeliveryAttempt.item_id == item_id).order_by(DeliveryAttempt.at)
    ).all()


def queue(uow: UnitOfWork, *, states: Sequence[str] = (ItemState.QUEUED, ItemState.SENDING, ItemState.FAILED),
          limit: int = 200) -> Sequence[OutboxItem]:  # fmt: skip
    """Return what waits in the queue: of the actor's body, or all for the operator."""
    uow.actor.require(SEE_QUEUE)
    query = select(OutboxItem).where(OutboxItem.state.in_(states))
    if uow.actor.entity_id is not None:
        query = query.where(OutboxItem.entity_id == uow.actor.entity_id)
    return uow.session.scalars(query.order_by(OutboxItem.next_at).limit(limit)).all()
