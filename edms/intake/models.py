"""Tables of received messages."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from edms.core.columns import SealedJson
from edms.core.database import Base
from edms.core.ids import new_id

IS_FLAGGED = text("received_messages.flag <> ''")
"""What lies in quarantine, word for word as the partial index has it: with a parameter it would not be used."""


class ReceivedMessage(Base):
    """A message as one body received it; ``meta`` is the parsed package without the parts' bytes.

    ``key`` is the idempotency key: the same key for the same body is the same message, however often it comes.
    ``message_id_hash`` (SHA-256 of sender and Message-ID) shows another message under a known Message-ID. ``flag`` is
    why a message lies in quarantine (``intake.opaque`` …), empty where nothing is wrong. ``package_id`` is a letter
    package's own: with it sent and received are compared, body by body.
    """

    __tablename__ = "received_messages"
    sealed_item = "id"
    __table_args__ = (
        UniqueConstraint("entity_id", "key"),
        Index("ix_received_messages_waiting", "entity_id", "state", "id"),
        Index("ix_received_messages_flagged", "entity_id", "id", sqlite_where=IS_FLAGGED, postgresql_where=IS_FLAGGED),
        Index("ix_received_messages_same_id", "entity_id", "message_id_hash"),
        Index("ix_received_messages_package", "package_id", "entity_id"),
        Index("ix_received_messages_day", "entity_id", "received_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    key: Mapped[bytes] = mapped_column(LargeBinary(32))
    kind: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(12))
    sender_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    raw_file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_files.id"))
    raw_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    meta_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    meta = SealedJson(gone={})
    message_id_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    package_id: Mapped[UUID | None]
    flag: Mapped[str] = mapped_column(String(40), default="")
    received_at: Mapped[datetime]
    peer: Mapped[str] = mapped_column(String(60))
    times_received: Mapped[int] = mapped_column(default=1)
    letter_id: Mapped[UUID | None] = mapped_column(ForeignKey("letters.id"), index=True)
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"))
    refusal_code: Mapped[str] = mapped_column(String(40), default="")
    refusal_text_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    refusal_text = SealedJson()
