"""Tables of accounts and their sessions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

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


class LoginSession(Base):
    """A signed-in browser: a random token of which only the SHA-256 is stored."""

    __tablename__ = "login_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    confirmed_at: Mapped[datetime]
    client: Mapped[str] = mapped_column(String(100), default="")
    revoked_at: Mapped[datetime | None]


class Throttle(Base):
    """A rate limit's state shared by all web processes (``login:NAME``, ``address:IP``, ``verify:IP``)."""

    __tablename__ = "throttles"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    count: Mapped[int]
    since: Mapped[datetime]
    blocked_until: Mapped[datetime | None]
