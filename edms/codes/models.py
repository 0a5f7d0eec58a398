"""Tables of document serials and issued copies."""

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
    """A coded copy (نسخة مرمّزة): which person of which body received which file of which letter, how and when."""

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
