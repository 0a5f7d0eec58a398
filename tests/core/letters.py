"""Rows that the tests of the foundations store: a letter of a body, as plain as a row can be."""

from uuid import UUID

from edms.core.database import UnitOfWork
from edms.core.ids import new_id
from edms.letters.models import Letter


def add_letter(uow: UnitOfWork, entity_id: UUID, subject: str = "تجهيز مستشفى البصرة") -> Letter:
    letter = Letter(
        id=new_id(), entity_id=entity_id, direction="outgoing", kind="letter", state="draft", sensitivity=0,
        precedence="ordinary", created_at=uow.now, changed_at=uow.now,
    )  # fmt: skip
    letter.subject = subject
    uow.session.add(letter)
    uow.flush()
    return letter
