"""Tables of letters: each body keeps its own row of a letter that it sent or received."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from edms.core.columns import SealedBytes, SealedJson, SealedText
from edms.core.database import Base
from edms.core.ids import new_id


class Letter(Base):
    """A letter (كتاب) as one body holds it, outgoing or incoming."""

    __tablename__ = "letters"
    sealed_item = "id"
    __table_args__ = (
        UniqueConstraint("entity_id", "direction", "document_code"),
        Index("ix_letters_list", "entity_id", "direction", "state", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    direction: Mapped[str] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(12))
    sensitivity: Mapped[int]
    precedence: Mapped[str] = mapped_column(String(10))
    subject_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    subject = SealedText()
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("units.id"))
    author_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"), index=True)
    signer_post_id: Mapped[UUID | None] = mapped_column(ForeignKey("posts.id"), index=True)
    return_reason_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    return_reason = SealedText()
    returned_version: Mapped[int | None]
    # given at issue (outgoing) or taken over from the sender (incoming)
    document_code: Mapped[str | None] = mapped_column(String(18), index=True)
    number: Mapped[str] = mapped_column(String(80), default="")
    letter_date: Mapped[date | None]
    verification_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    verification_code_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    verification_code = SealedText()
    rendition_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_files.id"))
    rendition_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    pages: Mapped[int] = mapped_column(default=0)
    issued_at: Mapped[datetime | None]
    # the incoming side
    sender_id: Mapped[UUID | None] = mapped_column(ForeignKey("entities.id"))
    package_id: Mapped[UUID | None] = mapped_column(index=True)
    registered_at: Mapped[datetime | None]
    register_number: Mapped[str] = mapped_column(String(40), default="")
    void_at: Mapped[datetime | None] = mapped_column(index=True)
    settled_at: Mapped[datetime | None]
    superseded_at: Mapped[datetime | None] = mapped_column(index=True)
    superseded_by: Mapped[str | None] = mapped_column(String(18))


class Version(Base):
    """One saved state of a letter's text; each save makes a new one."""

    __tablename__ = "versions"
    sealed_item = "letter_id"
    __table_args__ = (UniqueConstraint("letter_id", "no"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    letter_id: Mapped[UUID] = mapped_column(ForeignKey("letters.id"))
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    no: Mapped[int]
    text_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    text = SealedJson(gone={"body": [], "text": ""})
    author_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"))
    created_at: Mapped[datetime]


class Addressee(Base):
    """A body to which a letter goes, or a copy of it."""

    __tablename__ = "addressees"
    sealed_item = "letter_id"
    __table_args__ = (UniqueConstraint("letter_id", "recipient_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    letter_id: Mapped[UUID] = mapped_column(ForeignKey("letters.id"))
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    role: Mapped[str] = mapped_column(String(4))
    purpose_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    purpose = SealedText()
    position: Mapped[int]


class Attachment(Base):
    """A file that goes with a letter; its bytes are kept exactly as they came."""

    __tablename__ = "attachments"
    sealed_item = "letter_id"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    letter_id: Mapped[UUID] = mapped_column(ForeignKey("letters.id"), index=True)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_files.id"))
    position: Mapped[int]
    name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    name = SealedText()
    media_type: Mapped[str] = mapped_column(String(120))
    size: Mapped[int] = mapped_column(BigInteger)
    hash_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    hash = SealedText()


class Reference(Base):
    """An earlier letter that this one refers to (إشارة): its document code when known, else what was typed."""

    __tablename__ = "letter_references"
    sealed_item = "letter_id"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    letter_id: Mapped[UUID] = mapped_column(ForeignKey("letters.id"), index=True)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    document_code: Mapped[str | None] = mapped_column(String(18))
    text_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    text = SealedText()
    position: Mapped[int]


class Signature(Base):
    """A person's signature over a letter's content: a detached CMS with the person's certificate.

    ``on_behalf_of_id`` is the holder of the post when a deputy signed (نيابةً عن); ``means`` how the person was known
    for sure: ``pin``, ``totp``, ``recovery`` or ``command-line``.
    """

    __tablename__ = "signatures"
    sealed_item = "letter_id"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    letter_id: Mapped[UUID] = mapped_column(ForeignKey("letters.id"), index=True)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    version_no: Mapped[int]
    employee_id: Mapped[UUID] = mapped_column(ForeignKey("employees.id"))
    post_id: Mapped[UUID] = mapped_column(ForeignKey("posts.id"))
    on_behalf_of_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"))
    means: Mapped[str] = mapped_column(String(12), default="")
    signed_at: Mapped[datetime]
    signed_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    signature_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    signature = SealedBytes()
    certificate_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    certificate = SealedBytes()
    revoked_at: Mapped[datetime | None]


class SigningKey(Base):
    """An employee's P-256 signing key, wrapped by the body's key."""

    __tablename__ = "signing_keys"

    employee_id: Mapped[UUID] = mapped_column(ForeignKey("employees.id"), primary_key=True)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    private_key_wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class Sighting(Base):
    """Which page images of an unfinished letter a signatory has opened in one session.

    ``fingerprint`` is that of the content that the images showed; bit n of ``mask`` stands for page n + 1.
    """

    __tablename__ = "sightings"

    letter_id: Mapped[UUID] = mapped_column(ForeignKey("letters.id"), primary_key=True)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("login_sessions.id"), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(16))
    pages: Mapped[int]
    mask: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[datetime]


class Opening(Base):
    """The first time somebody opened a letter: unread marks and the fact «opened» come from here."""

    __tablename__ = "openings"

    letter_id: Mapped[UUID] = mapped_column(ForeignKey("letters.id"), primary_key=True)
    employee_id: Mapped[UUID] = mapped_column(ForeignKey("employees.id"), primary_key=True)
    opened_at: Mapped[datetime]


class LetterheadRow(Base):
    """How a body's sheet looks (ترويسة): emblem, line above the names, contact line, colour, digits, months."""

    __tablename__ = "letterheads"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), unique=True)
    emblem_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    emblem = SealedBytes()
    top_ar_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    top_ar = SealedText()
    top_en_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    top_en = SealedText()
    contact_ar_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    contact_ar = SealedText()
    contact_en_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    contact_en = SealedText()
    colour: Mapped[str] = mapped_column(String(7), default="")
    digits: Mapped[str] = mapped_column(String(8), default="")
    months: Mapped[str] = mapped_column(String(8), default="")
    hijri: Mapped[bool] = mapped_column(default=True)
    kashida: Mapped[bool] = mapped_column(default=False)
    changed_at: Mapped[datetime]


class LetterTemplate(Base):
    """A letter that a body writes again and again (قالب): its text with fields like ``{name}`` to be filled in."""

    __tablename__ = "letter_templates"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    text_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    text = SealedJson()
    changed_at: Mapped[datetime]
    changed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"))


class StockPhrase(Base):
    """A sentence that a body's writers insert (صيغة جاهزة), with its place in a letter."""

    __tablename__ = "stock_phrases"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    place: Mapped[str] = mapped_column(String(10))
    text_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    text = SealedText()
    changed_at: Mapped[datetime]


class UnfinishedForm(Base):
    """What somebody has typed and not saved yet, kept by itself meanwhile; its id is the draft's where there is one."""

    __tablename__ = "unfinished_forms"
    sealed_item = "id"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    employee_id: Mapped[UUID] = mapped_column(ForeignKey("employees.id"), index=True)
    letter_id: Mapped[UUID | None] = mapped_column(ForeignKey("letters.id"))
    version: Mapped[int]
    revision: Mapped[int]
    fields_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    fields = SealedJson(gone={})
    saved_at: Mapped[datetime]


class Preservation(Base):
    """The evidence that this installation keeps of one sealed file: bytes that stand after it, never inside it.

    ``level`` is what file and evidence reach together (``B-B`` waits for a time-stamp), ``goal`` what is still to be
    had (``LT`` or ``LTA``, empty when nothing is), ``due_at`` when the next step or renewal is to be tried,
    ``problem`` why the last try failed, ``stamp_ends_at`` when the newest stamp's certificate ends.
    """

    __tablename__ = "preservations"
    __table_args__ = (UniqueConstraint("rendition_hash"),)
    sealed_owner = None

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rendition_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    letter_id: Mapped[UUID] = mapped_column(ForeignKey("letters.id"), index=True)
    level: Mapped[str] = mapped_column(String(5))
    goal: Mapped[str] = mapped_column(String(3), default="")
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    failures: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str] = mapped_column(String(80), default="")
    suffix_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    suffix = SealedBytes()
    extended_at: Mapped[datetime | None]
    stamp_ends_at: Mapped[datetime | None]


class Destruction(Base):
    """A certificate that a letter of a body, or all that it stored in a year, was destroyed with its keys.

    ``paths`` are the places in the vault, 16 octets each (8 for a year), by which the act can be done again on an older
    vault; ``key_hash`` is SHA-256 over them. ``done_at``: the vault has destroyed them.
    """

    __tablename__ = "destructions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    letter_id: Mapped[UUID | None] = mapped_column(ForeignKey("letters.id"), index=True)
    year: Mapped[int | None]
    reason: Mapped[str] = mapped_column(String(20))
    order_number: Mapped[str] = mapped_column(String(60), default="")
    paths: Mapped[bytes] = mapped_column(LargeBinary)
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    employee_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"))
    begun_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
