"""Taking messages in: kept whole, registered by rule or by the clerk, answered by receipts."""

from uuid import UUID

from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Invalid, Problem
from edms.dispatch import service as dispatch
from edms.dispatch.package import (
    ReceiptKind,
    UntypedMessage,
)
from edms.dispatch.packing import files_of, package_of
from edms.dispatch.rules import ErdsEvent
from edms.intake import notices, proving, queries
from edms.intake.models import ReceivedMessage
from edms.intake.rules import DECIDE, DECIDED, MessageKind, MessageState
from edms.letters import receiving
from edms.letters.models import Letter
from edms.letters.receiving import UntypedArrival


def register(uow: UnitOfWork, message_id: UUID) -> ReceivedMessage:
    """Register a waiting message, as the clerk: it gets the next incoming number and the sender a receipt."""
    uow.actor.require(DECIDE)
    row = _undecided(uow, message_id)
    _register(uow, row)
    row.decided_by_id = uow.actor.employee_id
    record(uow, "intake.registered", "message", row.id, entity_id=row.entity_id, row=row)
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
        notices.tell_refused(uow, row)
    record(uow, "intake.refused", "message", row.id, entity_id=row.entity_id, row=row)
    return row


def _register(uow: UnitOfWork, row: ReceivedMessage) -> None:
    """Register one waiting message, as the clerk decided; raises Conflict where an earlier letter has its code."""
    if row.kind == MessageKind.LETTER:
        letter, new = receiving.receive(
            uow, package_of(UUID(row.meta["package_id"]), row.meta), entity_id=row.entity_id, sender_id=row.sender_id,
            files=files_of(row.meta),
        )  # fmt: skip
        if not new and not same_letter(row, letter):
            raise Conflict("intake.document-differs", number=letter.register_number)
    else:
        message = UntypedMessage(
            tuple(row.meta["problems"]), message_id=row.meta["message_id"], subject=row.meta["subject"],
            text=row.meta["text"],
        )  # fmt: skip
        letter = receiving.receive_untyped(
            uow,
            UntypedArrival(message, row.entity_id, row.sender_id, row.raw_file_id, row.meta["raw_size"], row.raw_hash),
        )
    row.state, row.letter_id, row.decided_at = MessageState.REGISTERED, letter.id, uow.now
    if row.meta.get("package_id"):
        _answer(uow, row, "registered", register_number=letter.register_number)
    else:
        proving.prove_decision(uow, row, ErdsEvent.CONTENT_HANDOVER)


def same_letter(row: ReceivedMessage, letter: Letter) -> bool:
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
    return receiving.number_of(uow, row.letter_id) if row.letter_id and row.kind in DECIDED else ""
