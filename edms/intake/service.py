"""Taking messages in: kept whole, registered by rule or by the clerk, answered by receipts."""

from dataclasses import dataclass
from uuid import UUID

from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Invalid, Problem
from edms.dispatch import service as dispatch
from edms.dispatch.package import LetterPackage, Receipt, ReceiptKind, UntypedMessage, WireMessage
from edms.dispatch.packing import files_of, package_meta, package_of
from edms.entities.models import Entity
from edms.intake import queries
from edms.intake.models import ReceivedMessage
from edms.intake.rules import ACCEPT, DECIDE, MessageKind, MessageState
from edms.letters import closing, receiving


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as the gateway took it: parsed, its raw bytes and its parts already stored for all its recipients.

    ``key`` is the idempotency key without the recipient, ``genuine`` says that the sealed PDF's seal holds and is the
    sender's, ``files`` are the stored parts of a letter package in their order.
    """

    message: WireMessage
    key: bytes
    raw_file: UUID
    raw_size: int
    raw_hash: bytes
    files: tuple[UUID, ...]
    genuine: bool
    peer: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the gateway may answer: the state, the register number if any, and whether it came before."""

    state: MessageState
    number: str = ""
    repeat: bool = False


def accept(uow: UnitOfWork, arrival: Arrival, *, sender: Entity, recipient: Entity, timezone: str) -> Accepted:
    """Take a message in for one recipient; registered at once when the body registers by rule and the seal is good.

    The same key for the same body is the same message: it is answered with what became of it and not taken twice.
    """
    uow.actor.require(ACCEPT)
    known = queries.repeat_of(uow, recipient.id, arrival.key)
    if known is not None:
        known.times_received += 1
        return Accepted(MessageState(known.state), _number(uow, known), repeat=True)
    row = ReceivedMessage(
        entity_id=recipient.id, key=arrival.key, kind=_kind(arrival.message), state=MessageState.WAITING,
        sender_id=sender.id, raw_file_id=arrival.raw_file, raw_hash=arrival.raw_hash, received_at=uow.now,
        peer=arrival.peer[:60],
    )  # fmt: skip
    uow.session.add(row)
    if isinstance(arrival.message, Receipt):
        return _take_receipt(uow, row, arrival.message)
    if isinstance(arrival.message, LetterPackage):
        row.meta = {**package_meta(arrival.message, arrival.files), "package_id": str(arrival.message.package_id),
                    "genuine": arrival.genuine, "raw_size": arrival.raw_size}  # fmt: skip
    else:
        row.meta = {"subject": arrival.message.subject, "text": arrival.message.text,
                    "message_id": arrival.message.message_id, "problems": list(arrival.message.problems),
                    "raw_size": arrival.raw_size}  # fmt: skip
    uow.flush()
    record(uow, "intake.accepted", "message", row.id, entity_id=recipient.id, row=row, kind=row.kind)
    if isinstance(arrival.message, LetterPackage):
        if recipient.registers_by_rule and arrival.genuine:
            return Accepted(MessageState.REGISTERED, _register(uow, row, timezone))
        _answer(uow, row, "delivered")
    return Accepted(MessageState.WAITING)


def register(uow: UnitOfWork, message_id: UUID, *, timezone: str) -> ReceivedMessage:
    """Register a waiting message, as the clerk: it gets the next incoming number and the sender a receipt."""
    uow.actor.require(DECIDE)
    row = _undecided(uow, message_id)
    _register(uow, row, timezone)
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
    if row.kind == MessageKind.LETTER:
        _answer(uow, row, "refused", reason_code=code, reason_text=reason.strip())
    record(uow, "intake.refused", "message", row.id, entity_id=row.entity_id, row=row)
    return row


def _register(uow: UnitOfWork, row: ReceivedMessage, timezone: str) -> str:
    if row.kind == MessageKind.LETTER:
        letter, _new = receiving.receive(
            uow, package_of(UUID(row.meta["package_id"]), row.meta), entity_id=row.entity_id, sender_id=row.sender_id,
            files=files_of(row.meta), timezone=timezone,
        )  # fmt: skip
    else:
        message = UntypedMessage(
            tuple(row.meta["problems"]), message_id=row.meta["message_id"], subject=row.meta["subject"],
            text=row.meta["text"],
        )  # fmt: skip
        letter = receiving.receive_untyped(
            uow, message, entity_id=row.entity_id, sender_id=row.sender_id, raw_file=row.raw_file_id,
            raw_size=row.meta["raw_size"], raw_hash=row.raw_hash, timezone=timezone,
        )  # fmt: skip
    row.state, row.letter_id, row.decided_at = MessageState.REGISTERED, letter.id, uow.now
    if row.kind == MessageKind.LETTER:
        _answer(uow, row, "registered", register_number=letter.register_number)
    return letter.register_number


def _take_receipt(uow: UnitOfWork, row: ReceivedMessage, receipt: Receipt) -> Accepted:
    row.state = MessageState.NOTED
    row.meta = {"receipt": receipt.kind}
    if receipt.kind == "void":
        closing.void_by_sender(uow, receipt, entity_id=row.entity_id, sender_id=row.sender_id)
    else:
        item = dispatch.apply_receipt(uow, receipt, from_entity=row.sender_id, to_entity=row.entity_id)
        row.letter_id = item.letter_id if item else None
    return Accepted(MessageState.NOTED)


def _answer(
    uow: UnitOfWork, row: ReceivedMessage, kind: ReceiptKind, *, register_number: str = "",
    reason_code: str = "", reason_text: str = "",
) -> None:  # fmt: skip
    dispatch.answer(
        uow, kind, entity_id=row.entity_id, sender_id=row.sender_id, package_id=UUID(row.meta["package_id"]),
        document_code=row.meta["document_code"], letter_id=row.letter_id, register_number=register_number,
        reason_code=reason_code, reason_text=reason_text,
    )  # fmt: skip


def _undecided(uow: UnitOfWork, message_id: UUID) -> ReceivedMessage:
    row = queries.message(uow, message_id)
    if row.state != MessageState.WAITING:
        raise Conflict("intake.already-decided", state=row.state)
    return row


def _number(uow: UnitOfWork, row: ReceivedMessage) -> str:
    return receiving.number_of(uow, row.letter_id) if row.letter_id and row.kind != MessageKind.RECEIPT else ""


def _kind(message: WireMessage) -> MessageKind:
    if isinstance(message, LetterPackage):
        return MessageKind.LETTER
    return MessageKind.RECEIPT if isinstance(message, Receipt) else MessageKind.UNTYPED
