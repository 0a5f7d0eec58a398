"""The table of inquiries: each side keeps its own row."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from edms.core.columns import SealedJson
from edms.core.database import Base
from edms.core.ids import new_id


class InquiryRow(Base):
    """An inquiry as one body holds it: the one that asked (``side`` asked) or the one that answered.

    ``told`` are the values of the confirmation with its proof, sealed; ``answer`` is empty while none has come.
    """

    __tablename__ = "inquiries"
    sealed_item = "id"
    __table_args__ = (
        UniqueConstraint("entity_id", "inquiry_id"),
        Index("ix_inquiries_list", "entity_id", "side", "asked_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    inquiry_id: Mapped[UUID]
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    other_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    side: Mapped[str] = mapped_column(String(10))
    document_code: Mapped[str] = mapped_column(String(18))
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"))
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(String(12), default="")
    told_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    told = SealedJson(gone={})
