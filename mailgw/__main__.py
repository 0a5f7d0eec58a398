"""``python -m mailgw receive|relay``: the gateway and the relay of one installation, until a signal ends them."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from config.sections import Gateway
from config.settings import Settings, SettingsError, load
from crypto.timestamps import StampRoots
from edms.accounts.rules import Limits as SignInLimits
from edms.content.store import ContentStore, DiskStore
from edms.core.database import Database
from edms.core.errors import EdmsError
from edms.core.parts import Parts
from edms.entities.keyring import Keyring
from edms.operation.logs import configure_logs
from edms.web.locale import translate_error
from edms.wiring import load_judges, parts_of
from mailgw.envelope import Door, Limits
from mailgw.failpoints import FailPoints
from mailgw.loops import loop_factory
from mailgw.metrics import keep
from mailgw.outgoing import Sources
from mailgw.parsers import Parsers
from mailgw.receive import Post, receive
from mailgw.relay import Pace, Relay
from mailgw.taking import Desk
from mailgw.workers import parent_of, supervise

THREADS = 16
MEGABYTE = 1 << 20
DRAIN_SECONDS = 20.0
"""Less than whoever asked us to stop waits before it kills: 24 s for a worker, 25 s for the gateway."""
USAGE = "usage: python -m mailgw receive|relay"

Work = Callable[[asyncio.Event], Awaitable[None]]


def main() -> int:
    """Run one process: exit 0 after a signal, 1 when it cannot serve (one line on stderr), 2 on wrong usage."""
    load_judges()
    verbs: dict[str, Callable[[Settings], None]] = {"receive": _receive, "relay": _relay}
    if len(sys.argv) != 2 or sys.argv[1] not in verbs:
        return _say(USAGE, 2)
    try:
        settings = load(None, os.environ)
        configure_logs(settings.logging)
        verbs[sys.argv[1]](settings)
    except SettingsError as error:
        return _say("; ".join(error.problems), 1)
    except EdmsError as error:
        return _say(translate_error(error, "en"), 1)
    except OSError as error:
        return _say(f"{error.strerror}: {error.filename or sys.argv[1]}", 1)
    return 0


def _receive(settings: Settings) -> None:
    """Serve, alone or as one of several workers, or watch over them."""
    gateway, parent = settings.gateway, parent_of(os.environ)
    try:
        loop = loop_factory(gateway.loop)
    except ModuleNotFoundError as error:
        raise SettingsError((f"gateway.loop is {gateway.loop}, which is not installed",)) from error
    if gateway.processes > 1 and parent is None:
        doors = {Door.PEERS: gateway.port, **_submission(gateway)}
        supervise(gateway.processes, gateway.host, doors, run_folder=settings.run_folder, environ=os.environ)
        return
    work = _receiving(settings, parts_of(settings), parent)
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(_until_signal(work, keep(settings.run_folder, "receive")))


def _submission(gateway: Gateway) -> dict[Door, int]:
    ports = {Door.SUBMISSION: gateway.submission_port, Door.IMPLICIT: gateway.implicit_tls_port}
    return {door: port for door, port in ports.items() if port}


def _receiving(settings: Settings, parts: Parts, parent: int | None) -> Work:
    gateway, store, failing = settings.gateway, parts[ContentStore], FailPoints()
    if isinstance(store, DiskStore):
        store.reach = failing.reach
    desk = Desk(
        parts[Database], store, parts[Keyring], failing,
        Parsers(stamp_roots=parts[StampRoots].roots),
    )  # fmt: skip
    limits = Limits(
        message_size=gateway.max_message_mb * MEGABYTE, recipients=gateway.max_recipients,
        connections=gateway.max_connections, connections_per_peer=gateway.max_connections_per_address,
        connections_per_account=gateway.max_connections_per_account,
        connections_per_body=gateway.max_connections_per_entity,
        command_seconds=gateway.timeout_seconds, data_idle_seconds=gateway.message_timeout_seconds,
        memory=gateway.memory_mb * MEGABYTE, drain_seconds=DRAIN_SECONDS,
    )  # fmt: skip
    post = Post(
        gateway.host, gateway.port, gateway.hostname, settings.run_folder, limits,
        Path(gateway.tls_certificate) if gateway.tls_certificate else None,
        Path(gateway.tls_key) if gateway.tls_key else None,
        (settings.content_folder, settings.data), gateway.min_free_mb * MEGABYTE,
        _submission(gateway), parent,
    )  # fmt: skip
    return lambda stop: receive(desk, post, parts[SignInLimits], stop)


def _relay(settings: Settings) -> None:
    parts = parts_of(settings)
    sources = Sources(parts[Database], parts[ContentStore], parts[Keyring], settings.gateway.hostname)
    wanted = settings.relay
    pace = Pace(
        concurrency=wanted.concurrency, concurrency_per_hop=wanted.concurrency_per_hop, rest_after=wanted.rest_after,
        poll_seconds=wanted.poll_seconds, backoff_minutes=wanted.backoff_minutes,
        warn=timedelta(hours=wanted.warn_hours), give_up=timedelta(hours=wanted.give_up_hours),
        connect_seconds=wanted.connect_seconds, reply_seconds=wanted.reply_seconds,
    )  # fmt: skip

    async def work(stop: asyncio.Event) -> None:
        await Relay(sources, pace, run_folder=settings.run_folder, failing=FailPoints()).run(stop)

    asyncio.run(_until_signal(work, keep(settings.run_folder, "relay")))


async def _until_signal(work: Work, keeping: Coroutine[None, None, None]) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="mailgw") as threads:
        loop.set_default_executor(threads)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        counting = loop.create_task(keeping)
        try:
            await work(stop)
        finally:
            counting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await counting


def _say(text: str, status: int) -> int:
    sys.stderr.write(f"mailgw: {text}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
