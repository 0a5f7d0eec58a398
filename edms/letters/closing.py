"""Ending a letter's life: void (the number stays, with reason and authority), superseded by a later one, settled."""

from uuid import UUID

from sqlalchemy import select

from crypto import codes
from crypto.errors import BadCode
from edms.accounts.step_up import require_step_up
from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from edms.dispatch import service as dispatch
from edms.dispatch.package import Receipt, ReceiptKind
from edms.entities import queries as entities
from edms.letters import queries
from edms.letters.models import Letter
from edms.letters.rules import ANNUL, ASSIGN, SETTLE, VOID, State, after
from edms.registry import service as registry
from edms.registry.rules import Direction


def void(uow: UnitOfWork, letter_id: UUID, reason: str) -> Letter:
    """Void an issued letter: entry and number stay with the reason and the authority, every recipient is told."""
    uow.actor.require(VOID)
    require_step_up(uow)
    letter = queries.letter_for_update(uow, letter_id)
    if not reason.strip():
        raise Invalid("letters.reason-missing", (Problem("reason", "letters.reason-missing"),))
    if letter.direction != Direction.OUTGOING or after(letter.state, "void") is None:
        raise Conflict("letters.wrong-state", state=letter.state)
    if uow.actor.employee_id is None:
        raise Forbidden("letters.person-required")
    entry = registry.void_entry(uow, letter.id, reason=reason.strip(), authority=uow.actor.employee_id)
    letter.state, letter.void_at, letter.changed_at = State.VOID, uow.now, uow.now
    dispatch.announce_void(uow, letter.id, document_code=letter.document_code or "", reason=reason.strip())
    record(uow, "letters.void", "letter", letter.id, row=letter, rows=[entry], code=letter.document_code)
    return letter


def supersede(uow: UnitOfWork, letter_id: UUID, newer_code: str) -> Letter:
    """Note that a later letter of the same body took the place of an issued one; whoever verifies it is told.

    ``newer_code`` is the document code of the later letter, in any form that a person types. Raises Conflict
    ``letters.wrong-state``, and Invalid ``letters.not-a-later-letter`` unless it is another issued letter, not older.
    """
    uow.actor.require(VOID)
    letter = queries.letter_for_update(uow, letter_id)
    outgoing = letter.direction == Direction.OUTGOING and letter.state in {State.ISSUED, State.SETTLED}
    if not outgoing or letter.superseded_at is not None or letter.issued_at is None:
        raise Conflict("letters.wrong-state", state=letter.state)
    code = _document_code(newer_code, letter.document_code or "", uow.now.year)
    newer = queries.own_by_codes(uow, letter.entity_id, [code]).get(code)
    if (
        newer is None or newer.id == letter.id or newer.direction != Direction.OUTGOING or newer.void_at is not None
        or newer.issued_at is None or newer.issued_at < letter.issued_at
    ):  # fmt: skip
        raise Invalid("letters.not-a-later-letter", (Problem("reason", "letters.not-a-later-letter"),))
    letter.superseded_at, letter.superseded_by, letter.changed_at = uow.now, newer.document_code, uow.now
    record(uow, "letters.superseded", "letter", letter.id, row=letter, code=letter.document_code, by=code)
    return letter


def _document_code(text: str, own: str, year: int) -> str:
    try:
        return codes.parse_document(text, own[:6], year).digits
    except BadCode as error:
        raise Invalid("letters.not-a-later-letter", (Problem("reason", "letters.not-a-later-letter"),)) from error


def settle(uow: UnitOfWork, letter_id: UUID) -> Letter:
    """Mark a registered letter as dealt with without a written answer (noted, by telephone)."""
    uow.actor.require(SETTLE)
    letter = queries.letter_for_update(uow, letter_id)
    if letter.direction != Direction.INCOMING or after(letter.state, "settle") is None:
        raise Conflict("letters.wrong-state", state=letter.state)
    letter.state, letter.settled_at, letter.changed_at = State.SETTLED, uow.now, uow.now
    _tell_sender(uow, letter, "settled")
    record(uow, "letters.settled", "letter", letter.id, row=letter)
    return letter


