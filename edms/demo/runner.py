"""The demonstration run: start what is missing, send, wait until the mail balances, stop what was started."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from edms.core.clock import utc_now
from edms.core.database import Database
from edms.core.parts import Parts
from edms.demo import sending
from edms.demo.balance import Balance, balance, registered_by_all
from edms.demo.bodies import own_bodies
from edms.demo.making import OPERATOR
from edms.demo.texts import DemoLetter
from edms.entities import queries as entities
from edms.letters.checks import AddresseeText
from edms.letters.issuing import Issued
from edms.operation import locks, programs, running
from edms.operation.site import Site

SENDERS = 3
_NEEDED = ("gateway", "relay")
_POLL_SECONDS = 0.5
_LEFT = 4  # letters that wait for a clerk, and for a signature
_ANSWER_SECONDS = 30

Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Run:
    """Letters that were issued: which, to how many addressees in all, the circular and to how many it went."""

    letters: tuple[UUID, ...]
    sent: int
    circular: UUID
    circular_to: int
    since: datetime
    begun: float
    issue_seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the letters; seconds from the first draft until the balance stood."""

    letters: int
    sent: int
    balance: Balance
    seconds: float
    issue_seconds: float
    circular_seconds: float | None

    @property
    def holds(self) -> bool:
        """Say whether nothing was lost, nothing came twice, and nothing is on its way any more."""
        found = self.balance
        return found.total == self.sent and found.arrived == found.registered and not found.moving


@contextlib.contextmanager
def mail_running(parts: Parts, site: Site, config_file: Path | None) -> Iterator[Callable[[], None]]:
    """Have gateway and relay running for the block: those that run already, else our own, their logs in ``run/``.

    Yields a function to call now and then: it starts again what died, and raises KeyboardInterrupt after a signal.
    """
    missing = tuple(name for name in _NEEDED if locks.running(site.run_folder, name) is None)
    if not missing:
        yield lambda: None
        return
    ports, variables = _ports(site)
    environ = programs.environment(site, config_file, **variables)
    with running.stopped_by_signals() as stop, contextlib.ExitStack() as files:
        say = _log_files(site.run_folder, missing, files)
        with running.supervised(parts, site, missing, ports, environ, say) as supervisor:

            def look() -> None:
                if stop.is_set():
                    raise KeyboardInterrupt
                supervisor.look()

            running.wait_ready(supervisor, stop)
            yield look


def send_letters(
    parts: Parts,
    texts: Sequence[DemoLetter],
    *,
    letters: int,
    bodies: int,
    look: Callable[[], None],
    progress: Progress = lambda _done: None,
) -> Run:
    """Send ``letters`` letters among the first ``bodies`` bodies; ``progress`` is told how many are issued."""
    database = parts[Database]
    staff = sending.staff_of(database, [body.key for body in own_bodies()[:bodies]])
    planned = sending.plan(database, staff, texts, letters)
    since, begun = utc_now(), time.monotonic()
    done = _send_all(parts, staff, planned, look=look, progress=progress)
    return Run(
        tuple(done.values()), sum(len(one.addressees) for one in planned), done[0], len(planned[0].addressees), since,
        begun, time.monotonic() - begun,
    )  # fmt: skip


def leave_waiting(parts: Parts, texts: Sequence[DemoLetter]) -> None:
    """Leave letters for the third body's clerk to register by hand, and letters for the first body's head to sign."""
    staff = sending.staff_of(parts[Database], [body.key for body in own_bodies()[:3]])
    with parts[Database].work(OPERATOR) as uow:
        entities.entity(uow, staff[2].entity_id).registers_by_rule = False
    letters = [text for text in texts if text.kind == "letter"] or texts
    for number in range(1, _LEFT + 1):
        to_third = (AddresseeText(staff[2].entity_id),)
        sending.send(parts, staff, sending.Sending(number, number % 2, to_third, letters[-number % len(letters)]))
        to_second = (AddresseeText(staff[1].entity_id),)
        sending.submit(parts, staff[0], sending.Sending(0, 0, to_second, letters[number % len(letters)]))


def wait_for_balance(
    database: Database,
    run: Run,
    *,
    timeout: float,
    look: Callable[[], None],
    progress: Progress = lambda _done: None,
) -> Result:
    """Wait until no consignment is on its way, or until ``timeout`` seconds after the first draft.

    ``progress`` is told how many consignments have found their end.
    """
    while True:
        look()
        with database.read(OPERATOR) as uow:
            found = balance(uow, set(run.letters), run.since)
            circular = registered_by_all(uow, run.circular, run.circular_to)
        progress(found.total - found.moving)
        seconds = time.monotonic() - run.begun
        if not found.moving or seconds > timeout:
            return Result(len(run.letters), run.sent, found, seconds, run.issue_seconds, circular)
        time.sleep(_POLL_SECONDS)


def _send_all(
    parts: Parts,
    staff: Sequence[sending.Staff],
    planned: Sequence[sending.Sending],
    *,
    look: Callable[[], None],
    progress: Progress,
) -> dict[int, UUID]:
    """Send on a few threads; returns the letters by their number. The first refusal ends the run."""
    done: dict[int, Issued] = {}
    with ThreadPoolExecutor(SENDERS) as pool:
        waiting = {pool.submit(sending.send, parts, staff, one): one.number for one in planned if one.answers is None}
        try:
            for future in as_completed(waiting):
                done[waiting[future]] = future.result()
                progress(len(done))
                look()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    for one in planned:
        if one.answers is not None:
            done[one.number] = _answer(parts, staff, one, done[one.answers].document_code, look)
            progress(len(done))
    return {number: issued.letter_id for number, issued in done.items()}


def _answer(
    parts: Parts, staff: Sequence[sending.Staff], one: sending.Sending, code: str, look: Callable[[], None]
) -> Issued:
    """Send a reply as soon as the letter that it answers has come to its sender, at the latest after some seconds."""
    latest = time.monotonic() + _ANSWER_SECONDS
    while not sending.arrived(parts[Database], staff[one.sender], code) and time.monotonic() < latest:
        look()
        time.sleep(_POLL_SECONDS)
    return sending.send(parts, staff, one, code)


def _ports(site: Site) -> tuple[dict[str, int], dict[str, str]]:
    """Return the gateway's port, a free one when the configured one is used by others, and the variables that tell it.

    A demonstration may run beside another installation with the same settings.
    """
    gateway = site.gateway
    taken = not gateway.port or programs.is_taken(gateway.host, gateway.port)
    port = programs.free_port(gateway.host) if taken else gateway.port
    variables = {"DIWAN_GATEWAY_PORT": str(port)}
    for name, number in (("SUBMISSION", gateway.submission_port), ("IMPLICIT_TLS", gateway.implicit_tls_port)):
        if number and programs.is_taken(gateway.host, number):
            variables[f"DIWAN_GATEWAY_{name}_PORT"] = "0"
    return {"gateway": port}, variables


def _log_files(folder: Path, names: Sequence[str], files: contextlib.ExitStack) -> Callable[[str, str], object]:
    opened = {name: files.enter_context((folder / f"{name}.log").open("a", encoding="utf-8")) for name in names}

    def say(name: str, line: str) -> None:
        opened[name].write(f"{line}\n")
        opened[name].flush()

    return say
