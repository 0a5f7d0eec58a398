"""What the relay carries: claimed consignments grouped into messages, and each package composed once."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from edms.content import service as content
from edms.content.store import ContentStore
from edms.core.actor import system_actor
from edms.core.clock import utc_now
from edms.core.database import Database
from edms.dispatch import queries as dispatch_queries
from edms.dispatch.mail import notice_of
from edms.dispatch.models import OutboxItem
from edms.dispatch.package import Confirmation, Inquiry, Receipt
from edms.dispatch.packing import confirmation_of, inquiry_of, package_of, receipt_of
from edms.dispatch.queries import Lane
from edms.dispatch.rules import PackageKind
from edms.entities.keyring import Keyring
from edms.entities.sealing import ensure_seal, seal_in_force
from mailgw.address import Address
from mailgw.client import MAX_RECIPIENTS
from mailgw.directory import Snapshot
from mailgw.dsn import compose_notice
from mailgw.message import compose_letter, compose_note
from mailgw.policy import POSTMASTER, REGISTRY_MAILBOX
from mailgw.signed_mail import MailSigner

RELAY = system_actor("relay")
LINE = 900
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

    @property
    def lane(self) -> Lane:
        """Return whose it is and over which next hop it goes."""
        return Lane(self.installation_id, self.entity_id)

    @classmethod
    def of(cls, item: OutboxItem) -> "Claimed":
        """Return the values of a row that are needed after its transaction."""
        return cls(item.id, item.package_id, item.entity_id, item.recipient_id, item.installation_id, item.attempts)


@dataclass(frozen=True, slots=True)
class Sources:
    """From what messages are composed."""

    database: Database
    store: ContentStore
    keys: Keyring
    hostname: str


@dataclass(slots=True)
class Outgoing:
    """A package to be sent: its values, and its octets once somebody has asked for them."""

    package_id: UUID
    kind: str
    sender: Address
    sender_id: UUID
    created_at: datetime
    meta: dict[str, Any] = field(repr=False)
    _making: "asyncio.Task[bytes] | None" = None

    async def octets(self, sources: Sources, register: Snapshot, recipients: Sequence[Address]) -> bytes:
        """Return the message, composed in a thread when first asked for; every try gives the same octets."""
        if self._making is None:
            work = partial(self.compose, sources, register, recipients)
            self._making = asyncio.get_running_loop().create_task(asyncio.to_thread(work))
        return await asyncio.shield(self._making)

    def compose(self, sources: Sources, register: Snapshot, recipients: Sequence[Address]) -> bytes:
        """Return the message; ``recipients`` are named in To where the package does not name them itself."""
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

    @property
    def mail_from(self) -> Address | None:
        """Return the envelope's sender; reports have none, so that nothing answers them (RFC 3464 §2, RFC 8098 §3)."""
        return None if self.kind == PackageKind.REPORT else self.sender

    def _notice(self, sources: Sources) -> bytes:
        """Return a report; of a DSN the postmaster is the author, of an MDN the registry whose clerk sent it."""
        notice, original = notice_of(self.meta), b""
        if notice.file_id is not None:
            with sources.database.read(RELAY) as uow:
                original = content.read(
                    uow, notice.file_id, entity_id=self.sender_id, store=sources.store, keys=sources.keys
                )
        author = self.sender if notice.kind == "displayed" else Address(POSTMASTER, self.sender.domain)
        return compose_notice(
            notice, original, message_id=f"{self.package_id}@{self.sender.domain}", hostname=sources.hostname,
            sender=author,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Batch:
    """One SMTP transaction: a package to at most 100 bodies behind one gateway."""

    outgoing: Outgoing
    lane: Lane
    items: tuple[Claimed, ...]


def load(claimed: Sequence[Claimed], database: Database, register: Snapshot) -> dict[UUID, Outgoing]:
    """Read the packages of what was claimed, with one query for all."""
    with database.read(RELAY) as uow:
        rows = dispatch_queries.packages(uow, list(dict.fromkeys(one.package_id for one in claimed)))
        return {
            row.id: Outgoing(
                row.id, row.kind, registry_address(register.by_id[row.entity_id].domain), row.entity_id,
                row.created_at, row.meta,
            )
            for row in rows.values()
        }  # fmt: skip


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


def _header(addresses: Sequence[Address]) -> str:
    """Return a To value, folded into few long lines: a circular has hundreds of addressees, a header 1000 lines."""
    lines = [""]
    for address in addresses:
        word = f"<{address}>"
        if lines[-1] and len(lines[-1]) + len(word) > LINE:
            lines.append("")
        lines[-1] += f"{', ' if lines[-1] else ''}{word}"
    return ",\r\n ".join(lines)
