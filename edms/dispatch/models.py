"""Tables of outgoing packages, the outbox, delivery attempts and evidence."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from edms.core.columns import SealedJson
from edms.core.database import Base
from edms.core.ids import new_id
from edms.dispatch.rules import EVIDENCE_POLICY

IS_OPEN = text("outbox_items.state IN ('queued', 'sending')")
"""What is still on its way, word for word as the partial indexes have it: with parameters they would not be used."""
IS_KEPT = text("outbox_items.state IN ('queued', 'sending', 'failed', 'refused')")
"""What the queue's page lists, in the same way."""
IS_LEASED = text("lease_owner IS NOT NULL")


class OutboundPackage(Base):
    """What travels to all addressees of one letter (or the receipt for one): ``meta`` is the letter.xml's values and
    the list of parts with their stored files, or of mail its envelope and stored file; sealed under the sender's key.

    ``message_id`` is the Message-ID that it travels under, without brackets; ``document_hashes`` the SHA-256 of its
    files (lower hex, the letter first). ``key`` is the idempotency key of mail that was handed in: the same message is
    put into the outbox once.
    """

    __tablename__ = "outbound_packages"
    sealed_item = "id"
    __table_args__ = (UniqueConstraint("entity_id", "key"), Index("ix_outbound_packages_message_id", "message_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    meta_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    meta = SealedJson(gone={})
    message_id: Mapped[str] = mapped_column(String(255), default="")
    document_hashes: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]


class OutboxItem(Base):
    """One consignment (إرسالية): a package on its way to one body; its id stays the same over all attempts.

    ``installation_id`` is the next hop; what one body sends over one next hop is a lane, and lanes take turns.
    ``mailbox`` is the address before the @ (empty: the registry's), ``notify`` and ``orcpt`` what the submitting client
    asked for (RFC 3461). ``warned_at``: the sender's registry was told of the delay; ``reported_at``: of the end.
    ``message_hash`` is the SHA-256 of the octets that the next hop took. ``far`` is what the far registry told beside
    the facts: ``unit`` that deals with the letter, ``exception`` (code), ``annulled`` (time).
    """

    __tablename__ = "outbox_items"
    __table_args__ = (
        UniqueConstraint("package_id", "recipient_id", "mailbox"),
        Index(
            "ix_outbox_items_lane", "installation_id", "entity_id", "next_at", "package_id",
            sqlite_where=IS_OPEN, postgresql_where=IS_OPEN,
        ),
        Index(
            "ix_outbox_items_open", "created_at", "warned_at", "kind", sqlite_where=IS_OPEN, postgresql_where=IS_OPEN
        ),
        Index("ix_outbox_items_lease", "lease_owner", sqlite_where=IS_LEASED, postgresql_where=IS_LEASED),
        Index("ix_outbox_items_kept", "entity_id", "state", "id", sqlite_where=IS_KEPT, postgresql_where=IS_KEPT),
        Index("ix_outbox_items_sent", "entity_id", "created_at"),
        Index("ix_outbox_items_sent_to", "recipient_id", "created_at"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    package_id: Mapped[UUID] = mapped_column(ForeignKey("outbound_packages.id"))
    letter_id: Mapped[UUID | None] = mapped_column(ForeignKey("letters.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    installation_id: Mapped[UUID] = mapped_column(ForeignKey("installations.id"))
    role: Mapped[str] = mapped_column(String(4), default="to")
    mailbox: Mapped[str] = mapped_column(String(64), default="")
    notify: Mapped[str] = mapped_column(String(30), default="")
    orcpt: Mapped[str] = mapped_column(String(500), default="")
    state: Mapped[str] = mapped_column(String(12))
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime]
    lease_owner: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    taken_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    registered_at: Mapped[datetime | None]
    far_number: Mapped[str] = mapped_column(String(80), default="")
    settled_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]
    refusal: Mapped[str] = mapped_column(Text, default="")
    warned_at: Mapped[datetime | None]
    reported_at: Mapped[datetime | None]
    message_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    far_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    far = SealedJson()


class DeliveryAttempt(Base):
    """One try to hand a consignment to the next hop, and its answer."""

    __tablename__ = "delivery_attempts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    item_id: Mapped[UUID] = mapped_column(ForeignKey("outbox_items.id"), index=True)
    at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(10))
    reply: Mapped[str] = mapped_column(String(500))


class NextHop(Base):
    """A next hop that could not be reached at its last try; the row goes when it is reached again.

    While ``retry_at`` lies ahead nothing is tried there; at that time one consignment is (``probing``), and the others
    wait for what becomes of it.
    """

    __tablename__ = "next_hops"

    installation_id: Mapped[UUID] = mapped_column(ForeignKey("installations.id"), primary_key=True)
    failures: Mapped[int]
    since: Mapped[datetime]
    retry_at: Mapped[datetime | None]
    probing: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str] = mapped_column(String(200))


class Evidence(Base):
    """An ETSI EN 319 522 event about a consignment, on the sending or the receiving side; never changed afterwards.

    ``at`` is taken after the bytes that it speaks of were made durable. ``message_id`` is the Message-ID without
    brackets, ``message_hash`` the SHA-256 of the raw message, ``document_hashes`` those of its files (lower hex,
    separated by spaces, the letter first). ``item_id`` and ``received_id`` together: what the far side said in that
    receipt or report, ``signed`` when under its seal. ``policy`` is the policy that it was recorded under.
    """

    __tablename__ = "evidence"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"), index=True)
    item_id: Mapped[UUID | None] = mapped_column(ForeignKey("outbox_items.id"), index=True)
    received_id: Mapped[UUID | None] = mapped_column(ForeignKey("received_messages.id"), index=True)
    letter_id: Mapped[UUID | None] = mapped_column(ForeignKey("letters.id"), index=True)
    event: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]
    other_entity_id: Mapped[UUID | None] = mapped_column(ForeignKey("entities.id"))
    reason: Mapped[str] = mapped_column(String(300), default="")
    submitted_at: Mapped[datetime | None]
    message_id: Mapped[str] = mapped_column(String(255), default="")
    message_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    document_hashes: Mapped[str] = mapped_column(Text, default="")
    policy: Mapped[str] = mapped_column(String(40), default=EVIDENCE_POLICY)
    signed: Mapped[bool] = mapped_column(default=False)


class GatewayRefusal(Base):
    """A submission of one of our bodies that the gateway refused, for its registry to see; its evidence says why.

    ``who`` tried it (``login:…``, ``server:…`` or ``installation:…``), ``recipients`` are addresses, separated by
    spaces. ``seen_at``: when the registry was shown it.
    """

    __tablename__ = "gateway_refusals"
    __table_args__ = (
        Index("ix_gateway_refusals_newest", "entity_id", "id"),
        Index("ix_gateway_refusals_unseen", "entity_id", "seen_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entity_id: Mapped[UUID] = mapped_column(ForeignKey("entities.id"))
    evidence_id: Mapped[UUID] = mapped_column(ForeignKey("evidence.id"))
    who: Mapped[str] = mapped_column(String(200))
    peer: Mapped[str] = mapped_column(String(60))
    recipients: Mapped[str] = mapped_column(Text, default="")
    seen_at: Mapped[datetime | None]


class RefusalCount(Base):
    """How often mail was refused at the gateway, by day and reason."""

    __tablename__ = "refusal_counts"

    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    count: Mapped[int]
