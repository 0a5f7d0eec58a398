"""Tables of registers, their years and entries."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from edms.core.columns import SealedText
from edms.core.database import Base
from edms.core.ids import new_id


class Register(Base):
    """A register (سجل) of a body: its direction and how its numbers are printed."""

    __tablename__ = "registers"
    __table_args__ = (UniqueConstraint("entity_id", "unit_id", "direction"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("units.id"))
    direction: Mapped[str] = mapped_column(String(10))
    pattern: Mapped[str] = mapped_column(String(80), default="{mark}/{number}")


class RegisterYear(Base):
    """One year of a register: the last number given, and whose turn it is to give the next."""

    __tablename__ = "register_years"
    __table_args__ = (UniqueConstraint("register_id", "year"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    register_id: Mapped[UUID] = mapped_column(ForeignKey("registers.id"))
    year: Mapped[int]
    last_number: Mapped[int] = mapped_column(default=0)
    turn_owner: Mapped[UUID | None]
    turn_until: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class RegisterEntry(Base):
    """An entry (قيد): a number given once, kept for ever, void or not."""

    __tablename__ = "register_entries"
    __table_args__ = (UniqueConstraint("register_id", "year", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    register_id: Mapped[UUID] = mapped_column(ForeignKey("registers.id"))
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    direction: Mapped[str] = mapped_column(String(10))
    year: Mapped[int]
    number: Mapped[int]
    letter_id: Mapped[UUID] = mapped_column(ForeignKey("letters.id"), unique=True)
    entry_date: Mapped[date] = mapped_column(index=True)
    entered_at: Mapped[datetime]
    clerk_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"))
    void_at: Mapped[datetime | None]
    void_reason_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    void_reason = SealedText()
    void_authority_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"))
