"""Taking messages in: kept whole, registered by rule or by the clerk, answered by receipts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Invalid, Problem
from edms.core.ids import new_id
from edms.dispatch import service as dispatch
from edms.dispatch.package import (
    EXCEPTIONS,
    Confirmation,
    Inquiry,
    LetterPackage,
    Receipt,
    ReceiptKind,
    Report,
    UntypedMessage,
    WireMessage,
)
from edms.dispatch.packing import files_of, package_meta, package_of
from edms.dispatch.rules import ErdsEvent
from edms.dispatch.service import Answer
from edms.entities.keyring import Keyring
from edms.entities.models import Entity
from edms.intake import noting, proving, queries
from edms.intake.models import ReceivedMessage
from edms.intake.rules import ACCEPT, DECIDE, MessageKind, MessageState
from edms.letters import receiving
from edms.letters.models import Letter


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as the gateway took it: parsed, its raw bytes and its parts already stored for all its recipients.

    ``key`` is the idempotency key without the recipient, ``genuine_for`` are the codes of the bodies to which a package
    whose seal holds and is the sender's is addressed, ``files`` the stored parts of a letter package in their order.
    ``message_id`` is without brackets, ``flag`` why the message goes to quarantine.
    """

    message: WireMessage
    key: bytes
    raw_file: UUID
    raw_size: int
    raw_hash: bytes
    files: tuple[UUID, ...]
    genuine_for: frozenset[str]
    peer: str
    message_id: str = ""
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the gateway may answer: the state, the register number if any, and whether it came before."""

    state: MessageState
    number: str = ""
    repeat: bool = False


def accept_all(
    uow: UnitOfWork, arrival: Arrival, *, sender: Entity, recipients: Sequence[Entity], keys: Keyring
) -> list[Accepted]:
    """Take a message in for its recipients; registered at once where a body registers by rule and the seal is good.

    The same key for the same body is the same message: it is answered with what became of it and not taken twice.
    The answers are in the order of ``recipients``.
    """
    uow.actor.require(ACCEPT)
    known = queries.repeats_of(uow, [each.id for each in recipients], arrival.key)
    found: dict[UUID, Accepted] = {}
    for row in known.values():
        row.times_received += 1
        found[row.entity_id] = Accepted(MessageState(row.state), number_of(uow, row), repeat=True)
    new = [each for each in recipients if each.id not in known]
    rows = _rows(uow, arrival, sender, new)
    message = arrival.message
    if isinstance(message, Receipt | Report | Inquiry | Confirmation):
        uow.session.add_all(rows)
        bodies = {each.id: each for each in recipients}
        for row in rows:
            noting.take_note(uow, row, message, sender=sender, body=bodies[row.entity_id], keys=keys)
            found[row.entity_id] = Accepted(MessageState.NOTED)
        return [found[each.id] for each in recipients]
    found.update((row.entity_id, Accepted(MessageState.WAITING)) for row in rows)
    if isinstance(message, LetterPackage):
        by_rule = {each.id for each in new if each.registers_by_rule and each.code in arrival.genuine_for}
        ruled = [row for row in rows if row.entity_id in by_rule]
        found.update(_register_by_rule(uow, ruled, message, arrival.files))
    uow.session.add_all(rows)  # only now, so that each is written once
    values = _meta(arrival)
    for row in rows:
        proving.prove_arrival(uow, row, proving.known_of(row, values))
    _answer_arrived(uow, [row for row in rows if row.state == MessageState.WAITING], arrival)
    return [found[each.id] for each in recipients]


def register(uow: UnitOfWork, message_id: UUID) -> ReceivedMessage:
    """Register a waiting message, as the clerk: it gets the next incoming number and the sender a receipt."""
    uow.actor.require(DECIDE)
    row = _undecided(uow, message_id)
    _register(uow, row)
    row.decided_by_id = uow.actor.employee_id
    return row


def refuse(uow: UnitOfWork, message_id: UUID, *, code: str, reason: str) -> ReceivedMessage:
    """Send a waiting message back with a reason that its writer can read."""
    uow.actor.require(DECIDE)
    if not reason.strip():
        raise Invalid("intake.reason-missing", (Problem("reason", "intake.reason-missing"),))
    row = _undecided(uow, message_id)
    row.state, row.decided_at, row.decided_by_id = MessageState.REFUSED, uow.now, uow.actor.employee_id
    row.refusal_code, row.refusal_text = code[:40], reason.strip()
    if row.meta.get("package_id"):
        _answer(uow, row, "refused", reason_code=code, reason_text=reason.strip())
    else:
        proving.prove_decision(uow, row, ErdsEvent.CONSIGNMENT_REJECTION, reason=row.refusal_code)
    record(uow, "intake.refused", "message", row.id, entity_id=row.entity_id, row=row)
    return row


def _rows(uow: UnitOfWork, arrival: Arrival, sender: Entity, recipients: Sequence[Entity]) -> list[ReceivedMessage]:
    """Return a row of the message for each body, not yet added to the unit of work."""
    rows = []
    values = _meta(arrival)
    for recipient in recipients:
        row = ReceivedMessage(
            id=new_id(), entity_id=recipient.id, key=arrival.key, kind=_kind(arrival.message),
            state=MessageState.WAITING, sender_id=sender.id, raw_file_id=arrival.raw_file, raw_hash=arrival.raw_hash,
            received_at=uow.now, peer=arrival.peer[:60], flag=arrival.flag,
        )  # fmt: skip
        if isinstance(arrival.message, LetterPackage):
            row.package_id = arrival.message.package_id
        row.meta = {**values, "genuine": recipient.code in arrival.genuine_for}
        rows.append(row)
    return rows


def _meta(arrival: Arrival) -> dict[str, Any]:
    message = arrival.message
    if isinstance(message, Receipt):
        return {"receipt": message.kind, "signed": message.signed}
    if isinstance(message, Report):
        return {"report": message.kind, "original_id": message.original_id}
    if isinstance(message, Inquiry | Confirmation):
        return {"inquiry": str(message.inquiry_id)}
    if isinstance(message, LetterPackage):
        values = package_meta(message, arrival.files)
        return {**values, "package_id": str(message.package_id), "raw_size": arrival.raw_size,
                "message_id": arrival.message_id}  # fmt: skip
    package_id = str(message.package_id) if message.package_id else ""
    return {"subject": message.subject, "text": message.text, "message_id": message.message_id,
            "problems": list(message.problems), "raw_size": arrival.raw_size,
            "package_id": package_id, "document_code": message.document_code}  # fmt: skip


def _register_by_rule(
    uow: UnitOfWork, rows: Sequence[ReceivedMessage], package: LetterPackage, files: tuple[UUID, ...]
) -> dict[UUID, Accepted]:
    """Register a package in many bodies at once; where it contradicts an earlier letter it waits for the clerk."""
    if not rows:
        return {}
    letters = receiving.receive_all(
        uow,
        package,
        entity_ids=[row.entity_id for row in rows],
        sender_id=rows[0].sender_id,
        files=files,
    )
    taken = [row for row in rows if row.entity_id in letters and _same(row, letters[row.entity_id])]
    for row in taken:
        row.state, row.letter_id, row.decided_at = MessageState.REGISTERED, letters[row.entity_id].id, uow.now
    dispatch.answer_all(
        uow, "registered",
        [Answer(row.entity_id, row.letter_id, letters[row.entity_id].register_number, proving.known_of(row, row.meta))
         for row in taken],
        sender_id=rows[0].sender_id, package_id=package.package_id, document_code=package.document_code,
    )  # fmt: skip
    return {row.entity_id: Accepted(MessageState.REGISTERED, letters[row.entity_id].register_number) for row in taken}


def _answer_arrived(uow: UnitOfWork, rows: Sequence[ReceivedMessage], arrival: Arrival) -> None:
    """Tell the sender that a package lies in the registry, or why it could not be taken as a letter (an exception).

    Ordinary mail, which names no package, gets no answer from here.
    """
    message = arrival.message
    if not isinstance(message, LetterPackage | UntypedMessage) or message.package_id is None:
        return
    answers: dict[str, list[Answer]] = {}
    for row in rows:
        reason, known = _exception(row, arrival), proving.known_of(row, row.meta)
        answers.setdefault(reason, []).append(Answer(row.entity_id, received=known))
        if reason:
            proving.prove_decision(uow, row, ErdsEvent.CONTENT_HANDOVER_FAILURE, reason=reason)
    for reason, some in answers.items():
        dispatch.answer_all(
            uow, "exception" if reason else "delivered", some, sender_id=rows[0].sender_id,
            package_id=message.package_id, document_code=message.document_code, reason_code=reason,
        )  # fmt: skip


def _exception(row: ReceivedMessage, arrival: Arrival) -> str:
    """Return the code of what is wrong with a package for one body, empty when nothing is."""
    if isinstance(arrival.message, UntypedMessage):
        return next((code for code in arrival.message.problems if code in EXCEPTIONS), "package.other")
    if row.meta["genuine"]:
        return ""
    return "package.not-named" if arrival.genuine_for else "package.seal-doubtful"


def _register(uow: UnitOfWork, row: ReceivedMessage) -> None:
    """Register one waiting message, as the clerk decided; raises Conflict where an earlier letter has its code."""
    if row.kind == MessageKind.LETTER:
        letter, new = receiving.receive(
            uow, package_of(UUID(row.meta["package_id"]), row.meta), entity_id=row.entity_id, sender_id=row.sender_id,
            files=files_of(row.meta),
        )  # fmt: skip
        if not new and not _same(row, letter):
            raise Conflict("intake.document-differs", number=letter.register_number)
    else:
        message = UntypedMessage(
            tuple(row.meta["problems"]), message_id=row.meta["message_id"], subject=row.meta["subject"],
            text=row.meta["text"],
        )  # fmt: skip
        letter = receiving.receive_untyped(
            uow, message, entity_id=row.entity_id, sender_id=row.sender_id, raw_file=row.raw_file_id,
            raw_size=row.meta["raw_size"], raw_hash=row.raw_hash,
        )  # fmt: skip
    row.state, row.letter_id, row.decided_at = MessageState.REGISTERED, letter.id, uow.now
    if row.meta.get("package_id"):
        _answer(uow, row, "registered", register_number=letter.register_number)
    else:
        proving.prove_decision(uow, row, ErdsEvent.CONTENT_HANDOVER)


def _same(row: ReceivedMessage, letter: Letter) -> bool:
    """Tell whether a letter that bears the message's document code is the same one: sender and sealed file alike."""
    sealed = [part["sha256"] for part in row.meta["parts"] if part["role"] == "letter"]
    return letter.sender_id == row.sender_id and [(letter.rendition_hash or b"").hex()] == sealed


