"""Looking up issued copies."""

from uuid import UUID

from sqlalchemy import select

from edms.codes.models import IssuedCopy
from edms.core.database import UnitOfWork


def own_copy(uow: UnitOfWork, file_id: UUID, act: str) -> IssuedCopy | None:
    """Return the copy of a file that the actor was issued before in one way (``view``, ``print``, ``download``)."""
    return uow.session.scalars(
        select(IssuedCopy).where(
            IssuedCopy.file_id == file_id, IssuedCopy.employee_id == uow.actor.employee_id, IssuedCopy.act == act
        )
    ).one_or_none()
