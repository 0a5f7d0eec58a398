"""The outbox: consignments are enqueued in the letter's own transaction, claimed and reported on by the relay."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.ids import new_id
from edms.dispatch.models import OutboundPackage, OutboxItem
from edms.dispatch.rules import ItemState, PackageKind


def enqueue(
    uow: UnitOfWork,
    *,
    kind: PackageKind,
    entity_id: UUID,
    letter_id: UUID | None,
    meta: dict[str, Any],
    recipients: Sequence[tuple[UUID, str]],
    package_id: UUID | None = None,
) -> UUID:
    """Put a package into the outbox for each of ``recipients`` (body, role ``to``/``cc``); returns the package's id.

    ``meta`` holds the values of ``package.LetterPackage`` or ``package.Receipt`` without bytes; its ``parts`` name
    stored files (role, name, media_type, size, sha256, file_id).
    """
    package = OutboundPackage(
        id=package_id or new_id(), entity_id=entity_id, kind=kind, created_at=uow.now
    )
    package.meta = meta
    uow.session.add(package)
    uow.flush()
    rows = [
        {
            "id": new_id(), "package_id": package.id, "letter_id": letter_id, "kind": str(kind), "entity_id": entity_id,
            "recipient_id": recipient, "role": role, "state": str(ItemState.QUEUED), "attempts": 0, "next_at": uow.now,
            "created_at": uow.now, "far_number": "", "refusal": "",
        }
        for recipient, role in recipients
    ]
    uow.session.execute(insert(OutboxItem), rows)
    return package.id


def settle(uow: UnitOfWork, letter_id: UUID, recipient_id: UUID) -> None:
    """Note on a letter's consignment that the recipient's answer has come: the fact «settled»."""
    item = uow.session.scalars(
        select(OutboxItem).where(OutboxItem.letter_id == letter_id, OutboxItem.recipient_id == recipient_id)
    ).one_or_none()
    if item is not None and item.settled_at is None:
        item.settled_at = uow.now
        record(uow, "dispatch.settled", "letter", letter_id, entity_id=item.entity_id, row=item)
