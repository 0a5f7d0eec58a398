"""Evidence of the receiving side: put into the body's intake, handed over to it, sent back by it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from edms.core.database import UnitOfWork
from edms.core.ids import made_at
from edms.dispatch import evidence
from edms.dispatch.evidence import Received
from edms.dispatch.models import Evidence
from edms.dispatch.rules import NEGATIVE, ErdsEvent
from edms.intake import queries
from edms.intake.models import ReceivedMessage
from edms.intake.rules import FOREIGN, MessageState


def known_of(row: ReceivedMessage, values: Mapping[str, Any]) -> Received:
    """Return what a body knows of a message: ``values`` is its meta, read once for all the bodies that got it."""
    return Received(
        row.id, str(values.get("message_id", "")).strip().strip("<>"), row.raw_hash,
        " ".join(part["sha256"] for part in values.get("parts", ())), _submitted(row),
    )  # fmt: skip


def prove_arrival(uow: UnitOfWork, row: ReceivedMessage, known: Received) -> None:
    """Record that a message lies in a body's intake, and that it was handed over where it was registered at once."""
    events = [ErdsEvent.CONTENT_CONSIGNMENT]
    if row.state == MessageState.REGISTERED:
        events.append(ErdsEvent.CONTENT_HANDOVER)
    if row.flag == FOREIGN:
        events.insert(0, ErdsEvent.RECEIVED_FROM_NON_ERDS)
    proofs = [
        known.proof(event, row.entity_id, row.sender_id, letter_id=row.letter_id,
                    reason=row.flag if event in NEGATIVE else "")
        for event in events
    ]  # fmt: skip
    evidence.prove(uow, *proofs, act="intake.accepted", of=("message", row.id), row=row, kind=row.kind)


def is_shown(uow: UnitOfWork, row: ReceivedMessage) -> bool:
    """Tell whether the registry was shown a message that waits for it, or the message waits no more."""
    if row.state != MessageState.WAITING:
        return True
    known = select(Evidence.id).where(
        Evidence.received_id == row.id, Evidence.entity_id == row.entity_id,
        Evidence.event == ErdsEvent.CONSIGNMENT_NOTIFICATION,
    )  # fmt: skip
    return uow.session.scalar(known.limit(1)) is not None


def prove_shown(uow: UnitOfWork, message_id: UUID) -> None:
    """Record that the registry was shown a message that waits for it, the first time only."""
    row = queries.message(uow, message_id)
    if not is_shown(uow, row):
        prove_decision(uow, row, ErdsEvent.CONSIGNMENT_NOTIFICATION)


def prove_decision(uow: UnitOfWork, row: ReceivedMessage, event: ErdsEvent, *, reason: str = "") -> None:
    """Record what the clerk did with ordinary mail, to which no receipt answers."""
    known = known_of(row, row.meta)
    evidence.prove(uow, known.proof(event, row.entity_id, row.sender_id, letter_id=row.letter_id, reason=reason))


def _submitted(row: ReceivedMessage) -> datetime | None:
    """Return when the sender issued a package, as its id says (UUIDv7); unknown of ordinary mail."""
    return made_at(row.package_id) if isinstance(row.package_id, UUID) else None
