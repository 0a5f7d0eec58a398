"""Does the mail balance: every consignment sent is registered, refused or still waiting, and the receivers agree."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from edms.core.database import UnitOfWork
from edms.dispatch.models import OutboxItem
from edms.dispatch.rules import ItemState, PackageKind
from edms.entities.models import Entity
from edms.letters.models import Letter
from edms.registry.rules import Direction

_REFUSED = frozenset({ItemState.REFUSED, ItemState.FAILED, ItemState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Balance:
    """Consignments of some letters. ``moving`` of the ``waiting`` are on their way; the others wait for a clerk.

    ``arrived`` is what the receivers' registers hold, counted there and not from receipts.
    """

    registered: int
    refused: int
    waiting: int
    moving: int
    arrived: int

    @property
    def total(self) -> int:
        """All consignments that the outbox knows of."""
        return self.registered + self.refused + self.waiting


def balance(uow: UnitOfWork, letters: Collection[UUID], since: datetime) -> Balance:
    """Return the balance of the consignments of ``letters``, none of which was issued before ``since``."""
    states: Counter[ItemState] = Counter()
    moving, packages = 0, set()
    rows = uow.session.execute(
        select(OutboxItem.letter_id, OutboxItem.package_id, OutboxItem.state, Entity.registers_by_rule, func.count())
        .join(Entity, Entity.id == OutboxItem.recipient_id)
        .where(OutboxItem.kind == PackageKind.LETTER, OutboxItem.created_at >= since)
        .group_by(OutboxItem.letter_id, OutboxItem.package_id, OutboxItem.state, Entity.registers_by_rule)
    )
    for letter_id, package_id, state, by_rule, count in rows:
        if letter_id in letters:
            packages.add(package_id)
            states[ItemState(state)] += count
            moving += count if _is_moving(ItemState(state), by_rule=by_rule) else 0
    refused = sum(states[state] for state in _REFUSED)
    registered = states[ItemState.REGISTERED]
    return Balance(registered, refused, states.total() - registered - refused, moving, _arrived(uow, packages, since))


def registered_by_all(uow: UnitOfWork, letter_id: UUID, expected: int) -> float | None:
    """Return the seconds from a letter's issue until the last of ``expected`` bodies registered it; None before."""
    sent = uow.session.get_one(Letter, letter_id)
    count, last = uow.session.execute(
        select(func.count(), func.max(Letter.registered_at))
        .where(Letter.direction == Direction.INCOMING, Letter.package_id == sent.package_id)
    ).one()  # fmt: skip
    if count != expected or last is None or sent.issued_at is None:
        return None
    return float((last - sent.issued_at).total_seconds())


def _is_moving(state: ItemState, *, by_rule: bool) -> bool:
    return state in {ItemState.QUEUED, ItemState.SENDING} or (state is ItemState.ACCEPTED and by_rule)


def _arrived(uow: UnitOfWork, packages: Collection[UUID], since: datetime) -> int:
    rows = uow.session.execute(
        select(Letter.package_id, func.count())
        .where(Letter.direction == Direction.INCOMING, Letter.registered_at >= since)
        .group_by(Letter.package_id)
    )
    return sum(count for package_id, count in rows if package_id in packages)
