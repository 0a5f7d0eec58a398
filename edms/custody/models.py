"""Tables of letters whose reading is reserved: the keys of readers, the sealed letter, who can open it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from edms.core.database import Base
from edms.core.ids import new_id


class ReadingKey(Base):
    """A key pair of a reader (HPKE): ``sealed`` is its private half under a passphrase that nobody else knows.

    Without a person it is the body's escrow key: its private half lies in a file of an officer, and ``name`` is what
    that file says. ``ended_at``: another took its place; what was sealed for it opens with it alone.
    """

    __tablename__ = "reading_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    employee_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"), index=True)
    name: Mapped[str] = mapped_column(String(100), default="")
    public: Mapped[bytes] = mapped_column(LargeBinary)
    sealed: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Reservation(Base):
    """A letter that only named readers can open: all of it is sealed in one file that no body holds a key to."""

    __tablename__ = "reservations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    letter_id: Mapped[UUID] = mapped_column(ForeignKey("letters.id"), unique=True)
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_files.id"))
    employee_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"))
    reserved_at: Mapped[datetime]


class ReaderWrap(Base):
    """The key of a reserved letter's file, sealed by a secret of the vault and then for one reading key."""

    __tablename__ = "reader_wraps"
    __table_args__ = (UniqueConstraint("reservation_id", "reading_key_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    reservation_id: Mapped[UUID] = mapped_column(ForeignKey("reservations.id"))
    reading_key_id: Mapped[UUID] = mapped_column(ForeignKey("reading_keys.id"), index=True)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    given_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"))
    given_at: Mapped[datetime]
