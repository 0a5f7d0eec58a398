"""The listening side of the gateway: accepts connections, counts them, owns the commits, and drains on request."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable
from datetime import datetime
from ssl import SSLContext

from edms.core.clock import Clock, utc_now
from mailgw import maillog
from mailgw.connection import Connection
from mailgw.data_reader import MemoryBudget
from mailgw.envelope import Handler, Limits
from mailgw.replies import Reply
from mailgw.session import GatewaySession
from mailgw.storage import Storage


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
        self.port = 0
        self._clock = clock
        self._connections: set[Connection] = set()
        self._per_peer: Counter[str] = Counter()
        self._commits: set[asyncio.Future[Reply]] = set()
        self._listener: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> None:
        """Bind with SO_REUSEPORT, so that several processes share the port; ``port`` 0 takes a free one."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: GatewaySession(self), host, port, reuse_port=True, backlog=512
        )
        self.port = self._listener.sockets[0].getsockname()[1]
        maillog.event("server.listening", host=host, port=self.port)

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return self._clock()

    def admit(self, connection: Connection) -> bool:
        """Count a connection in; False when the server or its peer has too many."""
        self._connections.add(connection)
        self._per_peer[connection.peer] += 1
        return (
            len(self._connections) <= self.limits.connections
            and self._per_peer[connection.peer] <= self.limits.connections_per_peer
        )

    def dismiss(self, connection: Connection) -> None:
        """Count a connection out; twice is once."""
        if connection in self._connections:
            self._connections.discard(connection)
            self._per_peer[connection.peer] -= 1
            if not self._per_peer[connection.peer]:
                del self._per_peer[connection.peer]

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
        if self._listener is not None:
            self._listener.close()
        deadline = asyncio.get_running_loop().time() + self.limits.drain_seconds
        for connection in tuple(self._connections):
            await connection.leave()
        while self._connections and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        for connection in tuple(self._connections):
            connection.abort()
        if self._commits:
            await asyncio.wait(set(self._commits), timeout=self.limits.drain_seconds)
        if self._listener is not None:
            await self._listener.wait_closed()
        maillog.event("server.drained")


async def serve(
    handler: Handler,
    *,
    host: str,
    port: int,
    tls: SSLContext | None,
    hostname: str,
    limits: Limits | None = None,
    clock: Clock = utc_now,
    storage: Storage | None = None,
) -> Server:
    """Start a gateway and return it; stop it with ``drain()``. ``hostname`` is what the greeting says.

    Without ``storage`` messages of any size are held in memory.
    """
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's own lines repeat what maillog says
    server = Server(handler, tls=tls, hostname=hostname, limits=limits or Limits(), clock=clock, storage=storage)
    await server.listen(host, port)
    return server
