"""Tables of accounts, their sessions and second factors, and of who acts for whom."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from edms.core.columns import SealedText
from edms.core.database import Base
from edms.core.ids import new_id


class Account(Base):
    """The means by which one employee signs in; ``roles`` are separated by spaces."""

    __tablename__ = "accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    employee_id: Mapped[UUID] = mapped_column(ForeignKey("employees.id"), unique=True)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    login: Mapped[str] = mapped_column(String(64), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    roles: Mapped[str] = mapped_column(String(200))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    password_changed_at: Mapped[datetime]
    factors_reset_at: Mapped[datetime | None]


class LoginSession(Base):
    """A signed-in browser: a random token of which only the SHA-256 is stored.

    ``pending``: the password was right and the second factor is still asked for. ``stepped_up_at``: when PIN or second
    factor was last given in this session, ``stepped_up_by`` which of them.
    """

    __tablename__ = "login_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    pending: Mapped[bool] = mapped_column(default=False)
    stepped_up_at: Mapped[datetime | None]
    stepped_up_by: Mapped[str] = mapped_column(String(10), default="")
    client: Mapped[str] = mapped_column(String(100), default="")
    revoked_at: Mapped[datetime | None]


class Throttle(Base):
    """A rate limit's state shared by all web processes (``login:NAME``, ``address:IP``, ``verify:IP``)."""

    __tablename__ = "throttles"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    count: Mapped[int]
    since: Mapped[datetime]
    blocked_until: Mapped[datetime | None]


class SigningPin(Base):
    """The PIN with which a person signs: its Argon2id hash."""

    __tablename__ = "signing_pins"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    pin_hash: Mapped[str] = mapped_column(String(255))
    set_at: Mapped[datetime]


class TotpFactor(Base):
    """An authenticator app (RFC 6238); ``last_step`` is the newest time step that was used, so none is used twice."""

    __tablename__ = "totp_factors"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), unique=True)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    secret_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    secret = SealedText()
    begun_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)


class RecoveryCode(Base):
    """A code that stands in for the authenticator app once; 80 random bits, of which the SHA-256 is stored."""

    __tablename__ = "recovery_codes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    used_at: Mapped[datetime | None]


class AppPassword(Base):
    """A password that one mail client keeps instead of the person's own: 99 random bits, kept as SHA-256.

    Once a person has an authenticator app, mail clients can sign in by such a password alone.
    """

    __tablename__ = "app_passwords"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Delegation(Base):
    """A deputy (نيابة) signs for the holder of a post from one day to another.

    ``kinds`` are the kinds of letters, separated by spaces, empty for all; ``max_sensitivity`` the highest.
    """

    __tablename__ = "delegations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    post_id: Mapped[UUID] = mapped_column(ForeignKey("posts.id"), index=True)
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("employees.id"))
    deputy_id: Mapped[UUID] = mapped_column(ForeignKey("employees.id"), index=True)
    kinds: Mapped[str] = mapped_column(String(200), default="")
    max_sensitivity: Mapped[int]
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    reason_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    reason = SealedText()
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(60))
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str] = mapped_column(String(60), default="")
