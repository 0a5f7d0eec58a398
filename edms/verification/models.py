"""Tables of leak cases: their pictures, look-ups, findings, notes, and the opening of names by two auditors."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from edms.core.columns import SealedJson, SealedText
from edms.core.database import Base
from edms.core.ids import new_id


class LeakCase(Base):
    """A leak case file (ملف تسريب) of one body's auditors; ``number`` counts within the body."""

    __tablename__ = "leak_cases"
    __table_args__ = (UniqueConstraint("entity_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(String(10))
    title_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    title = SealedText()
    opened_at: Mapped[datetime]
    opened_by_id: Mapped[UUID] = mapped_column(ForeignKey("employees.id"))
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"))
    close_reason_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    close_reason = SealedText()


class LeakImage(Base):
    """A file that was handed in, kept byte for byte (encrypted) with its name, size in octets and SHA-256."""

    __tablename__ = "leak_images"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    case_id: Mapped[UUID] = mapped_column(ForeignKey("leak_cases.id"), index=True)
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_files.id"))
    name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    name = SealedText()
    size: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    added_at: Mapped[datetime]
    added_by_id: Mapped[UUID] = mapped_column(ForeignKey("employees.id"))


class LeakLookUp(Base):
    """A look-up of all pictures of a case, waiting, under way or done: the queue of the worker.

    ``letters`` are document codes that the auditor named, between blanks. ``claim`` and ``lease_until`` say which
    worker holds it until when. ``outcome`` is what was seen of each picture, as ``leak_outcome`` writes it.
    """

    __tablename__ = "leak_look_ups"
    __table_args__ = (Index("ix_leak_look_ups_waiting", "state", "lease_until"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    case_id: Mapped[UUID] = mapped_column(ForeignKey("leak_cases.id"), index=True)
    asked_at: Mapped[datetime]
    asked_by_id: Mapped[UUID] = mapped_column(ForeignKey("employees.id"))
    letters: Mapped[str] = mapped_column(String(200), default="")
    state: Mapped[str] = mapped_column(String(10))
    phase: Mapped[str] = mapped_column(String(10), default="")
    done: Mapped[int] = mapped_column(default=0)
    to_do: Mapped[int] = mapped_column(default=0)
    claim: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[datetime | None]
    trouble: Mapped[str] = mapped_column(String(60), default="")
    outcome_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    outcome = SealedJson()


class LeakFinding(Base):
    """A copy that a look-up found: by hidden marks, or as a lead alone.

    ``chance`` is that of naming an innocent copy, such as ``1.2e-12``; "" for a lead. ``by_two``: the name stays closed
    until a second auditor has agreed, however the policy changes later; ``opened_at`` is when that happened.
    """

    __tablename__ = "leak_findings"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    case_id: Mapped[UUID] = mapped_column(ForeignKey("leak_cases.id"), index=True)
    look_up_id: Mapped[UUID] = mapped_column(ForeignKey("leak_look_ups.id"), index=True)
    copy_id: Mapped[UUID] = mapped_column(ForeignKey("issued_copies.id"))
    layers: Mapped[str] = mapped_column(String(40))
    chance: Mapped[str] = mapped_column(String(12), default="")
    by_two: Mapped[bool]
    opened_at: Mapped[datetime | None]


class NameRequest(Base):
    """The request of one auditor that the name of a finding be opened, and what a second one answered."""

    __tablename__ = "leak_name_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    case_id: Mapped[UUID] = mapped_column(ForeignKey("leak_cases.id"), index=True)
    finding_id: Mapped[UUID] = mapped_column(ForeignKey("leak_findings.id"), index=True)
    state: Mapped[str] = mapped_column(String(10))
    asked_at: Mapped[datetime]
    asked_by_id: Mapped[UUID] = mapped_column(ForeignKey("employees.id"))
    reason_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    reason = SealedText()
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"))
    answer_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    answer = SealedText()


class LeakNote(Base):
    """What an auditor wrote into a case: a note or a decision; it is never changed."""

    __tablename__ = "leak_notes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    case_id: Mapped[UUID] = mapped_column(ForeignKey("leak_cases.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("employees.id"))
    text_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    text = SealedText()


class NamePolicy(Base):
    """Whether a body's auditors open names by two; a body without a row does not."""

    __tablename__ = "leak_name_policies"

    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), primary_key=True)
    by_two: Mapped[bool]
    changed_at: Mapped[datetime]
    changed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"))
