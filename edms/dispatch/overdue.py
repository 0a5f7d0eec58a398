"""What has been under way too long: a warning to the sender's registry, and at last the end of trying."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, select

from edms.core.database import UnitOfWork
from edms.dispatch import queries
from edms.dispatch.models import IS_OPEN, OutboxItem
from edms.dispatch.reports import report
from edms.dispatch.rules import WARNED, ItemState

AT_ONCE = 500
NOT_REACHED = "421 4.4.1 the next hop could not be reached"


def chase(uow: UnitOfWork, *, warn: timedelta, give_up: timedelta) -> int:
    """Warn of what has waited ``warn`` and end what has waited ``give_up``, whether it was tried or not.

    What waits behind a next hop that cannot be reached is not tried, so its time ends here; what was given up before
    and is tried again by hand ends with its next failure. Returns how many were dealt with, ``AT_ONCE`` of each at
    most; what a relay has in hand is left to it.
    """
    expired = _waiting(uow, give_up, OutboxItem.refused_at.is_(None))
    replies = queries.last_replies(uow, [item.id for item in expired])
    for item in expired:
        item.state, item.refused_at = ItemState.FAILED, uow.now
        item.refusal = replies.get(item.id, NOT_REACHED)
        report(uow, item, "expired", act=f"dispatch.{item.state}")
    late = _waiting(uow, warn, OutboxItem.warned_at.is_(None), OutboxItem.kind.in_(WARNED))
    for item in late:
        item.warned_at = uow.now
        report(uow, item, "delayed", act="dispatch.delayed")
    return len(expired) + len(late)


def _waiting(uow: UnitOfWork, age: timedelta, *conditions: ColumnElement[bool]) -> Sequence[OutboxItem]:
    return uow.session.scalars(
        select(OutboxItem)
        .where(IS_OPEN, OutboxItem.created_at <= uow.now - age, OutboxItem.state == ItemState.QUEUED, *conditions)
        .order_by(OutboxItem.created_at)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True, key_share=True)
    ).all()
