"""Ending a letter's life: void (the number stays, with reason and authority) and settle."""

from uuid import UUID

from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden, Invalid, Problem
from edms.dispatch import service as dispatch
from edms.letters import queries
from edms.letters.models import Letter
from edms.letters.rules import VOID, State, after
from edms.registry import service as registry
from edms.registry.rules import Direction


def void(uow: UnitOfWork, letter_id: UUID, reason: str) -> Letter:
    """Void an issued letter: entry and number stay with the reason and the authority, every recipient is told."""
    uow.actor.require(VOID)
    letter = queries.letter_for_update(uow, letter_id)
    if not reason.strip():
        raise Invalid("letters.reason-missing", (Problem("reason", "letters.reason-missing"),))
    if letter.direction != Direction.OUTGOING or after(letter.state, "void") is None:
        raise Conflict("letters.wrong-state", state=letter.state)
    if uow.actor.employee_id is None:
        raise Forbidden("letters.person-required")
    registry.void_entry(uow, letter.id, reason=reason.strip(), authority=uow.actor.employee_id)
    letter.state, letter.void_at, letter.changed_at = State.VOID, uow.now, uow.now
    dispatch.announce_void(uow, letter.id, document_code=letter.document_code or "", reason=reason.strip())
    record(uow, "letters.void", "letter", letter.id, row=letter, code=letter.document_code)
    return letter


def settle(uow: UnitOfWork, letter_id: UUID) -> Letter:
    """Mark a registered letter as dealt with without a written answer (noted, by telephone)."""
    letter = queries.letter_for_update(uow, letter_id)
    if letter.direction != Direction.INCOMING or after(letter.state, "settle") is None:
        raise Conflict("letters.wrong-state", state=letter.state)
    letter.state, letter.settled_at, letter.changed_at = State.SETTLED, uow.now, uow.now
    record(uow, "letters.settled", "letter", letter.id, row=letter)
    return letter
