"""Tables of document serials, issued copies and the keys of their hidden marks."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from edms.core.database import Base
from edms.core.ids import new_id


class DocumentCounter(Base):
    """The last document serial of a body in a year."""

    __tablename__ = "document_counters"

    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last_serial: Mapped[int]


class IssuedCopy(Base):
    """A coded copy (نسخة مرمّزة): which person of which body received which file of which letter, how and when.

    ``content_hash`` is the original's, ``issued_hash`` that of the file that left (SHA-256). ``mark_key`` is the month
    whose key hides the copy's number in its pages by the rules ``mark_version``; "" where the copy is the very file.
    """

    __tablename__ = "issued_copies"
    __table_args__ = (UniqueConstraint("file_id", "employee_id", "act"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(String(14), unique=True)
    letter_id: Mapped[UUID] = mapped_column(ForeignKey("letters.id"), index=True)
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_files.id"))
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    employee_id: Mapped[UUID] = mapped_column(ForeignKey("employees.id"), index=True)
    act: Mapped[str] = mapped_column(String(20))
    document_code: Mapped[str] = mapped_column(String(18))
    issued_at: Mapped[datetime]
    client: Mapped[str] = mapped_column(String(100), default="")
    session_id: Mapped[UUID | None]
    content_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    issued_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    letter_version: Mapped[int]
    on_behalf_of_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"))
    mark_key: Mapped[str] = mapped_column(String(7), default="")
    mark_version: Mapped[int] = mapped_column(default=0)


class MarkKeyRow(Base):
    """The key of one month's hidden marks (``2026-11``), wrapped by a version of the installation's key."""

    __tablename__ = "mark_keys"

    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    key_version: Mapped[int]
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
