"""Recording evidence (ETSI EN 319 522-3): each event once, never changed, and in the log by the entry of its act."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select

from edms.audit.service import record
from edms.core.database import Base, UnitOfWork
from edms.core.ids import new_id
from edms.dispatch.models import Evidence, GatewayRefusal, OutboundPackage, OutboxItem
from edms.dispatch.rules import EVIDENCE_POLICY, NEGATIVE, RECORDERS, ErdsEvent

MAX_REASON: Final = 300
_BUFFER: Final = "dispatch.evidence"


@dataclass(frozen=True, slots=True)
class Proof:
    """One event to be proved for the body ``entity_id``; the fields are those of ``models.Evidence``.

    ``documents`` are the SHA-256 of the files (lower hex, separated by spaces, the letter first), ``reason`` a code or
    the words of an answer: negative events need one.
    """

    event: ErdsEvent
    entity_id: UUID
    other_entity_id: UUID | None = None
    item_id: UUID | None = None
    received_id: UUID | None = None
    letter_id: UUID | None = None
    reason: str = ""
    submitted_at: datetime | None = None
    message_id: str = ""
    message_hash: bytes | None = None
    documents: str = ""
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """What a body knows of the message that brought it a letter: its own row of it, its Message-ID and its hashes."""

    id: UUID | None = None
    message_id: str = ""
    message_hash: bytes = b""
    documents: str = ""
    submitted_at: datetime | None = None

    def proof(
        self, event: ErdsEvent, entity_id: UUID, sender_id: UUID, *, letter_id: UUID | None = None, reason: str = ""
    ) -> Proof:
        """Return the proof of an event on the receiving side."""
        return Proof(
            event, entity_id, other_entity_id=sender_id, received_id=self.id, letter_id=letter_id, reason=reason,
            submitted_at=self.submitted_at, message_id=self.message_id, message_hash=self.message_hash or None,
            documents=self.documents,
        )  # fmt: skip


NOTHING_KNOWN = Received()


@dataclass(frozen=True, slots=True)
class Refused:
    """A submission that the gateway refused: who tried it from where, to whom, why, and what was read of it."""

    sender_id: UUID
    reason: str
    who: str = ""
    peer: str = ""
    recipients: tuple[str, ...] = ()
    message_hash: bytes | None = None
    message_id: str = ""


def prove(
    uow: UnitOfWork, *proofs: Proof, act: str = "", of: tuple[str, UUID] | None = None, row: Base | None = None,
    **facts: str | None,
) -> Evidence:  # fmt: skip
    """Record what one act proved, as one entry of the log (``act``, by default ``evidence.<event>``); returns the last.

    ``of`` is the act's object (by default the letter, or the evidence), ``row`` its row, to whose state the entry
    commits as well as to the evidence. The rows are written together before the commit, however many acts there are.
    Raises Forbidden when such an event is not the actor's to record.
    """
    rows = [_row(uow, proof) for proof in proofs]
    _keep(uow, *rows)
    last, proof = rows[-1], proofs[-1]
    kind, about = of or (("letter", proof.letter_id) if proof.letter_id else ("evidence", last.id))
    record(
        uow, act or f"evidence.{last.event}", kind, about, entity_id=proof.entity_id, row=row, rows=rows, gone=None,
        evidence=" ".join(each.event for each in rows), **facts,
    )  # fmt: skip
    return last


def received_as(uow: UnitOfWork, letter_id: UUID | None) -> Received:
    """Return what was known of an incoming letter's message when it was handed over; nothing where it was not."""
    if letter_id is None:
        return NOTHING_KNOWN
    found = uow.session.scalars(
        select(Evidence).where(Evidence.letter_id == letter_id, Evidence.event == ErdsEvent.CONTENT_HANDOVER)
        .order_by(Evidence.at).limit(1)
    ).first()  # fmt: skip
    if found is None:
        return NOTHING_KNOWN
    return Received(
        found.received_id, found.message_id, found.message_hash or b"", found.document_hashes, found.submitted_at
    )


def of_item(
    item: OutboxItem, event: ErdsEvent, reason: str = "", *, package: OutboundPackage | None = None,
    received_id: UUID | None = None, signed: bool = False, message_hash: bytes | None = None,
) -> Proof:  # fmt: skip
    """Return the proof of an event on a consignment's way, with what is known of its package.

    ``message_hash`` is what the far side says that it got, for where ours is not known.
    """
    return Proof(
        event, item.entity_id, other_entity_id=item.recipient_id, item_id=item.id, received_id=received_id,
        letter_id=item.letter_id, reason=reason, submitted_at=item.created_at, signed=signed,
        message_id=package.message_id if package else "", message_hash=item.message_hash or message_hash,
        documents=package.document_hashes if package else "",
    )  # fmt: skip


def prove_refusals(uow: UnitOfWork, refusals: Sequence[Refused]) -> None:
    """Keep what the gateway refused of our bodies (SubmissionRejection), for their registries to see."""
    for one in refusals:
        proof = prove(uow, Proof(
            ErdsEvent.SUBMISSION_REJECTION, one.sender_id, reason=one.reason, submitted_at=uow.now,
            message_id=one.message_id, message_hash=one.message_hash,
        ))  # fmt: skip
        _keep(uow, GatewayRefusal(
            id=new_id(), entity_id=one.sender_id, evidence_id=proof.id, who=one.who[:200], peer=one.peer[:60],
            recipients=" ".join(one.recipients), seen_at=None,
        ))  # fmt: skip


def _keep(uow: UnitOfWork, *rows: Base) -> None:
    """Hold rows back until all that they speak of is in the database; then each table takes its rows at once."""
    held: list[Base] = uow.info.setdefault(_BUFFER, [])
    held.extend(rows)
    uow.before_commit(_BUFFER, lambda: _write(uow))


def _write(uow: UnitOfWork) -> None:
    uow.flush()
    held: list[Base] = uow.info.pop(_BUFFER, [])
    for kind in (Evidence, GatewayRefusal):
        uow.insert([row for row in held if isinstance(row, kind)])


def _row(uow: UnitOfWork, proof: Proof) -> Evidence:
    uow.actor.require(RECORDERS[proof.event])
    if proof.event in NEGATIVE and not proof.reason:
        raise ValueError(f"{proof.event} needs a reason")
    return Evidence(
        id=new_id(), entity_id=proof.entity_id, item_id=proof.item_id, received_id=proof.received_id,
        letter_id=proof.letter_id, event=str(proof.event), at=uow.now, other_entity_id=proof.other_entity_id,
        reason=proof.reason[:MAX_REASON], submitted_at=proof.submitted_at, message_id=proof.message_id[:255],
        message_hash=proof.message_hash, document_hashes=proof.documents, policy=EVIDENCE_POLICY, signed=proof.signed,
    )  # fmt: skip