def annul(uow: UnitOfWork, letter_id: UUID, reason: str) -> Letter:
    """Take back our registration of an incoming letter: the entry keeps its number and the reason, its sender is told.

    Segnatura's annullamento del destinatario. Raises Conflict ``letters.wrong-state`` once the letter is settled.
    """
    uow.actor.require(ANNUL)
    require_step_up(uow)
    letter = queries.letter_for_update(uow, letter_id)
    if not reason.strip():
        raise Invalid("letters.reason-missing", (Problem("reason", "letters.reason-missing"),))
    if letter.direction != Direction.INCOMING or after(letter.state, "annul") is None:
        raise Conflict("letters.wrong-state", state=letter.state)
    if uow.actor.employee_id is None:
        raise Forbidden("letters.person-required")
    entry = registry.void_entry(uow, letter.id, reason=reason.strip(), authority=uow.actor.employee_id)
    letter.state, letter.void_at, letter.changed_at = State.VOID, uow.now, uow.now
    _tell_sender(uow, letter, "annulled", reason_text=reason.strip())
    record(uow, "letters.annulled", "letter", letter.id, row=letter, rows=[entry], code=letter.document_code)
    return letter


def assign(uow: UnitOfWork, letter_id: UUID, unit_id: UUID) -> Letter:
    """Note which unit deals with an incoming letter; its sender is told (aggiornamento).

    Raises NotFound ``entities.unknown-unit`` for a unit of another body.
    """
    uow.actor.require(ASSIGN)
    letter = queries.letter_for_update(uow, letter_id)
    if letter.direction != Direction.INCOMING or letter.state != State.REGISTERED:
        raise Conflict("letters.wrong-state", state=letter.state)
    unit = next((each for each in entities.units_of(uow, letter.entity_id) if each.id == unit_id), None)
    if unit is None:
        raise NotFound("entities.unknown-unit")
    if letter.unit_id != unit.id:
        letter.unit_id, letter.changed_at = unit.id, uow.now
        _tell_sender(uow, letter, "updated", unit=unit.name)
        record(uow, "letters.assigned", "letter", letter.id, row=letter, code=letter.document_code)
    return letter


def _tell_sender(uow: UnitOfWork, letter: Letter, kind: ReceiptKind, *, reason_text: str = "", unit: str = "") -> None:
    if letter.sender_id and letter.package_id and letter.document_code:
        dispatch.answer(
            uow, kind, entity_id=letter.entity_id, sender_id=letter.sender_id, package_id=letter.package_id,
            document_code=letter.document_code, letter_id=letter.id, register_number=letter.register_number,
            reason_text=reason_text, unit=unit,
        )  # fmt: skip


def void_by_sender(uow: UnitOfWork, receipt: Receipt, *, entity_id: UUID, sender_id: UUID) -> Letter | None:
    """Mark an incoming letter void because its sender said so; our own register entry keeps its number."""
    letter = uow.session.scalars(
        select(Letter).where(
            Letter.entity_id == entity_id, Letter.sender_id == sender_id, Letter.package_id == receipt.package_id
        )
    ).one_or_none()
    if letter is None or letter.void_at is not None:
        return None
    letter.state, letter.void_at, letter.changed_at = State.VOID, receipt.at, uow.now
    letter.return_reason = receipt.reason_text
    record(uow, "letters.void-by-sender", "letter", letter.id, entity_id=entity_id, row=letter)
    return letter


def tell_opened(uow: UnitOfWork, letter: Letter) -> None:
    """Tell the sender that a person of the receiving body has opened the letter, the first time only."""
    if letter.direction == Direction.INCOMING:
        _tell_sender(uow, letter, "opened")
