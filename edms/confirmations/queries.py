"""Reads of inquiries, and of the letter that an inquiry is about."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from edms.confirmations.models import InquiryRow
from edms.confirmations.rules import ASK, Side
from edms.core.database import UnitOfWork
from edms.core.errors import NotFound
from edms.letters.models import Letter
from edms.letters.rules import NUMBERED
from edms.registry.rules import Direction


def inquiries(uow: UnitOfWork, side: Side, *, before: datetime | None = None, limit: int = 50) -> Sequence[InquiryRow]:
    """Return inquiries of the actor's body, newest first."""
    uow.actor.require(ASK)
    query = select(InquiryRow).where(InquiryRow.entity_id == uow.actor.entity_id, InquiryRow.side == side)
    if before is not None:
        query = query.where(InquiryRow.asked_at < before)
    return uow.session.scalars(query.order_by(InquiryRow.asked_at.desc()).limit(limit)).all()


def inquiry(uow: UnitOfWork, row_id: UUID) -> InquiryRow:
    """Return an inquiry of the actor's body; NotFound for another's as for none."""
    uow.actor.require(ASK)
    row = uow.session.get(InquiryRow, row_id)
    if row is None or row.entity_id != uow.actor.entity_id:
        raise NotFound("confirmations.unknown")
    return row


def row_of(uow: UnitOfWork, entity_id: UUID, inquiry_id: UUID) -> InquiryRow | None:
    """Return a body's row of an inquiry, for the acts of the system."""
    return uow.session.scalars(
        select(InquiryRow).where(InquiryRow.entity_id == entity_id, InquiryRow.inquiry_id == inquiry_id)
    ).one_or_none()


def asked_since(uow: UnitOfWork, entity_id: UUID, moment: datetime) -> int:
    """Return how many inquiries a body has made since a moment."""
    return uow.session.scalar(
        select(func.count()).where(
            InquiryRow.entity_id == entity_id, InquiryRow.side == Side.ASKED, InquiryRow.asked_at > moment
        )
    ) or 0  # fmt: skip


def issued_letter(uow: UnitOfWork, entity_id: UUID, document_code: str) -> Letter | None:
    """Return the letter that a body issued under a document code; read past the rights of persons."""
    return uow.session.scalars(
        select(Letter).where(
            Letter.entity_id == entity_id,
            Letter.direction == Direction.OUTGOING,
            Letter.document_code == document_code,
            Letter.state.in_(sorted(NUMBERED)),
        )
    ).one_or_none()
