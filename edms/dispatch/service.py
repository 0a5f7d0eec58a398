"""The outbox: enqueued in the letter's own transaction, claimed and reported on by the relay, closed by receipts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, NotFound
from edms.dispatch import evidence, facts, queries
from edms.dispatch.evidence import NOTHING_KNOWN, Proof, Received
from edms.dispatch.hops import Rest, never_rests, note, wake
from edms.dispatch.models import DeliveryAttempt, OutboxItem, RefusalCount
from edms.dispatch.outbox import enqueue_all, package_row
from edms.dispatch.package import Receipt, ReceiptKind
from edms.dispatch.packing import receipt_meta
from edms.dispatch.reports import report
from edms.dispatch.rules import (
    KEEP_QUEUE,
    NEGATIVE,
    RECEIPT_EVENTS,
    WAITING,
    ErdsEvent,
    ItemState,
    Outcome,
    PackageKind,
)
from edms.entities import queries as entities


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the next hop answered for a consignment; ``retry_in`` counts for a transient answer until ``give_up``.

    ``reached``: the next hop was there to answer; else ``reply`` says why not. ``message_hash`` is the SHA-256 of the
    octets that were sent.
    """

    item_id: UUID
    outcome: Outcome
    reply: str
    retry_in: timedelta = timedelta(minutes=1)
    give_up: timedelta = WAITING
    reached: bool = True
    message_hash: bytes = b""


def enqueue(
    uow: UnitOfWork,
    *,
    kind: PackageKind,
    entity_id: UUID,
    letter_id: UUID | None,
    meta: dict[str, Any],
    recipients: Sequence[tuple[UUID, str]],
) -> UUID:
    """Put a package into the outbox for each of ``recipients`` (body, role ``to``/``cc``); returns the package's id.

    ``meta`` is made as in ``packing``: values of a letter package or a receipt, stored files in place of bytes.
    """
    package = package_row(uow, kind, entity_id, meta)
    enqueue_all(uow, [(package, letter_id, recipients)])
    if kind == PackageKind.LETTER:
        evidence.prove(uow, Proof(
            ErdsEvent.SUBMISSION_ACCEPTANCE, entity_id, letter_id=letter_id, submitted_at=uow.now,
            message_id=package.message_id, documents=package.document_hashes,
        ))  # fmt: skip
    return package.id


@dataclass(frozen=True, slots=True)
class Answer:
    """A body's answer to a letter that it received: its own row of it, its register number, what it knows of it."""

    entity_id: UUID
    letter_id: UUID | None = None
    register_number: str = ""
    received: Received = NOTHING_KNOWN


def answer(
    uow: UnitOfWork,
    kind: ReceiptKind,
    *,
    entity_id: UUID,
    sender_id: UUID,
    package_id: UUID,
    document_code: str,
    letter_id: UUID | None = None,
    register_number: str = "",
    reason_code: str = "",
    reason_text: str = "",
    unit: str = "",
    received: Received | None = None,
) -> None:
    """Send a receipt from a body to the sender of a letter, and record the evidence of what the receipt says.

    ``kind`` is any but void; ``received`` what is known of the message that
    brought the letter, by default what was proved of it when it was registered.
    """
    known = received or evidence.received_as(uow, letter_id)
    answer_all(
        uow, kind, [Answer(entity_id, letter_id, register_number, known)], sender_id=sender_id, package_id=package_id,
        document_code=document_code, reason_code=reason_code, reason_text=reason_text, unit=unit,
    )  # fmt: skip
    reason, event = reason_code or reason_text, RECEIPT_EVENTS[kind]
    evidence.prove(uow, known.proof(event, entity_id, sender_id, letter_id=letter_id, reason=reason))


