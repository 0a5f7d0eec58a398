"""Who carries what next: consignments leased to a relay, lane by lane in turn, and given back."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import select, tuple_, update

from edms.core.database import UnitOfWork
from edms.dispatch import hops, queries
from edms.dispatch.models import IS_OPEN, OutboxItem
from edms.dispatch.queries import Lane
from edms.dispatch.rules import LANE_MOST, LEASE, ItemState
from edms.entities.models import Entity

_NOTHING: Mapping[Lane, int] = MappingProxyType({})


def claim(
    uow: UnitOfWork, owner: UUID, *, limit: int, held: Mapping[Lane, int] = _NOTHING, turn: int = 0
) -> list[OutboxItem]:
    """Lease up to ``limit`` due consignments in equal shares for the lanes that have any; a lease runs out by itself.

    A lane is what one body sends over one next hop; of ``held`` it has in hand already, and never over ``LANE_MOST``.
    ``turn`` says with which lane to begin. The cost grows with the number of lanes, not with what waits in them.
    """
    lanes = queries.due_lanes(uow)
    start = turn % len(lanes) if lanes else 0
    claimed: list[OutboxItem] = []
    for left, due in zip(range(len(lanes), 0, -1), lanes[start:] + lanes[:start], strict=True):
        share = min(LANE_MOST - held.get(due.lane, 0), -(-(limit - len(claimed)) // left))
        if due.probe:
            share = min(share, 1) if share > 0 and hops.take_probe(uow, due.lane.installation_id) else 0
        if share > 0:
            claimed += _of_lane(uow, due.lane, share)
    if claimed:
        until = uow.now + LEASE
        _change(uow, [item.id for item in claimed], state=ItemState.SENDING, lease_owner=owner, lease_until=until,
                next_at=until)  # fmt: skip
    return claimed


def _of_lane(uow: UnitOfWork, lane: Lane, limit: int) -> Sequence[OutboxItem]:
    """Return the consignments of a lane that have waited longest, those of one package together."""
    return uow.session.scalars(
        select(OutboxItem)
        .where(
            IS_OPEN,
            OutboxItem.installation_id == lane.installation_id,
            OutboxItem.entity_id == lane.entity_id,
            OutboxItem.next_at <= uow.now,
        )
        .order_by(OutboxItem.next_at, OutboxItem.package_id)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    ).all()


def renew(uow: UnitOfWork, owner: UUID) -> None:
    """Extend the leases of what a living relay still has in its hands."""
    until = uow.now + LEASE
    uow.session.execute(
        update(OutboxItem)
        .where(OutboxItem.lease_owner == owner, OutboxItem.state == ItemState.SENDING)
        .values(lease_until=until, next_at=until)
    )


def release(uow: UnitOfWork, owner: UUID) -> None:
    """Give the leases of a relay that stops, or has died, back to the queue."""
    uow.session.execute(
        update(OutboxItem)
        .where(OutboxItem.lease_owner == owner, OutboxItem.state == ItemState.SENDING)
        .values(state=ItemState.QUEUED, lease_owner=None, lease_until=None, next_at=uow.now)
    )


def give_back(uow: UnitOfWork, owner: UUID, items: Sequence[UUID]) -> None:
    """Give some leases back that were not used: what they hold has not been tried."""
    for at in range(0, len(items), 500):
        uow.session.execute(
            update(OutboxItem)
            .where(
                OutboxItem.id.in_(items[at : at + 500]),
                OutboxItem.lease_owner == owner,
                OutboxItem.state == ItemState.SENDING,
            )
            .values(state=ItemState.QUEUED, lease_owner=None, lease_until=None, next_at=uow.now)
        )


def follow_moves(uow: UnitOfWork) -> int:
    """Send what is on its way to a body that is served elsewhere now over its new next hop; returns how many moved."""
    ways = {(row.recipient_id, row.installation_id) for row in uow.session.execute(
        select(OutboxItem.recipient_id, OutboxItem.installation_id).where(IS_OPEN).distinct())}  # fmt: skip
    homes = {row.id: row.installation_id for row in uow.session.execute(select(Entity.id, Entity.installation_id))}
    moved = [(body, way) for body, way in ways if homes[body] != way]
    for body, way in moved:
        uow.session.execute(
            update(OutboxItem)
            .where(IS_OPEN, tuple_(OutboxItem.installation_id, OutboxItem.recipient_id) == (way, body))
            .values(installation_id=homes[body])
        )
    return len(moved)


def _change(uow: UnitOfWork, ids: Sequence[UUID], **values: object) -> None:
    for at in range(0, len(ids), 500):
        uow.session.execute(update(OutboxItem).where(OutboxItem.id.in_(ids[at : at + 500])).values(**values))
