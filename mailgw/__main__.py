"""``python -m mailgw receive|relay``: the gateway and the relay of one installation, until a signal ends them."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from config.settings import Settings, SettingsError, load
from crypto.timestamps import StampRoots
from edms.accounts.rules import Limits as SignInLimits
from edms.content.store import ContentStore
from edms.core.database import Database
from edms.core.errors import EdmsError
from edms.core.parts import Parts
from edms.entities.keyring import Keyring
from edms.operation.logs import configure_logs
from edms.web.locale import translate_error
from edms.wiring import parts_of
from mailgw.envelope import Door, Limits
from mailgw.failpoints import FailPoints
from mailgw.outgoing import Sources
from mailgw.parsers import Parsers
from mailgw.receive import Post, receive
from mailgw.relay import Pace, Relay
from mailgw.taking import Desk

THREADS = 16
MEGABYTE = 1 << 20
USAGE = "usage: python -m mailgw receive|relay"

Work = Callable[[asyncio.Event], Awaitable[None]]


def main() -> int:
    """Run one process: exit 0 after a signal, 1 when it cannot serve (one line on stderr), 2 on wrong usage."""
    verbs: dict[str, Callable[[Settings, Parts], Work]] = {"receive": _receive, "relay": _relay}
    if len(sys.argv) != 2 or sys.argv[1] not in verbs:
        return _say(USAGE, 2)
    try:
        settings = load(None, os.environ)
        configure_logs(settings.logging)
        work = verbs[sys.argv[1]](settings, parts_of(settings))
        asyncio.run(_until_signal(work))
    except SettingsError as error:
        return _say("; ".join(error.problems), 1)
    except EdmsError as error:
        return _say(translate_error(error, "en"), 1)
    except OSError as error:
        return _say(f"{error.strerror}: {error.filename or sys.argv[1]}", 1)
    return 0


def _receive(settings: Settings, parts: Parts) -> Work:
    gateway = settings.gateway
    desk = Desk(
        parts[Database], parts[ContentStore], parts[Keyring], FailPoints(),
        Parsers(stamp_roots=parts[StampRoots].roots),
    )  # fmt: skip
    limits = Limits(
        message_size=gateway.max_message_mb * MEGABYTE, recipients=gateway.max_recipients,
        connections=gateway.max_connections, connections_per_peer=gateway.max_connections_per_address,
        connections_per_account=gateway.max_connections_per_account,
        connections_per_body=gateway.max_connections_per_entity,
        command_seconds=gateway.timeout_seconds, data_idle_seconds=gateway.message_timeout_seconds,
        memory=gateway.memory_mb * MEGABYTE,
    )  # fmt: skip
    submission = {Door.SUBMISSION: gateway.submission_port, Door.IMPLICIT: gateway.implicit_tls_port}
    post = Post(
        gateway.host, gateway.port, gateway.hostname, settings.run_folder, limits,
        Path(gateway.tls_certificate) if gateway.tls_certificate else None,
        Path(gateway.tls_key) if gateway.tls_key else None,
        (settings.content_folder, settings.data), gateway.min_free_mb * MEGABYTE,
        {door: port for door, port in submission.items() if port},
    )  # fmt: skip
    return lambda stop: receive(desk, post, parts[SignInLimits], stop)


def _relay(settings: Settings, parts: Parts) -> Work:
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

    return work


async def _until_signal(work: Work) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="mailgw") as threads:
        loop.set_default_executor(threads)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await work(stop)


def _say(text: str, status: int) -> int:
    sys.stderr.write(f"mailgw: {text}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
