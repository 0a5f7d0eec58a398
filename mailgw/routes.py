"""Where each installation's gateway is reached, and the TLS contexts that prove us to it."""

import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from edms.core.actor import Actor
from edms.core.database import Database
from edms.entities.keyring import Keyring
from edms.entities.sealing import gateway_certificate
from mailgw.client import Route
from mailgw.directory import Peer, Snapshot
from mailgw.runfile import gateway_port
from mailgw.tls import client_context

CERTIFICATE_SECONDS = 86_400.0
_LOOPBACK = "127.0.0.1"


class Certificate:
    """This process's own certificate and key (PEM), made anew once a day; the key exists only in memory."""

    def __init__(self, database: Database, keys: Keyring, actor: Actor, names: Sequence[str]) -> None:
        self._database, self._keys, self._actor, self._names = database, keys, actor, names
        self._made_at = -CERTIFICATE_SECONDS
        self._pair = b"", b""

    def pair(self) -> tuple[bytes, bytes]:
        """Return (certificate chain, private key)."""
        if time.monotonic() - self._made_at > CERTIFICATE_SECONDS or not self._pair[0]:
            with self._database.read(self._actor) as uow:
                self._pair = gateway_certificate(uow, keys=self._keys, dns_names=self._names)
            self._made_at = time.monotonic()
        return self._pair


class Routes:
    """The next hop for each installation; a route stays the same object while nothing about it changes."""

    def __init__(self, certificate: Certificate, *, run_folder: Path, hostname: str) -> None:
        self._certificate = certificate
        self._run_folder = run_folder
        self._hostname = hostname
        self._known: dict[UUID, tuple[object, Route]] = {}

    def to(self, installation_id: UUID, register: Snapshot) -> Route | None:
        """Return the way to an installation, or None while nobody knows where its gateway listens."""
        peer = register.peers.get(installation_id)
        where = self._where(peer) if peer else None
        if peer is None or where is None:
            return None
        pair = self._certificate.pair()
        facts = (where, peer.authority, pair)
        known = self._known.get(installation_id)
        if known is not None and known[0] == facts:
            return known[1]
        pinned = peer.authority if peer.server else b""
        route = Route(*where, client_context(*pair, peer.authority_pem), self._hostname, pinned)
        self._known[installation_id] = (facts, route)
        return route

    def _where(self, peer: Peer) -> tuple[str, int] | None:
        if peer.home and (port := gateway_port(self._run_folder)) is not None:
            return _LOOPBACK, port
        return (peer.host, peer.port) if peer.port else None
