"""The evidence of a letter as a registry reads it, and one evidence as a signed file for whoever doubts it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from lxml import etree
from sqlalchemy import ColumnElement, func, select

from crypto.cms_signatures import attached, sign_detached
from edms.content import service as content
from edms.content.store import ContentStore
from edms.core.database import UnitOfWork
from edms.core.errors import NotFound
from edms.dispatch.models import Evidence
from edms.dispatch.rules import EVENT_URI, NEGATIVE
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.entities.models import Entity
from edms.entities.sealing import ensure_seal
from edms.intake.models import ReceivedMessage
from edms.letters.models import Letter
from edms.tracking.rules import SEE_EVIDENCE

NAMESPACE = "urn:diwan:evidence:1"


@dataclass(frozen=True, slots=True)
class ProofLine:
    """One evidence in plain values; hashes are lower hex, ``documents`` those of the files, the letter first.

    ``receipt``: the message that brought it, where it is the far body's word, ``signed`` when under that body's seal.
    """

    id: UUID
    event: str
    negative: bool
    at: datetime
    submitted_at: datetime | None
    sender: Entity | None
    recipient: Entity | None
    issuer: Entity
    reason: str
    message_id: str
    message_hash: str
    documents: tuple[str, ...]
    policy: str
    signed: bool
    receipt: UUID | None


def count(uow: UnitOfWork, letter: Letter) -> int:
    """Count what was proved of a letter in its own body; nothing for those who may not see it."""
    if not uow.actor.may(SEE_EVIDENCE):
        return 0
    return uow.session.scalar(select(func.count()).select_from(Evidence).where(_of_letter(uow, letter))) or 0


def of_letter(uow: UnitOfWork, letter: Letter, *, offset: int = 0, limit: int | None = None) -> list[ProofLine]:
    """Return what was proved of a letter in its own body, oldest first."""
    uow.actor.require(SEE_EVIDENCE)
    wanted = select(Evidence).where(_of_letter(uow, letter)).order_by(Evidence.at, Evidence.id)
    return _lines(uow, uow.session.scalars(wanted.offset(offset).limit(limit)).all())


def one(uow: UnitOfWork, evidence_id: UUID) -> ProofLine:
    """Return one evidence of the actor's body (any for the operator); NotFound otherwise."""
    return _lines(uow, [_row(uow, evidence_id)])[0]


def receipt_of(uow: UnitOfWork, evidence_id: UUID, *, store: ContentStore, keys: Keyring) -> bytes:
    """Return the raw message that brought an evidence, byte for byte; NotFound where none did."""
    row = _row(uow, evidence_id)
    message = uow.session.get(ReceivedMessage, row.received_id) if row.item_id and row.received_id else None
    if message is None:
        raise NotFound("tracking.unknown-evidence")
    return content.read(uow, message.raw_file_id, entity_id=message.entity_id, store=store, keys=keys)


def signed_file(uow: UnitOfWork, evidence_id: UUID, *, keys: Keyring) -> bytes:
    """Return one evidence as evidence.xml inside a CMS signature (DER) by the seal of the body whose evidence it is.

    Needs a writing unit of work, as the seal may have to be made. Raises Unavailable for a body served elsewhere.
    """
    row = _row(uow, evidence_id)
    seal = ensure_seal(uow, row.entity_id, keys=keys)
    octets = xml_of(_lines(uow, [row])[0], installation=entities.home(uow).name)
    signature = sign_detached(
        octets, sign=partial(keys.keys.sign, seal.key_name), certificate=seal.certificate, chain=seal.chain[:-1],
        when=uow.now,
    )  # fmt: skip
    return attached(octets, signature)


