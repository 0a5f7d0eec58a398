"""Reads of the outbox: the balance of what was sent, a letter's consignments, the queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, or_, select

from edms.core.database import UnitOfWork
from edms.dispatch.models import IS_OPEN, DeliveryAttempt, NextHop, OutboundPackage, OutboxItem
from edms.dispatch.rules import SEE_QUEUE, WARNED, ItemState, PackageKind
from edms.entities.models import Installation


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


@dataclass(frozen=True, slots=True)
class Lane:
    """What one body sends over one next hop."""

    installation_id: UUID
    entity_id: UUID


@dataclass(frozen=True, slots=True)
class DueLane:
    """A lane with something due; ``probe``: its next hop has rested after failures and is to be tried with one."""

    lane: Lane
    probe: bool


def due_lanes(uow: UnitOfWork) -> list[DueLane]:
    """Return the lanes that have something due and whose next hop does not rest, by body.

    Steps from lane to lane through the index of what is open, whatever the number of consignments in each.
    """
    body = select(OutboxItem.entity_id).where(IS_OPEN).order_by(OutboxItem.entity_id).limit(1)
    first = body.where(OutboxItem.installation_id == Installation.id).scalar_subquery()
    lanes = select(Installation.id.label("installation_id"), first.label("entity_id")).cte("lanes", recursive=True)
    following = body.where(
        OutboxItem.installation_id == lanes.c.installation_id, OutboxItem.entity_id > lanes.c.entity_id
    ).scalar_subquery()
    lanes = lanes.union_all(select(lanes.c.installation_id, following).where(lanes.c.entity_id.is_not(None)))
    head = (
        select(OutboxItem.next_at)
        .where(
            IS_OPEN,
            OutboxItem.installation_id == lanes.c.installation_id,
            OutboxItem.entity_id == lanes.c.entity_id,
        )
        .order_by(OutboxItem.next_at)
        .limit(1)
        .scalar_subquery()
    )
    rows = uow.session.execute(
        select(lanes.c.installation_id, lanes.c.entity_id, NextHop.retry_at)
        .outerjoin(NextHop, NextHop.installation_id == lanes.c.installation_id)
        .where(
            lanes.c.entity_id.is_not(None),
            head <= uow.now,
            or_(NextHop.retry_at.is_(None), NextHop.retry_at <= uow.now),
        )
        .order_by(lanes.c.entity_id, lanes.c.installation_id)
    )
    return [DueLane(Lane(row.installation_id, row.entity_id), row.retry_at is not None) for row in rows]


def something_overdue(uow: UnitOfWork, *, warn: timedelta, give_up: timedelta) -> bool:
    """Tell whether a consignment has waited so long that its sender must be warned, or that it is given up."""
    late = OutboxItem.warned_at.is_(None) & OutboxItem.kind.in_(WARNED) & (OutboxItem.created_at <= uow.now - warn)
    over = select(OutboxItem.id).where(
        IS_OPEN,
        OutboxItem.created_at <= uow.now - min(warn, give_up),
        late | (OutboxItem.created_at <= uow.now - give_up) & OutboxItem.refused_at.is_(None),
    )
    return uow.session.scalar(over.limit(1)) is not None


def next_hops(uow: UnitOfWork) -> Sequence[NextHop]:
    """Return the next hops that could not be reached at their last try, for the operator."""
    uow.actor.require(SEE_QUEUE)
    return uow.session.scalars(select(NextHop).order_by(NextHop.since)).all()


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


def last_replies(uow: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return the last answer of the next hop for each consignment that was tried."""
    found: dict[UUID, str] = {}
    for at in range(0, len(ids), 500):
        rows = uow.session.execute(
            select(DeliveryAttempt.item_id, DeliveryAttempt.reply)
            .where(DeliveryAttempt.item_id.in_(ids[at : at + 500]))
            .order_by(DeliveryAttempt.at)
        )
        found.update((item_id, reply) for item_id, reply in rows)
    return found
