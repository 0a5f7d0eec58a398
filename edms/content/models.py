"""Tables of stored files and the wraps of their keys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from edms.core.database import Base
from edms.core.ids import new_id


class StoredFile(Base):
    """An encrypted blob in the content store, or a :class:`SmallFile`; its id is the blob's name."""

    __tablename__ = "stored_files"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(20))
    size: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]


class SmallFile(Base):
    """The ciphertext of a file too small to be worth two fsyncs of its own: it is committed with what names it."""

    __tablename__ = "small_files"

    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_files.id"), primary_key=True)
    blob: Mapped[bytes] = mapped_column(LargeBinary)


class FileKey(Base):
    """A file's key, wrapped for one body that holds a copy."""

    __tablename__ = "file_keys"

    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_files.id"), primary_key=True)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), primary_key=True)
    key_version: Mapped[int]
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
