"""The gateway against Postfix: messages a second, in turns, as ratios; milliseconds from the final dot to the answer.

Postfix holds what it takes (queue file and fsync, no delivery). The gateway applies the whole policy and registers
every message with its incoming number. Both are real processes on loopback, loaded by ``gateway/smtpload.c``, which is
compiled here. Port 25 asks for TLS and a registered certificate: in the plain cells the gateway takes a session without
TLS for the peer's (in this bench alone); sessions under TLS prove themselves by the peer's certificate.

Run ``python bench/bench_gateway.py [--quick] [--postgresql] [--processes N] [--seconds S] [--only WORD]``, as root
(Postfix asks for it).
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.gateway.peer import forget_held, free_port, postfix, wait_for
from edms.entities import exchange
from edms.entities import service as entities
from edms.entities.models import Entity
from edms.entities.rules import EntityType, NewEntity
from edms.entities.sealing import gateway_certificate
from tests.factories.world import OPERATOR, World, make_world
from tests.postgres import Cluster, new_folder

ROOT = Path(__file__).resolve().parents[1]
RECIPIENTS = 8
BODIES = 100
PEER = "BENCH_PEER"
GOAL_MS = 150.0


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of load and the goal for it, as a ratio of Postfix."""

    size: int
    sessions: int
    kept: bool
    tls: bool
    goal: float | None = None

    @property
    def name(self) -> str:
        """Return what the lines call it."""
        size = "1 MB" if self.size > 100_000 else "10 kB"
        return f"{size} x{self.sessions} {'kept' if self.kept else 'fresh'} {'STARTTLS' if self.tls else 'plain'}"


def cells() -> list[Cell]:
    """Return all cells; those that have a goal come with it."""
    goals = {
        (10_000, 10, True, False): 0.6, (10_000, 10, False, False): 0.4, (10_000, 10, False, True): 0.7,
        (10_000, 10, True, True): 0.5, (1_000_000, 10, False, False): 0.25, (1_000_000, 10, False, True): 0.4,
    }  # fmt: skip
    return [
        Cell(size, sessions, kept, tls, goals.get((size, sessions, kept, tls)))
        for size in (10_000, 1_000_000) for tls in (False, True) for kept in (True, False) for sessions in (1, 10, 50)
    ]  # fmt: skip


@dataclass(slots=True)
class Tally:
    """What one server did in the rounds of a cell."""

    sent: int = 0
    failed: int = 0
    seconds: float = 0.0
    median: float = 0.0
    slowest: float = 0.0

    def add(self, line: str) -> None:
        """Take a line of smtpload in; the slowest round gives the 99th percentile."""
        sent, failed, seconds, median, slowest = line.split()
        self.sent, self.failed = self.sent + int(sent), self.failed + int(failed)
        self.seconds += float(seconds)
        self.median, self.slowest = max(self.median, float(median)), max(self.slowest, float(slowest))

    @property
    def rate(self) -> float:
        """Return messages a second."""
        return self.sent / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        """Return the figures of one server in a line."""
        failed = f" failed {self.failed}" if self.failed else ""
        return f"{self.rate:7.1f}/s p50 {self.median:6.1f} p99 {self.slowest:6.1f} ms{failed}"


@dataclass(frozen=True, slots=True)
class Generator:
    """The compiled load, its certificate and key, and whose mail it sends to whom."""

    program: Path
    folder: Path
    sender: str
    recipients: tuple[str, ...]

    def run(self, port: int, cell: Cell, seconds: float) -> str:
        """Load one server and return the line of figures."""
        arguments = [
            "127.0.0.1", port, cell.sessions, seconds, cell.size, "kept" if cell.kept else "fresh",
            "tls" if cell.tls else "plain", self.sender, time.monotonic_ns(), self.folder / "peer.pem",
            self.folder / "peer.key", *self.recipients,
        ]  # fmt: skip
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True, check=True)
        return done.stdout


def compile_load(folder: Path) -> Path:
    """Compile ``smtpload.c``; needs a C compiler and the headers of OpenSSL (Debian: gcc, libssl-dev)."""
    program = folder / "smtpload"
    source = Path(__file__).with_name("gateway") / "smtpload.c"
    subprocess.run(["cc", "-O2", "-o", program, source, "-lssl", "-lcrypto", "-lpthread"], check=True)
    return program


def two_installations(folder: Path, url: str | None) -> tuple[World, World, tuple[str, ...]]:
    """Return the peer that sends, the installation under test, and addresses there that register every message."""
    north = make_world(folder / "north", name="north", gateway_port=free_port())
    south = make_world(
        folder / "south", url, name="south", gateway_port=free_port(), first_serial=300_000,
        domains=("basra.gov.example", "maysan.gov.example"),
    )  # fmt: skip
    with south.database.work(OPERATOR) as uow:
        for number in range(BODIES):
            entities.add_entity(
                uow,
                NewEntity(
                    name_ar=f"دائرة الخدمات رقم {number}", type=EntityType.DIRECTORATE, short_mark=f"د{number}",
                    mail_domain=f"d{number}.gov.example", valid_from=date(2020, 1, 1),
                ),
                keys=south.keyring,
            )  # fmt: skip
        for row in uow.session.query(Entity):
            row.registers_untyped = True
    for told, hearing in ((north, south), (south, north)):
        with told.database.work(OPERATOR) as uow:
            document = exchange.export_installation(uow, keys=told.keyring)
        with hearing.database.work(OPERATOR) as uow:
            exchange.import_installation(uow, document, keys=hearing.keyring)
    return north, south, tuple(f"diwan@d{number}.gov.example" for number in range(RECIPIENTS))