def xml_of(line: ProofLine, *, installation: str) -> bytes:
    """Return evidence.xml: the names of the fields are those of ETSI EN 319 522-3."""
    root = etree.Element(f"{{{NAMESPACE}}}Evidence", nsmap={None: NAMESPACE}, version="1")

    def add(name: str, text: str, **attributes: str) -> None:
        if text or attributes:
            element = etree.SubElement(root, f"{{{NAMESPACE}}}{name}", attributes)
            element.text = "".join(char for char in text if char.isprintable())

    add("EvidenceIdentifier", str(line.id))
    add("ERDSEventId", EVENT_URI + line.event)
    add("EventReasons", line.reason)
    add("EventTime", line.at.isoformat())
    add("SubmissionTime", line.submitted_at.isoformat() if line.submitted_at else "")
    add("EvidenceIssuerPolicyID", line.policy)
    add("EvidenceIssuerDetails", line.issuer.name_ar, entity=line.issuer.code, installation=installation)
    for name, body in (("SenderDetails", line.sender), ("RecipientDetails", line.recipient)):
        if body is not None:
            add(name, body.name_ar, entity=body.code, domain=body.mail_domain)
    add("MessageIdentifier", line.message_id)
    if line.message_hash:
        add("MessageDigest", line.message_hash, algorithm="SHA-256")
    for digest in line.documents:
        add("UserContentDigest", digest, algorithm="SHA-256")
    octets: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return octets


def plain(line: ProofLine) -> dict[str, Any]:
    """Return an evidence as JSON values: the shape of ``diwan track --evidence`` and ``diwan evidence show``."""
    return {
        "id": str(line.id), "event": line.event, "at": line.at.isoformat(),
        "submitted_at": line.submitted_at.isoformat() if line.submitted_at else None,
        "sender": line.sender.code if line.sender else None,
        "recipient": line.recipient.code if line.recipient else None, "issuer": line.issuer.code,
        "reason": line.reason or None, "message_id": line.message_id or None,
        "message_sha256": line.message_hash or None, "documents_sha256": list(line.documents),
        "policy": line.policy, "signed": line.signed,
    }  # fmt: skip


def _of_letter(uow: UnitOfWork, letter: Letter) -> ColumnElement[bool]:
    """Return the condition: of the letter, or of the message that brought it before it was registered."""
    brought = uow.session.scalars(
        select(Evidence.received_id)
        .where(Evidence.letter_id == letter.id, Evidence.received_id.is_not(None), Evidence.item_id.is_(None))
        .distinct()
    ).all()
    same = (Evidence.letter_id == letter.id) | Evidence.received_id.in_(brought)
    return same & (Evidence.entity_id == letter.entity_id)


def _row(uow: UnitOfWork, evidence_id: UUID) -> Evidence:
    uow.actor.require(SEE_EVIDENCE)
    query = select(Evidence).where(Evidence.id == evidence_id)
    if uow.actor.entity_id is not None:
        query = query.where(Evidence.entity_id == uow.actor.entity_id)
    found = uow.session.scalars(query).one_or_none()
    if found is None:
        raise NotFound("tracking.unknown-evidence")
    return found


def _lines(uow: UnitOfWork, rows: Sequence[Evidence]) -> list[ProofLine]:
    ids = {one for row in rows for one in (row.entity_id, row.other_entity_id) if one is not None}
    bodies = entities.entities_by_ids(uow, list(ids))
    return [_line(row, bodies) for row in rows]


def _line(row: Evidence, bodies: dict[UUID, Entity]) -> ProofLine:
    own, other = bodies[row.entity_id], bodies.get(row.other_entity_id) if row.other_entity_id else None
    incoming, theirs = row.received_id is not None and row.item_id is None, bool(row.received_id and row.item_id)
    return ProofLine(
        id=row.id, event=row.event, negative=row.event in NEGATIVE, at=row.at, submitted_at=row.submitted_at,
        sender=other if incoming else own, recipient=own if incoming else other,
        issuer=other if theirs and other is not None else own, reason=row.reason, message_id=row.message_id,
        message_hash=(row.message_hash or b"").hex(), documents=tuple(row.document_hashes.split()), policy=row.policy,
        signed=row.signed, receipt=row.received_id if theirs else None,
    )  # fmt: skip
