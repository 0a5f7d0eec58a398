"""Evidence of the receiving side: put into the body's intake, handed over to it, sent back by it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from edms.core.database import UnitOfWork
from edms.core.ids import made_at
from edms.dispatch import evidence
from edms.dispatch.evidence import Received
from edms.dispatch.rules import NEGATIVE, ErdsEvent
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


def prove_decision(uow: UnitOfWork, row: ReceivedMessage, event: ErdsEvent, *, reason: str = "") -> None:
    """Record what the clerk did with ordinary mail, to which no receipt answers."""
    known = known_of(row, row.meta)
    evidence.prove(uow, known.proof(event, row.entity_id, row.sender_id, letter_id=row.letter_id, reason=reason))


def _submitted(row: ReceivedMessage) -> datetime | None:
    """Return when the sender issued a package, as its id says (UUIDv7); unknown of ordinary mail."""
    return made_at(row.package_id) if isinstance(row.package_id, UUID) else None
