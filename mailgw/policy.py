"""Who may write to whom, and what: pure decisions over the register of entities; None means yes, a Reply says why not.

Three kinds of senders: another Diwan (its relay, known by its certificate), a mail server that a body runs itself (by
its certificate), and a person who signed in. The order is part of the policy. At RCPT the register is asked before the
certificate, so that a peer which writes to an unregistered domain learns that (550 5.7.1, counted) and is not sent
looking for a certificate.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol
from uuid import UUID

from crypto.dkim_keys import DkimPublicKey
from edms.entities.rules import BUILT_IN_MAILBOXES, POSTMASTER
from mailgw.address import Address, AddressError
from mailgw.dkim import Verdict
from mailgw.envelope import Identity, ReceivedEnvelope, Submitter
from mailgw.headers import Headers, mailboxes, single_mailbox
from mailgw.replies import Reply, reply

MAX_RECEIVED = 50
AHEAD = timedelta(days=1)
OLDEST = timedelta(days=1, hours=2)
OLDEST_FROM_PEER = timedelta(days=30)
OURS = "x-diwan-"


@dataclass(frozen=True, slots=True)
class EntityEntry:
    """What the register says about the entity of a mail domain; ``local`` means served here.

    ``aliases`` are its further mailboxes, each with its name in ASCII; ``dkim`` its keys in force by selector.
    """

    entity_id: UUID
    code: str
    domain: str
    active: bool = True
    suspended: bool = False
    local: bool = False
    installation_id: UUID | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    dkim: Mapping[str, DkimPublicKey] = field(default_factory=dict, repr=False)

    def alias(self, local: str) -> str | None:
        """Return the ASCII name of a mailbox, built in or further, by either of its names; None for any other."""
        name = mailbox_name(local)
        for known in (BUILT_IN_MAILBOXES, self.aliases):
            if name in known:
                return known[name]
            if name in known.values():
                return name
        return None


class Directory(Protocol):
    """The register of entities as it stands now."""

    def find_domain(self, domain: str) -> EntityEntry | None:
        """Return the entity of a domain (lower-case A-labels), or None."""

    def is_server(self, installation_id: UUID) -> bool:
        """Tell whether an installation is a mail server that bodies run themselves."""


def mailbox_name(local: str) -> str:
    """Return the one form in which mailboxes are compared: NFC, lower case."""
    return unicodedata.normalize("NFC", local).lower()


def check_sender(directory: Directory, identity: Identity, sender: Address | None) -> Reply | None:
    """Decide MAIL: a registered, active entity that belongs to who is connected, under an address that is theirs.

    The null sender is for reports, which servers alone send.
    """
    if sender is None:
        return None if identity.installation_id is not None else reply("smtp.null-sender")
    entity = directory.find_domain(sender.domain)
    if entity is None or not entity.active:
        return reply("smtp.sender-unregistered", domain=sender.domain)
    if not belongs(identity, entity):
        return reply("smtp.sender-not-yours", domain=sender.domain)
    if identity.submitter is not None and not _own_address(identity.submitter, entity, sender):
        return reply("smtp.sender-not-own", own=f"{identity.submitter.login}@{entity.domain}")
    return reply("smtp.sender-suspended", domain=sender.domain) if entity.suspended else None


def check_recipient(
    directory: Directory, identity: Identity, recipient: Address, *, person: bool = False
) -> Reply | None:
    """Decide RCPT: a registered, active entity with that mailbox, not suspended; then TLS and a known sender.

    ``person`` tells that the mailbox is the login of somebody of that body. Other Diwans deliver only to bodies that
    are served here; people and bodies' own servers may write to every registered body.
    """
    entity = directory.find_domain(recipient.domain)
    if entity is None or not entity.active:
        return reply("smtp.recipient-unregistered", domain=recipient.domain)
    if entity.local and not person and entity.alias(recipient.local) is None:
        return reply("smtp.mailbox-unknown", domain=recipient.domain)
    if entity.suspended:
        return reply("smtp.recipient-suspended", domain=recipient.domain)
    refusal = check_identity(identity)
    if refusal is None and not entity.local and not _forwards_for(directory, identity):
        return reply("smtp.recipient-elsewhere", domain=recipient.domain)
    return refusal


def check_identity(identity: Identity) -> Reply | None:
    """Decide whether the peer proved who it is: TLS, then the certificate of a registered installation (or AUTH)."""
    if not identity.tls:
        return reply("smtp.tls-required")
    if identity.installation_id is None and identity.submitter is None:
        return reply("smtp.certificate-required")
    return None


def belongs(identity: Identity, entity: EntityEntry) -> bool:
    """Tell whether an entity is that of the person who signed in, or behind the server that is connected.

    Whoever has not proved anything yet is refused at RCPT, not here.
    """
    if identity.submitter is not None:
        return entity.entity_id == identity.submitter.entity_id
    return identity.installation_id is None or entity.installation_id == identity.installation_id


def author(directory: Directory, envelope: ReceivedEnvelope, headers: Headers) -> EntityEntry | None:
    """Return the entity that a message is from: that of the envelope, for a report (null sender) that of its From."""
    if envelope.mail_from is not None:
        return directory.find_domain(envelope.mail_from.domain)
    try:
        return directory.find_domain(single_mailbox(headers.first("from")).domain)
    except AddressError:
        return None


def check_content(
    directory: Directory, envelope: ReceivedEnvelope, headers: Headers, *, hostname: str = ""
) -> Reply | None:
    """Decide DATA by the header (RFC 6109 §3.1.1): who it says it is from and to, when, and nothing hidden or forged.

    ``hostname`` is the name under which we write Authentication-Results (RFC 8601 §5).
    """
    refusal = _check_trace(directory, envelope, headers, hostname) or _check_from(directory, envelope, headers)
    if refusal is not None or envelope.mail_from is None:
        return refusal
    return _check_named(directory, envelope, headers) or _check_date(directory, envelope, headers)


def check_signature(directory: Directory, identity: Identity, domain: str, verdict: Verdict) -> Reply | None:
    """Decide DATA by the signature of the From's body: never a bad one, and always one from a body's own server."""
    if verdict is Verdict.FAIL:
        return reply("smtp.dkim-bad", domain=domain)
    server = identity.installation_id is not None and directory.is_server(identity.installation_id)
    if server and verdict is Verdict.UNKNOWN:
        return reply("smtp.dkim-unregistered", domain=domain)
    return reply("smtp.dkim-missing", domain=domain) if server and verdict is Verdict.NONE else None


def _forwards_for(directory: Directory, identity: Identity) -> bool:
    if identity.submitter is not None:
        return True
    return identity.installation_id is not None and directory.is_server(identity.installation_id)


def _own_address(person: Submitter, entity: EntityEntry, address: Address) -> bool:
    """Tell whether a person may write as an address: the own login, and for registry officers the body's mailboxes."""
    name = mailbox_name(address.local)
    return name == person.login or (person.registry and name != POSTMASTER and entity.alias(name) is not None)


