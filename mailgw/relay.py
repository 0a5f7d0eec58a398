"""The relay: claims due consignments, delivers them over kept connections, and writes down every answer."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

from edms.core.errors import EdmsError
from edms.core.ids import new_id
from edms.dispatch import claiming, overdue
from edms.dispatch import queries as dispatch_queries
from edms.dispatch import service as dispatch
from edms.dispatch.queries import Lane
from edms.dispatch.rules import LANE_MOST, LEASE, Outcome
from edms.dispatch.service import Attempt
from mailgw import maillog
from mailgw.client import ConnectionPool, Result, deliver
from mailgw.directory import Register, Snapshot
from mailgw.failpoints import FailPoints
from mailgw.lane_turns import LaneTurns
from mailgw.outgoing import RELAY, Batch, Claimed, Plain, Sources, batches, load
from mailgw.retry import next_delay
from mailgw.routes import Certificate, Routes
from mailgw.runfile import own_relay
from mailgw.together import Together

IN_HAND = 1000
RESULTS_AT_ONCE = 256
BREATH_SECONDS = 0.05
CHASE = timedelta(seconds=15)
STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast and how long the relay tries; ``backoff_minutes`` after the first, second … failure.

    After ``rest_after`` failures in a row to reach a next hop it is left alone, for as long as ``backoff_minutes`` say.
    """

    concurrency: int = 20
    concurrency_per_hop: int = 4
    rest_after: int = 3
    poll_seconds: float = 1.0
    backoff_minutes: tuple[int, ...] = (1, 2, 5, 10, 20, 40, 60)
    warn: timedelta = timedelta(hours=12)
    give_up: timedelta = timedelta(hours=24)
    connect_seconds: float = 30
    reply_seconds: float = 300


