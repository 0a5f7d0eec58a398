"""A circular to 859 bodies of one installation over SMTP: seconds until all have registered it and all receipts are in.

The peer is the same work by direct calls: the same rows taken in and the same receipts applied, without SMTP, relay or
processes. Run ``python bench/bench_circular.py [BODIES]``; two processes share the machine with this one.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import func, select

from edms.core.clock import utc_now
from edms.dispatch import queries as dispatch
from edms.dispatch.models import OutboxItem
from edms.dispatch.rules import PackageKind
from edms.entities import service as entities
from edms.entities.rules import EntityType, NewEntity
from mailgw.content import Held
from mailgw.directory import read_snapshot
from mailgw.envelope import Identity, MailParameters, RcptParameters, ReceivedEnvelope, Recipient
from mailgw.failpoints import FailPoints
from mailgw.outgoing import RELAY, Claimed, Sources, batches, load, registry_address
from mailgw.parsers import Parsers
from mailgw.taking import Desk, prepare, take_in
from tests.factories.issued import issued_letter
from tests.factories.world import OPERATOR, World, make_world

WAIT_SECONDS = 300


def circular(world: World, bodies: int) -> None:
    """Register ``bodies`` - 2 more bodies and issue one letter of body A to all but itself."""
    rows = [
        NewEntity(
            name_ar=f"دائرة الخدمات رقم {n}",
            type=EntityType.DIRECTORATE,
            mail_domain=f"d{n}.gov.example",
            short_mark=f"د{n}",
            valid_from=date(2020, 1, 1),
        )
        for n in range(bodies - 1)
    ]
    with world.database.work(OPERATOR) as uow:
        made = [entities.add_entity(uow, row, keys=world.keyring).id for row in rows]
    issued_letter(world, subject="تعميم بشأن الدوام الرسمي", to=[world.entity_b.id, *made])


def over_smtp(folder: Path, bodies: int) -> float:
    """Return seconds from the start of the relay to the last receipt applied."""
    world = make_world(folder, gateway_port=0)
    circular(world, bodies)
    environ = {**os.environ, "DIWAN_DATA": str(world.settings.data), "DIWAN_GATEWAY_PORT": "0",
               "DIWAN_GATEWAY_SUBMISSION_PORT": "0", "DIWAN_GATEWAY_IMPLICIT_TLS_PORT": "0",
               "DIWAN_LOGGING_LEVEL": "warning"}  # fmt: skip
    processes = [_start("receive", environ)]
    while not (world.settings.run_folder / "gateway.json").exists():
        time.sleep(0.1)
    processes.append(_start("relay", environ))
    try:
        start = _first_claim(world)
        _until(world, bodies)
        return time.monotonic() - start
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(30)
        world.database.dispose()


def directly(folder: Path, bodies: int) -> float:
    """Return seconds for the same rows by calls of this process."""
    world = make_world(folder)
    circular(world, bodies)
    parsers = Parsers()
    desk = Desk(world.database, world.store, world.keyring, FailPoints({}), parsers)
    sources = Sources(world.database, world.store, world.keyring, "localhost")
    start = time.monotonic()
    while _carry(world, desk, sources):
        pass
    seconds = time.monotonic() - start
    with world.database.read(OPERATOR) as uow:
        assert dispatch.balance(uow).registered == bodies
    world.database.dispose()
    parsers.close()
    return seconds


def _carry(world: World, desk: Desk, sources: Sources) -> int:
    """Take the whole outbox in without SMTP and mark it taken."""
    with world.database.read(RELAY) as uow:
        register = read_snapshot(uow)
        queued = uow.session.scalars(select(OutboxItem).where(OutboxItem.state == "queued"))
        items = [Claimed.of(item) for item in queued]
    packages = load(items, world.database, register)
    parcels = []
    for batch in batches(items, packages):
        addresses = [registry_address(register.by_id[item.recipient_id].domain) for item in batch.items]
        raw = batch.outgoing.compose(sources, register, addresses)
        envelope = ReceivedEnvelope(
            Identity(tls=True), "direct", "direct", batch.outgoing.sender, MailParameters(),
            tuple(Recipient(address, RcptParameters()) for address in addresses), Held(raw), utc_now(),
        )  # fmt: skip
        parcels.append(prepare(envelope, register.by_domain[batch.outgoing.sender.domain], register, desk))
    for at in range(0, len(parcels), 100):
        take_in(parcels[at : at + 100], desk)
    _mark(world, [item.item_id for item in items])
    return len(items)


def _mark(world: World, items: list[UUID]) -> None:
    with world.database.work(RELAY) as uow:
        for item_id in items:
            item = uow.session.get_one(OutboxItem, item_id)
            item.state = "accepted" if item.state == "queued" else item.state


def _first_claim(world: World) -> float:
    while True:
        with world.database.read(OPERATOR) as uow:
            if uow.session.scalar(select(func.count()).select_from(OutboxItem).where(OutboxItem.state != "queued")):
                return time.monotonic()
        time.sleep(0.02)


def _until(world: World, bodies: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        with world.database.read(OPERATOR) as uow:
            open_ones = uow.session.scalar(
                select(func.count()).select_from(OutboxItem).where(
                    OutboxItem.kind == PackageKind.RECEIPT, OutboxItem.state == "accepted")
            )  # fmt: skip
            if dispatch.balance(uow).registered == bodies and open_ones == bodies:
                return
        time.sleep(0.25)
    raise SystemExit("the circular was not registered by all in time")


def _start(verb: str, environ: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "mailgw", verb], env=environ, cwd=Path(__file__).parents[1])


def main() -> None:
    """Measure both and write one line."""
    bodies = int(sys.argv[1]) if len(sys.argv) > 1 else 859
    with tempfile.TemporaryDirectory(prefix="circular-") as folder:
        smtp, direct = over_smtp(Path(folder) / "smtp", bodies), directly(Path(folder) / "direct", bodies)
    sys.stdout.write(
        f"circular to {bodies}: {smtp:.1f} s over SMTP with all receipts; {direct:.1f} s by direct calls; "
        f"ratio {smtp / direct:.2f}\n"
    )


if __name__ == "__main__":
    main()
