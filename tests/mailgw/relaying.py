"""A relay of a world in a thread, and bodies that are served by servers of their own, for tests."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import insert, select, update

from edms.core.ids import new_id
from edms.dispatch.models import OutboxItem
from edms.entities.models import Entity, Installation
from mailgw.failpoints import FailPoints
from mailgw.outgoing import Sources
from mailgw.relay import Pace, Relay
from tests.factories.world import OPERATOR, World

PACE = Pace(poll_seconds=0.05, connect_seconds=10, reply_seconds=20)


def own_server(world: World, body: UUID, port: int, certificate_pem: bytes) -> UUID:
    """Let a body be served by a mail server of its own on loopback, known by its certificate or its authority."""
    server = new_id()
    with world.database.work(OPERATOR) as uow:
        uow.session.execute(insert(Installation).values(
            id=server, name=f"server-{server}", is_home=False, kind="server", gateway_host="127.0.0.1",
            gateway_port=port, ca_certificate=ssl.PEM_cert_to_DER_cert(certificate_pem.decode()),
        ))  # fmt: skip
        uow.session.execute(update(Entity).where(Entity.id == body).values(installation_id=server))
    return server


@contextmanager
def running_relay(world: World, pace: Pace = PACE, *, hostname: str = "mail.here.example") -> Iterator[None]:
    """Run a world's relay in a thread of its own, going by the world's clock, and stop it at the end."""
    sources = Sources(world.database, world.store, world.keyring, hostname)
    ready = threading.Event()
    stopping: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def work() -> None:
        stop = asyncio.Event()
        stopping.append((asyncio.get_running_loop(), stop))
        ready.set()
        await Relay(sources, pace, run_folder=world.settings.run_folder, failing=FailPoints({})).run(stop)

    thread = threading.Thread(target=lambda: asyncio.run(work()), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield
    finally:
        loop, stop = stopping[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        assert not thread.is_alive()


def items(world: World) -> list[OutboxItem]:
    """Return all consignments of a world, oldest first."""
    with world.database.read(OPERATOR) as uow:
        return list(uow.session.scalars(select(OutboxItem).order_by(OutboxItem.id)))
