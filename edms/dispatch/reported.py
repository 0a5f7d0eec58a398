"""Applying what a far server reports of our mail (DSN, MDN): facts on the consignment, and evidence; never a letter."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import select

from edms.core.database import UnitOfWork
from edms.dispatch import evidence, queries
from edms.dispatch.models import OutboundPackage, OutboxItem
from edms.dispatch.package import Report, ReportedRecipient
from edms.dispatch.rules import ErdsEvent, ItemState, PackageKind
from edms.entities import queries as entities

_EVENTS: Final[Mapping[tuple[str, str], ErdsEvent]] = {
    ("dsn", "failed"): ErdsEvent.CONTENT_CONSIGNMENT_FAILURE,
    ("dsn", "delayed"): ErdsEvent.CONTENT_CONSIGNMENT_FAILURE,
    ("dsn", "delivered"): ErdsEvent.CONTENT_CONSIGNMENT,
    ("dsn", "relayed"): ErdsEvent.RELAY_ACCEPTANCE,
    ("dsn", "expanded"): ErdsEvent.CONTENT_CONSIGNMENT,
    ("mdn", "displayed"): ErdsEvent.CONTENT_ACCESS_TRACKING,
    ("mdn", "deleted"): ErdsEvent.CONTENT_HANDOVER_FAILURE,
}
_OURS: Final = (PackageKind.LETTER, PackageKind.MAIL)


def apply_report(
    uow: UnitOfWork, report: Report, *, from_entity: UUID, to_entity: UUID, received_id: UUID
) -> OutboxItem | None:
    """Write a report onto the consignments of ``to_entity`` that it speaks of; returns the first, None when of none.

    The original is found by its envelope id (the id of our package or consignment) or its Message-ID. Only the
    installation to which a consignment went can report on it: ``from_entity`` is one of its bodies.
    """
    items = _items(uow, report, from_entity=from_entity, to_entity=to_entity)
    if not items:
        return None
    packages = queries.packages(uow, list({item.package_id for item in items}))
    first = None
    for told in report.recipients:
        item = _item_of(uow, told, items)
        event = _EVENTS.get((report.kind, told.action))
        if item is None or event is None:
            continue
        first = first or item
        _note(uow, item, event, told)
        proof = evidence.of_item(
            item, event, _reason(report, told), package=packages[item.package_id], received_id=received_id
        )
        evidence.prove(uow, proof, act=f"dispatch.{report.kind}-{told.action}", row=item)
    return first


def _items(uow: UnitOfWork, report: Report, *, from_entity: UUID, to_entity: UUID) -> Sequence[OutboxItem]:
    ids = {_uuid(report.envelope_id), _uuid(report.original_id.partition("@")[0])} - {None}
    if report.original_id:
        named = select(OutboundPackage.id).where(
            OutboundPackage.message_id == report.original_id, OutboundPackage.entity_id == to_entity
        )
        ids.update(uow.session.scalars(named.limit(10)))
    if not ids:
        return []
    found = uow.session.scalars(
        select(OutboxItem)
        .where(
            OutboxItem.package_id.in_(ids) | OutboxItem.id.in_(ids), OutboxItem.entity_id == to_entity,
            OutboxItem.kind.in_(_OURS),
        )
        .with_for_update(key_share=True)
    ).all()  # fmt: skip
    server = entities.entity(uow, from_entity).installation_id
    bodies = entities.entities_by_ids(uow, [item.recipient_id for item in found])
    return [item for item in found if bodies[item.recipient_id].installation_id == server]


def _item_of(uow: UnitOfWork, told: ReportedRecipient, items: Sequence[OutboxItem]) -> OutboxItem | None:
    """Return the consignment of the reported address, or the only one where its address was rewritten on the way."""
    for address in (told.address, told.original):
        mailbox, _, domain = address.lower().rpartition("@")
        body = entities.entity_by_domain(uow, domain) if domain else None
        if body is not None:
            found = [item for item in items if item.recipient_id == body.id]
            return next((item for item in found if item.mailbox.lower() == mailbox), found[0] if found else None)
    return items[0] if len(items) == 1 else None


def _note(uow: UnitOfWork, item: OutboxItem, event: ErdsEvent, told: ReportedRecipient) -> None:
    if event is ErdsEvent.CONTENT_CONSIGNMENT:
        item.delivered_at = item.delivered_at or uow.now
    elif event is ErdsEvent.CONTENT_ACCESS_TRACKING:
        item.opened_at = item.opened_at or uow.now
    elif told.action == "failed" and item.state in (ItemState.ACCEPTED, ItemState.SENDING, ItemState.QUEUED):
        item.state, item.refused_at = ItemState.REFUSED, uow.now
        status = told.status if told.status not in told.diagnostic else ""
        item.refusal = " ".join(word for word in (status, told.diagnostic) if word) or "5.0.0"


def _reason(report: Report, told: ReportedRecipient) -> str:
    if report.kind == "mdn":
        return told.action if told.action != "displayed" else ""
    return " ".join(word for word in (told.action, told.status, told.diagnostic) if word)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
