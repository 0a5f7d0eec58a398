"""Reads for verdicts: letters by verification code, file or document code, and copies by their code."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from edms.codes.models import IssuedCopy
from edms.core.database import UnitOfWork
from edms.entities.models import Employee, Entity, EntitySeal
from edms.letters.models import Letter
from edms.letters.rules import NUMBERED

_NUMBERED = tuple(sorted(NUMBERED))


def by_verification_digest(uow: UnitOfWork, digest: bytes) -> Sequence[Letter]:
    """Return the rows of the letter whose verification code has this SHA-256; the sender's own first."""
    return _rows(uow, Letter.verification_digest == digest)


def by_file_hash(uow: UnitOfWork, digest: bytes) -> Sequence[Letter]:
    """Return the rows of the letter whose sealed PDF has this SHA-256; the sender's own first."""
    return _rows(uow, Letter.rendition_hash == digest)


def by_document_code(uow: UnitOfWork, document_code: str) -> Sequence[Letter]:
    """Return the rows of a letter by its 18 digits; the sender's own first."""
    return _rows(uow, Letter.document_code == document_code)


def _rows(uow: UnitOfWork, condition: ColumnElement[bool]) -> Sequence[Letter]:
    """Read past the rights of the asker: what may be told is decided by the verdict's policy."""
    return uow.session.scalars(
        select(Letter)
        .where(condition, Letter.state.in_(_NUMBERED))
        .order_by(Letter.direction.desc(), Letter.id)
        .limit(1000)
    ).all()


def copies(
    uow: UnitOfWork, codes: Sequence[str], *, entity_id: UUID | None
) -> list[tuple[IssuedCopy, Entity, Employee]]:
    """Return issued copies by code with body and person; only those of one body if ``entity_id`` is given."""
    query = (
        select(IssuedCopy, Entity, Employee)
        .join(Entity, Entity.id == IssuedCopy.entity_id)
        .join(Employee, Employee.id == IssuedCopy.employee_id)
        .where(IssuedCopy.code.in_(list(codes)[:500]))
        .order_by(IssuedCopy.issued_at)
    )
    if entity_id is not None:
        query = query.where(IssuedCopy.entity_id == entity_id)
    return [(copy, entity, employee) for copy, entity, employee in uow.session.execute(query)]


def seal_revoked_at(uow: UnitOfWork, serial: str) -> datetime | None:
    """Return since when the seal with a certificate's serial number (hexadecimal) is revoked, None when it is not."""
    return uow.session.scalar(select(func.min(EntitySeal.revoked_at)).where(EntitySeal.serial == serial))
