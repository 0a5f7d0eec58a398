"""Handing out document codes and issuing coded copies."""

from uuid import UUID

from sqlalchemy import select

from crypto.codes import copy_code, document_code, new_copy_number
from edms.audit.service import record
from edms.codes.models import DocumentCounter, IssuedCopy
from edms.core.database import UnitOfWork
from edms.core.errors import Forbidden
from edms.entities.models import Entity


def assign(uow: UnitOfWork, entity_id: UUID, entity_code: str, year: int) -> str:
    """Return the next document code (18 digits) of a body and year; the serial is the body's own counter."""
    wanted = select(DocumentCounter).where(DocumentCounter.entity_id == entity_id, DocumentCounter.year == year)
    counter = uow.session.scalars(wanted.with_for_update(key_share=True)).one_or_none()
    if counter is None:
        # The body's row is locked first, so that two beginners of a year do not both insert the counter.
        uow.session.execute(select(Entity.id).where(Entity.id == entity_id).with_for_update(key_share=True))
        counter = uow.session.scalars(wanted.with_for_update(key_share=True)).one_or_none()
    if counter is None:
        counter = DocumentCounter(entity_id=entity_id, year=year, last_serial=0)
        uow.session.add(counter)
    counter.last_serial += 1
    uow.flush()
    return document_code(entity_code[:6], year, counter.last_serial)


def issue_copy(
    uow: UnitOfWork, *, letter_id: UUID, file_id: UUID, document_code: str, act: str, content_hash: bytes
) -> IssuedCopy:
    """Note that the actor receives a copy of a file (``view``, ``print``, ``download``) and return its code.

    The same person receiving the same file in the same way gets the same copy code again; each time is an event. The
    caller commits before the first byte leaves.
    """
    actor = uow.actor
    if actor.employee_id is None or actor.entity_id is None:
        raise Forbidden("codes.person-required")
    found = uow.session.scalars(
        select(IssuedCopy).where(
            IssuedCopy.file_id == file_id, IssuedCopy.employee_id == actor.employee_id, IssuedCopy.act == act
        )
    ).one_or_none()
    if found is None:
        found = IssuedCopy(
            code=copy_code(new_copy_number()),
            letter_id=letter_id,
            file_id=file_id,
            entity_id=actor.entity_id,
            employee_id=actor.employee_id,
            act=act,
            document_code=document_code,
            issued_at=uow.now,
            client=actor.client,
            session_id=actor.session_id,
            content_hash=content_hash,
        )
        uow.session.add(found)
        uow.flush()
    record(uow, f"codes.{act}", "letter", letter_id, copy=found.code)
    return found
