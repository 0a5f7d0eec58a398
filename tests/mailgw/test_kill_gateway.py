"""The gateway is killed at every step and at random while clients send and send again: acknowledged = registered, once.

Ten rounds on each database; ``make nightly`` sets ``DIWAN_KILL_ROUNDS`` to 200.
"""

import os
import random
import signal
import smtplib
import ssl
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from crypto.certificates import chain_pem
from edms.audit.models import Event
from edms.content import service as content
from edms.content import staging
from edms.content.models import SmallFile, StoredFile
from edms.core.clock import utc_now
from edms.dispatch.models import Evidence
from edms.entities import changing, queries
from edms.entities.rules import EntityChange
from edms.entities.sealing import gateway_certificate
from edms.intake.models import ReceivedMessage
from edms.letters.models import Attachment, Letter, Version
from edms.registry.models import RegisterEntry
from mailgw.tls import client_context
from tests.factories.world import OPERATOR, World, make_world
from tests.mailgw.processes import free_port, listens, start, stop, until

ROUNDS = int(os.environ.get("DIWAN_KILL_ROUNDS", "10"))
CLIENTS = 3
LARGE = 90_000
POINTS = (
    "before-body-write", "after-body-write", "after-fsync", "after-rename", "after-stage", "before-commit",
    "after-commit-before-250", "after-250",
)  # fmt: skip
A, B = "moh.gov.example", "moe.gov.example"
WHEN = format_datetime(utc_now())
pytestmark = pytest.mark.timeout(600 + 40 * ROUNDS)


@dataclass(eq=False)
class Sender(threading.Thread):
    """A client that sends its messages one after the other, each again and again until it is acknowledged."""

    number: int
    port: int
    tls: ssl.SSLContext
    over: threading.Event
    sent: dict[str, bytes] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def run(self) -> None:
        while not self.over.is_set():
            name = f"{self.number}.{len(self.sent)}"
            self.sent[name] = self.message(name)
            while name not in self.told:
                self.attempt(name)

    def attempt(self, name: str) -> None:
        """Try a message once on a connection of its own; what the server says after its death is nothing."""
        try:
            with smtplib.SMTP("127.0.0.1", self.port, "client.example", timeout=60) as client:
                client.starttls(context=self.tls)
                client.ehlo()
                client.mail(f"diwan@{A}")
                client.rcpt(f"diwan@{B}")
                code, text = client.data(self.sent[name])
                if code == 250:
                    self.told[name] = text.decode()
        except (OSError, smtplib.SMTPException):
            time.sleep(0.05)

    def message(self, name: str) -> bytes:
        """Return a message; every other one is too large for a row of the database."""
        size = LARGE if len(self.sent) % 2 else 500
        lines = "".join(f"{number:08d}\r\n" for number in range(size // 10))
        return (f"From: <diwan@{A}>\r\nTo: <diwan@{B}>\r\nDate: {WHEN}\r\nMessage-ID: <{name}@client.example>\r\n"
                f"Subject: {name}\r\nContent-Type: text/plain\r\n\r\n{lines}").encode()  # fmt: skip


def test_a_gateway_killed_at_every_step_loses_doubles_and_halves_nothing(tmp_path: Path, database_url: str) -> None:
    world = make_world(tmp_path, database_url, gateway_port=free_port())
    with world.database.work(world.actor("b", "administrator")) as uow:
        changing.change_entity(uow, world.entity_b.id, EntityChange(registers_untyped=True))
    with world.database.read(OPERATOR) as uow:
        pair = gateway_certificate(uow, keys=world.keyring, dns_names=["localhost"])
        tls = client_context(*pair, chain_pem(queries.home(uow).ca_certificate))
    over, port = threading.Event(), world.settings.gateway.port
    senders = [Sender(number, port, tls, over) for number in range(CLIENTS)]
    dice = random.Random(ROUNDS)
    for sender in senders:
        sender.start()
    for round_ in range(ROUNDS):
        plan = f"{POINTS[round_ % len(POINTS)]}@{dice.randint(1, 3)}:kill"
        process = start(world, "receive", fail=plan)
        assert until(lambda: listens(port) or process.poll() is not None, 60)  # noqa: B023 - asked at once
        kill_one(process, senders, dice)
    over.set()
    last = start(world, "receive")
    try:
        assert until(lambda: not any(sender.is_alive() for sender in senders), 120)
    finally:
        stop(last)
    check(world, {name: raw for each in senders for name, raw in each.sent.items()},
          {name: text for each in senders for name, text in each.told.items()})  # fmt: skip


def kill_one(process: "subprocess.Popen[bytes]", senders: Sequence[Sender], dice: random.Random) -> None:
    """Let a gateway serve until its fail point ends it, or some messages are taken and it is killed wherever it is."""
    enough = acknowledged(senders) + dice.randint(1, 8)
    until(lambda: process.poll() is not None or acknowledged(senders) >= enough, 30)
    time.sleep(dice.uniform(0, 0.05))
    process.kill()
    assert process.wait(10) == -signal.SIGKILL


def acknowledged(senders: Sequence[Sender]) -> int:
    return sum(len(sender.told) for sender in senders)


def check(world: World, sent: dict[str, bytes], told: dict[str, str]) -> None:
    """Every message is registered once under the number that was told, whole, and nothing else is left."""
    assert sent.keys() == told.keys()
    assert sum(" (repeat)" in text for text in told.values()) < len(told)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staging, "_FEW", 10 * ROUNDS)  # each kill may leave some: here no sign of another database
        staging.sweep(world.database, OPERATOR, store=world.store, now=utc_now() + timedelta(days=2))
    with world.database.read(world.actor("b", "registry")) as uow:
        found = uow.session.execute(
            select(Letter.id, Letter.register_number, Attachment.file_id)
            .join(Attachment, Attachment.letter_id == Letter.id).where(Letter.entity_id == world.entity_b.id)
        ).all()  # fmt: skip
        originals = {original(world, row.file_id): row.register_number for row in found}
        assert originals == {sent[name]: told[name].split("registered as ")[1].split()[0] for name in sent}
        numbers = uow.session.scalars(select(RegisterEntry.number).order_by(RegisterEntry.number)).all()
        assert numbers == list(range(1, len(sent) + 1))
        tables = (ReceivedMessage, Letter, Version, StoredFile)
        assert [uow.session.scalar(select(func.count()).select_from(each)) for each in tables] == [len(sent)] * 4
        small = set(uow.session.scalars(select(SmallFile.file_id)))
        assert set(world.store.ids()) == set(uow.session.scalars(select(StoredFile.id))) - small
        assert small
        acts = uow.session.scalars(select(Event.act).where(Event.act.in_(["intake.accepted", "letters.registered"])))
        assert len(acts.all()) == 2 * len(sent)
        assert uow.session.scalar(select(func.count()).select_from(Evidence)) == 2 * len(sent)
    assert not list(world.settings.content_folder.rglob("*.part"))


def original(world: World, file_id: UUID) -> bytes:
    with world.database.read(OPERATOR) as uow:
        return content.read(uow, file_id, entity_id=world.entity_b.id, store=world.store, keys=world.keyring)
