"""The register of bodies and installations as the mail side sees it: a snapshot, read again when it changes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select

from crypto.certificates import chain_pem
from crypto.dkim_keys import DkimPublicKey
from edms.audit.models import EventHead
from edms.audit.watching import LogWatch
from edms.core.actor import Actor
from edms.core.database import Database, UnitOfWork
from edms.entities import queries as entities
from edms.entities.models import DkimKey, Entity, Mailbox
from edms.entities.peers import revoked_certificates
from edms.entities.rules import SERVER
from mailgw.policy import EntityEntry

_REVOKING = ("authority.revoked", "authority.renewed", "authority.peer-list-taken")
_UNTOLD = tuple(
    f"entities.{act}"
    for act in ("seal-made", "unit-added", "post-added", "post-may-sign", "employee-added", "clearance-set", "assigned",
                "assignment-ended")
)  # fmt: skip
"""What the snapshot holds nothing of: a body's first receipt makes its seal, and that is no reason to read it anew."""


@dataclass(frozen=True, slots=True)
class Peer:
    """An installation: where its gateway listens and what its certificate chains to (DER); ``home`` is this one.

    ``server`` is a mail server that a body runs itself; its certificate proves no seals.
    """

    id: UUID
    home: bool
    host: str
    port: int
    authority: bytes
    server: bool = False

    @property
    def authority_pem(self) -> bytes:
        """Return the authority as ``ssl`` reads it."""
        return chain_pem(self.authority)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The register as of event ``position`` and ``day``; ``home_id`` is this installation.

    ``by_authority`` tells whose a root (DER) is. ``revoked`` are certificates of any installation that count no more,
    by serial number, since when.
    """

    position: int
    day: date
    home_id: UUID
    peers: Mapping[UUID, Peer]
    by_domain: Mapping[str, EntityEntry]
    by_code: Mapping[str, EntityEntry]
    by_id: Mapping[UUID, EntityEntry]
    revoked: Mapping[str, datetime] = field(default_factory=dict)
    by_authority: Mapping[bytes, UUID] = field(default_factory=dict)

    def find_domain(self, domain: str) -> EntityEntry | None:
        """Return the entity of a domain (lower-case A-labels), or None (policy.Directory)."""
        return self.by_domain.get(domain)

    def is_server(self, installation_id: UUID) -> bool:
        """Tell whether an installation is a mail server that bodies run themselves (policy.Directory)."""
        peer = self.peers.get(installation_id)
        return peer is not None and peer.server

    def sealing_authority(self, entity: EntityEntry) -> bytes:
        """Return the root (DER) under which a body's seals hold; nothing for a body behind a server of its own."""
        peer = self.peers.get(entity.installation_id) if entity.installation_id else None
        return peer.authority if peer is not None and not peer.server else b""

    @property
    def authorities(self) -> dict[UUID, bytes]:
        """Return the authority (PEM) of every installation, ours among them."""
        return {peer.id: peer.authority_pem for peer in self.peers.values()}


def read_snapshot(uow: UnitOfWork) -> Snapshot:
    """Read the whole register in five queries: a row for each body (thousands at most), no sealed column."""
    day, position = uow.today, _position(uow)
    home = entities.home(uow)
    peers = {
        one.id: Peer(one.id, one.is_home, one.gateway_host, one.gateway_port, one.ca_certificate, one.kind == SERVER)
        for one in entities.installations(uow)
    }
    mailboxes, keys = _mailboxes(uow), _keys(uow)
    rows = uow.session.execute(
        select(
            Entity.id, Entity.code, Entity.mail_domain, Entity.valid_from, Entity.valid_to, Entity.installation_id,
            Entity.mail_suspended_at,
        )
    )  # fmt: skip
    entries = [
        EntityEntry(
            entity_id=row.id,
            code=row.code,
            domain=row.mail_domain,
            installation_id=row.installation_id,
            active=row.valid_from <= day and (row.valid_to is None or row.valid_to >= day),
            suspended=row.mail_suspended_at is not None,
            local=row.installation_id == home.id,
            aliases=mailboxes.get(row.id, {}),
            dkim=keys.get(row.id, {}),
        )
        for row in rows
    ]
    return Snapshot(
        position,
        day,
        home.id,
        peers,
        {entry.domain: entry for entry in entries},
        {entry.code: entry for entry in entries},
        {entry.entity_id: entry for entry in entries},
        revoked_certificates(uow),
        {peer.authority: peer.id for peer in peers.values()},
    )


def _mailboxes(uow: UnitOfWork) -> dict[UUID, dict[str, str]]:
    found: dict[UUID, dict[str, str]] = {}
    for owner, local, alias in uow.session.execute(select(Mailbox.entity_id, Mailbox.local, Mailbox.alias)):
        found.setdefault(owner, {})[local] = alias
    return found


def _keys(uow: UnitOfWork) -> dict[UUID, dict[str, DkimPublicKey]]:
    found: dict[UUID, dict[str, DkimPublicKey]] = {}
    rows = uow.session.execute(
        select(DkimKey.entity_id, DkimKey.selector, DkimKey.algorithm, DkimKey.public_key).where(
            DkimKey.revoked_at.is_(None)
        )
    )
    for owner, selector, algorithm, public in rows:
        found.setdefault(owner, {})[selector] = DkimPublicKey(selector, algorithm, public)
    return found


class Register:
    """Keeps the newest snapshot; ``changed`` hears of each new reading.

    Whoever asks gets the register as it stood at the moment of asking or later, so a change counts from the next
    command on. Where the log can be asked in microseconds each asks for itself; else all who ask while one question is
    under way share the next.
    """

    def __init__(self, database: Database, actor: Actor, changed: Callable[[Snapshot], Awaitable[None]] | None) -> None:
        self._database = database
        self._actor = actor
        self._changed = changed
        self._watch = LogWatch(database, "entities.", _REVOKING, _UNTOLD)
        self._asking = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None
        self.snapshot = self._read()

    async def current(self) -> Snapshot:
        """Return the register as it stands now; raises Unavailable when the database cannot say."""
        if not self._watch.instant or self._touched(*self._watch.since(self.snapshot.position)):
            if self._next is None:
                self._next = asyncio.get_running_loop().create_task(self._turn())
            await asyncio.shield(self._next)
        return self.snapshot

    def close(self) -> None:
        """Give the connection up that asks the log."""
        self._watch.close()

    async def _turn(self) -> None:
        """Look at the log once for all who wait; who asks from here on waits for the next turn."""
        async with self._asking:
            self._next = None
            before = self.snapshot
            if self._watch.instant:
                touched = self._touched(*self._watch.since(before.position))
            else:
                touched = self._touched(*await asyncio.to_thread(self._watch.since, before.position))
            if touched:
                self.snapshot = await asyncio.to_thread(self._read)
                if self._changed is not None:
                    await self._changed(self.snapshot)

    def _touched(self, position: int, told: bool) -> bool:
        """Tell whether the log, at ``position``, tells of a change of the register, or another day has begun."""
        if told or self.snapshot.day != self._database.today():
            return True
        if position != self.snapshot.position:
            self.snapshot = replace(self.snapshot, position=position)
        return False

    def _read(self) -> Snapshot:
        with self._database.read(self._actor) as uow:
            return read_snapshot(uow)


def _position(uow: UnitOfWork) -> int:
    return uow.session.scalar(select(EventHead.last_seq).where(EventHead.id == 1)) or 0
