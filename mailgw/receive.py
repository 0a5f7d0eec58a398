"""The gateway process: listens, keeps its certificates and the register fresh, drains on request."""

import asyncio
import contextlib
import os
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edms.accounts.rules import Limits as SignInLimits
from edms.core.errors import EdmsError
from mailgw import maillog
from mailgw.auth import Doorkeeper
from mailgw.directory import Register, Snapshot
from mailgw.envelope import Door, Limits
from mailgw.handler import RegistryHandler
from mailgw.refusals import Refusals
from mailgw.routes import Certificate
from mailgw.runfile import remove_gateway, write_gateway
from mailgw.server import Server, serve
from mailgw.storage import Storage
from mailgw.taking import GATEWAY, Desk
from mailgw.tls import server_context

WATCH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Post:
    """Where the gateway listens and what it says of itself; port 0 takes a free one, ``others`` are further doors.

    ``parent`` is the process that watches this one, when it is one of several behind the same ports: it tells the
    ports, and this one ends when its parent is gone. ``folders`` are those that must not fill up: below ``least_free``
    bytes there no mail is taken.
    """

    host: str
    port: int
    hostname: str
    run_folder: Path
    limits: Limits
    certificate_file: Path | None = None
    key_file: Path | None = None
    folders: tuple[Path, ...] = ()
    least_free: int = 0
    others: Mapping[Door, int] = field(default_factory=dict)
    parent: int | None = None


async def receive(desk: Desk, post: Post, sign_in: SignInLimits, stop: asyncio.Event) -> None:
    """Serve until ``stop``, then drain; ``run/gateway.json`` tells the bound ports while it serves."""
    desk.parsers.start()
    certificate = Certificate(desk.database, desk.keys, GATEWAY, [post.hostname])
    server: Server | None = None

    async def trust(snapshot: Snapshot) -> None:
        if server is not None:
            server.tls = await asyncio.to_thread(_context, certificate, post, snapshot)

    register = Register(desk.database, GATEWAY, trust)
    doorkeeper = Doorkeeper(desk.database, sign_in)
    handler = RegistryHandler(register, desk, Refusals(desk.database), doorkeeper, hostname=post.hostname)
    context = await asyncio.to_thread(_context, certificate, post, register.snapshot)
    server = await serve(
        handler, host=post.host, port=post.port, others=post.others, shared=post.parent is not None, tls=context,
        hostname=post.hostname, limits=post.limits,
        storage=Storage(desk.store, post.folders, least=post.least_free),
    )  # fmt: skip
    if post.parent is None:
        write_gateway(post.run_folder, server.ports)
    watching = asyncio.get_running_loop().create_task(_watch(register, certificate, trust))
    orphaned = asyncio.get_running_loop().create_task(_outlive(post.parent, stop))
    try:
        await stop.wait()
    finally:
        remove_gateway(post.run_folder)
        for task in (watching, orphaned):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await server.drain()
        await handler.close()
        await asyncio.to_thread(desk.parsers.close)


async def _watch(register: Register, certificate: Certificate, trust: Callable[[Snapshot], Awaitable[None]]) -> None:
    """Look at the register every second, so that a new peer's first handshake finds its authority trusted."""
    pair = certificate.pair()
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        try:
            snapshot = await register.current()
            renewed = await asyncio.to_thread(certificate.pair)
            if renewed != pair:
                pair = renewed
                await trust(snapshot)
        except EdmsError as error:
            maillog.event("register.not-read", error=error.code)


async def _outlive(parent: int | None, stop: asyncio.Event) -> None:
    """Ask to stop when the process that watches us has died."""
    while parent is not None and os.getppid() == parent:
        await asyncio.sleep(WATCH_SECONDS)
    if parent is not None:
        maillog.event("server.orphaned", parent=parent)
        stop.set()


def _context(certificate: Certificate, post: Post, snapshot: Snapshot) -> ssl.SSLContext:
    pair = certificate.pair()
    if post.certificate_file and post.key_file:
        pair = post.certificate_file.read_bytes(), post.key_file.read_bytes()
    return server_context(*pair, snapshot.authorities.values())
