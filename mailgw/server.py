"""The listening side of the gateway: accepts connections, counts them, owns the commits, and drains on request."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Hashable, Mapping
from datetime import datetime
from ssl import SSLContext
from types import MappingProxyType

from edms.core.clock import Clock, utc_now
from mailgw import maillog
from mailgw.connection import Connection
from mailgw.data_reader import MemoryBudget
from mailgw.envelope import Door, Handler, Limits
from mailgw.replies import Reply
from mailgw.session import GatewaySession
from mailgw.storage import Storage
from mailgw.tls_door import BACKLOG, TlsDoor, listening_socket

NO_OTHERS: Mapping[Door, int] = MappingProxyType({})


class Server:
    """A running gateway, the hub of its sessions; ``tls`` may be replaced at any time: the next STARTTLS takes it."""

    def __init__(
        self,
        handler: Handler,
        *,
        tls: SSLContext | None,
        hostname: str,
        limits: Limits,
        clock: Clock,
        storage: Storage | None = None,
    ) -> None:
        self.handler = handler
        self.tls = tls
        self.hostname = hostname
        self.storage = storage
        self.limits = limits
        self.budget = MemoryBudget(limits.memory)
        self.draining = False
        self.ports: dict[Door, int] = {}
        self._clock = clock
        self._connections: dict[Connection, list[Hashable]] = {}
        self._counts: Counter[Hashable] = Counter()
        self._handshakes: Counter[str] = Counter()
        self._commits: set[asyncio.Future[Reply]] = set()
        self._listeners: list[asyncio.Server | TlsDoor] = []

    async def listen(self, door: Door, host: str, port: int, *, shared: bool = False) -> None:
        """Open a door; ``port`` 0 takes a free one, ``shared`` lets other processes listen there too (SO_REUSEPORT)."""
        if door is Door.IMPLICIT:
            listener = TlsDoor(
                lambda: GatewaySession(self, door), lambda: self.tls, knock=self._knock, entered=self._entered,
                seconds=self.limits.reply_seconds,
            )  # fmt: skip
            self.ports[door] = listener.listen(host, port, shared=shared)
            self._listeners.append(listener)
        else:
            plain = await asyncio.get_running_loop().create_server(
                lambda: GatewaySession(self, door), sock=listening_socket(host, port, shared=shared), backlog=BACKLOG
            )
            self.ports[door] = plain.sockets[0].getsockname()[1]
            self._listeners.append(plain)
        maillog.event("server.listening", door=door.value, host=host, port=self.ports[door])

    @property
    def port(self) -> int:
        """Return where other servers are received."""
        return self.ports[Door.PEERS]

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return self._clock()

    def admit(self, connection: Connection) -> bool:
        """Count a connection in; False when the server or its peer has too many."""
        self._connections[connection] = []
        within = self.claim(connection, connection.peer, self.limits.connections_per_peer)
        return within and len(self._connections) <= self.limits.connections

    def claim(self, connection: Connection, key: Hashable, most: int) -> bool:
        """Count a connection for somebody until it ends; False when that is more than ``most``, or it has ended."""
        keys = self._connections.get(connection)
        if keys is None:
            return False
        keys.append(key)
        self._counts[key] += 1
        return self._counts[key] <= most

    def dismiss(self, connection: Connection) -> None:
        """Count a connection out; twice is once."""
        for key in self._connections.pop(connection, ()):
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]

    def _knock(self, peer: str) -> bool:
        """Count a TLS handshake before its connection; False when there are too many of both."""
        everywhere = len(self._connections) + self._handshakes.total()
        from_peer = self._counts[peer] + self._handshakes[peer]
        if everywhere >= self.limits.connections or from_peer >= self.limits.connections_per_peer:
            maillog.event("session.not-admitted", peer=peer)
            return False
        self._handshakes[peer] += 1
        return True

    def _entered(self, peer: str) -> None:
        self._handshakes[peer] -= 1
        if not self._handshakes[peer]:
            del self._handshakes[peer]

    def commit(self, work: Awaitable[Reply]) -> "asyncio.Future[Reply]":
        """Run ``work`` in a task of the server's own; drain waits for it."""
        task: asyncio.Future[Reply] = asyncio.ensure_future(work)
        self._commits.add(task)
        task.add_done_callback(self._committed)
        return task

    def _committed(self, task: "asyncio.Future[Reply]") -> None:
        self._commits.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            maillog.incident(error, phase="commit")

    @property
    def connections(self) -> int:
        """Return how many connections are open."""
        return len(self._connections)

    async def drain(self) -> None:
        """Stop accepting, answer 421 to the idle, finish messages under way within ``drain_seconds``, drop the rest."""
        self.draining = True
        for listener in self._listeners:
            listener.close()
        deadline = asyncio.get_running_loop().time() + self.limits.drain_seconds
        for connection in tuple(self._connections):
            await connection.leave()
        while self._connections and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        for connection in tuple(self._connections):
            connection.abort()
        if self._commits:
            await asyncio.wait(set(self._commits), timeout=self.limits.drain_seconds)
        for listener in self._listeners:
            await listener.wait_closed()
        maillog.event("server.drained")


async def serve(
    handler: Handler,
    *,
    host: str,
    port: int,
    tls: SSLContext | None,
    hostname: str,
    others: Mapping[Door, int] = NO_OTHERS,
    shared: bool = False,
    limits: Limits | None = None,
    clock: Clock = utc_now,
    storage: Storage | None = None,
) -> Server:
    """Start a gateway and return it; stop it with ``drain()``. ``hostname`` is what the greeting says.

    ``port`` is for other servers, ``others`` are further doors; ``shared`` as for :meth:`Server.listen`. Without
    ``storage`` messages of any size are held in memory.
    """
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's own lines repeat what maillog says
    server = Server(handler, tls=tls, hostname=hostname, limits=limits or Limits(), clock=clock, storage=storage)
    for door, number in {Door.PEERS: port, **others}.items():
        await server.listen(door, host, number, shared=shared)
    return server
