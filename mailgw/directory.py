"""The register of bodies and installations as the mail side sees it: a snapshot, read again when it changes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select

from crypto.certificates import chain_pem
from edms.audit.models import Event, EventHead
from edms.core.actor import Actor
from edms.core.database import Database, UnitOfWork
from edms.entities import queries as entities
from edms.entities.models import Entity
from edms.entities.peers import revoked_certificates
from mailgw.policy import EntityEntry

FRESH_SECONDS = 0.5
_REVOKING = ("authority.revoked", "authority.renewed", "authority.peer-list-taken")


@dataclass(frozen=True, slots=True)
class Peer:
    """An installation: where its gateway listens and its authority (DER); ``home`` is this one.

    ``server`` is a mail server that a body runs itself.
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

    ``revoked`` are certificates of any installation that count no more, by serial number, since when.
    """

    position: int
    day: date
    home_id: UUID
    peers: Mapping[UUID, Peer]
    by_domain: Mapping[str, EntityEntry]
    by_code: Mapping[str, EntityEntry]
    by_id: Mapping[UUID, EntityEntry]
    revoked: Mapping[str, datetime] = field(default_factory=dict)

    def find_domain(self, domain: str) -> EntityEntry | None:
        """Return the entity of a domain (lower-case A-labels), or None (policy.Directory)."""
        return self.by_domain.get(domain)

    @property
    def authorities(self) -> dict[UUID, bytes]:
        """Return the authority (PEM) of every installation, ours among them."""
        return {peer.id: peer.authority_pem for peer in self.peers.values()}


def read_snapshot(uow: UnitOfWork) -> Snapshot:
    """Read the whole register: a row for each body (thousands at most), no sealed column."""
    day, position = uow.today, _position(uow)
    found = entities.installations(uow)
    home = entities.home(uow)
    peers = {
        one.id: Peer(one.id, one.is_home, one.gateway_host, one.gateway_port, one.ca_certificate, one.kind == "server")
        for one in found
    }
    rows = uow.session.execute(
        select(Entity.id, Entity.code, Entity.mail_domain, Entity.valid_from, Entity.valid_to, Entity.installation_id)
    )
    entries = [
        EntityEntry(
            entity_id=row.id,
            code=row.code,
            domain=row.mail_domain,
            installation_id=row.installation_id,
            active=row.valid_from <= day and (row.valid_to is None or row.valid_to >= day),
            local=row.installation_id == home.id,
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
    )


def newer_snapshot(uow: UnitOfWork, old: Snapshot) -> Snapshot:
    """Return ``old``, or a new reading when the log tells of a change of the register or another day has begun."""
    position = _position(uow)
    if uow.today == old.day:
        if position == old.position:
            return old
        tells = Event.act.like("entities.%") | Event.act.in_(_REVOKING)
        touched = select(Event.seq).where(Event.seq > old.position, tells).limit(1)
        if uow.session.scalar(touched) is None:
            return replace(old, position=position)
    return read_snapshot(uow)


class Register:
    """Keeps the newest snapshot, at most half a second old when asked; ``changed`` hears of each new reading."""

    def __init__(self, database: Database, actor: Actor, changed: Callable[[Snapshot], Awaitable[None]] | None) -> None:
        self._database = database
        self._actor = actor
        self._changed = changed
        self._asking = asyncio.Lock()
        self._read_at = 0.0
        self.snapshot = self._read(None)

    async def current(self) -> Snapshot:
        """Return the register as it stands now; raises Unavailable when the database cannot say."""
        if time.monotonic() - self._read_at > FRESH_SECONDS:
            async with self._asking:
                if time.monotonic() - self._read_at > FRESH_SECONDS:
                    await self._refresh()
        return self.snapshot

    async def _refresh(self) -> None:
        before = self.snapshot
        self.snapshot = await asyncio.to_thread(self._read, before)
        if self._changed is not None and self.snapshot.by_domain is not before.by_domain:
            await self._changed(self.snapshot)

    def _read(self, before: Snapshot | None) -> Snapshot:
        with self._database.read(self._actor) as uow:
            found = read_snapshot(uow) if before is None else newer_snapshot(uow, before)
        self._read_at = time.monotonic()
        return found


def _position(uow: UnitOfWork) -> int:
    return uow.session.scalar(select(EventHead.last_seq).where(EventHead.id == 1)) or 0
