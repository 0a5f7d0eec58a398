"""Handing out document codes and issuing coded copies."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from crypto.codes import copy_code, document_code, new_copy_number
from crypto.marks.keys import VERSION as MARK_VERSION
from crypto.marks.keys import MarkKey
from edms.audit.service import record
from edms.codes import mark_keys, queries
from edms.codes.models import DocumentCounter, IssuedCopy
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden
from edms.entities.keyring import Keyring
from edms.entities.models import Entity


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy is of: a file of a letter, its SHA-256, the letter's version; and for whom the reader may read it."""

    letter_id: UUID
    letter_version: int
    document_code: str
    file_id: UUID
    content_hash: bytes
    on_behalf_of_id: UUID | None = None


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


@dataclass(frozen=True, slots=True)
class DrawnCopy:
    """What a copy is to be before it is on record: its code, its mark's key (None: not marked), whether it was issued.

    ``on_record`` copies keep their code: the same person receiving the same file in the same way.
    """

    code: str
    key: MarkKey | None
    on_record: bool

    @property
    def number(self) -> int:
        """The number that is hidden in the pages."""
        return int(self.code[:-2])


def draw(uow: UnitOfWork, file_id: UUID, act: str, *, keys: Keyring, hidden: bool) -> DrawnCopy:
    """Return the code and key of the actor's copy of a file (``view``, ``print``, ``download``), fresh or as issued.

    ``hidden`` says whether a fresh copy will carry hidden marks, with this month's key. Raises Forbidden unless a
    person acts.
    """
    found = _own_copy(uow, file_id, act)
    if found is not None:
        return DrawnCopy(found.code, mark_keys.key_of(uow, found.mark_key, keys=keys) if found.mark_key else None, True)
    key = mark_keys.key_of(uow, mark_keys.month_of(uow.now), keys=keys) if hidden else None
    return DrawnCopy(copy_code(new_copy_number()), key, False)


def issue_copy(uow: UnitOfWork, drawn: DrawnCopy, copied: Copied, act: str, *, issued_hash: bytes) -> IssuedCopy:
    """Put a drawn copy on record; each time it is given out is an event, the caller commits before the first byte.

    Raises Conflict ``codes.drawn-meanwhile`` when the person was issued another one since, or the number is taken.
    """
    actor = uow.actor
    found = _own_copy(uow, copied.file_id, act)
    if found is None:
        if drawn.on_record or uow.session.scalar(select(IssuedCopy.id).where(IssuedCopy.code == drawn.code)):
            raise Conflict("codes.drawn-meanwhile")
        found = IssuedCopy(
            code=drawn.code,
            letter_id=copied.letter_id,
            file_id=copied.file_id,
            entity_id=actor.entity_id,
            employee_id=actor.employee_id,
            act=act,
            document_code=copied.document_code,
            issued_at=uow.now,
            client=actor.client,
            session_id=actor.session_id,
            content_hash=copied.content_hash,
            issued_hash=issued_hash,
            letter_version=copied.letter_version,
            on_behalf_of_id=copied.on_behalf_of_id,
            mark_key=drawn.key.id if drawn.key else "",
            mark_version=MARK_VERSION if drawn.key else 0,
        )
        uow.session.add(found)
        uow.flush()
    elif found.code != drawn.code:
        raise Conflict("codes.drawn-meanwhile")
    record(uow, f"codes.{act}", "letter", copied.letter_id, row=found, copy=found.code, hash=issued_hash.hex())
    return found


def _own_copy(uow: UnitOfWork, file_id: UUID, act: str) -> IssuedCopy | None:
    if uow.actor.employee_id is None or uow.actor.entity_id is None:
        raise Forbidden("codes.person-required")
    return queries.own_copy(uow, file_id, act)