@dataclass(slots=True)
class _Hands:
    """What is under way."""

    items: "Counter[Lane]" = field(default_factory=Counter)
    turn: int = 0
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Relay:
    """One relay process; :meth:`run` until ``stop`` is set."""

    def __init__(
        self,
        sources: Sources,
        pace: Pace,
        *,
        run_folder: Path,
        failing: FailPoints,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.owner = new_id()
        self._sources = sources
        self._pace, self._failing = pace, failing
        self._rng = Random(self.owner.int)  # noqa: S311 - spreads retries, decides nothing secret
        self._ownership = own_relay(run_folder, self.owner)
        certificate = Certificate(sources.database, sources.keys, RELAY, [sources.hostname])
        self._routes = Routes(certificate, run_folder=run_folder, hostname=sources.hostname)
        self._register = Register(sources.database, RELAY, None)
        self._pool = ConnectionPool(
            command_timeout=pace.connect_seconds, data_timeout=pace.reply_seconds, monotonic=monotonic
        )
        self._turns: LaneTurns[Batch] = LaneTurns(pace.concurrency, pace.concurrency_per_hop)
        self._hands = _Hands()
        self._results: Together[list[Attempt], frozenset[UUID]] = Together(self._write, most=RESULTS_AT_ONCE)
        self._stopping = False
        self._known: Snapshot | None = None
        self._chased_at: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until ``stop``; then finish what is on the wire and give the rest back to the queue."""
        if self._ownership.predecessor is not None:
            await asyncio.to_thread(self._release, self._ownership.predecessor)
        self._ownership.declare()
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
        room = IN_HAND - self._hands.items.total()
        if room < 1:
            return 0
        try:
            register = await self._register.current()
            claimed = await asyncio.to_thread(self._claim, room, register)
            if not claimed:
                return 0
            self._failing.reach("after-claim")
            packages = await asyncio.to_thread(load, claimed, self._sources.database, register)
        except EdmsError as error:
            maillog.event("relay.not-claimed", error=error.code)
            return 0
        for batch in batches(claimed, packages):
            self._hands.items[batch.lane] += len(batch.items)
            self._turns.put(batch.lane, batch)
        self._begin()
        return len(claimed)

    def _claim(self, room: int, register: Snapshot) -> list[Claimed]:
        """Lease what is due in lanes of which less than half a message to many is in hand."""
        self._look_after(register)
        held = self._hands.items
        with self._sources.database.read(RELAY) as uow:
            if not any(held[due.lane] <= LANE_MOST // 2 for due in dispatch_queries.due_lanes(uow)):
                return []
        self._hands.turn += 1
        with self._sources.database.work(RELAY) as uow:
            found = claiming.claim(uow, self.owner, limit=room, held=held, turn=self._hands.turn)
            return [Claimed.of(item) for item in found]

    def _look_after(self, register: Snapshot) -> None:
        """Follow bodies that are served elsewhere now, and deal with what has been under way too long."""
        if self._known is None or self._known.by_id is not register.by_id:
            with self._sources.database.work(RELAY) as uow:
                claiming.follow_moves(uow)
            self._known = register
        limits = {"warn": self._pace.warn, "give_up": self._pace.give_up}
        with self._sources.database.read(RELAY) as uow:
            if self._chased_at is not None and uow.now - self._chased_at < CHASE:
                return
            due, now = dispatch_queries.something_overdue(uow, **limits), uow.now
        if due:
            with self._sources.database.work(RELAY) as uow:
                overdue.chase(uow, **limits)
        self._chased_at = now

    def _begin(self) -> None:
        """Begin as many deliveries as may run at a time."""
        while not self._stopping and (batch := self._turns.take()) is not None:
            task = asyncio.get_running_loop().create_task(self._carry(batch))
            self._hands.tasks.add(task)
            task.add_done_callback(self._hands.tasks.discard)

    async def _carry(self, batch: Batch) -> None:
        """Deliver one message and write its results; what fails on our side comes back when the lease ends."""
        try:
            results, digest = await self._deliver(batch)
            self._failing.reach("after-250-before-commit")
            attempts = [self._attempt(item, result, digest) for item, result in zip(batch.items, results, strict=True)]
            resting = await self._results.do(attempts, len(attempts))
            self._failing.reach("after-result-commit")
            outcome = results[0]
            maillog.event(
                "message.sent",
                package=str(batch.outgoing.package_id),
                kind=batch.outgoing.kind,
                recipients=len(results),
                code=outcome.code,
                enhanced=outcome.enhanced,
                outcomes=dict(Counter(result.outcome for result in results)),
            )
            if batch.lane.installation_id in resting:
                await self._leave_alone(batch.lane.installation_id)
        except Exception as error:
            maillog.incident(error, package=str(batch.outgoing.package_id))
        finally:
            self._turns.done(batch.lane)
            self._lay_down(batch)
            self._begin()

    async def _leave_alone(self, installation_id: UUID) -> None:
        """Give back, untried, what was in hand for a next hop that rests now."""
        batches = self._turns.withdraw(installation_id)
        maillog.event("hop.rests", installation=str(installation_id), untried=sum(len(one.items) for one in batches))
        try:
            if batches:
                await asyncio.to_thread(self._give_back, [item.item_id for each in batches for item in each.items])
        finally:
            for each in batches:
                self._lay_down(each)

    def _lay_down(self, batch: Batch) -> None:
        held = self._hands.items
        held[batch.lane] -= len(batch.items)
        if held[batch.lane] <= 0:
            del held[batch.lane]
        if held[batch.lane] <= LANE_MOST // 2:
            self._hands.wake.set()

    async def _deliver(self, batch: Batch) -> tuple[list[Result], bytes]:
        """Return the answer for each consignment, and the SHA-256 of the octets that were sent."""
        register = await self._register.current()
        route = await asyncio.to_thread(self._routes.to, batch.lane.installation_id, register)
        if route is None:
            return [Result(421, "", "no gateway is known", reached=False)] * len(batch.items), b""
        addresses = batch.addresses(register)
        raw = await batch.outgoing.octets(self._sources, register, addresses)
        self._failing.reach("before-send")
        wishes = batch.wishes(self._sources, register)
        found = await deliver(
            self._pool, route, mail_from=batch.outgoing.mail_from, recipients=addresses, raw=raw, wishes=wishes
        )
        plain = wishes.plain.digest if isinstance(wishes.plain, Plain) else b""
        return [found[address] for address in addresses], plain or batch.outgoing.digest

    def _attempt(self, item: Claimed, result: Result, digest: bytes) -> Attempt:
        delay = next_delay(item.attempts + 1, self._rng, self._pace.backoff_minutes)
        return Attempt(
            item.item_id, Outcome(result.outcome), " ".join(f"{result.code} {result.enhanced} {result.text}".split()),
            timedelta(seconds=delay), self._pace.give_up, result.reached, digest,
        )  # fmt: skip

    def _write(self, results: Sequence[list[Attempt]]) -> list[frozenset[UUID] | Exception]:
        """Write results in one transaction; when that fails, those of each message in one of its own."""
        try:
            resting = self._record([attempt for each in results for attempt in each])
        except EdmsError as error:
            maillog.incident(error, phase="results")
            return [self._write_one(each) for each in results]
        return [resting] * len(results)

    def _write_one(self, attempts: Sequence[Attempt]) -> frozenset[UUID] | Exception:
        try:
            return self._record(attempts)
        except Exception as error:  # these alone are delivered again when their lease ends
            return error

    def _record(self, attempts: Sequence[Attempt]) -> frozenset[UUID]:
        with self._sources.database.work(RELAY) as uow:
            resting = dispatch.record_attempts(uow, self.owner, attempts, rest=self._rest_of_hop)
            self._failing.reach("before-result-commit")
            return resting

    def _rest_of_hop(self, failures: int) -> timedelta:
        """Return how long a next hop is left alone: not before ``rest_after`` failures, then as long as an item is."""
        over = failures - self._pace.rest_after + 1
        seconds = next_delay(over, self._rng, self._pace.backoff_minutes) if over > 0 else 0
        return timedelta(seconds=seconds)

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
            if self._hands.items.total():
                try:
                    await asyncio.to_thread(self._renew)
                except EdmsError as error:
                    maillog.event("relay.not-renewed", error=error.code)

    def _renew(self) -> None:
        with self._sources.database.work(RELAY) as uow:
            claiming.renew(uow, self.owner)

    def _give_back(self, items: Sequence[UUID]) -> None:
        with self._sources.database.work(RELAY) as uow:
            claiming.give_back(uow, self.owner, items)

    def _release(self, owner: UUID) -> None:
        with self._sources.database.work(RELAY) as uow:
            claiming.release(uow, owner)

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
