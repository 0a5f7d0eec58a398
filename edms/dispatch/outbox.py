"""Putting packages into the outbox: one row for what travels, one consignment for each body that it goes to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from edms.core.database import UnitOfWork
from edms.core.ids import new_id
from edms.dispatch.models import OutboundPackage, OutboxItem
from edms.dispatch.rules import ItemState, PackageKind
from edms.entities import queries as entities

Addressed = tuple[OutboundPackage, UUID | None, Sequence[tuple[UUID, str]]]
"""A package, the letter that it is or answers, and its recipients (body, role ``to`` or ``cc``)."""


def package_row(
    uow: UnitOfWork, kind: PackageKind, entity_id: UUID, meta: dict[str, Any], *, message_id: str = "",
    documents: str = "",
) -> OutboundPackage:  # fmt: skip
    """Return a new package of a body, added to the unit of work; ``message_id`` is by default made of its id."""
    package = OutboundPackage(id=new_id(), entity_id=entity_id, kind=kind, created_at=uow.now)
    package.meta = meta
    package.message_id = message_id[:255] or f"{package.id}@{entities.entity(uow, entity_id).mail_domain}"
    package.document_hashes = documents or " ".join(part["sha256"] for part in meta.get("parts", ()))
    uow.session.add(package)
    return package


@dataclass(frozen=True, slots=True)
class Mailed:
    """A recipient of mail: the body, the address before the @, and what was asked for it (RFC 3461)."""

    recipient_id: UUID
    mailbox: str
    notify: str = ""
    orcpt: str = ""


def enqueue_all(uow: UnitOfWork, packages: Sequence[Addressed], *, mailbox: str = "") -> None:
    """Add a consignment for each recipient of each package, in two statements; ``mailbox`` as in the model."""
    uow.flush()
    hops = _next_hops(uow, [recipient for _, _, recipients in packages for recipient, _ in recipients])
    rows = [
        {**_row(uow, package, recipient, hops), "letter_id": letter_id, "role": role, "mailbox": mailbox}
        for package, letter_id, recipients in packages
        for recipient, role in recipients
    ]
    if rows:
        uow.session.execute(insert(OutboxItem), rows)


def enqueue_mailed(uow: UnitOfWork, package: OutboundPackage, recipients: Sequence[Mailed]) -> None:
    """Add a consignment of mail for each of its recipients."""
    uow.flush()
    hops = _next_hops(uow, [one.recipient_id for one in recipients])
    uow.session.execute(insert(OutboxItem), [
        {
            **_row(uow, package, one.recipient_id, hops), "role": "to", "mailbox": one.mailbox, "notify": one.notify,
            "orcpt": one.orcpt,
        }
        for one in recipients
    ])  # fmt: skip


def _row(uow: UnitOfWork, package: OutboundPackage, recipient: UUID, hops: Mapping[UUID, UUID]) -> dict[str, Any]:
    return {
        "id": new_id(), "package_id": package.id, "kind": package.kind, "entity_id": package.entity_id,
        "recipient_id": recipient, "installation_id": hops[recipient], "state": str(ItemState.QUEUED), "attempts": 0,
        "next_at": uow.now, "created_at": uow.now, "far_number": "", "refusal": "",
    }  # fmt: skip


def _next_hops(uow: UnitOfWork, bodies: Sequence[UUID]) -> dict[UUID, UUID]:
    """Return the installation that serves each body; one body is mostly known to the unit of work already."""
    if len(set(bodies)) == 1:
        return {bodies[0]: entities.entity(uow, bodies[0]).installation_id}
    return {key: body.installation_id for key, body in entities.entities_by_ids(uow, bodies).items()}
