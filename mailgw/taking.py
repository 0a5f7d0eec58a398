"""Taking messages in: everything slow before the transaction, then one commit for all that wait."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from crypto.digests import sha256
from crypto.pdf_signatures import PdfSeal
from edms.content import service as content
from edms.content.service import StagedFile
from edms.content.store import ContentStore
from edms.core.actor import system_actor
from edms.core.database import Database, UnitOfWork
from edms.dispatch.package import LetterPackage, Receipt, UntypedMessage, WireMessage
from edms.dispatch.submitting import Submission
from edms.entities.keyring import Keyring
from edms.entities.sealing import note_seal
from edms.intake import accepting as intake
from edms.intake import queries as intake_queries
from edms.intake.accepting import Accepted, Arrival
from edms.intake.rules import FOREIGN, OPAQUE
from mailgw import maillog
from mailgw.directory import Snapshot
from mailgw.envelope import ReceivedEnvelope
from mailgw.failpoints import FailPoints
from mailgw.forwarding import Forwarded, forward, local_bodies, needs_file, submission_of
from mailgw.judging import genuine_seal, idempotency_key, judged_receipt, message_id_hash, message_id_of
from mailgw.parsers import Parsers
from mailgw.policy import EntityEntry

GATEWAY = system_actor("gateway")
Taken = list[Accepted | Forwarded]
"""What became of a message: for each body served here, and for all others together."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message parsed, judged and staged; ``genuine_for`` are codes of bodies that a truly sealed package names, by
    the ``seal`` that was found. ``recipients`` are served here, ``onward`` is what goes to others.
    """  # fmt: skip

    message: WireMessage
    key: bytes
    message_id_hash: bytes | None
    raw: StagedFile
    raw_hash: bytes
    parts: tuple[StagedFile, ...]
    genuine_for: frozenset[str] = field(repr=False)
    seal: PdfSeal | None = field(repr=False)
    peer: str
    sender_id: UUID
    recipients: tuple[UUID, ...]
    onward: Submission | None
    message_id: str = ""
    mail_from: str = ""
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """What taking in needs of the installation."""

    database: Database
    store: ContentStore
    keys: Keyring
    failing: FailPoints
    parsers: Parsers


def prepare(envelope: ReceivedEnvelope, sender: EntityEntry, register: Snapshot, desk: Desk) -> Parcel:
    """Parse and judge a message and make its bytes and parts durable, encrypted; raises Unavailable.

    Every address of the envelope is in ``register``: the policy has asked it at MAIL and RCPT.
    """
    reading = desk.parsers.read(
        envelope.content.size, envelope.content.chunks, sender_code=sender.code,
        authority=register.sealing_authority(sender), source=envelope.identity.installation_id,
        keep=lambda part: content.stage_small(part, kind="received", now=envelope.received_at, store=desk.store),
    )  # fmt: skip
    message, flag = reading.message, ""
    if isinstance(message, Receipt):
        message, flag = judged_receipt(
            message, reading.signature, sender_code=sender.code, revoked=register.revoked,
            may_be_unsigned=_is_diwan(envelope, register),
        )  # fmt: skip
    elif isinstance(message, UntypedMessage) and message.opaque:
        flag = OPAQUE
    if envelope.identity.installation_id is None and envelope.identity.submitter is None:
        flag = FOREIGN
        maillog.event(
            "message.foreign", peer=envelope.peer, sender=envelope.mail_from.domain if envelope.mail_from else ""
        )
    seal = genuine_seal(message, reading.seal, sender_code=sender.code, revoked=register.revoked)
    genuine_for: frozenset[str] = frozenset()
    if seal is not None and isinstance(message, LetterPackage):
        genuine_for = frozenset(each.entity_code for each in message.recipients)
    raw = envelope.content.staged or content.stage_small(
        envelope.raw, kind="message", now=envelope.received_at, store=desk.store
    )
    desk.failing.reach("after-stage")
    message_id = message_id_of(envelope.content)
    key = idempotency_key(message, envelope.content, sender_code=sender.code)
    if flag and isinstance(message, Receipt):  # what does not count must not take the key of the one that will
        key = sha256(b"flagged|" + key + envelope.content.sha256)
    return Parcel(
        message=message,
        key=key,
        message_id_hash=message_id_hash(message_id, sender_code=sender.code),
        raw=raw,
        raw_hash=envelope.content.sha256,
        parts=reading.parts,
        genuine_for=genuine_for,
        seal=seal,
        peer=envelope.peer,
        sender_id=sender.entity_id,
        recipients=local_bodies(envelope, register),
        onward=submission_of(envelope, register, sender=sender, key=key, raw=raw, message_id=message_id),
        message_id=message_id,
        mail_from=str(envelope.mail_from or ""),
        flag=flag,
    )


def _is_diwan(envelope: ReceivedEnvelope, register: Snapshot) -> bool:
    """Tell whether a message comes from an installation of Diwan by its certificate, not from a person or a server."""
    identity = envelope.identity
    peer = register.peers.get(identity.installation_id) if identity.installation_id else None
    return identity.submitter is None and peer is not None and not peer.server


def take_in(parcels: Sequence[Parcel], desk: Desk) -> list[Taken | Exception]:
    """Adopt, accept and register the messages in ONE transaction; what comes back is durable.

    Together first. When that fails, once more with each in a savepoint of its own: a message that cannot be taken
    fails alone (its exception stands in its place) and the others are committed all the same.
    """
    try:
        return _taken_in(parcels, desk, _take)
    except Exception as error:
        if len(parcels) == 1:
            raise
        maillog.incident(error, phase="group")
    return _taken_in(parcels, desk, _one_by_one)


def _taken_in(
    parcels: Sequence[Parcel],
    desk: Desk,
    take: Callable[[UnitOfWork, Sequence[Parcel], Desk], tuple[list[Taken | Exception], list[StagedFile]]],
) -> list[Taken | Exception]:
    with desk.database.work(GATEWAY) as uow, uow.session.no_autoflush:
        results, unused = take(uow, parcels, desk)
        desk.failing.reach("before-commit")
    desk.failing.reach("after-commit-before-250")
    content.forget_staged(unused, desk.store)
    return results


def _one_by_one(
    uow: UnitOfWork, parcels: Sequence[Parcel], desk: Desk
) -> tuple[list[Taken | Exception], list[StagedFile]]:
    results: list[Taken | Exception] = []
    unused: list[StagedFile] = []
    for parcel in parcels:
        try:
            with uow.savepoint():
                taken, forgotten = _take(uow, [parcel], desk)
        except Exception as error:  # whatever it is, it concerns this message alone
            results.append(error)
            continue
        results += taken
        unused += forgotten
    return results, unused


def _take(uow: UnitOfWork, parcels: Sequence[Parcel], desk: Desk) -> tuple[list[Taken | Exception], list[StagedFile]]:
    """Take messages in together; returns what became of each, and the files that nobody needs."""
    known = intake_queries.known_messages(
        uow, [one for parcel in parcels for one in parcel.recipients], [parcel.key for parcel in parcels]
    )
    unused = _adopt(uow, parcels, set(known), desk.keys)
    for parcel in parcels:
        if parcel.seal is not None:
            note_seal(uow, parcel.sender_id, parcel.seal.signer_certificate, parcel.seal.path)
    accepted = intake.accept_all(uow, [_arrival(parcel) for parcel in parcels], known=known, keys=desk.keys)
    return [
        [*taken, forward(uow, parcel.onward)] if parcel.onward else [*taken]
        for taken, parcel in zip(accepted, parcels, strict=True)
    ], unused


def _adopt(
    uow: UnitOfWork, parcels: Sequence[Parcel], known: set[tuple[UUID, bytes]], keys: Keyring
) -> list[StagedFile]:
    """Name the files of all parcels by rows; returns those that nobody needs, as everybody had the message."""
    wanted: list[tuple[StagedFile, list[UUID]]] = []
    sent_on: set[tuple[UUID, bytes]] = set()
    for parcel in parcels:
        holders = [one for one in parcel.recipients if (one, parcel.key) not in known]
        known.update((one, parcel.key) for one in holders)
        wanted.extend((staged, holders) for staged in parcel.parts)
        sender = (parcel.sender_id, parcel.key)
        if sender not in sent_on and needs_file(uow, parcel.onward):
            sent_on.add(sender)
            holders = [*holders, parcel.sender_id]
        wanted.append((parcel.raw, holders))
    unused = [staged for staged, holders in wanted if not holders]
    wanted = [(staged, holders) for staged, holders in wanted if holders]
    content.adopt_all(uow, wanted, keys=keys)
    return unused


def _arrival(parcel: Parcel) -> Arrival:
    return Arrival(
        message=parcel.message, key=parcel.key, raw_file=parcel.raw.id, raw_size=parcel.raw.size,
        raw_hash=parcel.raw_hash, files=tuple(part.id for part in parcel.parts), peer=parcel.peer,
        genuine_for=parcel.genuine_for, sender_id=parcel.sender_id, recipients=parcel.recipients,
        message_id=parcel.message_id, message_id_hash=parcel.message_id_hash, mail_from=parcel.mail_from,
        flag=parcel.flag,
    )  # fmt: skip
