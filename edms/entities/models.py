"""Tables of bodies, units, posts, staff and their keys."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from edms.core.columns import SealedBytes, SealedText
from edms.core.database import Base
from edms.core.ids import new_id


class Installation(Base):
    """A running Diwan: this one (``is_home``) or a peer with which letters are exchanged over SMTP.

    ``ca_certificate`` is the root, which alone is trusted; below it stand the issuing authority, whose key the home
    installation has in its key store as ``issuing_key``, and the newest lists of revoked certificates (DER) of both.
    ``authority_url`` is where a peer says that its lists are to be had. ``kind`` is ``diwan``, or ``server`` for a mail
    server that a body runs itself: ``ca_certificate`` is then what its certificate chains to (or is, if self-signed).
    """

    __tablename__ = "installations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    is_home: Mapped[bool]
    kind: Mapped[str] = mapped_column(String(10), default="diwan")
    gateway_host: Mapped[str] = mapped_column(String(255))
    gateway_port: Mapped[int]
    ca_certificate: Mapped[bytes] = mapped_column(LargeBinary)
    issuing_certificate: Mapped[bytes | None] = mapped_column(LargeBinary)
    issuing_key: Mapped[str | None] = mapped_column(String(64))
    root_crl: Mapped[bytes | None] = mapped_column(LargeBinary)
    crl: Mapped[bytes | None] = mapped_column(LargeBinary)
    crl_stale: Mapped[bool] = mapped_column(default=False)
    authority_url: Mapped[str] = mapped_column(String(255), default="")


class Entity(Base):
    """A body (جهة) of the state; its code is never reused and means nothing.

    ``registers_by_rule``: genuine letters get their number at once; ``registers_untyped``: ordinary mail too. While
    ``mail_suspended_at`` is set the gateway takes no mail for the body (450) and none from it; ``mail_suspension`` says
    why.
    """

    __tablename__ = "entities"
    sealed_owner = None

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(String(8), unique=True)
    name_ar_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    name_en_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    name_ar = SealedText()
    name_en = SealedText()
    type: Mapped[str] = mapped_column(String(20))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("entities.id"), index=True)
    installation_id: Mapped[UUID] = mapped_column(ForeignKey("installations.id"), index=True)
    mail_domain: Mapped[str] = mapped_column(String(253), unique=True)
    short_mark: Mapped[str] = mapped_column(String(40), default="")
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    registers_by_rule: Mapped[bool] = mapped_column(default=True)
    registers_untyped: Mapped[bool] = mapped_column(default=False)
    max_sensitivity: Mapped[int] = mapped_column(default=3)
    mail_suspended_at: Mapped[datetime | None]
    mail_suspension_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    mail_suspension = SealedText()

    def name(self, locale: str) -> str:
        """Return the name in a reader's language, the Arabic one where there is no other."""
        return self.name_en or self.name_ar if locale == "en" else self.name_ar


class Mailbox(Base):
    """A further address of a body, beside its registry's and its people's: ``local`` in NFC and lower case.

    ``alias`` is its name in ASCII, for next hops without SMTPUTF8 (RFC 6531 §3.2); mail to either goes to the registry.
    """

    __tablename__ = "mailboxes"
    __table_args__ = (UniqueConstraint("entity_id", "local"), UniqueConstraint("entity_id", "alias"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    local: Mapped[str] = mapped_column(String(64))
    alias: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class DkimKey(Base):
    """A key by which a body's mail is signed (RFC 6376, RFC 8463): ours with its private half, or told by its owner.

    ``public_key`` is DER SubjectPublicKeyInfo, ``private_key`` (ours only) PKCS#8 DER, sealed.
    """

    __tablename__ = "dkim_keys"
    __table_args__ = (UniqueConstraint("entity_id", "selector"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    selector: Mapped[str] = mapped_column(String(63))
    algorithm: Mapped[str] = mapped_column(String(10))
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    private_key_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    private_key = SealedBytes()
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class EntityKey(Base):
    """A version of a body's key-encryption key, wrapped by the key store; owner NIL is the installation itself.

    ``retired_at``: nothing was wrapped under it any more. ``forgotten_at``: it is destroyed but for the key of column
    values, which alone is left in ``wrapped``.
    """

    __tablename__ = "entity_keys"
    __table_args__ = (UniqueConstraint("owner_id", "version"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID]
    version: Mapped[int]
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    forgotten_at: Mapped[datetime | None]


class KeyHead(Base):
    """The single row by which running processes see that there are new key versions: its ``epoch`` has grown.

    ``vault_id`` is the vault that new keys are bound to; None before there is one.
    """

    __tablename__ = "key_heads"

    id: Mapped[int] = mapped_column(primary_key=True)
    epoch: Mapped[int]
    vault_id: Mapped[bytes | None] = mapped_column(LargeBinary(16))


class EntitySeal(Base):
    """A seal of a body: made here (its P-256 key is in the key store as ``key_name``) or noted from a peer's letter.

    ``key_id`` is what a paper seal names it by: the first 8 bytes of the SHA-256 of the certificate.
    """

    __tablename__ = "entity_seals"
    sealed_owner = None

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    key_name: Mapped[str | None] = mapped_column(String(64), unique=True)
    key_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    serial: Mapped[str] = mapped_column(String(40), index=True)
    certificate_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    certificate = SealedBytes()
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class IssuedCertificate(Base):
    """A certificate that our authority issued and answers for: of a seal, a person or a service.

    ``key_name`` is its key in the key store, where it has one there; ``reason`` is a CRLReason of RFC 5280 §5.3.1.
    """

    __tablename__ = "issued_certificates"
    sealed_owner = None

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    serial: Mapped[str] = mapped_column(String(40), unique=True)
    usage: Mapped[str] = mapped_column(String(10))
    issuer_key: Mapped[str] = mapped_column(String(64))
    key_name: Mapped[str | None] = mapped_column(String(64))
    entity_id: Mapped[UUID | None] = mapped_column(ForeignKey("entities.id"), index=True)
    employee_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"), index=True)
    certificate_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    certificate = SealedBytes()
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(30))


class Unit(Base):
    """A unit (تشكيل: دائرة، قسم، شعبة) inside a body."""

    __tablename__ = "units"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("units.id"))
    code: Mapped[str] = mapped_column(String(14), unique=True)
    name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    name = SealedText()
    is_registry: Mapped[bool] = mapped_column(default=False)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]


class Post(Base):
    """A post (منصب): authority belongs to it and passes to whoever is assigned."""

    __tablename__ = "posts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"), index=True)
    title_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    title = SealedText()
    may_sign: Mapped[bool] = mapped_column(default=False)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]


class Employee(Base):
    """A person in the state's service; the code follows the person through transfers."""

    __tablename__ = "employees"
    sealed_owner = None

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(String(10), unique=True)
    name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    name = SealedText()
    clearance: Mapped[int] = mapped_column(default=1)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]


class Assignment(Base):
    """A person holds a post from one day to another (تكليف)."""

    __tablename__ = "assignments"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    employee_id: Mapped[UUID] = mapped_column(ForeignKey("employees.id"), index=True)
    post_id: Mapped[UUID] = mapped_column(ForeignKey("posts.id"), index=True)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    reason: Mapped[str] = mapped_column(Text, default="")


class CodeCounter(Base):
    """The last serial handed out for a kind of code (entities, employees, units of a body)."""

    __tablename__ = "code_counters"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    last: Mapped[int]