def answer_all(
    uow: UnitOfWork,
    kind: ReceiptKind,
    answers: Sequence[Answer],
    *,
    sender_id: UUID,
    package_id: UUID,
    document_code: str,
    reason_code: str = "",
    reason_text: str = "",
    unit: str = "",
) -> None:
    """Send the receipts of many bodies for one letter, in two statements; the caller records the evidence."""
    packages, bodies = [], entities.entities_by_ids(uow, [one.entity_id for one in answers])
    for one in answers:
        receipt = Receipt(
            kind=kind, package_id=package_id, document_code=document_code, entity_code=bodies[one.entity_id].code,
            at=uow.now, register_number=one.register_number, reason_code=reason_code, reason_text=reason_text,
            event=str(RECEIPT_EVENTS[kind]), submitted_at=one.received.submitted_at,
            message_id=one.received.message_id, message_hash=one.received.message_hash.hex(),
            document_hashes=tuple(one.received.documents.split()), unit=unit,
        )  # fmt: skip
        package = package_row(uow, PackageKind.RECEIPT, one.entity_id, receipt_meta(receipt))
        packages.append((package, one.letter_id, [(sender_id, "to")]))
    enqueue_all(uow, packages)


def announce_void(uow: UnitOfWork, letter_id: UUID, *, document_code: str, reason: str) -> None:
    """Tell every recipient of a letter that it is void; consignments still waiting are cancelled."""
    items = list(uow.session.scalars(select(OutboxItem).where(
        OutboxItem.letter_id == letter_id, OutboxItem.kind == PackageKind.LETTER)))  # fmt: skip
    told = []
    for item in items:
        if item.state == ItemState.QUEUED and item.attempts == 0:
            item.state = ItemState.CANCELLED
            record(uow, "dispatch.cancelled", "outbox-item", item.id, entity_id=item.entity_id, row=item)
        else:
            told.append((item.recipient_id, item.role))
    if not told:
        return
    first = items[0]
    receipt = Receipt(
        kind="void", package_id=first.package_id, document_code=document_code,
        entity_code=entities.entity(uow, first.entity_id).code, at=uow.now, reason_text=reason,
    )  # fmt: skip
    enqueue(
        uow, kind=PackageKind.RECEIPT, entity_id=first.entity_id, letter_id=letter_id, meta=receipt_meta(receipt),
        recipients=told,
    )  # fmt: skip


def record_attempts(
    uow: UnitOfWork, owner: UUID, attempts: Sequence[Attempt], *, rest: Rest = never_rests
) -> frozenset[UUID]:
    """Write what next hops answered, many at once: one read for all their consignments.

    ``rest`` says how long a next hop that was not reached is left alone; returns those that are now. What was tried
    there in vain is due again when its next hop is.
    """
    items: dict[UUID, OutboxItem] = {}
    ids = [attempt.item_id for attempt in attempts]
    for at in range(0, len(ids), 500):
        some = select(OutboxItem).where(OutboxItem.id.in_(ids[at : at + 500]))
        items.update((row.id, row) for row in uow.session.scalars(some.with_for_update(key_share=True)))
    known = [(attempt, items[attempt.item_id]) for attempt in attempts if attempt.item_id in items]
    reached = {item.installation_id for attempt, item in known if attempt.reached}
    missed = {  # one message to many is one failure
        (item.installation_id, item.package_id): attempt.reply for attempt, item in known if not attempt.reached
    }
    resting = note(uow, reached, [(hop, reply) for (hop, _), reply in missed.items()], rest)
    queries.packages(uow, list({item.package_id for item in items.values()}))
    for attempt in attempts:
        found = items.get(attempt.item_id)
        waits = found is not None and not attempt.reached and found.installation_id in resting
        record_attempt(uow, owner, replace(attempt, retry_in=timedelta(0)) if waits else attempt)
    return resting


def record_attempt(uow: UnitOfWork, owner: UUID, attempt: Attempt) -> None:
    """Write what the next hop answered for one consignment.

    A consignment whose lease another relay has taken over since is left alone but for the attempt.
    """
    item, outcome, reply = uow.session.get(OutboxItem, attempt.item_id), attempt.outcome, attempt.reply[:500]
    if item is None:
        raise NotFound("dispatch.unknown-item")
    uow.session.add(DeliveryAttempt(item_id=item.id, at=uow.now, outcome=outcome, reply=reply))
    if item.lease_owner != owner or item.state != ItemState.SENDING:
        return
    item.attempts += 1
    item.lease_owner = item.lease_until = None
    if outcome is Outcome.OK:
        item.state, item.taken_at, item.message_hash = ItemState.ACCEPTED, uow.now, attempt.message_hash or None
        report(uow, item, "delivered", act=f"dispatch.{item.state}")
    elif outcome is Outcome.PERMANENT:
        item.state, item.refused_at, item.refusal = ItemState.REFUSED, uow.now, reply
        report(uow, item, "failed", act=f"dispatch.{item.state}")
    elif uow.now - item.created_at > attempt.give_up:
        item.state, item.refused_at, item.refusal = ItemState.FAILED, uow.now, reply
        report(uow, item, "expired", act=f"dispatch.{item.state}")
    else:
        item.state, item.next_at = ItemState.QUEUED, uow.now + attempt.retry_in


