"""How the outbox stands now, in figures for whoever watches it; each is one look into an index of what is open."""

from datetime import datetime

from sqlalchemy import func, select

from edms.core.database import UnitOfWork
from edms.dispatch.models import IS_OPEN, NextHop, OutboxItem
from edms.dispatch.rules import OPEN, SEE_QUEUE
from edms.entities.models import Installation


def waiting(uow: UnitOfWork) -> dict[str, int]:
    """Count what is on its way by state."""
    uow.actor.require(SEE_QUEUE)
    rows = uow.session.execute(select(OutboxItem.state, func.count()).where(IS_OPEN).group_by(OutboxItem.state))
    return {**dict.fromkeys(map(str, OPEN), 0), **{state: number for state, number in rows}}  # noqa: C416


def oldest_due(uow: UnitOfWork) -> datetime | None:
    """Return when the oldest consignment on its way was enqueued."""
    uow.actor.require(SEE_QUEUE)
    return uow.session.scalar(select(OutboxItem.created_at).where(IS_OPEN).order_by(OutboxItem.created_at).limit(1))


def resting(uow: UnitOfWork) -> list[str]:
    """Return the names of the next hops that are left alone for now."""
    uow.actor.require(SEE_QUEUE)
    found = select(Installation.name).join(NextHop, NextHop.installation_id == Installation.id)
    return list(uow.session.scalars(found.where(NextHop.retry_at > uow.now).order_by(Installation.name)))
