"""Tables of the event log."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from edms.core.database import Base
from edms.core.ids import new_id


class Event(Base):
    """One entry of the log; ``entry`` holds the canonical bytes, the other columns repeat parts of it for queries."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_time", "at", "seq"),
        Index("ix_events_entity", "entity_id", "at", "seq"),
        Index("ix_events_employee", "employee_id", "at", "seq"),
        Index("ix_events_object", "object_id", "at", "seq"),
    )

    seq: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime]
    act: Mapped[str] = mapped_column(String(60))
    actor: Mapped[str] = mapped_column(String(60))
    employee_id: Mapped[UUID | None]
    entity_id: Mapped[UUID | None] = mapped_column(ForeignKey("entities.id"))
    object_type: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[UUID | None]
    entry: Mapped[bytes] = mapped_column(LargeBinary)
    entry_hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class EventHead(Base):
    """The single row that hands out sequence numbers; its lock orders the log by commit."""

    __tablename__ = "event_head"

    id: Mapped[int] = mapped_column(primary_key=True)
    last_seq: Mapped[int] = mapped_column(BigInteger)


class Checkpoint(Base):
    """A signed statement of the log's first ``size`` entries; the newest is where the tree grows on.

    ``root`` is their tree hash, ``peaks`` the frontier behind it (32 bytes each), ``note`` the signed note.
    """

    __tablename__ = "log_checkpoints"

    size: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    root: Mapped[bytes] = mapped_column(LargeBinary(32))
    peaks: Mapped[bytes] = mapped_column(LargeBinary)
    note: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class LogKey(Base):
    """A key that signs the log after the first: ``note`` introduces it, signed by the one before; ``number`` from 2."""

    __tablename__ = "log_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class Tile(Base):
    """The tree hash (32 bytes) of 256 to the power ``level`` entries, the ``place``-th such run from 0.

    Written with the checkpoints, so that the proof of one entry reads some hundreds of rows and not the log.
    """

    __tablename__ = "log_tiles"

    level: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class FollowerCursor(Base):
    """How far a follower of the log (index, notifications) has read."""

    __tablename__ = "follower_cursors"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