def apply_receipt(
    uow: UnitOfWork, receipt: Receipt, *, from_entity: UUID, to_entity: UUID, received_id: UUID | None = None
) -> OutboxItem | None:
    """Write a far registry's receipt onto our consignment; None when it answers nothing of ours.

    Only the body to which the consignment went can answer it, whatever the receipt says. Receipts may come late,
    twice or out of order: the first time of each fact stays. ``received_id`` is the message that brought it.
    """
    item = uow.session.scalars(select(OutboxItem).where(
        OutboxItem.package_id == receipt.package_id, OutboxItem.recipient_id == from_entity,
        OutboxItem.entity_id == to_entity, OutboxItem.kind == PackageKind.LETTER,
    )).one_or_none()  # fmt: skip
    if item is None:
        return None
    facts.take_over(item, receipt)
    item.taken_at = item.taken_at or uow.now
    event, reason = RECEIPT_EVENTS[receipt.kind], receipt.reason_code or receipt.reason_text
    proof = evidence.of_item(
        item, event, reason or (receipt.kind if event in NEGATIVE else ""), received_id=received_id,
        package=queries.package(uow, item.package_id), signed=receipt.signed,
        message_hash=bytes.fromhex(receipt.message_hash) or None,
    )  # fmt: skip
    evidence.prove(uow, proof, act=f"dispatch.{receipt.kind}", row=item)
    return item


def settle(uow: UnitOfWork, letter_id: UUID, recipient_id: UUID) -> None:
    """Note on a letter's consignment that the recipient's answer has come: the fact «settled»."""
    item = uow.session.scalars(select(OutboxItem).where(
        OutboxItem.letter_id == letter_id, OutboxItem.recipient_id == recipient_id,
        OutboxItem.kind == PackageKind.LETTER)).one_or_none()  # fmt: skip
    if item is not None and item.settled_at is None:
        item.settled_at = uow.now
        record(uow, "dispatch.settled", "letter", letter_id, entity_id=item.entity_id, row=item)


def retry_now(uow: UnitOfWork, item_id: UUID) -> OutboxItem:
    """Bring a waiting or failed consignment to the front of the queue, and let its next hop be tried if it rests."""
    item = _kept_item(uow, item_id)
    if item.state not in (ItemState.QUEUED, ItemState.FAILED):
        raise Conflict("dispatch.not-waiting", state=item.state)
    item.state, item.next_at = ItemState.QUEUED, uow.now
    wake(uow, item.installation_id)
    record(uow, "dispatch.retried", "outbox-item", item.id, entity_id=item.entity_id, row=item)
    return item


def cancel(uow: UnitOfWork, item_id: UUID) -> OutboxItem:
    """Take a consignment out of the queue; only before its first attempt, as later it may already be there."""
    item = _kept_item(uow, item_id)
    if item.state != ItemState.QUEUED or item.attempts:
        raise Conflict("dispatch.already-sent", state=item.state)
    item.state = ItemState.CANCELLED
    record(uow, "dispatch.cancelled", "outbox-item", item.id, entity_id=item.entity_id, row=item)
    return item


def count_refusal(uow: UnitOfWork, code: str, *, now: datetime, times: int = 1) -> None:
    """Count refusals of the gateway by day and code."""
    day = now.date().isoformat()
    row = uow.session.get(RefusalCount, (day, code[:40]), with_for_update=True)
    if row is None:
        uow.session.add(RefusalCount(day=day, code=code[:40], count=times))
    else:
        row.count += times


def _kept_item(uow: UnitOfWork, item_id: UUID) -> OutboxItem:
    uow.actor.require(KEEP_QUEUE)
    item = uow.session.get(OutboxItem, item_id, with_for_update={"key_share": True})
    if item is None or (uow.actor.entity_id is not None and item.entity_id != uow.actor.entity_id):
        raise NotFound("dispatch.unknown-item")
    return item
