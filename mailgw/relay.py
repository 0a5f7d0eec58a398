"""The relay: claims due consignments, delivers them over kept connections, and writes down every answer."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from uuid import UUID

from edms.core.errors import EdmsError
from edms.core.ids import new_id
from edms.dispatch import queries as dispatch_queries
from edms.dispatch import service as dispatch
from edms.dispatch.rules import LEASE, Outcome
from edms.dispatch.service import Attempt
from mailgw import maillog
from mailgw.client import ConnectionPool, Result, deliver
from mailgw.directory import Register, Snapshot
from mailgw.failpoints import FailPoints
from mailgw.outgoing import RELAY, Batch, Claimed, Sources, batches, load, registry_address
from mailgw.retry import next_delay
from mailgw.routes import Certificate, Routes
from mailgw.runfile import own_relay
from mailgw.together import Together

IN_HAND = 400
RESULTS_AT_ONCE = 256
BREATH_SECONDS = 0.05
STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast and how long the relay tries; ``backoff_minutes`` after the first, second … failure."""

    concurrency: int = 8
    poll_seconds: float = 1.0
    backoff_minutes: tuple[int, ...] = (1, 2, 5, 10, 20, 40, 60)
    give_up: timedelta = timedelta(hours=24)
    connect_seconds: float = 30
    reply_seconds: float = 300


