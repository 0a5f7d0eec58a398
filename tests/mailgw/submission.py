"""A world's gateway with all its doors, run in a thread as the process runs it."""

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from edms.accounts.rules import Limits as SignInLimits
from mailgw.directory import read_snapshot
from mailgw.envelope import Door, Limits
from mailgw.loops import loop_factory
from mailgw.parsers import Parsers
from mailgw.receive import Post, receive
from tests.factories.world import OPERATOR, World
from tests.mailgw.arrivals import desk_of
from tests.mailgw.gateway import DOORS
from tests.mailgw.processes import until

QUICK = SignInLimits(pair_per_minute=1000, login_per_minute=1000, address_per_minute=1000)


@contextmanager
def submission(
    world: World, limits: Limits | None = None, sign_in: SignInLimits = QUICK, loop_name: str = "asyncio"
) -> Iterator[dict[Door, int]]:
    """Run the gateway of a world until the block ends; yields the port of each door."""
    folder = world.settings.run_folder
    post = Post("127.0.0.1", 0, "localhost", folder, limits or Limits(), others=DOORS)
    desk = replace(desk_of(world), parsers=Parsers(children=1, seconds=20))  # the gateway closes its own at the end
    loop = loop_factory(loop_name)()
    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(receive(desk, post, sign_in, stop),))
    thread.start()
    try:
        assert until(lambda: (folder / "gateway.json").exists() or not thread.is_alive())
        told = json.loads((folder / "gateway.json").read_text())
        yield {
            Door.PEERS: told["port"],
            Door.SUBMISSION: told["submission_port"],
            Door.IMPLICIT: told["implicit_tls_port"],
        }
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()


def authority(world: World) -> bytes:
    """Return the authority (PEM) that issued the certificate of a world's gateway."""
    with world.database.read(OPERATOR) as uow:
        snapshot = read_snapshot(uow)
    return snapshot.authorities[snapshot.home_id]


def trusting(world: World) -> ssl.SSLContext:
    """Return the context of a client that believes in a world's authority and shows no certificate."""
    context = ssl.create_default_context(cadata=authority(world).decode())
    context.check_hostname = False
    return context
