"""How far each body works as it should: counts and last activity for the centre, which sees no letter."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, func, select

from edms.accounts.models import Account, LoginSession
from edms.core.database import UnitOfWork
from edms.dispatch.models import OutboxItem
from edms.dispatch.rules import OPEN, ItemState, PackageKind
from edms.entities import queries as entities
from edms.entities.models import Entity
from edms.intake.models import ReceivedMessage
from edms.intake.rules import MessageKind, MessageState
from edms.tracking.rules import SEE_COMPLIANCE


class Which(StrEnum):
    """Which bodies the list shows."""

    ALL = "all"
    LATE = "late"
    UNUSED = "unused"


@dataclass(frozen=True, slots=True)
class Conduct:
    """One body in counts: consignments sent (registered + refused + on their way), messages that came in, how many of
    these wait for its registry, and when something was last sent, received or looked at.
    """  # fmt: skip

    body: Entity
    sent: int
    registered: int
    refused: int
    waiting: int
    received: int
    unregistered: int
    last: datetime | None


def conduct(uow: UnitOfWork) -> list[Conduct]:
    """Return every body served here in order of code; one statement for each table, however many bodies."""
    uow.actor.require(SEE_COMPLIANCE)
    sent = _by_body(uow, _sent())
    came = _by_body(uow, _received())
    seen = _by_body(uow, _seen())
    found = []
    for body in entities.all_entities(uow, home_only=True):
        total, registered, refused, waiting, last_sent = sent.get(body.id, (0, 0, 0, 0, None))
        received, unregistered, last_came = came.get(body.id, (0, 0, None))
        last = _latest((last_sent, last_came, *seen.get(body.id, ())))
        found.append(Conduct(body, total, registered, refused, waiting, received, unregistered, last))
    return found


def fits(line: Conduct, which: Which) -> bool:
    """Say whether a body belongs to a list: late ones have letters that wait for their registry."""
    if which is Which.LATE:
        return line.unregistered > 0
    return which is Which.ALL or line.last is None


def _sent() -> Select[*tuple[Any, ...]]:
    cancelled = OutboxItem.state != ItemState.CANCELLED
    return (
        select(
            OutboxItem.entity_id, func.count(), _count(OutboxItem.state == ItemState.REGISTERED),
            _count(OutboxItem.state.in_((ItemState.REFUSED, ItemState.FAILED))),
            _count(OutboxItem.state.in_((*OPEN, ItemState.ACCEPTED))), func.max(OutboxItem.created_at),
        )
        .where(OutboxItem.kind == PackageKind.LETTER, cancelled)
        .group_by(OutboxItem.entity_id)
    )  # fmt: skip


def _received() -> Select[*tuple[Any, ...]]:
    """Letters and untyped mail that came; receipts are answers and not counted."""
    waits = ReceivedMessage.state == MessageState.WAITING
    return (
        select(ReceivedMessage.entity_id, func.count(), _count(waits), func.max(ReceivedMessage.received_at))
        .where(ReceivedMessage.kind != MessageKind.RECEIPT)
        .group_by(ReceivedMessage.entity_id)
    )


def _seen() -> Select[*tuple[Any, ...]]:
    return (
        select(Account.entity_id, func.max(LoginSession.last_seen_at))
        .join(Account, Account.id == LoginSession.account_id)
        .group_by(Account.entity_id)
    )


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _by_body(uow: UnitOfWork, query: Select[*tuple[Any, ...]]) -> dict[UUID, tuple[Any, ...]]:
    return {row[0]: tuple(row[1:]) for row in uow.session.execute(query)}


def _latest(moments: Iterable[datetime | None]) -> datetime | None:
    return max((one for one in moments if one is not None), default=None)