@dataclass(slots=True)
class _Hands:
    """What is under way."""

    items: int = 0
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Relay:
    """One relay process; :meth:`run` until ``stop`` is set."""

    def __init__(self, sources: Sources, pace: Pace, *, run_folder: Path, failing: FailPoints) -> None:
        self.owner = new_id()
        self._sources = sources
        self._pace = pace
        self._failing = failing
        self._rng = Random(self.owner.int)  # noqa: S311 - spreads retries, decides nothing secret
        self._ownership = own_relay(run_folder, self.owner)
        certificate = Certificate(sources.database, sources.keys, RELAY, [sources.hostname])
        self._routes = Routes(certificate, run_folder=run_folder, hostname=sources.hostname)
        self._register = Register(sources.database, RELAY, None)
        self._pool = ConnectionPool(command_timeout=pace.connect_seconds, data_timeout=pace.reply_seconds)
        self._slots = asyncio.Semaphore(pace.concurrency)
        self._per_peer: dict[UUID, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(max(1, pace.concurrency - 2))
        )
        self._hands = _Hands()
        self._results: Together[list[Attempt], None] = Together(self._write, most=RESULTS_AT_ONCE)
        self._stopping = False

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until ``stop``; then finish what is on the wire and give the rest back to the queue."""
        if self._ownership.predecessor is not None:
            await asyncio.to_thread(self._release, self._ownership.predecessor)
        keeping = asyncio.get_running_loop().create_task(self._keep_leases())
        waker = asyncio.get_running_loop().create_task(self._wake_at(stop))
        maillog.event("relay.started", owner=str(self.owner))
        try:
            while not stop.is_set():
                taken = await self._round()
                await self._rest(stop, hungry=taken > 0)
        finally:
            self._stopping = True
            for task in (keeping, waker):
                task.cancel()
            await self._finish()

    async def _round(self) -> int:
        """Claim what is due, as far as the hands are free, and begin to deliver it."""
        room = IN_HAND - self._hands.items
        if room < IN_HAND // 2:
            return 0
        try:
            register = await self._register.current()
            claimed = await asyncio.to_thread(self._claim, room)
            if not claimed:
                return 0
            self._failing.reach("after-claim")
            packages = await asyncio.to_thread(load, claimed, self._sources.database, register)
        except EdmsError as error:
            maillog.event("relay.not-claimed", error=error.code)
            return 0
        for batch in batches(claimed, packages, register):
            self._hands.items += len(batch.items)
            task = asyncio.get_running_loop().create_task(self._carry(batch, register))
            self._hands.tasks.add(task)
            task.add_done_callback(self._hands.tasks.discard)
        return len(claimed)

    def _claim(self, room: int) -> list[Claimed]:
        with self._sources.database.read(RELAY) as uow:
            if not dispatch_queries.something_due(uow):
                return []
        with self._sources.database.work(RELAY) as uow:
            return [Claimed.of(item) for item in dispatch.claim(uow, self.owner, limit=room)]

    async def _carry(self, batch: Batch, register: Snapshot) -> None:
        """Deliver one message and write its results; what fails on our side comes back when the lease ends."""
        try:
            async with self._per_peer[batch.installation_id], self._slots:
                if self._stopping:
                    return
                results = await self._deliver(batch, register)
                self._failing.reach("after-250-before-commit")
            attempts = [self._attempt(item, result) for item, result in zip(batch.items, results, strict=True)]
            await self._results.do(attempts, len(attempts))
            self._failing.reach("after-result-commit")
            outcome = results[0]
            maillog.event(
                "message.sent",
                package=str(batch.outgoing.package_id),
                kind=batch.outgoing.kind,
                recipients=len(results),
                code=outcome.code,
                enhanced=outcome.enhanced,
            )
        except Exception as error:
            maillog.incident(error, package=str(batch.outgoing.package_id))
        finally:
            self._hands.items -= len(batch.items)
            if self._hands.items < IN_HAND // 2:
                self._hands.wake.set()

    async def _deliver(self, batch: Batch, register: Snapshot) -> list[Result]:
        route = await asyncio.to_thread(self._routes.to, batch.installation_id, register)
        if route is None:
            return [Result(421, "", "no gateway is known")] * len(batch.items)
        addresses = [registry_address(register.by_id[item.recipient_id].domain) for item in batch.items]
        raw = await batch.outgoing.octets(self._sources, register, addresses)
        found = await deliver(self._pool, route, mail_from=batch.outgoing.sender, recipients=addresses, raw=raw)
        return [found[address] for address in addresses]

    def _attempt(self, item: Claimed, result: Result) -> Attempt:
        delay = next_delay(item.attempts + 1, self._rng, self._pace.backoff_minutes)
        return Attempt(
            item.item_id, Outcome(result.outcome), " ".join(f"{result.code} {result.enhanced} {result.text}".split()),
            timedelta(seconds=delay), self._pace.give_up,
        )  # fmt: skip

    def _write(self, results: Sequence[list[Attempt]]) -> list[None]:
        with self._sources.database.work(RELAY) as uow:
            dispatch.record_attempts(uow, self.owner, [attempt for each in results for attempt in each])
        return [None] * len(results)

    async def _rest(self, stop: asyncio.Event, *, hungry: bool) -> None:
        """Wait until hands are free, ``stop``, or the next look; a short breath between looks gathers work."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hands.wake.wait(), BREATH_SECONDS if hungry else self._pace.poll_seconds)
        if not stop.is_set() and self._hands.wake.is_set():
            await asyncio.sleep(BREATH_SECONDS)
        self._hands.wake.clear()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._hands.wake.set()

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            if self._hands.items:
                try:
                    await asyncio.to_thread(self._renew)
                except EdmsError as error:
                    maillog.event("relay.not-renewed", error=error.code)

    def _renew(self) -> None:
        with self._sources.database.work(RELAY) as uow:
            dispatch.renew(uow, self.owner)

    def _release(self, owner: UUID) -> None:
        with self._sources.database.work(RELAY) as uow:
            dispatch.release(uow, owner)

    async def _finish(self) -> None:
        tasks = set(self._hands.tasks)
        if tasks:
            _done, open_ones = await asyncio.wait(tasks, timeout=STOP_SECONDS)
            for task in open_ones:
                task.cancel()
            await asyncio.gather(*open_ones, return_exceptions=True)
        await self._results.close()
        await asyncio.to_thread(self._release, self.owner)
        await self._pool.close()
        self._ownership.close()
        maillog.event("relay.stopped")
