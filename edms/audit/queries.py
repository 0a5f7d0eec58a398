"""Reading the event log: by followers after a cursor, and by object."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from edms.audit.models import Checkpoint, Event, EventHead, FollowerCursor
from edms.core.database import UnitOfWork


def events_after(uow: UnitOfWork, position: int, *, limit: int = 500) -> Sequence[Event]:
    """Return the next events after sequence number ``position``, in order."""
    return uow.session.scalars(select(Event).where(Event.seq > position).order_by(Event.seq).limit(limit)).all()


def events_of(uow: UnitOfWork, object_ids: Sequence[UUID], *, entity_id: UUID) -> Sequence[Event]:
    """Return the events of some objects that happened in one entity, oldest first."""
    return uow.session.scalars(
        select(Event).where(Event.object_id.in_(object_ids), Event.entity_id == entity_id).order_by(Event.seq)
    ).all()


def last_seq(uow: UnitOfWork) -> int:
    """Return the number of the newest event, 0 in an empty log."""
    return uow.session.scalars(select(EventHead.last_seq)).one()


def latest_checkpoint(uow: UnitOfWork) -> Checkpoint | None:
    """Return the checkpoint of the most entries, None before the first."""
    return uow.session.scalars(select(Checkpoint).order_by(Checkpoint.size.desc()).limit(1)).first()


def sealed_size(uow: UnitOfWork) -> int:
    """Return how many entries stand under a checkpoint."""
    return uow.session.scalar(select(func.max(Checkpoint.size))) or 0


def cursor(uow: UnitOfWork, name: str) -> int:
    """Return a follower's position (0 when it has never run)."""
    row = uow.session.get(FollowerCursor, name)
    return row.position if row else 0


def move_cursor(uow: UnitOfWork, name: str, position: int) -> None:
    """Store a follower's new position."""
    row = uow.session.get(FollowerCursor, name)
    if row is None:
        uow.session.add(FollowerCursor(name=name, position=position))
    else:
        row.position = position