def peer_id(world: World, domain: str) -> UUID:
    """Return the installation in the register of ``world`` that serves a domain."""
    with world.database.read(OPERATOR) as uow:
        return uow.session.query(Entity).filter_by(mail_domain=domain).one().installation_id


@contextmanager
def gateway(world: World, peer: UUID, processes: int) -> Iterator[int]:
    """Run the gateway of ``world``; yields its port."""
    port = world.settings.gateway.port
    environ = {
        **os.environ, "DIWAN_DATA": str(world.settings.data), "DIWAN_GATEWAY_PORT": str(port), PEER: str(peer),
        "DIWAN_DATABASE_URL": world.settings.database.url, "DIWAN_GATEWAY_MAX_CONNECTIONS_PER_ADDRESS": "1000",
        "PYTHONPATH": str(ROOT),
        **({"DIWAN_GATEWAY_PROCESSES": str(processes)} if processes > 1 else {}),
    }  # fmt: skip
    log = (world.settings.data / "gateway.log").open("wb")
    with (
        log,
        subprocess.Popen(
            [sys.executable, "-m", "bench.gateway.serving"], env=environ, stdout=log, stderr=log, cwd=ROOT
        ) as process,
    ):
        try:
            wait_for(port)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def measure(
    generator: Generator, ports: tuple[int, int], chosen: Sequence[Cell], seconds: float, rounds: int, folder: Path
) -> bool:
    """Load both in turns, cell by cell; returns whether every goal was met."""
    met = True
    for cell in chosen:
        tallies = Tally(), Tally()
        for _ in range(rounds):
            for tally, port in zip(tallies, ports, strict=True):
                tally.add(generator.run(port, cell, seconds))
            forget_held(folder)
        theirs, ours = tallies
        ratio = ours.rate / theirs.rate if theirs.rate else 0.0
        late = cell.size < 100_000 and cell.sessions == 10 and ours.slowest > GOAL_MS
        met = met and not late and (cell.goal is None or ratio >= cell.goal)
        goal = f"goal {cell.goal:.2f}" if cell.goal else " " * 9
        sys.stdout.write(
            f"{cell.name:26} {goal}  ratio {ratio:5.2f}  gateway {ours}  Postfix {theirs}{'  LATE' if late else ''}\n"
        )
        sys.stdout.flush()
    return met


@contextmanager
def database(wanted: bool) -> Iterator[str | None]:
    """Yield the address of a fresh PostgreSQL database, or None for SQLite."""
    if not wanted:
        yield None
        return
    cluster = Cluster(new_folder())
    try:
        with cluster.locked():
            cluster.start()
        cluster.execute("CREATE DATABASE bench")
        yield cluster.url("bench")
    finally:
        cluster.stop()


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="only the cells that have a goal, for about a minute")
    parser.add_argument("--postgresql", action="store_true", help="the gateway's database is PostgreSQL")
    parser.add_argument("--processes", type=int, default=1, help="gateway processes on one database")
    parser.add_argument("--seconds", type=float, default=3.0, help="of load for each server in each round")
    parser.add_argument("--only", default="", help="cells whose name has this word, as '10 kB x10 kept'")
    return parser.parse_args()


def main() -> int:
    """Measure and print; exit 1 when a goal is missed."""
    wanted = options()
    chosen = [one for one in cells() if wanted.only in one.name and (one.goal or not wanted.quick)]
    rounds, seconds = (2, 2.0) if wanted.quick else (2, wanted.seconds)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-")))
        folder.chmod(0o755)
        url = stack.enter_context(database(wanted.postgresql))
        north, south, recipients = two_installations(folder, url)
        with north.database.read(OPERATOR) as uow:
            certificate = gateway_certificate(uow, keys=north.keyring, dns_names=["localhost"])
        for name, octets in zip(("peer.pem", "peer.key"), certificate, strict=True):
            (folder / name).write_bytes(octets)
        sender = north.entity_a.mail_domain
        generator = Generator(compile_load(folder), folder, f"diwan@{sender}", recipients)
        ports = (
            stack.enter_context(postfix(folder, certificate)),
            stack.enter_context(gateway(south, peer_id(south, sender), wanted.processes)),
        )
        kind = "PostgreSQL" if url else "SQLite"
        sys.stdout.write(f"gateway: {kind}, {wanted.processes} process(es), every message registered\n")
        warm = Cell(10_000, 10, kept=True, tls=False)
        for port in ports:
            generator.run(port, warm, 1.0)
        met = measure(generator, ports, chosen, seconds, rounds, folder)
        for world in (north, south):
            world.database.dispose()
    sys.stdout.write("all goals are met\n" if met else "a goal is missed\n")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
