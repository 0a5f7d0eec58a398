"""The listener whose connections begin with TLS (RFC 8314 §3.3); handshakes are counted and timed."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from ssl import SSLContext

from mailgw import maillog

BACKLOG = 512
PAUSE_SECONDS = 0.1
FAREWELL_SECONDS = 2
UNSENT = 1 << 14


def listening_socket(host: str, port: int, *, shared: bool) -> socket.socket:
    """Return a bound, listening socket; for each of its connections the kernel holds few replies that nobody reads."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=shared)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNSENT)  # connections inherit it
    listener.setblocking(False)
    return listener


class TlsDoor:
    """Accepts connections itself, so that each handshake takes the newest context and counts from its first octet.

    ``knock`` tells whether one more from an address may begin its handshake, ``entered`` that it is over.
    """

    def __init__(
        self,
        protocol: Callable[[], asyncio.BaseProtocol],
        context: Callable[[], SSLContext | None],
        *,
        knock: Callable[[str], bool],
        entered: Callable[[str], None],
        seconds: float,
    ) -> None:
        self._protocol = protocol
        self._context = context
        self._knock = knock
        self._entered = entered
        self._seconds = seconds
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._handshakes: set[asyncio.Task[None]] = set()

    def listen(self, host: str, port: int, *, shared: bool) -> int:
        """Bind and begin to accept; returns the port."""
        self._socket = listening_socket(host, port, shared=shared)
        self._accepting = asyncio.get_running_loop().create_task(self._accept(self._socket))
        return int(self._socket.getsockname()[1])

    def close(self) -> None:
        """Stop accepting; handshakes under way are dropped."""
        for task in (self._accepting, *self._handshakes):
            if task is not None:
                task.cancel()

    async def wait_closed(self) -> None:
        """Wait until nothing of this listener runs, and free the port."""
        for task in (self._accepting, *tuple(self._handshakes)):
            if task is not None:
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        if self._socket is not None:
            self._socket.close()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, address = await loop.sock_accept(listener)
            except OSError as error:  # no descriptor is free, or the client has gone
                maillog.event("server.accept-failed", error=type(error).__name__)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            context = self._context()
            if context is None or not self._knock(str(address[0])):
                client.close()
                continue
            task = loop.create_task(self._shake_hands(client, str(address[0]), context))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _shake_hands(self, client: socket.socket, peer: str, context: SSLContext) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol,
                client,
                ssl=context,
                ssl_handshake_timeout=self._seconds,
                ssl_shutdown_timeout=FAREWELL_SECONDS,
            )
        except OSError as error:
            maillog.event("session.tls-failed", peer=peer, error=type(error).__name__)
        finally:
            self._entered(peer)
