"""What a session hands to its handler: who the peer is, the envelope (RFC 5321 §3.3) and the raw content."""

import ssl
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol
from uuid import UUID

from mailgw.address import Address
from mailgw.content import Content
from mailgw.replies import Reply


class Door(Enum):
    """Which listener a connection came by: between servers, or submission by STARTTLS or TLS from the first octet."""

    PEERS = "peers"
    SUBMISSION = "submission"
    IMPLICIT = "implicit"

    @property
    def submits(self) -> bool:
        """Tell whether whoever comes in here must sign in by AUTH (RFC 6409 §4.3, RFC 8314 §3.3)."""
        return self is not Door.PEERS


@dataclass(frozen=True, slots=True)
class Submitter:
    """A person who signed in by AUTH (RFC 4954): who, for which body, and whether as its registry.

    ``app_password_id`` is the mail client's own password, None when the person's was given.
    """

    account_id: UUID
    employee_id: UUID
    entity_id: UUID
    login: str
    registry: bool = False
    app_password_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the peer proved to be: an installation by its client certificate, or a person by AUTH."""

    tls: bool = False
    installation_id: UUID | None = None
    submitter: Submitter | None = None


NOBODY = Identity()


@dataclass(frozen=True, slots=True)
class MailParameters:
    """ESMTP parameters of MAIL: SIZE (RFC 1870), BODY (6152), SMTPUTF8 (6531), RET and ENVID (3461)."""

    size: int = 0
    body: str = "7BIT"
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""


@dataclass(frozen=True, slots=True)
class RcptParameters:
    """ESMTP parameters of RCPT: NOTIFY and ORCPT (RFC 3461 §4.1, §4.2), kept as the client wrote them."""

    notify: tuple[str, ...] = ()
    orcpt: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One accepted RCPT."""

    address: Address
    params: RcptParameters


@dataclass(frozen=True, slots=True)
class ReceivedEnvelope:
    """A whole message as received; ``content`` is what came after dot-unstuffing, never changed after that."""

    identity: Identity
    peer: str
    helo: str
    mail_from: Address | None
    params: MailParameters
    recipients: tuple[Recipient, ...]
    content: Content
    received_at: datetime

    @property
    def raw(self) -> bytes:
        """Return all octets of the content; a large message costs its size in memory."""
        return self.content.octets()


class Handler(Protocol):
    """The other side of a session; a None answer means yes. ``data`` answers only after its durable commit."""

    def identify(self, ssl_object: ssl.SSLObject | None) -> Identity:
        """Return who stands behind the TLS connection (called once, after the handshake)."""

    async def authenticate(self, login: str, password: str, peer: str) -> Submitter | Reply:
        """Return the person whom login and password prove, or the refusal; ``peer`` is the client's address."""

    async def vouch(self, identity: Identity, domain: str) -> Reply | None:
        """Refuse AUTH EXTERNAL, or let the holder of the certificate in, for a body's ``domain`` or for "" (all)."""

    async def mail(self, identity: Identity, sender: Address | None, params: MailParameters) -> Reply | None:
        """Refuse the sender with a reply, or let it pass."""

    async def rcpt(self, identity: Identity, sender: Address | None, recipient: Address) -> Reply | None:
        """Refuse the recipient with a reply, or let it pass."""

    async def data(self, envelope: ReceivedEnvelope) -> Reply:
        """Take the message in durably and answer; the call outlives the session."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the gateway; times in seconds, sizes in octets (RFC 5321 §4.5.3 gives the least values)."""

    message_size: int = 35_000_000
    memory: int = 96_000_000
    recipients: int = 100
    connections: int = 500
    connections_per_peer: int = 50
    connections_per_account: int = 10
    connections_per_body: int = 50
    errors: int = 20
    sign_ins: int = 3
    sign_in_delay_seconds: float = 3.0
    idle_commands: int = 100
    messages: int = 1000
    command_octets: int = 1024
    command_seconds: float = 300.0
    reply_seconds: float = 60.0
    data_idle_seconds: float = 180.0
    data_rate_grace_seconds: float = 30.0
    data_octets_per_second: int = 2000
    drain_seconds: float = 30.0
