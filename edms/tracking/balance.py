"""Whether sent and received agree, by pair of bodies and day: sent = received + refused + expired + in queue.

Both sides are counted from their own tables: what the sender's outbox says became of its letters, and, where the
recipient is served here too, what really lies in its intake under the same package. A difference is named, not guessed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, case, exists, func, select, true
from sqlalchemy.orm import InstrumentedAttribute

from edms.core.database import UnitOfWork
from edms.dispatch.models import OutboxItem
from edms.dispatch.rules import ItemState, PackageKind
from edms.entities import queries as entities
from edms.entities.models import Entity
from edms.intake.models import ReceivedMessage
from edms.intake.rules import MessageKind, MessageState
from edms.tracking.rules import SEE_ALL_BALANCES, SEE_BALANCE

COLUMNS: Final = (
    "sent", "received", "refused", "expired", "queued", "cancelled", "arrived", "waiting", "returned"
)  # fmt: skip
Key = tuple[UUID, UUID]
Counts = dict[Key, Counter[str]]
_CHUNK: Final = 400
_COUNTED: Final = (PackageKind.LETTER, PackageKind.MAIL)
_ARRIVED: Final = (MessageKind.LETTER, MessageKind.UNTYPED)
_COLUMNS: Final[Mapping[str, str]] = {
    ItemState.ACCEPTED: "received", ItemState.REGISTERED: "received", ItemState.REFUSED: "refused",
    ItemState.FAILED: "expired", ItemState.QUEUED: "queued", ItemState.SENDING: "queued",
    ItemState.CANCELLED: "cancelled",
}  # fmt: skip


class Mismatch(StrEnum):
    """How two sides can disagree, or one side with itself."""

    NOT_COUNTED = "not-counted"
    NOT_ARRIVED = "not-arrived"
    NOT_ACKNOWLEDGED = "not-acknowledged"
    NOT_REGISTERED = "not-registered"
    DOUBLED = "doubled"
    NEVER_SENT = "never-sent"


@dataclass(frozen=True, slots=True)
class Pair:
    """One pair of bodies on one day, in counts of consignments; ``waiting`` of the received are not registered yet.

    ``both`` says that the recipient is served here too, so that its intake was compared; ``mismatches`` are counts by
    name, of which each is an imbalance.
    """

    sender: Entity
    recipient: Entity
    sent: int = 0
    received: int = 0
    refused: int = 0
    expired: int = 0
    queued: int = 0
    cancelled: int = 0
    arrived: int = 0
    waiting: int = 0
    returned: int = 0
    both: bool = False
    mismatches: Mapping[str, int] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        """Tell whether everything that was sent is accounted for and both sides agree."""
        return not self.mismatches


def reconcile(uow: UnitOfWork, day: date, *, entity_id: UUID | None = None) -> list[Pair]:
    """Return the pairs of bodies of which one is served here that exchanged letters on ``day``, the worst first.

    The day is that of the sender's outbox; for mail that never was in one, that of its arrival. A registry sees the
    pairs of its own body, whatever ``entity_id`` asks for.
    """
    uow.actor.require(SEE_BALANCE)
    if not uow.actor.may(SEE_ALL_BALANCES):
        entity_id = uow.actor.entity_id
    home = entities.home(uow).id
    bodies = {one.id: one for one in entities.all_entities(uow)}
    here = [one.id for one in bodies.values() if one.installation_id == home]
    counts: dict[Key, Counter[str]] = defaultdict(Counter)
    _count_sent(uow, counts, day, _sides(OutboxItem.entity_id, OutboxItem.recipient_id, list(bodies), entity_id))
    _compare(uow, counts, day, _sides(OutboxItem.entity_id, OutboxItem.recipient_id, list(bodies), entity_id), home)
    _count_arrived(uow, counts, day, here, entity_id)
    pairs = [_pair(bodies[sender], bodies[recipient], found, home) for (sender, recipient), found in counts.items()]
    return sorted(pairs, key=_worst_first)


def _sides(
    sender: InstrumentedAttribute[UUID], recipient: InstrumentedAttribute[UUID], bodies: Sequence[UUID],
    entity_id: UUID | None,
) -> list[ColumnElement[bool]]:  # fmt: skip
    """Return the conditions that together take in all rows of one body, or of all bodies, each found by its index."""
    if entity_id is not None:
        return [sender == entity_id, (recipient == entity_id) & (sender != entity_id)]
    return [sender.in_(bodies[at : at + _CHUNK]) for at in range(0, len(bodies), _CHUNK)]


def _count_sent(uow: UnitOfWork, counts: Counts, day: date, sides: Iterable[ColumnElement[bool]]) -> None:
    """Count what the outbox says became of what was put into it on the day."""
    for side in sides:
        rows = uow.session.execute(
            select(OutboxItem.entity_id, OutboxItem.recipient_id, OutboxItem.state, func.count())
            .where(side, *_on(uow, OutboxItem.created_at, day), OutboxItem.kind.in_(_COUNTED))
            .group_by(OutboxItem.entity_id, OutboxItem.recipient_id, OutboxItem.state)
        )
        for sender, recipient, state, number in rows:
            found, column = counts[sender, recipient], _COLUMNS.get(state, Mismatch.NOT_COUNTED)
            found[column] += number
            if column != "cancelled":
                found["sent"] += number


def _compare(uow: UnitOfWork, counts: Counts, day: date, sides: Iterable[ColumnElement[bool]], home: UUID) -> None:
    """Hold the letters of the day against the intake of recipients that are served here too."""
    came = select(func.count()).where(
        ReceivedMessage.package_id == OutboxItem.package_id, ReceivedMessage.entity_id == OutboxItem.recipient_id,
        ReceivedMessage.sender_id == OutboxItem.entity_id,
    )  # fmt: skip
    any_, registered, waiting, returned = (
        (came if state is None else came.where(ReceivedMessage.state == state)).scalar_subquery()
        for state in (None, MessageState.REGISTERED, MessageState.WAITING, MessageState.REFUSED)
    )
    told = OutboxItem.state
    facts: dict[str, ColumnElement[bool]] = {
        "arrived": any_ > 0,
        "waiting": waiting > 0,
        "returned": returned > 0,
        Mismatch.NOT_ARRIVED: told.in_((ItemState.ACCEPTED, ItemState.REGISTERED)) & (any_ == 0),
        Mismatch.NOT_ACKNOWLEDGED: (any_ > 0) & (
            told.in_((ItemState.FAILED, ItemState.CANCELLED))
            | ((told == ItemState.REFUSED) & (returned == 0) & OutboxItem.registered_at.is_(None))  # else annulled
        ),
        Mismatch.NOT_REGISTERED: (told == ItemState.REGISTERED) & (any_ > 0) & (registered == 0),
        Mismatch.DOUBLED: any_ > 1,
    }  # fmt: skip
    sums = [func.sum(case((condition, 1), else_=0)) for condition in facts.values()]
    for side in sides:
        rows = uow.session.execute(
            select(OutboxItem.entity_id, OutboxItem.recipient_id, *sums)
            .join(Entity, Entity.id == OutboxItem.recipient_id)
            .where(side, *_on(uow, OutboxItem.created_at, day), OutboxItem.kind == PackageKind.LETTER,
                   Entity.installation_id == home)
            .group_by(OutboxItem.entity_id, OutboxItem.recipient_id)
        )  # fmt: skip
        for sender, recipient, *numbers in rows:
            counts[sender, recipient].update(dict(zip(facts, map(int, numbers), strict=True)))


def _count_arrived(uow: UnitOfWork, counts: Counts, day: date, here: Sequence[UUID], entity_id: UUID | None) -> None:
    """Count what came in on the day without having been in our outbox, and letters that it should have been in."""
    recipient, sender = ReceivedMessage.entity_id, ReceivedMessage.sender_id
    asked = true() if entity_id is None else (recipient == entity_id) | (sender == entity_id)
    sent = exists().where(
        OutboxItem.package_id == ReceivedMessage.package_id,
        OutboxItem.recipient_id == ReceivedMessage.entity_id,
        OutboxItem.entity_id == ReceivedMessage.sender_id,
    )
    ours = set(here)
    for at in range(0, len(here), _CHUNK):
        rows = uow.session.execute(
            select(sender, recipient, ReceivedMessage.kind, ReceivedMessage.state, func.count())
            .where(recipient.in_(here[at : at + _CHUNK]), *_on(uow, ReceivedMessage.received_at, day),
                   ReceivedMessage.kind.in_(_ARRIVED), ~sent, asked)
            .group_by(sender, recipient, ReceivedMessage.kind, ReceivedMessage.state)
        )  # fmt: skip
        for one, body, kind, state, number in rows:
            if kind == MessageKind.LETTER and one in ours:
                counts[one, body][Mismatch.NEVER_SENT] += number
                continue
            counts[one, body].update({
                "sent": number, "received": number, "arrived": number,
                "waiting": number if state == MessageState.WAITING else 0,
                "returned": number if state == MessageState.REFUSED else 0,
            })  # fmt: skip


def _on(uow: UnitOfWork, column: InstrumentedAttribute[datetime], day: date) -> tuple[ColumnElement[bool], ...]:
    begin, end = uow.hours_of(day)
    return column >= begin, column < end


def _pair(sender: Entity, recipient: Entity, found: Mapping[str, int], home: UUID) -> Pair:
    counted = {name: found.get(name, 0) for name in COLUMNS}
    named = {str(one): found[one] for one in Mismatch if found.get(one)}
    return Pair(sender, recipient, **counted, both=recipient.installation_id == home, mismatches=named)


def _worst_first(pair: Pair) -> tuple[object, ...]:
    return (-sum(pair.mismatches.values()), -pair.expired, -pair.refused, -pair.queued, -pair.sent, pair.sender.code,
            pair.recipient.code)  # fmt: skip


def plain(pairs: Iterable[Pair], day: date) -> dict[str, Any]:
    """Return pairs as JSON values: the shape of ``diwan reconcile --json``."""
    lines = [
        {
            "sender": pair.sender.code, "recipient": pair.recipient.code,
            **{name: getattr(pair, name) for name in COLUMNS},
            "compared": pair.both, "balanced": pair.balanced, "mismatches": dict(pair.mismatches),
        }
        for pair in pairs
    ]  # fmt: skip
    return {"day": day.isoformat(), "balanced": all(line["balanced"] for line in lines), "pairs": lines}
