"""Who may write to whom: pure decisions over the register of entities; None means yes, a Reply says why not.

The order is part of the policy. At RCPT the register is asked before the certificate, so that a peer which writes to an
unregistered domain learns that (550 5.7.1, counted) and is not sent looking for a certificate.
"""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from mailgw.address import Address, AddressError
from mailgw.envelope import Identity, ReceivedEnvelope
from mailgw.headers import HeaderError, Headers, read_headers, single_mailbox
from mailgw.replies import Reply, reply

REGISTRY_MAILBOX = "diwan"
POSTMASTER = "postmaster"
MAX_RECEIVED = 50


@dataclass(frozen=True, slots=True)
class EntityEntry:
    """What the register says about the entity of a mail domain; ``local`` means served here."""

    entity_id: UUID
    code: str
    domain: str
    active: bool = True
    suspended: bool = False
    local: bool = False
    installation_id: UUID | None = None
    mailboxes: frozenset[str] = frozenset({REGISTRY_MAILBOX})


class Directory(Protocol):
    """The register of entities as it stands now."""

    def find_domain(self, domain: str) -> EntityEntry | None:
        """Return the entity of a domain (lower-case A-labels), or None."""


def check_sender(directory: Directory, identity: Identity, sender: Address | None) -> Reply | None:
    """Decide MAIL: a registered, active entity that belongs to the installation whose certificate was presented."""
    if sender is None:
        return None if identity.installation_id is not None else reply("smtp.null-sender")
    entity = directory.find_domain(sender.domain)
    if entity is None or not entity.active:
        return reply("smtp.sender-unregistered", domain=sender.domain)
    if identity.installation_id is not None and entity.installation_id != identity.installation_id:
        return reply("smtp.sender-not-yours")
    if identity.submitter is not None and entity.entity_id != identity.submitter.entity_id:
        return reply("smtp.sender-not-yours")
    return None


def check_recipient(directory: Directory, identity: Identity, recipient: Address) -> Reply | None:
    """Decide RCPT: a local, active entity with that mailbox, not suspended; then TLS and a registered certificate."""
    entity = directory.find_domain(recipient.domain)
    if entity is None or not entity.active or not entity.local:
        return reply("smtp.recipient-unregistered", domain=recipient.domain)
    mailbox = recipient.local.lower()
    if mailbox != POSTMASTER and mailbox not in entity.mailboxes:
        return reply("smtp.mailbox-unknown", domain=recipient.domain)
    if entity.suspended:
        return reply("smtp.recipient-suspended")
    return check_identity(identity)


def check_identity(identity: Identity) -> Reply | None:
    """Decide whether the peer proved who it is: TLS, then the certificate of a registered installation (or AUTH)."""
    if not identity.tls:
        return reply("smtp.tls-required")
    if identity.installation_id is None and identity.submitter is None:
        return reply("smtp.certificate-required")
    return None


def check_content(envelope: ReceivedEnvelope) -> Reply | None:
    """Decide DATA by the header: one From of the sender's domain, no Bcc, no loop (RFC 6109 §3.1.1, RFC 5321 §6.3)."""
    try:
        headers = read_headers(envelope.content.head)
    except HeaderError:
        return reply("smtp.header-unreadable")
    if headers.all("bcc") or headers.all("resent-bcc"):
        return reply("smtp.bcc")
    if len(headers.all("received")) > MAX_RECEIVED:
        return reply("smtp.loop")
    if envelope.mail_from is None:
        report = headers.first("content-type").lower().startswith(b"multipart/report")
        return None if report else reply("smtp.null-sender-content")
    return _check_from(headers, envelope.mail_from)


def author(directory: Directory, envelope: ReceivedEnvelope) -> EntityEntry | None:
    """Return the body that a message is from: of its envelope, or of the From of a report that its installation sent.

    None for a report whose author is no body of the peer's installation.
    """
    if envelope.mail_from is not None:
        return directory.find_domain(envelope.mail_from.domain)
    try:
        fields = read_headers(envelope.content.head).all("from")
        entry = directory.find_domain(single_mailbox(fields[0]).domain) if len(fields) == 1 else None
    except (HeaderError, AddressError):
        return None
    if entry is None or not entry.active or entry.installation_id != envelope.identity.installation_id:
        return None
    return entry


def _check_from(headers: Headers, sender: Address) -> Reply | None:
    fields = headers.all("from")
    if len(fields) != 1:
        return reply("smtp.from-count")
    try:
        author = single_mailbox(fields[0])
    except AddressError:
        return reply("smtp.from-count")
    return None if author.domain == sender.domain else reply("smtp.from-mismatch")
