"""What the relay carries: claimed consignments grouped into messages, and each package composed once."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from crypto.digests import sha256
from crypto.dkim_keys import DkimSigningKey
from edms.content import service as content
from edms.content.store import ContentStore
from edms.core.actor import system_actor
from edms.core.clock import utc_now
from edms.core.database import Database
from edms.dispatch import queries as dispatch_queries
from edms.dispatch.mail import mail_of, notice_of
from edms.dispatch.models import OutboxItem
from edms.dispatch.package import Confirmation, Inquiry, Receipt
from edms.dispatch.packing import confirmation_of, inquiry_of, package_of, receipt_of
from edms.dispatch.queries import Lane
from edms.dispatch.rules import PackageKind
from edms.entities.dkim_keys import fresh_pairs, held_signing_keys, signing_keys
from edms.entities.keyring import Keyring
from edms.entities.rules import POSTMASTER, REGISTRY_MAILBOX
from edms.entities.sealing import ensure_seal, seal_in_force
from mailgw.address import Address
from mailgw.capsule import encapsulate
from mailgw.client import MAX_RECIPIENTS, Wishes
from mailgw.directory import Snapshot
from mailgw.dkim import sign
from mailgw.dsn import compose_notice
from mailgw.envelope import MailParameters, RcptParameters
from mailgw.message import compose_letter, compose_note
from mailgw.signed_mail import MailSigner
from mailgw.trace import received_line

RELAY = system_actor("relay")
LINE = 900
EVERY_REPORT = RcptParameters(("SUCCESS", "FAILURE", "DELAY"))
_NOTES: Mapping[str, Callable[[dict[str, Any]], Receipt | Inquiry | Confirmation]] = {
    PackageKind.RECEIPT: receipt_of,
    PackageKind.INQUIRY: inquiry_of,
    PackageKind.CONFIRMATION: confirmation_of,
}


@dataclass(frozen=True, slots=True)
class Claimed:
    """A consignment that this relay has leased; ``attempts`` were made before."""

    item_id: UUID
    package_id: UUID
    entity_id: UUID
    recipient_id: UUID
    installation_id: UUID
    attempts: int = 0
    mailbox: str = ""
    wishes: RcptParameters = field(default_factory=RcptParameters)

    @property
    def lane(self) -> Lane:
        """Return whose it is and over which next hop it goes."""
        return Lane(self.installation_id, self.entity_id)

    @classmethod
    def of(cls, item: OutboxItem) -> "Claimed":
        """Return the values of a row that are needed after its transaction."""
        wishes = RcptParameters(tuple(filter(None, item.notify.split(","))), item.orcpt)
        return cls(
            item.id, item.package_id, item.entity_id, item.recipient_id, item.installation_id, item.attempts,
            item.mailbox, wishes,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sources:
    """From what messages are composed."""

    database: Database
    store: ContentStore
    keys: Keyring
    hostname: str


class Plain:
    """The form of a message for a next hop that takes ASCII alone, made when it is asked for; ``digest`` once it is."""

    def __init__(self, make: Callable[[], bytes]) -> None:
        self._make = make
        self.digest = b""

    async def __call__(self) -> bytes:
        """Return the octets."""
        octets = await asyncio.to_thread(self._make)
        self.digest = sha256(octets)
        return octets


@dataclass(slots=True)
class Outgoing:
    """A package to be sent: its values, and its octets, with their SHA-256, once somebody has asked for them."""

    package_id: UUID
    kind: str
    sender: Address
    sender_id: UUID
    created_at: datetime
    meta: dict[str, Any] = field(repr=False)
    dkim: tuple[DkimSigningKey, ...] = field(default=(), repr=False)
    digest: bytes = b""
    _making: "asyncio.Task[bytes] | None" = None

    @property
    def mail_from(self) -> Address | None:
        """Return the envelope's sender: of mail the one it was handed in with.

        Reports have none, so that nothing answers them (RFC 3464 §2, RFC 8098 §3).
        """
        if self.kind == PackageKind.MAIL:
            return _address(mail_of(self.meta).mail_from)
        return None if self.kind == PackageKind.REPORT else self.sender

    def parameters(self, *, to_server: bool) -> MailParameters:
        """Return the parameters of MAIL: those that it was handed in with, or what our own letters ask a server for."""
        if self.kind == PackageKind.MAIL:
            mail = mail_of(self.meta)
            return MailParameters(smtputf8=mail.smtputf8, ret=mail.ret, envid=mail.envid)
        if self.kind == PackageKind.LETTER and to_server:
            return MailParameters(ret="HDRS", envid=str(self.package_id))
        return MailParameters()

    async def octets(self, sources: Sources, register: Snapshot, recipients: Sequence[Address]) -> bytes:
        """Return the message, made and signed in a thread when first asked for."""
        if self._making is None:
            work = partial(self._signed, sources, register, recipients)
            self._making = asyncio.get_running_loop().create_task(asyncio.to_thread(work))
        return await asyncio.shield(self._making)

    def plain(self, sources: Sources, register: Snapshot, recipients: Sequence[Address]) -> bytes:
        """Return mail in ASCII alone, whole inside another message, for a next hop that takes no other."""
        sender = self.mail_from or self.sender
        raw = encapsulate(
            self.compose(sources, register, recipients), sender=ascii_address(sender, register), number=self.package_id,
            recipients_header=_header([ascii_address(each, register) for each in recipients]), at=self.created_at,
        )  # fmt: skip
        return self._trace(sources) + sign(raw, self.dkim) + raw

    def _signed(self, sources: Sources, register: Snapshot, recipients: Sequence[Address]) -> bytes:
        raw = self.compose(sources, register, recipients)
        whole = self._trace(sources) + sign(raw, self.dkim) + raw
        self.digest = sha256(whole)
        return whole

    def _trace(self, sources: Sources) -> bytes:
        if self.kind != PackageKind.MAIL:
            return b""
        return received_line(
            origin=self.sender.domain, hostname=sources.hostname, number=self.package_id, at=self.created_at,
            smtputf8=mail_of(self.meta).smtputf8,
        )  # fmt: skip

    def compose(self, sources: Sources, register: Snapshot, recipients: Sequence[Address]) -> bytes:
        """Return the message; ``recipients`` are named in To where the package does not name them itself."""
        if self.kind == PackageKind.MAIL:
            return self._stored(sources, mail_of(self.meta).file_id)
        common: dict[str, Any] = {"mail_from": self.sender, "message_id": f"{self.package_id}@{self.sender.domain}",
                  "date": self.created_at, "hostname": sources.hostname}  # fmt: skip
        if self.kind == PackageKind.REPORT:
            return self._notice(sources)
        if self.kind in _NOTES:
            note = _NOTES[self.kind](self.meta)
            if isinstance(note, Receipt):
                common["signer"] = signer_of(sources, self.sender_id)
                common["answers"] = note.message_id or f"{note.package_id}@{recipients[0].domain}"
            return compose_note(note, recipients_header=_header(recipients), **common)
        with sources.database.read(RELAY) as uow:
            package = package_of(
                self.package_id,
                self.meta,
                lambda file: content.read(uow, file, entity_id=self.sender_id, store=sources.store, keys=sources.keys),
            )
        named = [register.by_code[one.entity_code] for one in package.recipients if one.entity_code in register.by_code]
        header = _header([registry_address(entry.domain) for entry in named] or recipients)
        return compose_letter(package, recipients_header=header, **common)

    def _notice(self, sources: Sources) -> bytes:
        """Return a report; of a DSN the postmaster is the author, of an MDN the registry whose clerk sent it."""
        notice, original = notice_of(self.meta), b""
        if notice.file_id is not None:
            original = self._stored(sources, notice.file_id)
        author = self.sender if notice.kind == "displayed" else Address(POSTMASTER, sources.hostname)
        return compose_notice(
            notice, original, message_id=f"{self.package_id}@{self.sender.domain}", hostname=sources.hostname,
            sender=author,
        )  # fmt: skip

    def _stored(self, sources: Sources, file_id: UUID) -> bytes:
        with sources.database.read(RELAY) as uow:
            return content.read(uow, file_id, entity_id=self.sender_id, store=sources.store, keys=sources.keys)


@dataclass(frozen=True, slots=True)
class Batch:
    """One SMTP transaction: a package to at most 100 bodies behind one gateway."""

    outgoing: Outgoing
    lane: Lane
    items: tuple[Claimed, ...]

    def addresses(self, register: Snapshot) -> list[Address]:
        """Return where each consignment goes, in their order."""
        return [
            Address(item.mailbox or REGISTRY_MAILBOX, register.by_id[item.recipient_id].domain) for item in self.items
        ]

    def wishes(self, sources: Sources, register: Snapshot) -> Wishes:
        """Return what goes with the message: what its sender asked for, and its forms in ASCII.

        A server that bodies run themselves sends no receipts, so our letters ask it for delivery reports.
        """
        addresses = self.addresses(register)
        peer = register.peers.get(self.lane.installation_id)
        to_server = peer is not None and peer.server
        asks = to_server and self.outgoing.kind == PackageKind.LETTER
        paths = [*addresses, *filter(None, [self.outgoing.mail_from])]
        plain = Plain(partial(self.outgoing.plain, sources, register, addresses))

        return Wishes(
            mail=self.outgoing.parameters(to_server=to_server),
            rcpt={
                address: EVERY_REPORT if asks else item.wishes
                for address, item in zip(addresses, self.items, strict=True)
            },
            aliases={path: ascii_address(path, register) for path in paths},
            plain=plain if self.outgoing.kind == PackageKind.MAIL else None,
        )


def load(claimed: Sequence[Claimed], database: Database, register: Snapshot) -> dict[UUID, Outgoing]:
    """Read the packages of what was claimed and the keys that sign what leaves this installation; keys may be made."""
    leaving = {one.package_id: one.entity_id for one in claimed if one.installation_id != register.home_id}
    keys = _keys_of(set(leaving.values()), database, register)
    with database.read(RELAY) as uow:
        rows = dispatch_queries.packages(uow, list(dict.fromkeys(one.package_id for one in claimed)))
        return {
            row.id: Outgoing(
                row.id, row.kind, registry_address(register.by_id[row.entity_id].domain), row.entity_id,
                row.created_at, row.meta, keys.get(row.entity_id, ()) if row.id in leaving else (),
            )
            for row in rows.values()
        }  # fmt: skip


def _keys_of(bodies: set[UUID], database: Database, register: Snapshot) -> dict[UUID, tuple[DkimSigningKey, ...]]:
    if not bodies:
        return {}
    with database.read(RELAY) as uow:
        keys = held_signing_keys(uow, list(bodies))
    for body in bodies - keys.keys():
        if register.by_id[body].local:
            fresh = fresh_pairs()
            with database.work(RELAY) as uow:
                keys[body] = signing_keys(uow, body, fresh)
    return keys


def batches(claimed: Sequence[Claimed], packages: Mapping[UUID, Outgoing]) -> Iterator[Batch]:
    """Group consignments by package and next hop, at most 100 to a message."""
    groups: dict[tuple[UUID, Lane], list[Claimed]] = {}
    for one in claimed:
        groups.setdefault((one.package_id, one.lane), []).append(one)
    for (package_id, lane), items in groups.items():
        for at in range(0, len(items), MAX_RECIPIENTS):
            yield Batch(packages[package_id], lane, tuple(items[at : at + MAX_RECIPIENTS]))


def signer_of(sources: Sources, entity_id: UUID) -> MailSigner:
    """Return the seal of a body that is served here, for its receipts; raises Unavailable for any other."""
    with sources.database.read(RELAY) as uow:
        seal = seal_in_force(uow, entity_id)
    if seal is None:
        with sources.database.work(RELAY) as uow:
            seal = ensure_seal(uow, entity_id, keys=sources.keys)
    return MailSigner(partial(sources.keys.keys.sign, seal.key_name), seal.certificate, seal.chain[:-1], utc_now())


def registry_address(domain: str) -> Address:
    """Return the address of a body's registry."""
    return Address(REGISTRY_MAILBOX, domain)


def ascii_address(address: Address, register: Snapshot) -> Address:
    """Return an address in ASCII: the domain is, the mailbox has an alias (or the registry's, where all mail goes)."""
    if address.local.isascii():
        return address
    entity = register.find_domain(address.domain)
    return Address((entity.alias(address.local) if entity else None) or REGISTRY_MAILBOX, address.domain)


def _address(text: str) -> Address | None:
    """Return the address of an envelope that was taken in, None for the null sender."""
    local, _, domain = text.rpartition("@")
    return Address(local, domain) if domain else None


def _header(addresses: Sequence[Address]) -> str:
    """Return a To value, folded into few long lines: a circular has hundreds of addressees, a header 1000 lines."""
    lines = [""]
    for address in addresses:
        word = f"<{address}>"
        if lines[-1] and len(lines[-1]) + len(word) > LINE:
            lines.append("")
        lines[-1] += f"{', ' if lines[-1] else ''}{word}"
    return ",\r\n ".join(lines)
