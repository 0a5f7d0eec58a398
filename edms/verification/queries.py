"""Reads for verdicts: letters by verification code, file or document code, and copies by their code."""

from collections.abc import Sequence
from datetime import datetime

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


def holders(uow: UnitOfWork, copy: IssuedCopy) -> tuple[Entity, Employee, Employee | None]:
    """Return the body and the person that a copy was issued to, and for whom that person may read, if for anybody."""
    behalf = uow.session.get(Employee, copy.on_behalf_of_id) if copy.on_behalf_of_id else None
    return uow.session.get_one(Entity, copy.entity_id), uow.session.get_one(Employee, copy.employee_id), behalf


def seal_revoked_at(uow: UnitOfWork, serial: str) -> datetime | None:
    """Return since when the seal with a certificate's serial number (hexadecimal) is revoked, None when it is not."""
    return uow.session.scalar(select(func.min(EntitySeal.revoked_at)).where(EntitySeal.serial == serial))