def _check_trace(directory: Directory, envelope: ReceivedEnvelope, headers: Headers, hostname: str) -> Reply | None:
    names = {name for name, _ in headers.fields}
    if names & {"bcc", "resent-bcc"}:
        return reply("smtp.bcc")
    if any(name.startswith("resent-") for name in names):
        return reply("smtp.resent")
    if len(headers.all("received")) > MAX_RECEIVED:
        return reply("smtp.loop")
    if any(name.startswith(OURS) for name in names) and _forwards_for(directory, envelope.identity):
        return reply("smtp.forged-header", field="X-Diwan-…")
    if hostname and any(_names_us(value, hostname) for value in headers.all("authentication-results")):
        return reply("smtp.forged-header", field="Authentication-Results")
    return None


def _names_us(results: bytes, hostname: str) -> bool:
    words = results.partition(b";")[0].split()
    return bool(words) and words[0].strip(b'"').lower() == hostname.lower().encode("ascii", "replace")


def _check_from(directory: Directory, envelope: ReceivedEnvelope, headers: Headers) -> Reply | None:
    """One From with one address, of the envelope's domain; a person's own; and no Sender from anywhere else."""
    if envelope.mail_from is None and not _is_report(headers):
        return reply("smtp.null-sender-content")
    written, sender = _addresses(headers.all("from")), _addresses(headers.all("sender"))
    if written is None or len(written) != 1:
        return reply("smtp.from-count")
    domain = envelope.mail_from.domain if envelope.mail_from else written[0].domain
    entity = directory.find_domain(written[0].domain)
    if entity is None or not entity.active or entity.domain != domain or not belongs(envelope.identity, entity):
        return reply("smtp.from-mismatch", domain=domain)
    if sender is None or len(sender) > 1 or any(one.domain != domain for one in sender):
        return reply("smtp.sender-field")
    person = envelope.identity.submitter
    if person is not None and not all(_own_address(person, entity, one) for one in (*written, *sender)):
        return reply("smtp.from-not-own", own=f"{person.login}@{domain}")
    return None


def _addresses(fields: Sequence[bytes]) -> list[Address] | None:
    """Return the one address of each field, None when a field is not one plain address."""
    try:
        return [single_mailbox(value) for value in fields]
    except AddressError:
        return None


def _is_report(headers: Headers) -> bool:
    """Tell whether a message without a sender is one that may be: a report, or written by a machine (RFC 3834 §5)."""
    kind = headers.first("content-type").lower().replace(b" ", b"")
    automatic = headers.first("auto-submitted").lower().strip()
    return kind.startswith(b"multipart/report") or automatic.startswith((b"auto-generated", b"auto-replied"))


def _check_named(directory: Directory, envelope: ReceivedEnvelope, headers: Headers) -> Reply | None:
    """Every recipient stands in To or Cc (RFC 6109 §3.1.1), by whichever name of the mailbox."""
    wanted = {_same(directory, one.address): one.address for one in envelope.recipients}
    for value in (*headers.all("to"), *headers.all("cc")):
        for address in mailboxes(value):
            wanted.pop(_same(directory, address), None)
            if not wanted:
                return None
    return reply("smtp.recipient-hidden", address=_ascii(next(iter(wanted.values())))) if wanted else None


def _same(directory: Directory, address: Address) -> tuple[str, str]:
    entity = directory.find_domain(address.domain)
    return address.domain, (entity.alias(address.local) if entity else None) or mailbox_name(address.local)


def _ascii(address: Address) -> str:
    return str(address) if address.local.isascii() else address.domain


def _check_date(directory: Directory, envelope: ReceivedEnvelope, headers: Headers) -> Reply | None:
    fields = headers.all("date")
    if len(fields) != 1:
        return reply("smtp.date-count")
    try:
        written = parsedate_to_datetime(fields[0][:100].decode("ascii"))
        written = written if written.tzinfo else written.replace(tzinfo=UTC)
        age = envelope.received_at - written
    except (ValueError, TypeError, OverflowError):
        return reply("smtp.date-count")
    relayed = envelope.identity.submitter is None and not _forwards_for(directory, envelope.identity)
    return None if -AHEAD <= age <= (OLDEST_FROM_PEER if relayed else OLDEST) else reply("smtp.date-wrong")