def _answer(
    uow: UnitOfWork, row: ReceivedMessage, kind: ReceiptKind, *, register_number: str = "",
    reason_code: str = "", reason_text: str = "",
) -> None:  # fmt: skip
    dispatch.answer(
        uow, kind, entity_id=row.entity_id, sender_id=row.sender_id, package_id=UUID(row.meta["package_id"]),
        document_code=row.meta["document_code"], letter_id=row.letter_id, register_number=register_number,
        reason_code=reason_code, reason_text=reason_text, received=proving.known_of(row, row.meta),
    )  # fmt: skip


def _undecided(uow: UnitOfWork, message_id: UUID) -> ReceivedMessage:
    row = queries.message(uow, message_id)
    if row.state != MessageState.WAITING:
        raise Conflict("intake.already-decided", state=row.state)
    return row


def number_of(uow: UnitOfWork, row: ReceivedMessage) -> str:
    """Return the register number that a message got, or nothing."""
    return receiving.number_of(uow, row.letter_id) if row.letter_id and row.kind in _REGISTRABLE else ""


_REGISTRABLE = frozenset({MessageKind.LETTER, MessageKind.UNTYPED})


def _kind(message: WireMessage) -> MessageKind:
    if isinstance(message, LetterPackage):
        return MessageKind.LETTER
    if isinstance(message, Inquiry):
        return MessageKind.INQUIRY
    if isinstance(message, Confirmation):
        return MessageKind.CONFIRMATION
    if isinstance(message, Report):
        return MessageKind.REPORT
    return MessageKind.RECEIPT if isinstance(message, Receipt) else MessageKind.UNTYPED
